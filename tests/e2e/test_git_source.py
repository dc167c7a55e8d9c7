"""A Git repository as a pipeline's source: a push starts it, and what was pushed is deployed."""
import base64
import http.server
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import zipfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sdk"))
from hooks import both, definition, git_source, post, trigger  # noqa: E402
from pipelines import Worker, action, approval, declaration, until  # noqa: E402


class Repository:
    """team/shop at a Git daemon of this machine."""

    def __init__(self, folder):
        self.bare, self.tree = folder / "team" / "shop.git", folder / "tree"
        self.bare.parent.mkdir()
        self.git("init", "--quiet", "--bare", str(self.bare), at=folder)
        self.git("clone", "--quiet", str(self.bare), str(self.tree), at=folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.daemon = subprocess.Popen(["git", "daemon", "--export-all", f"--base-path={folder}", "--listen=127.0.0.1",
                                        f"--port={self.port}", "--reuseaddr", str(folder)], stderr=subprocess.DEVNULL,
                                       start_new_session=True)
        self.url = f"git://127.0.0.1:{self.port}/"

    def git(self, *arguments, at=None):
        who = {"GIT_AUTHOR_NAME": "Ann Ö", "GIT_AUTHOR_EMAIL": "ann@example.com", "GIT_COMMITTER_NAME": "Ann",
               "GIT_COMMITTER_EMAIL": "ann@example.com", "GIT_CONFIG_GLOBAL": "/dev/null"}
        return subprocess.run(["git", *arguments], cwd=at or self.tree, env={**os.environ, **who}, check=True,
                              capture_output=True, text=True).stdout.strip()

    def push(self, branch, message, **files):
        self.git("checkout", "--quiet", "-B", branch)
        for name, content in files.items():
            (self.tree / f"{name}.txt").write_text(content)
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", message)
        self.git("push", "--quiet", "origin", branch)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path)
    until(lambda: socket.socket().connect_ex(("127.0.0.1", made.port)) == 0, "the Git daemon listens")
    yield made
    made.daemon.terminate()
    made.daemon.wait(10)


@pytest.fixture(scope="module")
def pipeline(house):
    s3, worker = house.client("s3"), Worker(house)
    for bucket in "git-store", "git-target":
        s3.create_bucket(Bucket=bucket)
    made = declaration([action("Put", provider="S3", inputs=["Code"], configuration={
        "BucketName": "git-target", "Extract": "false", "ObjectKey": "out.zip"})],
        sources=[{**git_source(), "namespace": "Code"}], name="from-git",
        triggers=[trigger(push=[{"branches": both(["main", "feature/**"]), "filePaths": both(["app.txt"])}])])
    made["artifactStore"]["location"] = "git-store"
    worker.call("CreatePipeline", pipeline=made)
    yield made["name"]
    worker.call("DeletePipeline", name=made["name"])


def ended(house, name, execution):
    def look():
        shown = Worker(house).call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=execution)["pipelineExecution"]
        return shown["status"] != "InProgress" and shown
    return until(look, "the execution ends", 60)


def test_what_was_pushed_is_deployed(house, repository, pipeline):
    codepipeline, s3 = house.client("codepipeline"), house.client("s3")
    url = codepipeline.put_webhook(webhook=definition(pipeline, target="Code"))["webhook"]["url"]
    started = codepipeline.start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
    assert "has no parameter /slipway/connections/4f1a2b3c" in ended(house, pipeline, started)["statusSummary"]
    house.client("ssm").put_parameter(Name="/slipway/connections/4f1a2b3c", Type="SecureString",
                                      Value=json.dumps({"url": repository.url, "provider": "GitHub"}))

    old = repository.push("feature/a/b", "A first\n\nÜber all\n", app="one")
    new = repository.push("main", "And a second", app="two")

    def event(ref, commit, *files):
        return {"ref": ref, "after": commit, "repository": {"full_name": "team/shop"}, "commits": [{"modified": files}]}

    assert not post(url, event("refs/heads/main", new, "other.txt"), X_GitHub_Event="push")[1]["started"]
    for branch, commit, content in ("feature/a/b", old, b"one"), ("main", new, b"two"):
        _, answer = post(url, event(f"refs/heads/{branch}", commit, "app.txt"), X_GitHub_Event="push")
        shown = ended(house, pipeline, answer["pipelineExecutionId"])
        assert shown["status"] == "Succeeded", shown
        assert shown["artifactRevisions"][0]["revisionId"] == commit
        zipped = zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket="git-target", Key="out.zip")["Body"].read()))
        assert zipped.namelist() == ["app.txt"] and zipped.read("app.txt") == content

    runs = codepipeline.list_action_executions(pipelineName=pipeline, filter={
        "pipelineExecutionId": answer["pipelineExecutionId"]})["actionExecutionDetails"]
    [source] = [r for r in runs if r["actionName"] == "Code"]
    variables = source["output"]["outputVariables"]
    assert {k: variables[k] for k in ("BranchName", "CommitId", "CommitMessage", "FullRepositoryName", "AuthorDisplayName")} == {
        "BranchName": "main", "CommitId": new, "CommitMessage": "And a second", "FullRepositoryName": "team/shop",
        "AuthorDisplayName": "Ann Ö"}
    assert json.loads(shown["artifactRevisions"][0]["revisionSummary"]) == {
        "ProviderType": "GitHub", "CommitMessage": "And a second"}

    deployed = Worker(house).call("GetPipelineExecution", pipelineName=pipeline, pipelineExecutionId=answer[
        "pipelineExecutionId"])["pipelineExecution"]["artifactRevisions"][0]
    assert len(deployed["sha256"]) == 64

    by_hand = codepipeline.start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
    assert ended(house, pipeline, by_hand)["artifactRevisions"][0]["revisionId"] == new
    _, answer = post(url, event("refs/heads/main", "1" * 40, "app.txt"), X_GitHub_Event="push")
    said = ended(house, pipeline, answer["pipelineExecutionId"])["statusSummary"]
    assert f"the repository has no commit {'1' * 40}" in said and said == said.strip()
    house.client("ssm").delete_parameter(Name="/slipway/connections/4f1a2b3c")


@pytest.fixture(params=["everything", "what it is asked for"])
def asked_pipeline(house, repository, request):
    """A pipeline whose trigger wants changes of app.txt, at a host that sends `param`; and its webhook's URL."""
    codepipeline, ssm, worker = house.client("codepipeline"), house.client("ssm"), Worker(house)
    repository.git("config", "uploadpack.allowFilter", "true" if request.param == "what it is asked for" else "false",
                   at=repository.bare)
    wanted = {"branches": both(["main"]), "filePaths": both(["app.txt"])}
    made = declaration([approval("Ask")], sources=[git_source()], triggers=[trigger(push=[wanted], pullRequest=[wanted])])
    made["artifactStore"]["location"] = "git-store"
    worker.call("CreatePipeline", pipeline=made)
    ssm.put_parameter(Name="/slipway/connections/4f1a2b3c", Type="String", Value=json.dumps({"url": repository.url}))
    yield made["name"], codepipeline.put_webhook(webhook=definition(made["name"], target="Code"))["webhook"]["url"]
    worker.call("DeletePipeline", name=made["name"])
    ssm.delete_parameter(Name="/slipway/connections/4f1a2b3c")


def outcome(house, name, send):
    """What an event comes to: the commit that is fetched for it, or the history's word."""
    worker = Worker(house)

    def seen():
        runs = worker.call("ListPipelineExecutions", pipelineName=name)["pipelineExecutionSummaries"]
        return {r["pipelineExecutionId"] for r in runs}, sum(
            e["what"] == "trigger-filtered" for e in worker.call("ListPipelineHistory", pipelineName=name)["events"])
    before = seen()
    status, said = send()
    assert status == 202 and not said["started"], said
    until(lambda: seen() != before, "git has told", 60)
    new = seen()[0] - before[0]
    if not new:
        return "filtered"

    def fetched():
        shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=[*new][0])["pipelineExecution"]
        return shown.get("artifactRevisions") or (shown["status"] == "Failed" and [{"revisionId": shown["statusSummary"]}])
    return until(fetched, "it is fetched", 60)[0]["revisionId"]


def test_git_tells_which_files_a_change_has(house, repository, asked_pipeline):
    name, url = asked_pipeline
    first = repository.push("main", "first", app="one", other="one")
    repository.push("topic", "on a branch", other="two")
    topic = repository.push("topic", "on a branch again", other="three")
    repository.git("checkout", "--quiet", "main")
    second = repository.push("main", "main has gone on", app="two")  # which is no change of the branch's
    third = repository.push("main", "and on", other="four")

    def push(before, after):
        return outcome(house, name, lambda: post(url, {
            "ref": "refs/heads/main", "before": before, "after": after, "commits": [],
            "repository": {"full_name": "team/shop"}}, X_GitHub_Event="push"))

    def github(commit, base):
        return outcome(house, name, lambda: post(url, {"action": "opened", "repository": {"full_name": "team/shop"}, "pull_request": {
            "base": {"ref": "main", "sha": base},
            "head": {"ref": "topic", "sha": commit, "repo": {"full_name": "team/shop"}}}}, X_GitHub_Event="pull_request"))

    def bitbucket(commit, what="created", branch="topic", **more):
        return outcome(house, name, lambda: post(url, {"repository": {"full_name": "team/shop"}, "pullrequest": {
            "id": 1, "destination": {"branch": {"name": "main"}}, "source": {
                "branch": {"name": branch}, "commit": {"hash": commit[:12]}, "repository": {"full_name": "team/shop"}}, **more}},
            X_Event_Key="pullrequest:" + what))

    def gone(squash, **files):
        """What a branch with these files comes to that was merged, and deleted."""
        repository.git("checkout", "--quiet", "main")
        commit = repository.push("gone", "of a branch that goes", **files)
        repository.git("checkout", "--quiet", "main")
        repository.git("merge", "--quiet", *(["--squash"] if squash else ["--no-ff", "-m", "merged"]), "gone")
        if squash:
            repository.git("commit", "--quiet", "-m", "squashed")
        repository.git("push", "--quiet", "origin", "main", ":gone")
        merge = repository.git("rev-parse", "HEAD")
        return commit, bitbucket(commit, "fulfilled", branch="gone", merge_commit={"hash": merge[:12]})

    assert push(second, third) == "filtered" and push(first, third) == third
    assert github(topic, third) == "filtered" and bitbucket(topic) == "filtered"
    repository.git("checkout", "--quiet", "topic")
    changed = repository.push("topic", "its own change", app="five")
    assert github(changed, third) == changed and bitbucket(changed) == changed
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "-X", "theirs", "-m", "merged", "topic")
    repository.git("push", "--quiet", "origin", "main")
    merged = repository.git("rev-parse", "HEAD")
    assert bitbucket(changed, "fulfilled", merge_commit={"hash": merged[:12]}) == changed
    repository.git("checkout", "--quiet", "topic")
    repository.git("merge", "--quiet", "--ff-only", "main")
    repository.push("topic", "what the trigger wants", app="six")
    tip = repository.push("topic", "and what it does not", other="six")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--ff-only", "topic")
    repository.git("push", "--quiet", "origin", "main")
    assert bitbucket(tip, "fulfilled", merge_commit={"hash": tip[:12]}) == tip  # nobody can tell where it began
    assert gone(False, other="seven")[1] == "filtered" and gone(True, other="eight")[1] == "filtered"
    commit, fetched = gone(False, app="nine")
    assert fetched == commit
    commit, said = gone(True, app="ten")
    assert f"no branch of the repository has the commit {commit[:12]}" in said
    assert github("1" * 40, third) != "filtered"  # nobody can tell, and the source's failure says why


def test_bitbucket_tells_the_beginning_of_a_commits_name(house, repository):
    """It is looked for in its branch, and in all others when that is gone."""
    codepipeline, ssm, worker = house.client("codepipeline"), house.client("ssm"), Worker(house)
    made = declaration([approval("Ask")], sources=[git_source()], triggers=[trigger(pullRequest=[{"branches": both(["main"])}])])
    made["artifactStore"]["location"] = "git-store"
    worker.call("CreatePipeline", pipeline=made)
    ssm.put_parameter(Name="/slipway/connections/4f1a2b3c", Type="String", Value=json.dumps({"url": repository.url}))
    url = codepipeline.put_webhook(webhook=definition(made["name"], target="Code"))["webhook"]["url"]

    def fetched(branch, commit, what="fulfilled"):
        status, said = post(url, {"repository": {"full_name": "team/shop"}, "pullrequest": {
            "id": 1, "destination": {"branch": {"name": "main"}}, "source": {
                "branch": {"name": branch}, "commit": {"hash": commit[:12]}, "repository": {"full_name": "team/shop"}}}},
            X_Event_Key="pullrequest:" + what)
        assert status == 202 and said["started"], said

        def look():
            shown = worker.call("GetPipelineExecution", pipelineName=made["name"],
                                pipelineExecutionId=said["pipelineExecutionId"])["pipelineExecution"]
            return (shown.get("artifactRevisions") or [{}])[0].get("revisionId") or (
                shown["status"] == "Failed" and shown["statusSummary"])
        return until(look, "it is fetched", 60)

    repository.push("main", "first", app="one")
    repository.push("kept", "of a branch that is there", app="two")
    older = repository.push("kept", "and goes on", app="three")
    newest = repository.push("kept", "and on", app="four")
    assert fetched("kept", newest, "created") == newest and fetched("kept", older, "updated") == older
    repository.git("checkout", "--quiet", "main")
    merged = repository.push("merged", "of a branch that is merged", app="five")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", "merged", "merged")
    squashed = repository.push("squashed", "of a branch that is squashed", app="six")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--squash", "squashed")
    repository.git("commit", "--quiet", "-m", "squashed")
    repository.git("push", "--quiet", "origin", "main", ":merged", ":squashed")
    assert fetched("merged", merged) == merged
    said = fetched("squashed", squashed)
    assert f"no branch of the repository has the commit {squashed[:12]}" in said and "squash" in said
    codepipeline.delete_pipeline(name=made["name"])
    ssm.delete_parameter(Name="/slipway/connections/4f1a2b3c")


class Host(http.server.ThreadingHTTPServer):
    """Answers every GET alike, and keeps what was asked: paths and Authorization."""

    def __init__(self, status, location=None):
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.path, self.headers["Authorization"]))
                self.send_response(status)
                if location:
                    self.send_header("Location", location + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def fetched_from(house, pipeline, host):
    """The execution whose source is fetched from there, as a robot with a password."""
    house.client("ssm").put_parameter(Name="/slipway/connections/4f1a2b3c", Type="SecureString", Value=json.dumps({
        "url": f"http://127.0.0.1:{host.server_port}", "username": "robot", "password": "its password"}))
    run = house.client("codepipeline").start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
    shown = ended(house, pipeline, run)
    house.client("ssm").delete_parameter(Name="/slipway/connections/4f1a2b3c")
    host.shutdown()
    return shown


def test_a_connections_credentials_are_sent_and_seen_by_nobody_else(house, pipeline):
    host = Host(403)
    shown = fetched_from(house, pipeline, host)
    assert "403" in shown["statusSummary"] and "its password" not in json.dumps(shown, default=str)
    assert host.asked[0] == ("/team/shop.git/info/refs?service=git-upload-pack",
                             "Basic " + base64.b64encode(b"robot:its password").decode())
    assert "its password" not in house.log()


def test_a_host_does_not_send_credentials_on_to_another(house, pipeline):
    other = Host(403)
    host = Host(302, f"http://localhost:{other.server_port}")
    shown = fetched_from(house, pipeline, host)
    other.shutdown()
    assert shown["status"] == "Failed" and "302" in shown["statusSummary"]
    assert host.asked and not other.asked
