"""Executions with a process each: a pipeline in PARALLEL mode whose one action runs a command. In the anchor's sandbox,
against what bubblewrap alone starts with walls of the same kind; and without one, against /bin/true alone."""
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from servers import wait_until
from turns import Caller

EXECUTIONS = 50  # at a time: a pipeline in PARALLEL mode has no more
STARTERS = 5
LOOK_S = 0.1  # seldom: a look has the database write its pages, and takes a processor
TRUE = ["/bin/true"]
ROLE = "arn:aws:iam::111111111111:role/slipway-deploy"
WALLS = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent",
         "--new-session", "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc",
         "--dev", "/dev", "--tmpfs", "/tmp", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
         "--symlink", "usr/lib64", "/lib64", "--", "/bin/true"]


def declaration():
    return {"name": "processes", "roleArn": ROLE, "version": 1, "pipelineType": "V2", "executionMode": "PARALLEL",
            "artifactStore": {"type": "S3", "location": "slipway-pipeline-store"},
            "stages": [
                {"name": "Source", "actions": [{
                    "name": "Source", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
                    "configuration": {"S3Bucket": "processes", "S3ObjectKey": "a.zip", "PollForSourceChanges": "false"},
                    "outputArtifacts": [{"name": "App"}]}]},
                {"name": "Run", "actions": [{
                    "name": "Run", "actionTypeId": {"category": "Test", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                    "configuration": {"ProjectName": "processes"}, "inputArtifacts": [{"name": "App"}]}]}]}


def prepare(server, artifact):
    s3, builds = server.client("s3"), server.client("codebuild")
    wait_until(lambda: "slipway-pipeline-store" in [b["Name"] for b in s3.list_buckets()["Buckets"]], "the launcher's buckets")
    s3.create_bucket(Bucket="processes")
    s3.put_bucket_versioning(Bucket="processes", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="processes", Key="a.zip", Body=artifact)
    builds.create_project(name="processes", serviceRole=ROLE, artifacts={"type": "NO_ARTIFACTS"},
                          source={"type": "NO_SOURCE", "buildspec": '{"version": "0.2", "phases": {"build": {"commands": ["true"]}}}'},
                          environment={"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"})
    # boto3 of Debian 12 is older than execution modes
    callers = [Caller(server) for _ in range(STARTERS)]
    callers[0].call("CreatePipeline", pipeline=declaration())
    return callers


def start(caller):
    answers = caller.repeat(EXECUTIONS // STARTERS, "StartPipelineExecution", name="processes")
    return [answer["pipelineExecutionId"] for answer in answers]


def executions_per_s(callers):
    """Plain requests, few of them: the clients must not take the processor from what is measured. Several start, so
    that what is measured is not how soon one start is answered after the other; until the last has ended, as the
    executions themselves say (ListPipelineExecutions' lastUpdateTime), rather than when somebody looks."""
    caller = callers[0]
    begin, ended = time.time(), 0
    with ThreadPoolExecutor(len(callers)) as pool:
        left = {run for runs in pool.map(start, callers) for run in runs}
    while left:
        if time.time() - begin > 120:
            raise RuntimeError(f"{len(left)} executions have not ended within 120 s")
        time.sleep(LOOK_S)
        shown = caller.call("ListPipelineExecutions", pipelineName="processes", maxResults=EXECUTIONS)["pipelineExecutionSummaries"]
        status = {e["pipelineExecutionId"]: e["status"] for e in shown}
        if set(status.values()) - {"InProgress", "Succeeded"}:
            raise RuntimeError("an execution failed")
        ended = max([ended] + [e["lastUpdateTime"] for e in shown if e["pipelineExecutionId"] in left])
        left = {i for i in left if status[i] != "Succeeded"}
    return EXECUTIONS / (ended - begin)


def spawned_per_s(argv):
    """Two at a time, as this machine has cores."""
    def one(_):
        if os.waitpid(os.posix_spawnp(argv[0], argv, os.environ), 0)[1]:
            raise RuntimeError(f"{argv[0]} failed")
    begin = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(EXECUTIONS)))
    return EXECUTIONS / (time.monotonic() - begin)


def bench(args, server, artifact, title, alone, argv):
    """`alone`: what `argv` by itself is called in the row."""
    callers = prepare(server, artifact)
    executions_per_s(callers)  # caches
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(executions_per_s(callers))
        theirs.append(spawned_per_s(argv))
    yield {"bench": title, "executions_per_s": round(statistics.median(ours), 1),
           f"{alone}_per_s": round(statistics.median(theirs), 1),
           f"ratio_to_{alone}": round(statistics.median(a / b for a, b in zip(ours, theirs)), 3)}
