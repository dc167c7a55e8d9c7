"""Pushes, timed by one clock: from the answered PUT of an artifact to what it sets going.

- offered: the build's job is on offer to an anchor: ListActionExecutions' startTime of its action (milliseconds; it is
  stored by the commit that offers the job).
- running: the action's process does its first command: the shell writes to a FIFO itself, and a thread here stamps what
  it reads there, so that its own wake-up counts. A sandbox does not see the FIFO: there it is not told.
- program: a program that the command starts next (`date`) prints the time: an exported variable. A fork, an exec and the
  loading of its libraries come after "running".
- done: the last action of the whole pipeline has ended: its lastUpdateTime.
- alone: what that program takes on this machine in the same run when a shell is started for it, without Slipway: what
  "program" would be if all else took no time and no shell waited.

Each push of a round goes to a branch of its own, whose release stack and pipeline exist; "first" pushes make them. Each
has bytes of its own, which no anchor has seen, and is signed before the clock starts, by a connection that stays.
"""
import http.client
import io
import itertools
import json
import os
import statistics
import subprocess
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

BRANCHES = 100
TEAM = "555555555555"
TEMPLATES = Path(__file__).parent / "templates"
COMMAND = ["/bin/sh", "-c", "export STARTED_NS=$(date +%s%N); echo $STARTED_NS"]  # its program in templates/bench.yaml
ALONE = 20


def artifact(text="nothing"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.html", f"<h1>{text}</h1>")
    return out.getvalue()


def alone_ms():
    """From the start of a shell to the time that its command prints."""
    ends = os.pipe()
    at_ms = time.time() * 1000
    pid = os.posix_spawn(COMMAND[0], COMMAND, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, ends[1], 1)])
    os.close(ends[1])
    printed = os.read(ends[0], 64)
    os.close(ends[0])
    os.waitpid(pid, 0)
    return int(printed) / 1e6 - at_ms


def quantiles(values):
    ordered = sorted(values)
    return {"p50_ms": round(statistics.median(ordered), 1),
            "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 1)}


class Marks:
    """When each line came out of a FIFO, in ms."""
    def __init__(self, path):
        self.path, self.at_ms = path, {}
        os.mkfifo(path)
        self.fifo = os.open(path, os.O_RDWR)  # its own writer: it does not end
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            lines = os.read(self.fifo, 4096)  # a write as short as these is whole
            at_ms = time.time_ns() / 1e6
            for line in lines.decode().split():
                self.at_ms[line] = at_ms


class Pushes:
    def __init__(self, build, server):
        self.build, self.server, self.number = build, server, itertools.count()
        self.s3, self.pipelines = server.client("s3", "shop-team", signature_version="s3v4"), {}
        self.threads = threading.local()
        self.client = server.client("codepipeline")
        self.marks = Marks(f"{server.data}-marks")

    def prepare(self):
        template = Path(f"{self.server.data}-template.yaml")
        template.write_text((TEMPLATES / "bench.yaml").read_text().replace("MARKS", self.marks.path))
        self.cli("catalog", "apply", str(TEMPLATES / "catalog.yaml"))
        self.cli("template", "put", "bench", str(template))

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
        url = self.s3.generate_presigned_url("put_object", Params={"Bucket": "artifacts", "Key": f"{TEAM}/bench/{branch}/latest.zip"})
        body = artifact(f"push {next(self.number)}")
        if not hasattr(self.threads, "connection"):
            self.threads.connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        self.threads.connection.request("PUT", url.partition(urlsplit(url).netloc)[2], body)
        answer = self.threads.connection.getresponse()
        at_ms = time.time() * 1000
        if answer.status != 200:
            raise RuntimeError(f"the push of {branch} was answered {answer.status}: {answer.read()}")
        answer.read()
        return branch, answer.headers["x-amz-version-id"], at_ms

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
        action = actions["First", "Build"]
        ends_ms = {"offered": action["startTime"].timestamp() * 1000,
                   "running": self.marks.at_ms.get(action["output"]["executionResult"]["externalExecutionId"]),
                   "program": int(action["output"]["outputVariables"]["STARTED_NS"]) / 1e6,
                   "done": max(a["lastUpdateTime"].timestamp() for a in actions.values()) * 1000}
        return {kind: end_ms - at_ms for kind, end_ms in ends_ms.items() if end_ms}

    def at_rate(self, per_s, seconds):
        pushed = []
        begin = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            for i in range(int(per_s * seconds)):
                time.sleep(max(0, begin + i / per_s - time.monotonic()))
                pushed.append(pool.submit(self.push, f"one-{i % BRANCHES}"))
        return [self.measure(p.result()) for p in pushed]


def row(title, measured, kinds):
    """`program` beside what it takes alone just now."""
    found = {kind: quantiles([m[kind] for m in measured]) for kind in kinds}
    if "program" in found:
        found["alone_p50_ms"] = round(statistics.median(alone_ms() for _ in range(ALONE)), 1)
        found["above_alone_ms"] = round(found["program"]["p50_ms"] - found["alone_p50_ms"], 1)
    return {"bench": title, "pushes": len(measured), **found}


def bench(build, server, sandbox):
    pushes = Pushes(build, server)
    pushes.prepare()
    if not sandbox:
        for i in range(BRANCHES):
            pushes.measure(pushes.push(f"one-{i}"))
        for per_s, seconds in ((1, 15), (10, 10)):
            yield row(f"push, {per_s}/s, no sandbox", pushes.at_rate(per_s, seconds), ("offered", "running", "program"))
        return
    yield row("push, new app", [pushes.measure(pushes.push(f"one-{i}")) for i in range(BRANCHES)],
              ("offered", "program"))
    for per_s, seconds in ((1, 15), (10, 10), (50, 2)):
        yield row(f"push, {per_s}/s", pushes.at_rate(per_s, seconds), ("offered", "program"))
    pushes.measure(pushes.push("whole-0"))
    yield row("whole pipeline", [pushes.measure(pushes.push("whole-0")) for _ in range(10)], ("done",))
