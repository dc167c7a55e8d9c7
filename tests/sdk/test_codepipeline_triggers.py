"""Triggers: Git sources as they are declared, and which events of a Git host start a pipeline."""
import copy
import json
import sqlite3

import pytest

from hooks import (CONNECTION, SECRET, both, by_secret, definition, executions, git_source, post, signed,
                   trigger)
from pipelines import Refused, Worker, action, approval, declaration, until

COMMIT = "0f" * 20


@pytest.fixture
def make(make):
    """With these triggers."""
    def maker(*triggers, sources=None, **more):
        return make([approval("Ask")], sources=sources or [git_source()], pipelineType="V2",
                    **({"triggers": list(triggers)} if triggers else {}), **more)
    return maker


EVERYTHING = [trigger(push=[{"branches": both(["feature/**", "main"], ["feature/x"]),
                             "filePaths": both(["projectA/**", "common/**/*.js"], ["**/README.md"])},
                            {"tags": both(["release-v?"], ["release-v[0-3]"])}],
                      pullRequest=[{"events": ["OPEN", "UPDATED"], "branches": both(["main"])},
                                   {"branches": both(None, ["{x,y}"]), "filePaths": both(["src/**"])}]),
              trigger("More")]


# ---- the declaration

def test_triggers_are_kept_and_shown_as_they_were_given(worker, make):
    name = make(*EVERYTHING, sources=[git_source(), git_source("More", DetectChanges="false")])
    shown = worker.call("GetPipeline", name=name)["pipeline"]
    assert shown["triggers"] == EVERYTHING
    changed = worker.call("UpdatePipeline", pipeline={**shown, "triggers": EVERYTHING[:1]})["pipeline"]
    assert changed["triggers"] == EVERYTHING[:1] and changed["version"] == 2
    assert worker.call("GetPipeline", name=name, version=1)["pipeline"]["triggers"] == EVERYTHING


def test_a_pipeline_with_triggers_is_of_type_v2(worker, make):
    made = declaration([approval("Ask")], sources=[git_source()], triggers=[trigger()])
    worker.call("CreatePipeline", pipeline=made)
    [listed] = [p for p in worker.call("ListPipelines")["pipelines"] if p["name"] == made["name"]]
    assert (worker.call("GetPipeline", name=made["name"])["pipeline"]["pipelineType"], listed["pipelineType"]) == ("V2", "V2")
    worker.call("DeletePipeline", name=made["name"])


@pytest.mark.parametrize("wrong,words", [
    ([trigger("None")], "no source action named 'None'"),
    ([trigger("Artifact")], "whose provider is not CodeStarSourceConnection"),
    ([trigger(), trigger()], "at most one trigger: 'Code' has more"),
    ([trigger(push=[{}])], "push filter in the trigger of action 'Code' must have either tags"),
    ([trigger(push=[{"filePaths": both(["a"])}])], "must have either tags"),
    ([trigger(push=[{"tags": both(["v1"]), "branches": both(["main"])}])], "must have either tags"),
    ([trigger(push=[{"branches": both(["main"]), "filePaths": {}}])], "filePaths without includes or excludes"),
    ([trigger(pullRequest=[{"events": ["OPEN"]}])], "pullRequest filter"),
    ([trigger(push=[{"branches": both(["a["])}])], "the pattern 'a[', which is not valid: a [ has no ]"),
    ([trigger(push=[{"branches": both(["b"] * 9)}])], "length less than or equal to 8"),
    ([trigger(push=[{"branches": both(["b" * 256])}])], "length less than or equal to 255"),
    ([trigger(push=[{"branches": both(["b"])}] * 4)], "length less than or equal to 3"),
    ([trigger(pullRequest=[{"events": ["MERGED"], "branches": both(["b"])}])], "OPEN"),
    ([{"providerType": "GitHub", "gitConfiguration": {"sourceActionName": "Code"}}], "CodeStarSourceConnection"),
    ([{"providerType": "CodeStarSourceConnection"}], "gitConfiguration"),
    ([trigger()] * 51, "length less than or equal to 50"),
])
def test_what_is_no_trigger_is_refused(make, wrong, words):
    s3 = action("Artifact", category="Source", provider="S3", outputs=["App"],
                configuration={"S3Bucket": "artifacts", "S3ObjectKey": "k.zip"})
    with pytest.raises(Refused) as refused:
        make(*wrong, sources=[git_source(), s3])
    assert refused.value.code in ("InvalidStructureException", "ValidationException") and words in str(refused.value)


def test_type_v1_has_no_triggers_and_a_git_source_makes_archives(worker):
    for changes, code, words in [({"pipelineType": "V1", "triggers": [trigger()]}, "InvalidStructureException", "V2"),
                                 ({"sources": [git_source(OutputArtifactFormat="CODEBUILD_CLONE_REF")]},
                                  "InvalidActionDeclarationException", "CODE_ZIP only")]:
        with pytest.raises(Refused) as refused:
            worker.call("CreatePipeline", pipeline=declaration([approval("Ask")], **{"sources": [git_source()], **changes}))
        assert refused.value.code == code and words in str(refused.value)


def test_a_template_declares_triggers(server, worker):
    stack = {"Resources": {"P": {"Type": "AWS::CodePipeline::Pipeline", "Properties": {
        "Name": "from-template", "RoleArn": declaration()["roleArn"], "PipelineType": "V2",
        "ArtifactStore": {"Type": "S3", "Location": "store-bucket"},
        "Triggers": [{"ProviderType": "CodeStarSourceConnection", "GitConfiguration": {
            "SourceActionName": "Code", "Push": [{"Branches": {"Includes": ["main"]}, "FilePaths": {"Excludes": ["docs/**"]}}],
            "PullRequest": [{"Events": ["OPEN"], "Branches": {"Includes": ["main"]}}]}}],
        "Stages": [
            {"Name": "Source", "Actions": [{"Name": "Code", "OutputArtifacts": [{"Name": "Code"}], "ActionTypeId": {
                "Category": "Source", "Owner": "AWS", "Provider": "CodeStarSourceConnection", "Version": "1"},
                "Configuration": {"ConnectionArn": CONNECTION, "FullRepositoryId": "team/shop", "BranchName": "main",
                                  "DetectChanges": False}}]},
            {"Name": "Ask", "Actions": [{"Name": "Ask", "ActionTypeId": {
                "Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"}}]}]}}}}
    formation = server.client("cloudformation")
    formation.create_stack(StackName="triggers", TemplateBody=json.dumps(stack))
    formation.get_waiter("stack_create_complete").wait(StackName="triggers", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    shown = worker.call("GetPipeline", name="from-template")["pipeline"]
    assert shown["triggers"] == [trigger(push=[{"branches": both(["main"]), "filePaths": both(None, ["docs/**"])}],
                                         pullRequest=[{"events": ["OPEN"], "branches": both(["main"])}])]
    assert shown["stages"][0]["actions"][0]["configuration"]["DetectChanges"] == "false"
    formation.delete_stack(StackName="triggers")


def test_a_trigger_that_nobody_can_fire_is_explained(server, codepipeline, worker, make):
    notes = lambda name: worker.call("ExplainPipeline", name=name)["notes"]
    name = make(trigger())
    said = "No webhook targets the source action Code: no push and no pull request starts the pipeline (PutWebhook)."
    assert notes(name) == [said] and f"note: {said}" in server.slipway("explain", name, profile="dev")
    codepipeline.put_webhook(webhook=definition(name, target="Code"))
    assert notes(name) == []
    assert notes(make(sources=[git_source(DetectChanges="false")])) == []
    assert len(notes(make())) == 1


# ---- events

def commit(*files, kind="modified"):
    return {"id": COMMIT, **{k: list(files) if k == kind else [] for k in ("added", "modified", "removed")}}


def push(ref="refs/heads/main", commits=(commit("app.py"),), **more):
    return "push", {"ref": ref, "after": COMMIT, "deleted": False, "head_commit": {"id": COMMIT}, "commits": list(commits),
                    "repository": {"full_name": "team/shop"}, **more}


def pull_request(action="opened", base="main", head="feature/a", repository="team/shop", **more):
    return "pull_request", {"action": action, "repository": {"full_name": "team/shop"}, "pull_request": {
        "base": {"ref": base}, "head": {"ref": head, "sha": COMMIT, "repo": {"full_name": repository}}, **more}}


@pytest.fixture
def hook(codepipeline, make):
    """Makes a pipeline with a trigger of such filters, and sends events to its webhook."""
    def maker(*triggers, **source):
        name = make(*triggers, sources=[git_source(**source)])
        url = codepipeline.put_webhook(webhook=definition(name, target="Code"))["webhook"]["url"]

        def send(event, header="X-GitHub-Event"):
            status, body = post(url, event[1], **{header: event[0]})
            assert status == (202 if body["started"] else 200), body
            return body
        return send
    return maker


PUSHES = trigger(push=[{"branches": both(["main", "release/*"], ["release/old"]), "filePaths": both(["src/**"], ["**/*.md"])},
                       {"tags": both(["v*"], ["v0.*"])}])
REQUESTS = trigger(pullRequest=[{"events": ["OPEN", "CLOSED"], "branches": both(["main"])},
                                {"events": ["UPDATED"], "branches": both(["release/**"])}])


@pytest.mark.parametrize("event,starts", [
    (push(commits=[commit("src/a.py")]), True),
    (push(commits=[commit("docs/a"), commit("src/a.py", kind="removed")]), True),
    (push(commits=[commit("src/a.md"), commit("docs/a.py")]), False),
    (push(commits=[commit(*[f"docs/{i}" for i in range(3000)])]), False),
    (push(commits=[commit(*[f"docs/{i}" for i in range(3001)])]), True),  # it might be among those that are not looked at
    (push("refs/heads/release/1", [commit("src/a.py", kind="added")]), True),
    (push("refs/heads/release/1", []), True),  # nothing tells its files
    (push("refs/heads/release/old", [commit("src/a.py")]), False),
    (push("refs/heads/release/1/2", [commit("src/a.py")]), False),
    (push("refs/heads/v1", [commit("src/a.py")]), False),
    (push("refs/tags/v1.2", []), True),
    (push("refs/tags/v0.2", []), False),
    (push("refs/tags/main", []), False),
    (push(commits=[commit("src/a.py")], deleted=True), False),
    (push(commits=[commit("src/a.py")], repository={"full_name": "team/other"}), False),
    (pull_request(), False),
])
def test_pushes_start_what_their_filters_let_through(hook, event, starts):
    assert hook(PUSHES)(event)["started"] is starts


@pytest.mark.parametrize("event,starts", [
    (pull_request(), True),
    (pull_request("reopened"), True),
    (pull_request("synchronize"), False),
    (pull_request("synchronize", base="release/1/2"), True),
    (pull_request("closed", merged=True), True),
    (pull_request("closed", merged=False), False),
    (pull_request("labeled"), False),
    (pull_request(base="release/1"), False),
    (pull_request(repository="stranger/shop"), False),
    (push(), False),
])
def test_pull_requests_start_what_their_filters_let_through(hook, event, starts):
    assert hook(REQUESTS)(event)["started"] is starts


def test_without_filters_pushes_to_the_actions_branch_start_it(hook):
    for triggers, source, starts in [([], {}, True), ([], {"DetectChanges": "false"}, False),
                                     ([trigger()], {"DetectChanges": "false"}, True)]:
        send = hook(*triggers, **source)
        assert send(push())["started"] is starts
        assert not send(push("refs/heads/other"))["started"] and not send(push("refs/tags/main"))["started"]
        assert not send(pull_request())["started"] and not send(("ping", {"zen": "…"}))["started"]


def gitlab_push(kind="Push Hook", ref="refs/heads/main", files=("src/a.py",), total=1, sha=COMMIT):
    return kind, {"object_kind": "push", "ref": ref, "after": COMMIT, "checkout_sha": sha, "total_commits_count": total,
                  "project": {"path_with_namespace": "team/shop"}, "commits": [commit(*files)]}


def merge_request(action, **more):
    return "Merge Request Hook", {"object_kind": "merge_request", "project": {"path_with_namespace": "team/shop"},
                                  "object_attributes": {"action": action, "target_branch": "main", "source_branch": "x",
                                                        "source": {"path_with_namespace": "team/shop"},
                                                        "last_commit": {"id": COMMIT}, **more}}


def test_gitlabs_events_are_understood(hook):
    send = hook(PUSHES)
    for event, starts in [(gitlab_push(), True), (gitlab_push(files=["docs/a"]), False),
                          (gitlab_push(files=["docs/a"], total=21), True),  # it tells no more than twenty commits
                          (gitlab_push("Tag Push Hook", "refs/tags/v7"), True), (gitlab_push(sha=None), False)]:
        assert send(event, "X-Gitlab-Event")["started"] is starts, event
    send = hook(trigger(pullRequest=[{"branches": both(["main"])}]))
    for event, starts in [(merge_request("open"), True), (merge_request("merge"), True), (merge_request("close"), False),
                          (merge_request("update", oldrev="1" * 40), True), (merge_request("update"), False),
                          (merge_request("open", source={"path_with_namespace": "stranger/shop"}), False)]:
        assert send(event, "X-Gitlab-Event")["started"] is starts, event


def bitbucket_push(*changes):
    """A change is (type, name), or None for what was deleted."""
    return "repo:push", {"repository": {"full_name": "team/shop"}, "push": {"changes": [
        {"old": None, "new": change and {"type": change[0], "name": change[1], "target": {"hash": COMMIT}},
         "commits": [{"hash": COMMIT}], "truncated": False} for change in changes]}}


def bitbucket_request(what, base="main", repository="team/shop", commit=COMMIT[:12], number=7, **more):
    return "pullrequest:" + what, {"repository": {"full_name": "team/shop"}, "pullrequest": {
        "id": number, "destination": {"branch": {"name": base}},
        "source": {"branch": {"name": "x"}, "commit": {"hash": commit}, "repository": {"full_name": repository}}, **more}}


def test_bitbuckets_events_are_understood(hook):
    send = hook(PUSHES)
    for event, starts in [(bitbucket_push(("branch", "main")), True), (bitbucket_push(("branch", "other")), False),
                          (bitbucket_push(("tag", "v7")), True), (bitbucket_push(("tag", "main")), False),
                          (bitbucket_push(None), False), (bitbucket_push(), False),
                          (bitbucket_push(None, ("branch", "other"), ("branch", "main")), True)]:
        assert send(event, "X-Event-Key")["started"] is starts, event
    for event, starts in [(bitbucket_request("created"), True), (bitbucket_request("fulfilled"), True),
                          (bitbucket_request("updated"), False), (bitbucket_request("rejected"), False),
                          (bitbucket_request("updated", base="release/1"), True), (bitbucket_request("created", base="other"), False),
                          (bitbucket_request("created", repository="stranger/shop"), False),
                          (bitbucket_request("created", commit="0f"), False)]:
        assert hook(REQUESTS)(event, "X-Event-Key")["started"] is starts, event


def test_a_push_of_several_branches_starts_each_that_is_wanted(codepipeline, worker, make):
    name = make(PUSHES)
    url = codepipeline.put_webhook(webhook=definition(name, target="Code"))["webhook"]["url"]
    kind, body = bitbucket_push(("branch", "main"), ("branch", "other"), ("branch", "release/1"), ("tag", "v1"))
    _, said = post(url, body, X_Event_Key=kind)
    assert said["pipelineExecutionId"] == said["pipelineExecutionIds"][0]
    assert set(said["pipelineExecutionIds"]) == {e["pipelineExecutionId"] for e in executions(codepipeline, name)}
    branches = []
    for job in worker.poll():
        branches.append(job["data"]["sourceRevision"]["branchName"])
        worker.succeed(job)
    assert len(said["pipelineExecutionIds"]) == 3 and set(branches) <= {"main", "release/1", "v1"}


def test_a_pull_request_of_bitbucket_starts_once_for_each_of_its_commits(hook):
    """An edit of its title is told like a new commit."""
    send = hook(trigger(pullRequest=[{"branches": both(["main"])}]))
    first = send(bitbucket_request("created"), "X-Event-Key")["pipelineExecutionId"]
    assert send(bitbucket_request("updated"), "X-Event-Key")["pipelineExecutionId"] == first
    second = send(bitbucket_request("updated", commit="1f" * 6), "X-Event-Key")["pipelineExecutionId"]
    third = send(bitbucket_request("updated", number=8), "X-Event-Key")["pipelineExecutionId"]
    merged = send(bitbucket_request("fulfilled"), "X-Event-Key")["pipelineExecutionId"]
    assert len({first, second, third, merged}) == 4


def test_bitbucket_signs_by_sha256_in_githubs_older_header(codepipeline, make):
    name = make()
    url = codepipeline.put_webhook(webhook=by_secret(name, target="Code"))["webhook"]["url"]
    body = bitbucket_push(("branch", "main"))[1]
    for secret, prefix, status in [(SECRET, "sha256=", 200), ("another", "sha256=", 403), (SECRET, "sha1=", 403)]:
        assert signed(url, body, secret=secret, header="X-Hub-Signature", prefix=prefix)[0] == status


# ---- files that git must tell

BEFORE = "1f" * 20
FILTERED = {"branches": both(["main"]), "filePaths": both(["src/**"])}


@pytest.fixture
def asked(codepipeline, worker, make):
    """A pipeline that an event's files decide about, and its webhook's URL."""
    name = make(trigger(pullRequest=[FILTERED], push=[FILTERED]))
    return name, codepipeline.put_webhook(webhook=definition(name, target="Code"))["webhook"]["url"]


def look(worker, url, event, header="X-GitHub-Event"):
    """Sends the event; the job that asks git."""
    status, said = post(url, event[1], **{header: event[0]})
    assert status == 202 and not said["started"] and said["reason"].startswith("Git is asked"), said
    [job] = worker.take("Code")
    return job


def events(worker, name):
    return [(e["what"], e.get("why")) for e in worker.call("ListPipelineHistory", pipelineName=name)["events"]
            if e["what"].startswith("trigger")]


PATHS = [FILTERED["filePaths"]]


@pytest.mark.parametrize("event,header,asks", [
    (pull_request(), "X-GitHub-Event", {"commit": COMMIT, "branch": "feature/a", "baseBranch": "main", "baseParent": False,
                                        "fromAncestor": True, "filePaths": PATHS}),
    (push(commits=[], before=BEFORE), "X-GitHub-Event", {
        "commit": COMMIT, "branch": "main", "base": BEFORE, "baseParent": False, "fromAncestor": False, "filePaths": PATHS}),
    (push(commits=[commit(*[f"docs/{i}" for i in range(3001)])], before=BEFORE), "X-GitHub-Event", {
        "commit": COMMIT, "branch": "main", "base": BEFORE, "baseParent": False, "fromAncestor": False, "filePaths": PATHS}),
    (merge_request("merge", merge_commit_sha=BEFORE), "X-Gitlab-Event", {
        "commit": COMMIT, "branch": "x", "base": BEFORE, "baseBranch": "main", "baseParent": True, "fromAncestor": True,
        "filePaths": PATHS}),
    (bitbucket_request("created"), "X-Event-Key", {"commit": COMMIT[:12], "branch": "x", "baseBranch": "main", "baseParent": False,
                                                   "fromAncestor": True, "filePaths": PATHS}),
])
def test_the_anchor_is_asked_for_files_that_an_event_does_not_tell(server, codepipeline, worker, asked, event, header, asks):
    name, url = asked
    job = look(worker, url, event, header)
    assert job["data"]["gitChanges"] == asks and job["data"]["actionConfiguration"]["configuration"]["FullRepositoryId"] == "team/shop"
    note = f"The anchor of account 222222222222 is asked which files {asks['commit']} changes: they decide whether it starts the pipeline."
    assert worker.call("ExplainPipeline", name=name)["notes"] == [note]
    worker.succeed(job, outputVariables={"Passes": "false", "Changed": "3"})
    assert executions(codepipeline, name) == [] and worker.call("ExplainPipeline", name=name)["notes"] == []
    assert events(worker, name) == [
        ("trigger-filtered", f"None of the 3 files that {asks['commit']} changes passes the trigger's filePaths.")]


def test_a_file_that_passes_starts_the_pipeline(codepipeline, worker, asked):
    name, url = asked
    worker.succeed(look(worker, url, pull_request()), outputVariables={"Passes": "true", "Changed": "3"})
    [run] = executions(codepipeline, name)
    assert run["trigger"]["triggerType"] == "WebhookV2" and run["sourceRevisions"] == [{"actionName": "Code", "revisionId": COMMIT}]
    [listed] = [w for w in codepipeline.list_webhooks()["webhooks"] if w["definition"]["name"] == name + "-hook"]
    assert "lastTriggered" in listed and events(worker, name) == []
    worker.do("Code")


def test_where_git_cannot_tell_either_the_pipeline_starts(codepipeline, worker, asked):
    name, url = asked
    worker.fail(look(worker, url, pull_request()), "git fetch failed")
    assert len(executions(codepipeline, name)) == 1
    assert events(worker, name) == [
        ("trigger-unfiltered", f"Nobody can tell which files {COMMIT} changes, so it starts the pipeline: git fetch failed")]
    worker.do("Code")


def test_events_of_a_pipeline_that_is_deleted_are_forgotten(codepipeline, worker, asked):
    name, url = asked
    held = look(worker, url, pull_request())
    assert post(url, pull_request()[1], X_GitHub_Event="pull_request")[0] == 202
    worker.call("DeletePipeline", name=name)
    worker.take()
    with pytest.raises(Refused) as refused:
        worker.succeed(held)
    assert refused.value.code == "JobNotFoundException"


def test_an_event_whose_files_nobody_tells_in_time_starts_the_pipeline(new_server):
    server = new_server()
    client, worker = server.client("codepipeline"), Worker(server)
    made = declaration([approval("Ask")], sources=[git_source()], pipelineType="V2", triggers=[trigger(pullRequest=[FILTERED])])
    worker.call("CreatePipeline", pipeline=made)
    url = client.put_webhook(webhook=definition(made["name"], target="Code"))["webhook"]["url"]
    held = look(worker, url, pull_request())
    server.stop()
    with sqlite3.connect(server.data / "slipway.db") as database:
        assert database.execute("UPDATE codepipeline_timer SET due_ms = 0 WHERE kind = 'job'").rowcount == 1
    server.start()
    client, worker = server.client("codepipeline"), Worker(server)
    until(lambda: executions(client, made["name"]), "the pipeline starts")
    with pytest.raises(Refused):
        worker.succeed(held)
    assert len(executions(client, made["name"])) == 1
    [(what, why)] = events(worker, made["name"])
    assert what == "trigger-unfiltered" and why.endswith("no anchor has told within 5 minutes.")


def test_an_event_pins_the_execution_to_its_commit_and_branch(codepipeline, worker, make):
    name = make(trigger(pullRequest=[{"branches": both(["main"])}]))
    hook = codepipeline.put_webhook(webhook=definition(name, target="Code"))["webhook"]
    _, started = post(hook["url"], pull_request()[1], X_GitHub_Event="pull_request")
    [run] = executions(codepipeline, name)
    assert (run["pipelineExecutionId"], run["trigger"]) == (
        started["pipelineExecutionId"], {"triggerType": "WebhookV2", "triggerDetail": hook["arn"]})
    assert run["sourceRevisions"] == [{"actionName": "Code", "revisionId": COMMIT}]
    [job] = worker.take("Code")
    assert job["data"]["sourceRevision"] == {"actionName": "Code", "revisionType": "COMMIT_ID", "revisionValue": COMMIT,
                                             "branchName": "feature/a"}
    worker.succeed(job)


def test_a_commit_may_be_given_by_hand(worker, make):
    name = make()
    pin = {"actionName": "Code", "revisionType": "COMMIT_ID", "revisionValue": COMMIT}
    worker.call("StartPipelineExecution", name=name, sourceRevisions=[pin])
    [job] = worker.take("Code")
    assert job["data"]["sourceRevision"] == pin
    worker.succeed(job)
    with pytest.raises(Refused) as refused:
        worker.call("StartPipelineExecution", name=name, sourceRevisions=[{**pin, "revisionType": "S3_OBJECT_KEY"}])
    assert refused.value.code == "ValidationException"


def test_a_commit_may_be_told_of_and_starts_the_pipeline_once(codepipeline, worker, make):
    name = make()
    told = dict(pipelineName=name, stageName="Source", actionName="Code",
                actionRevision={"revisionId": COMMIT, "revisionChangeId": "1", "created": 0})
    assert [codepipeline.put_action_revision(**told)["newRevision"] for _ in range(2)] == [True, False]
    [job] = worker.take("Code")
    assert job["data"]["sourceRevision"]["revisionValue"] == COMMIT
    worker.succeed(job)


def test_gitlab_shows_the_secret_itself(codepipeline, make):
    name = make()
    url = codepipeline.put_webhook(webhook=by_secret(name, target="Code"))["webhook"]["url"]
    kind, body = gitlab_push()
    assert post(url, body, X_Gitlab_Event=kind, X_Gitlab_Token=SECRET)[0] == 202
    assert post(url, body, X_Gitlab_Event=kind, X_Gitlab_Token=SECRET + "x")[0] == 403
    assert post(url, body, X_Gitlab_Event=kind)[0] == 403
    assert signed(url, copy.deepcopy(body), secret="another")[0] == 403
