"""Pushes, timed by one clock: from the answered PUT of an artifact to what it sets going.

- offered: the pipeline's first action has begun and its job is on offer to an anchor: ListActionExecutions' startTime
  of the source action (milliseconds; it is stored by the commit that offers the job).
- running: the first command of the build after it prints the time, as a process in its sandbox: an exported variable.
- done: the last action of the whole pipeline has ended: its lastUpdateTime.

Each push of a round goes to a branch of its own, whose release stack and pipeline exist; "first" pushes make them.
"""
import io
import json
import statistics
import subprocess
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BRANCHES = 100
TEAM = "555555555555"
TEMPLATES = Path(__file__).parent / "templates"


def artifact():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.html", "<h1>nothing</h1>")
    return out.getvalue()


def quantiles(values):
    ordered = sorted(values)
    return {"p50_ms": round(statistics.median(ordered), 1),
            "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 1)}


class Pushes:
    def __init__(self, build, server):
        self.build, self.server, self.content = build, server, artifact()
        self.s3, self.pipelines = server.client("s3"), {}
        self.client = server.client("codepipeline")

    def prepare(self):
        self.cli("catalog", "apply", str(TEMPLATES / "catalog.yaml"))
        self.cli("template", "put", "bench", str(TEMPLATES / "bench.yaml"))

    def cli(self, *arguments):
        command = [str(self.build / "slipway"), *arguments, "--endpoint-url", f"http://127.0.0.1:{self.server.port}",
                   "--region", "us-east-1"]
        for _ in range(100):  # until the launcher has made its buckets
            done = subprocess.run(command, env=self.server.env(), capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout
            time.sleep(0.05)
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr}")

    def push(self, branch):
        """(branch, version, when it was answered, in ms)"""
        answer = self.s3.put_object(Bucket="artifacts", Key=f"{TEAM}/bench/{branch}/latest.zip", Body=self.content)
        return branch, answer["VersionId"], time.time() * 1000

    def find_pipelines(self):
        for release in json.loads(self.cli("status", "--json"))["releases"]:
            if release.get("pipeline"):
                self.pipelines[release["branch"]] = release["pipeline"]

    def ended(self, branch, version):
        """The actions of that push's execution by name and stage, once it has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if branch not in self.pipelines:
                self.find_pipelines()
            name = self.pipelines.get(branch)
            runs = name and self.client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"] or []
            for run in runs:
                if run["sourceRevisions"] and run["sourceRevisions"][0]["revisionId"] == version:
                    if run["status"] == "Succeeded":
                        return self.actions(name, run["pipelineExecutionId"])
                    if run["status"] != "InProgress":
                        raise RuntimeError(f"the push of {branch} ended as {run['status']}")
            time.sleep(0.02)
        raise RuntimeError(f"the push of {branch} did not end within 60 s")

    def actions(self, name, run):
        details = self.client.list_action_executions(pipelineName=name, filter={"pipelineExecutionId": run})
        return {(d["stageName"], d["actionName"]): d for d in details["actionExecutionDetails"]}

    def measure(self, pushed):
        branch, version, at_ms = pushed
        actions = self.ended(branch, version)
        offered = actions["Source", "Artifact"]["startTime"].timestamp() * 1000 - at_ms
        started = actions["First", "Build"]["output"]["outputVariables"]["STARTED_NS"]
        last = max(a["lastUpdateTime"].timestamp() for a in actions.values()) * 1000
        return {"offered": offered, "running": int(started) / 1e6 - at_ms, "done": last - at_ms}

    def at_rate(self, per_s, seconds):
        pushed = []
        begin = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            for i in range(int(per_s * seconds)):
                time.sleep(max(0, begin + i / per_s - time.monotonic()))
                pushed.append(pool.submit(self.push, f"one-{i % BRANCHES}"))
        return [self.measure(p.result()) for p in pushed]


def row(title, measured, kinds):
    return {"bench": title, "pushes": len(measured), **{kind: quantiles([m[kind] for m in measured]) for kind in kinds}}


def bench(build, server, sandbox):
    pushes = Pushes(build, server)
    pushes.prepare()
    if not sandbox:
        for i in range(BRANCHES):
            pushes.measure(pushes.push(f"one-{i}"))
        yield row("push, no sandbox", pushes.at_rate(10, 10), ("offered", "running"))
        return
    yield row("push, new app", [pushes.measure(pushes.push(f"one-{i}")) for i in range(BRANCHES)],
              ("offered", "running"))
    for per_s, seconds in ((1, 15), (10, 10), (50, 2)):
        yield row(f"push, {per_s}/s", pushes.at_rate(per_s, seconds), ("offered", "running"))
    pushes.measure(pushes.push("whole-0"))
    yield row("whole pipeline", [pushes.measure(pushes.push("whole-0")) for _ in range(10)], ("done",))
