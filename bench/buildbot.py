"""Slipway beside Buildbot, as Debian has it: from a trigger to the one step's process, and builds a second with a process each.

Buildbot: a master with its SQLite, one worker, changes by the PB change source over a connection that stays (`buildbot
sendchange` logs in for each); of its ways in it was the fastest here: a try scheduler took 1.2 times as long, and its REST
API needs buildbot-www, which Debian does not have. No tree has to be stable first. A builder has one build at a time on a
worker, so there are BUILDERS. Slipway: StartPipelineExecution of a pipeline whose one action after its source runs commands,
in the sandbox, and without as Buildbot's worker does. The process itself writes the time, by the clock the trigger is read
from.
"""
import sqlite3
import statistics
import subprocess
import threading
import time
from pathlib import Path

from processes import ROLE
from servers import Server, Slipway, free_port, wait_until, without_aws
from turns import Caller

BUILDERS = 4
TRIGGERS = 4  # a round, one after the other
BUILDS = 16    # a round, at once
MASTER = """
from buildbot.plugins import changes, schedulers, steps, util, worker
names = {names!r}
step = steps.ShellCommand(command=util.Interpolate("date +%%s%%N > {folder}/started/%(prop:number)s"))
BuildmasterConfig = {{
    "protocols": {{"pb": {{"port": "tcp:{port}:interface=127.0.0.1"}}}},
    "workers": [worker.Worker("worker", "bench", max_builds=len(names))],
    "change_source": [changes.PBChangeSource(user="bench", passwd="bench")],
    "schedulers": [schedulers.AnyBranchScheduler(name=name, builderNames=[name], treeStableTimer=None,
                                                 change_filter=util.ChangeFilter(category=name)) for name in names],
    "builders": [util.BuilderConfig(name=name, workernames=["worker"], factory=util.BuildFactory([step]),
                                    collapseRequests=False) for name in names],
    "buildbotNetUsageData": None,
}}
"""


class Buildbot(Server):
    name = "buildbot"

    def __init__(self, folder):
        self.folder, self.port, self.sent, self.daemons = Path(folder), free_port(), 0, []
        (self.folder / "started").mkdir(parents=True)
        (self.folder / "master").mkdir()
        names = [f"builder-{n}" for n in range(BUILDERS)]
        (self.folder / "master/master.cfg").write_text(MASTER.format(names=names, folder=self.folder, port=self.port))
        self.run("buildbot", "create-master", "--quiet", "--relocatable", "master")
        self.run("buildbot-worker", "create-worker", "--quiet", "--relocatable", "worker", f"127.0.0.1:{self.port}", "worker",
                 "bench")
        try:
            self.daemon("master")
            self.ready("SELECT count(*) FROM masters WHERE active")
            self.daemon("worker")
            self.ready("SELECT count(*) FROM connected_workers")
            self.client = Changes(self.port)
        except Exception:
            self.stop()
            raise

    def ready(self, sign):
        wait_until(lambda: self.stored(sign) or any(daemon.poll() is not None for daemon in self.daemons), sign, 60)
        if not self.stored(sign):
            raise RuntimeError("a part of Buildbot has ended: " + (self.folder / "master/twistd.log").read_text()[-500:])

    def run(self, *command):
        done = subprocess.run(command, cwd=self.folder, env=without_aws(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def daemon(self, part):
        program = {"master": "buildbot", "worker": "buildbot-worker"}[part]
        self.daemons.append(subprocess.Popen([program, "start", "--nodaemon", part], cwd=self.folder, env=without_aws(),
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def stored(self, question):
        """What its database says, beside it."""
        database = sqlite3.connect(f"file:{self.folder / 'master/state.sqlite'}?mode=ro", uri=True)
        try:
            return database.execute(question).fetchone()[0]
        finally:
            database.close()

    def processes(self):
        return [daemon.pid for daemon in self.daemons]

    def trigger(self):
        """(which, when in ns)"""
        self.sent += 1
        at = time.time_ns()
        self.client.send(f"builder-{self.sent % BUILDERS}", self.sent)
        return self.sent, at

    def started(self, number):
        """When its process ran, in ns; it waits for it."""
        written = self.folder / "started" / str(number)
        wait_until(lambda: written.exists() and written.read_text().endswith("\n"), "a build's process", 120)
        return int(written.read_text())

    def rest(self):
        wait_until(lambda: not self.stored("SELECT count(*) FROM buildrequests WHERE NOT complete"), "the end of builds", 120)

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.kill()
            daemon.wait()


class Changes:
    """A connection to the master's change source."""

    def __init__(self, port):
        from twisted.cred.credentials import UsernamePassword  # there is no Twisted before Buildbot is installed
        from twisted.internet import reactor, threads
        from twisted.spread.pb import PBClientFactory

        def login():
            factory = PBClientFactory()
            reactor.connectTCP("127.0.0.1", port, factory)
            return factory.login(UsernamePassword(b"bench", b"bench"))
        threading.Thread(target=lambda: reactor.run(installSignalHandlers=False), daemon=True).start()
        self.call = lambda *call: threads.blockingCallFromThread(reactor, *call)
        self.remote = self.call(login)

    def send(self, builder, number):
        change = {"category": builder, "properties": {"number": number}, "files": [], "who": "bench", "comments": ""}
        self.call(self.remote.callRemote, "addChange", change)


class Pipelines(Slipway):
    """Slipway, and the anchor that runs the commands: with its sandbox, as it always is, or without."""

    def __init__(self, build, data, artifact, sandbox):
        super().__init__(build, data)
        self.name, self.anchor = "slipway" if sandbox else "slipway, no sandbox", None
        try:
            self.caller = Caller(self)  # boto3 of Debian 12 is older than Commands
            s3 = self.client("s3")
            for bucket in ("bench", "slipway-pipeline-store"):
                s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket="bench", VersioningConfiguration={"Status": "Enabled"})
            s3.put_object(Bucket="bench", Key="a.zip", Body=artifact)
            self.caller.call("CreatePipeline", pipeline=DECLARATION)
            argv = [str(build / "slipway"), "anchor", "--endpoint-url", f"http://127.0.0.1:{self.port}", "--cache-dir",
                    f"{data}.cache"] + ([] if sandbox else ["--no-sandbox"])
            self.anchor = subprocess.Popen(argv, env=self.env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except Exception:
            self.stop()
            raise

    def processes(self):
        return super().processes() + [self.anchor.pid]

    def trigger(self):
        at = time.time_ns()
        return self.caller.call("StartPipelineExecution", name="bench")["pipelineExecutionId"], at

    def started(self, execution):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            got = self.caller.call("GetPipelineExecution", pipelineName="bench", pipelineExecutionId=execution)["pipelineExecution"]
            if got["status"] == "Succeeded":
                return int(self.output(execution)["STARTED_NS"])
            if got["status"] != "InProgress":
                raise RuntimeError(f"an execution ended as {got['status']}: {got.get('statusSummary')}")
            time.sleep(0.005)
        raise RuntimeError("an execution did not end within 120 s")

    def output(self, execution):
        shown = self.caller.call("ListActionExecutions", pipelineName="bench", filter={"pipelineExecutionId": execution})
        return next(a["output"]["outputVariables"] for a in shown["actionExecutionDetails"] if a["actionName"] == "Run")

    def rest(self):
        """Executions are over when they have told their time."""

    def stop(self):
        if self.anchor:
            self.anchor.terminate()
            self.anchor.wait()
        super().stop()


DECLARATION = {
    "name": "bench", "roleArn": ROLE, "version": 1, "pipelineType": "V2", "executionMode": "PARALLEL",
    "artifactStore": {"type": "S3", "location": "slipway-pipeline-store"},
    "stages": [
        {"name": "Source", "actions": [{
            "name": "Source", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
            "configuration": {"S3Bucket": "bench", "S3ObjectKey": "a.zip", "PollForSourceChanges": "false"},
            "outputArtifacts": [{"name": "App"}]}]},
        {"name": "Run", "actions": [{
            "name": "Run", "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
            "commands": ["export STARTED_NS=$(date +%s%N)"], "outputVariables": ["STARTED_NS"],
            "inputArtifacts": [{"name": "App"}]}]}]}


def waits_ms(server):
    for _ in range(TRIGGERS):
        number, at = server.trigger()
        yield (server.started(number) - at) / 1e6
        server.rest()


def builds_at_once(server):
    """A second, from the first trigger to the last process's start; and the CPU that each cost, without its process's own."""
    cpu_s = server.cpu_s()
    triggered = [server.trigger() for _ in range(BUILDS)]
    last = max(server.started(number) for number, _ in triggered)
    server.rest()
    return BUILDS / ((last - triggered[0][1]) / 1e9), (server.cpu_s() - cpu_s) * 1000 / BUILDS


FIGURES = ("process_running_ms", "builds_per_s", "cpu_ms_a_build")


def measure(server):
    return dict(zip(FIGURES, (statistics.median(waits_ms(server)), *builds_at_once(server))))


def bench(args, work, artifact):
    servers, measured = [], {}
    try:
        servers.append(Buildbot(work / "buildbot"))
        servers += [Pipelines(args.build, work / f"pipelines-{sandbox}", artifact, sandbox) for sandbox in (True, False)]
        for server in servers:
            list(waits_ms(server))  # caches, the worker's folders
        for _ in range(args.rounds):
            for server in servers:
                measured.setdefault(server.name, []).append(measure(server))
        for server in servers:
            yield {"bench": f"trigger, {server.name}", "rss_mib": round(server.rss_mib(), 1),
                   **{f: round(statistics.median(m[f] for m in measured[server.name]), 1) for f in FIGURES}}
        for server in servers[1:]:
            pairs = list(zip(measured["buildbot"], measured[server.name]))
            yield {"bench": f"buildbot / {server.name}",
                   **{f: round(statistics.median(b[f] / s[f] for b, s in pairs), 3) for f in FIGURES}}
    finally:
        for server in servers:
            server.stop()
