"""Anchors at work, with a sandbox and without: builds that are cut off, cancelled, with hostile sources."""
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile

import pytest

from running import Server, binary, without_aws

ACCOUNT = "222222222222"
DEPLOY_ROLE = f"arn:aws:iam::{ACCOUNT}:role/slipway-deploy"


class Bare(Server):
    """The services, and one anchor without a sandbox that is started again when it ends."""

    def __init__(self):
        super().__init__()
        self.cache = tempfile.TemporaryDirectory(prefix="slipway-test.")
        self.closing, self.anchor = False, None
        self.keeper = threading.Thread(target=self.keep)
        self.keeper.start()

    def keep(self):
        key, secret = self.keys()
        while not self.closing:
            with open(self.log_path, "ab") as log:
                self.anchor = subprocess.Popen(
                    [binary(), "anchor", "--no-sandbox", "--cache-dir", self.cache.name], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, env={**without_aws(), "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": key,
                                     "AWS_SECRET_ACCESS_KEY": secret})
            self.anchor.wait()

    def workers(self):
        return {f"anchor {ACCOUNT}": self.anchor.pid} if self.anchor and self.anchor.poll() is None else {}

    def close(self):
        self.closing = True
        if wait_for(lambda: self.workers() or not self.keeper.is_alive()) is not True:
            self.anchor.terminate()
        self.keeper.join(30)
        super().close()
        left = list(pathlib.Path(self.cache.name).glob("*/work-*/*"))
        self.cache.cleanup()
        assert not left


def wait_for(look, seconds=30):
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def spec(*commands, **more):
    return json.dumps({"version": 0.2, "phases": {"build": {"commands": list(commands)}}, **more})


class Project:
    """A build project of the dev account with one source zip."""

    def __init__(self, house, source):
        self.house = house
        self.s3 = house.client("s3")
        self.codebuild = house.client("codebuild")
        self.logs = house.client("logs")
        self.bucket = "builds-" + uuid.uuid4().hex[:12]
        self.name = "project-" + uuid.uuid4().hex[:12]
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key="source.zip", Body=source)
        self.codebuild.create_project(
            name=self.name, serviceRole=DEPLOY_ROLE,
            source={"type": "S3", "location": f"{self.bucket}/source.zip", "buildspec": spec("true")},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"})

    def start(self, buildspec, **more):
        return self.codebuild.start_build(projectName=self.name, buildspecOverride=buildspec, **more)["build"]["id"]

    def look(self, build_id):
        return self.codebuild.batch_get_builds(ids=[build_id])["builds"][0]

    def ended(self, build_id, seconds=60):
        def look():
            build = self.look(build_id)
            return build if build["buildStatus"] != "IN_PROGRESS" else None
        return wait_for(look, seconds)

    def lines(self, build):
        events = self.logs.get_log_events(logGroupName=build["logs"]["groupName"],
                                          logStreamName=build["logs"]["streamName"], startFromHead=True)
        return [event["message"] for event in events["events"]]

    def says(self, build_id, text):
        """Waits until the running build has logged a line."""
        def look():
            build = self.look(build_id)
            try:
                return text in self.lines(build)
            except self.logs.exceptions.ResourceNotFoundException:
                return False
        wait_for(look)


def contexts(build):
    return [context["message"] for phase in build["phases"] for context in phase.get("contexts", [])]


def anchor_pid(house):
    return wait_for(lambda: house.workers().get(f"anchor {ACCOUNT}"))


def is_seed(pid):
    """What shells without a sandbox are forks of has a socket for its output."""
    try:
        return os.readlink(f"/proc/{pid}/fd/1").startswith("socket:")
    except OSError:
        return False


def children(anchor):
    found = subprocess.run(["pgrep", "-P", str(anchor), "-f", "slipway-build"], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def waiting_shells(anchor):
    """Of the rooms that an anchor keeps ready: they have no children."""
    return [pid for pid in children(anchor) if not is_seed(pid)]


@pytest.fixture(scope="module", params=["sandbox", "no sandbox"])
def house(request):
    running = Server(workers=True) if request.param == "sandbox" else Bare()
    yield running
    running.close()


@pytest.fixture(scope="module")
def project(house):
    return Project(house, zip_of({"hello.txt": "hello\n", "sub/more.txt": "more\n"}))


def test_a_build_runs_logs_exports_and_keeps_its_artifacts(project):
    buildspec = spec("export VERSION=7", "cat hello.txt", "mkdir out && cp -r sub out/ && echo $VERSION > out/v",
                     env={"exported-variables": ["VERSION"]}, artifacts={"files": ["**/*"], "base-directory": "out"})
    build = project.ended(project.start(buildspec, artifactsOverride={
        "type": "S3", "location": project.bucket, "name": "out.zip", "packaging": "ZIP"}))
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    assert "hello" in project.lines(build)
    assert {"name": "VERSION", "value": "7"} in build["exportedEnvironmentVariables"]
    body = project.s3.get_object(Bucket=project.bucket, Key="out.zip")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert sorted(archive.namelist()) == ["sub/more.txt", "v"]
        assert archive.read("v") == b"7\n"


def test_a_build_has_the_locale_of_codebuild_s_images(project):
    build = project.ended(project.start(spec('echo "${LC_CTYPE}, ${LANG-no LANG}"', "locale charmap")))
    lines = project.lines(build)
    assert "C.UTF-8, no LANG" in lines and "UTF-8" in lines


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_nothing_of_the_anchor_s_is_open_in_a_build(project, shell):
    project.ended(project.start(spec("true")))  # connections that an anchor keeps
    build = project.ended(project.start(spec("ls /proc/self/fd", "readlink /proc/self/fd/*", env={"shell": shell})))
    links = [line for line in project.lines(build) if ":[" in line or "memfd" in line]
    assert links and not [link for link in links if "socket" in link or "anon_inode" in link or "memfd" in link], links


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_exported_variables_are_those_that_are_set_and_exported(project, shell):
    tricky = "it's \"$HOME\" \\ two\nlines=*  "
    names = ["GIVEN", "LINES", "INNER", "UNSET", "EMPTY", "no.name", "PATH"]
    buildspec = spec("export LINES=\"$GIVEN\" EMPTY=", "INNER=1", env={
        "shell": shell, "exported-variables": names, "variables": {"GIVEN": tricky}})
    build = project.ended(project.start(buildspec))
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    told = {v["name"]: v["value"] for v in build["exportedEnvironmentVariables"]}
    assert told.pop("PATH").startswith("/")
    assert told == {"GIVEN": tricky, "LINES": tricky, "EMPTY": ""}


@pytest.mark.parametrize("name", ["IFS", "PWD"])
def test_variables_that_a_shell_would_act_upon_are_only_passed_on(project, name):
    buildspec = spec("set -- $(echo a b)", "echo \"words: $#, in $PWD\"",
                     env={"variables": {name: "b"}})
    build = project.ended(project.start(buildspec))
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    said = [line for line in project.lines(build) if line.startswith("words: 2, in /") and line.endswith("/src")]
    assert said and (isinstance(project.house, Bare) or said == ["words: 2, in /build/src"])


@pytest.mark.parametrize("size", [262144 - 200, 262144, 900000])
def test_sources_arrive_whole_whatever_their_size(project, size):
    content = os.urandom(size // 2).hex()  # zipfile does not pack it
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("big.txt", content)
    project.s3.put_object(Bucket=project.bucket, Key=f"{size}.zip", Body=out.getvalue())
    build = project.ended(project.start(spec(f"test $(wc -c < big.txt) = {len(content)} && sha256sum big.txt"),
                                        sourceLocationOverride=f"{project.bucket}/{size}.zip"))
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    assert hashlib.sha256(content.encode()).hexdigest() in " ".join(project.lines(build))


def test_shells_without_a_sandbox_are_forks_of_a_seed(house, project):
    build = project.ended(project.start(spec("grep -c memfd:seed /proc/$$/maps")))
    seeded = isinstance(house, Bare)
    assert build["buildStatus"] == ("SUCCEEDED" if seeded else "FAILED"), contexts(build)
    assert bool([pid for pid in children(anchor_pid(house)) if is_seed(pid)]) == seeded


def test_shells_wait_for_builds_and_end_with_their_anchor(house, project):
    project.ended(project.start(spec("true")))
    anchor = anchor_pid(house)
    shells = wait_for(lambda: len(waiting_shells(anchor)) == 2 and waiting_shells(anchor))
    build = project.ended(project.start(spec("echo here; sleep 0.1")))
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    assert not set(shells) <= set(waiting_shells(anchor))  # one was used
    wait_for(lambda: len(waiting_shells(anchor)) == 2)
    shells = waiting_shells(anchor)
    os.kill(anchor, signal.SIGKILL)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in shells))


def test_a_build_does_not_need_the_shell_that_waits(house, project):
    project.ended(project.start(spec("true")))
    for pid in wait_for(lambda: waiting_shells(anchor_pid(house))):
        os.kill(pid, signal.SIGKILL)
    build = project.ended(project.start(spec("echo here")))
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    assert "here" in project.lines(build)


def test_a_failing_command_fails_the_build_and_post_build_still_runs(project):
    buildspec = json.dumps({"version": 0.2, "phases": {
        "build": {"commands": ["echo before", "false", "echo never"], "finally": ["echo at last"]},
        "post_build": {"commands": ["echo succeeding: $CODEBUILD_BUILD_SUCCEEDING"]}}})
    build = project.ended(project.start(buildspec))
    lines = project.lines(build)
    assert build["buildStatus"] == "FAILED"
    assert "Error while executing command: false. Reason: exit status 1" in contexts(build)
    assert "before" in lines and "at last" in lines and "succeeding: 0" in lines
    assert "never" not in lines


def test_a_build_sees_neither_this_machine_nor_its_keys(house, project):
    if isinstance(house, Bare):
        pytest.skip("these are the sandbox's")
    build = project.ended(project.start(spec(f"test ! -e {house.data}", "test ! -e /root && test ! -e /home",
                                             "! touch /usr/x 2>/dev/null", "test \"$(ls /tmp | wc -l)\" = 0")))
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)


def test_a_stopped_build_is_killed(house, project):
    mark = str(200000 + int(time.time()) % 100000)
    build_id = project.start(spec("echo waiting", f"sleep {mark}"))
    project.says(build_id, "waiting")
    project.codebuild.stop_build(id=build_id)
    assert project.ended(build_id)["buildStatus"] == "STOPPED"
    wait_for(lambda: subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, check=False).returncode)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil"])
def test_a_hostile_source_is_refused_with_words(house, name):
    project = Project(house, zip_of({name: "x"}))
    build = project.ended(project.start(spec("echo ran")))
    assert build["buildStatus"] == "FAILED"
    assert any("the source was refused" in message and "evil" in message for message in contexts(build))
    assert "ran" not in project.lines(build)


def test_other_bytes_than_pinned_are_refused(project):
    build = project.ended(project.start(spec("echo ran"), environmentVariablesOverride=[
        {"name": "SLIPWAY_SOURCE_SHA256", "value": "0" * 64, "type": "PLAINTEXT"}]))
    assert build["buildStatus"] == "FAILED"
    assert any("refused" in message and "0" * 64 in message for message in contexts(build))
    assert "ran" not in project.lines(build)


def test_a_bad_buildspec_says_where(project):
    build = project.ended(project.start("version: 0.2\nphases:\n  biuld: {commands: [x]}\n"))
    assert build["buildStatus"] == "FAILED"
    assert any("line 3: phases/biuld" in message for message in contexts(build))


def test_a_terminated_anchor_hands_its_build_to_the_next(house, project):
    build_id = project.start(spec("echo at work", "sleep 1", "echo done"))
    project.says(build_id, "at work")
    os.kill(anchor_pid(house), signal.SIGTERM)
    build = project.ended(build_id, 20)
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    assert project.lines(build).count("done") == 1


def test_a_killed_anchors_build_is_run_again(house, project):
    build_id = project.start(spec("echo at work", "sleep 1", "echo done"))
    project.says(build_id, "at work")
    os.kill(anchor_pid(house), signal.SIGKILL)
    build = project.ended(build_id, 90)
    assert build["buildStatus"] == "SUCCEEDED", contexts(build)
    assert project.lines(build).count("done") == 1


def test_an_abandoned_action_s_process_ends_with_the_next_look_at_its_lease(house, project):
    """A lease of ten seconds is looked at three times."""
    codepipeline, mark = house.client("codepipeline"), f"{uuid.uuid4().int % 10**9}.5"
    bucket = "abandoned-" + uuid.uuid4().hex[:12]
    project.s3.create_bucket(Bucket=bucket)
    project.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    project.s3.put_object(Bucket=bucket, Key="a.zip", Body=zip_of({"buildspec.yml": spec(f"sleep {mark}")}))
    project.codebuild.create_project(
        name=bucket, serviceRole=DEPLOY_ROLE, source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"})
    aws = lambda category, provider: {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    codepipeline.create_pipeline(pipeline={
        "name": bucket, "roleArn": DEPLOY_ROLE, "version": 1, "artifactStore": {"type": "S3", "location": bucket}, "stages": [
            {"name": "Source", "actions": [{
                "name": "Source", "actionTypeId": aws("Source", "S3"), "outputArtifacts": [{"name": "App"}],
                "configuration": {"S3Bucket": bucket, "S3ObjectKey": "a.zip", "PollForSourceChanges": "false"}}]},
            {"name": "Run", "actions": [{
                "name": "Run", "actionTypeId": aws("Test", "CodeBuild"), "inputArtifacts": [{"name": "App"}],
                "configuration": {"ProjectName": bucket}}]}]})
    run = codepipeline.start_pipeline_execution(name=bucket)["pipelineExecutionId"]
    sleeping = lambda: subprocess.run(["pgrep", "-f", f"^sleep {mark}"], capture_output=True, check=False).returncode == 0
    wait_for(sleeping)
    codepipeline.stop_pipeline_execution(pipelineName=bucket, pipelineExecutionId=run, abandon=True)
    begin = time.monotonic()
    wait_for(lambda: not sleeping())
    assert time.monotonic() - begin < 8
