"""What a pipeline is declared with and shown as, what is given to it, and what is refused in that; in words that name it."""
import http.server
import json
import os
import subprocess
import threading
import time

import pytest
import urllib3

from pipelines import ACCOUNT, SHA256, Refused, Worker, action, approval, code_of, declaration, source, trust
from running import binary

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def refusal(call, *arguments, **members):
    """(code, words)"""
    with pytest.raises(Refused) as refused:
        call(*arguments, **members)
    return refused.value.code, str(refused.value)


def commands(**more):
    return {**action("Run", category="Compute", provider="Commands", inputs=["App"], **more), "configuration": {},
            "commands": ["true"]}


# ---- type and mode

@pytest.mark.parametrize("given,shown", [
    ({}, ("V1", "SUPERSEDED")),
    ({"pipelineType": "V2"}, ("V2", "SUPERSEDED")),
    ({"pipelineType": "V2", "executionMode": "QUEUED"}, ("V2", "QUEUED")),
    ({"variables": [{"name": "Env", "defaultValue": "dev"}]}, ("V2", "SUPERSEDED")),
])
def test_type_and_mode_are_shown_also_when_not_given(worker, make, given, shown):
    name = make([approval("Ask")], **given)
    pipeline = worker.call("GetPipeline", name=name)["pipeline"]
    [listed] = [p for p in worker.call("ListPipelines")["pipelines"] if p["name"] == name]
    for one in (pipeline, listed, worker.call("UpdatePipeline", pipeline=pipeline)["pipeline"]):
        assert (one["pipelineType"], one["executionMode"]) == shown


def test_variables_need_type_v2(make):
    code, words = refusal(make, [approval("Ask")], pipelineType="V1", variables=[{"name": "Env", "defaultValue": "dev"}])
    assert code == "InvalidStructureException" and "set pipelineType to V2" in words


def test_a_token_that_is_none_is_refused(worker):
    assert code_of(worker.call, "ListPipelines", nextToken="no token!") == "InvalidNextTokenException"


def test_a_token_is_for_the_call_that_gave_it(server, worker, make):
    first, second = make([action("Go")]), make([action("Go")])
    for name in first, second:
        for _ in range(2):
            worker.call("StartPipelineExecution", name=name)
    for job in worker.poll():
        worker.succeed(job)
    of = lambda name: {"ListPipelines": {}, "ListPipelineExecutions": {"pipelineName": name}, "ListPipelineHistory": {"pipelineName": name},
                       "ListActionExecutions": {"pipelineName": name}}
    tokens = {operation: worker.call(operation, maxResults=1, **given)["nextToken"] for operation, given in of(first).items()}
    other = Worker(server, profile="staging")
    for operation, given in of(first).items():
        assert worker.call(operation, maxResults=50, nextToken=tokens[operation], **given)
        for wrong in [t for o, t in tokens.items() if o != operation] + ["0" + tokens[operation][1:], tokens[operation][:-2] + "zz"]:
            assert code_of(worker.call, operation, nextToken=wrong, **given) == "InvalidNextTokenException"
    for operation, given in of(second).items():
        if given:
            assert code_of(worker.call, operation, nextToken=tokens[operation], **given) == "InvalidNextTokenException"
    assert code_of(other.call, "ListPipelines", nextToken=tokens["ListPipelines"]) == "InvalidNextTokenException"
    assert code_of(worker.call, "ListActionExecutions", nextToken=tokens["ListActionExecutions"], pipelineName=first, filter={
        "pipelineExecutionId": worker.call("ListPipelineExecutions", pipelineName=first)["pipelineExecutionSummaries"][0]["pipelineExecutionId"]
    }) == "InvalidNextTokenException"


def test_the_widest_pipeline_may_say_much_in_each_action(worker, make):
    said = {"ActionMode": "DELETE_ONLY", "StackName": "s" * 600}
    name = make(*[[action(f"A{i}", configuration=said) for i in range(50)] for _ in range(49)])
    stages = worker.call("GetPipeline", name=name)["pipeline"]["stages"]
    assert [len(stage["actions"]) for stage in stages] == [1] + [50] * 49
    assert all(a["configuration"] == said for stage in stages[1:] for a in stage["actions"])


# ---- once only

def test_names_are_used_once(worker, make):
    variables = [{"name": "Env", "defaultValue": "a"}, {"name": "Env", "defaultValue": "b"}]
    code, words = refusal(make, [approval("Ask")], pipelineType="V2", variables=variables)
    assert code == "InvalidStructureException" and "'Env' is used more than once" in words

    twice = [{"name": "LEVEL", "value": "1"}, {"name": "LEVEL", "value": "2"}]
    code, words = refusal(make, [commands(environmentVariables=twice)], pipelineType="V2")
    assert code == "InvalidActionDeclarationException" and "'LEVEL' of action 'Run'" in words

    name = make([approval("Ask")], pipelineType="V2", variables=[{"name": "Env"}])
    given = [{"name": "Env", "value": "a"}, {"name": "Env", "value": "b"}]
    code, words = refusal(worker.call, "StartPipelineExecution", name=name, variables=given)
    assert code == "ValidationException" and "'Env' is given more than once" in words

    tags = [{"key": "team", "value": "a"}, {"key": "team", "value": "b"}]
    assert refusal(make, [approval("Ask")], tags=tags)[0] == "InvalidTagsException"
    arn = f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:{name}"
    assert code_of(worker.call, "TagResource", resourceArn=arn, tags=tags) == "InvalidTagsException"

    properties = [{"name": "Job", "required": True, "key": True, "secret": False}] * 2
    counts = {"minimumCount": 0, "maximumCount": 0}
    code, words = refusal(worker.call, "CreateCustomActionType", category="Test", provider="Twice", version="1",
                          configurationProperties=properties, inputArtifactDetails=counts, outputArtifactDetails=counts)
    assert code == "ValidationException" and "'Job' is used more than once" in words


# ---- keys of maps, and lines

def test_keys_have_a_length_and_a_syntax(worker, make):
    long = action("Go", configuration={"ActionMode": "DELETE_ONLY", "StackName": "s", "k" * 51: "v"})
    code, words = refusal(make, [long])
    assert code == "ValidationException"
    assert "Map keys must satisfy constraint: [Member must have length less than or equal to 50" in words

    stores = {"us-east-1": {"type": "S3", "location": "store-bucket"}}
    made = declaration([approval("Ask")])
    del made["artifactStore"]
    assert code_of(worker.call, "CreatePipeline", pipeline={**made, "artifactStores": {
        "eu": stores["us-east-1"]}}) == "ValidationException"

    name = make([action("Go")])
    worker.call("StartPipelineExecution", name=name)
    worker.do("Artifact")
    [job] = worker.take("Go")
    code, words = refusal(worker.succeed, job, outputVariables={"a b": "c"})
    assert code == "ValidationException" and "[A-Za-z0-9@\\\\-_]+" in words
    worker.succeed(job, outputVariables={"a-b@c_1": "c"})


def test_a_variable_s_value_is_one_line(worker, make):
    name = make([approval("Ask")], pipelineType="V2", variables=[{"name": "Env"}])
    for value, refused in (("one line", False), ("two\nlines", True)):
        call = ("StartPipelineExecution", {"name": name, "variables": [{"name": "Env", "value": value}]})
        if refused:
            assert code_of(worker.call, call[0], **call[1]) == "ValidationException"
        else:
            worker.call(call[0], **call[1])


def test_a_custom_type_may_be_of_category_compute(worker):
    identity = {"category": "Compute", "provider": "Own", "version": "1"}
    counts = {"minimumCount": 0, "maximumCount": 0}
    worker.call("CreateCustomActionType", **identity, inputArtifactDetails=counts, outputArtifactDetails=counts)
    shown = worker.call("GetActionType", owner="Custom", **identity)["actionType"]
    assert shown["id"] == {**identity, "owner": "Custom"}
    worker.call("UpdateActionType", actionType={**shown, "description": "computes"})


# ---- who, and what would be

def test_who_changed_a_pipeline_and_deleted_it_is_in_its_history(worker):
    made = declaration([approval("Ask")])
    worker.call("CreatePipeline", pipeline=made)
    worker.call("UpdatePipeline", pipeline=made)
    run = worker.call("StartPipelineExecution", name=made["name"])["pipelineExecutionId"]
    worker.call("DeletePipeline", name=made["name"])
    events = worker.call("ListPipelineHistory", pipelineName=made["name"])["events"]
    who = {e["what"]: e.get("who") for e in events}
    assert {what: who[what] for what in ("created", "updated", "deleted", "Cancelled")} == dict.fromkeys(
        ("created", "updated", "deleted", "Cancelled"), ROOT)
    [cancelled] = [e for e in events if e["what"] == "Cancelled"]
    assert cancelled["pipelineExecutionId"] == run


def test_a_stop_without_a_reason_says_by_whom(worker, make):
    name = make([action("Go")])
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.call("StopPipelineExecution", pipelineName=name, pipelineExecutionId=run, abandon=True)
    shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]
    assert (shown["status"], shown["statusSummary"]) == ("Stopped", f"Stopped by {ROOT}.")


def test_a_pipeline_of_one_s_own_is_rolled_back_by_the_command(server, worker, make):
    name = make([action("Go")], pipelineType="V2", variables=[{"name": "Env", "defaultValue": "dev"}])
    for version in ("v1", "v2"):
        worker.call("StartPipelineExecution", name=name, sourceRevisions=[
            {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": version}])
        worker.do("Artifact", "Go")
    said = server.slipway("rollback", name, "S1", "--dry-run", profile="dev")
    assert "would roll back S1 to version v1" in said and "now there:   version v2" in said
    assert "artifact:    App, version v1, SHA-256 abab" in said and "variable:    Env = dev" in said
    assert "by pipeline: version 1" in said and "runs again:  Go" in said and worker.poll() == []
    assert f"`slipway watch {name}` shows it" in server.slipway("rollback", name, "S1", profile="dev")
    worker.do("Go")
    nowhere = server.slipway("rollback", name, "Nowhere", profile="dev", check=False)
    assert nowhere.returncode == 3 and "no stage Nowhere; its stages: Source, S1" in nowhere.stderr
    assert "would roll back S1 to version v2" in server.slipway("rollback", name, "s1", "--dry-run", profile="dev")
    assert server.slipway("rollback", "nobody", "S1", profile="dev", check=False).returncode == 3


def test_nothing_that_has_not_succeeded_in_the_stage_is_gone_back_to(server, worker, make):
    name = make([action("Go")])
    for version in "v1", "v2":
        worker.call("StartPipelineExecution", name=name, sourceRevisions=[
            {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": version}])
        worker.do("Artifact")
        [job] = worker.take("Go")
        worker.fail(job) if version == "v1" else worker.succeed(job)
    said = lambda *words: server.slipway("rollback", name, "S1", "--dry-run", *words, profile="dev", check=False)
    assert said().returncode == 3 and "stage S1 has had no other version yet" in said().stderr
    assert "has not succeeded in stage S1" in said("--to", "v1").stderr


def test_what_is_there_is_known_whichever_version_of_the_pipeline_brought_it(server, worker, make):
    go = {"ActionMode": "CREATE_UPDATE", "StackName": "s", "TemplatePath": "App::t.yaml"}
    name = make([approval("Ask"), action("Go", 2, inputs=["App"], configuration=go)])

    def release(version):
        worker.call("StartPipelineExecution", name=name, sourceRevisions=[
            {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": version}])
        worker.do("Artifact")

    def let_in():
        server.slipway("approve", name, profile="dev")
        worker.do("Go")

    for version in "v1", "v2":
        release(version)
        let_in()
    made = worker.call("GetPipeline", name=name)["pipeline"]
    made["stages"][1]["actions"][1]["configuration"]["StackName"] = "another"
    worker.call("UpdatePipeline", pipeline=made)
    asked = lambda: server.slipway("approve", name, "--dry-run", profile="dev")
    release("v3")
    assert "  now there  version v2\n" in asked()
    let_in()
    assert "would roll back S1 to version v2" in server.slipway("rollback", name, "S1", "--dry-run", profile="dev")
    server.slipway("rollback", name, "S1", profile="dev")
    let_in()
    release("v4")
    assert "  now there  version v2\n" in asked()


def test_who_approves_may_look_first(server, worker, make):
    name = make([approval("Ask")])
    worker.call("StartPipelineExecution", name=name)
    worker.do("Artifact")
    looked = server.slipway("approve", name, "--dry-run", "--stage", "s1", "--action", "ASK", profile="dev")
    assert f"{name}: S1 / Ask\n  artifact   version v-latest\n" in looked and "waits for  1 more of *" in looked
    assert "now there" not in looked
    assert "approved   by" not in looked and "approved   by" in server.slipway("approve", name, profile="dev")
    worker.call("StartPipelineExecution", name=name)
    worker.succeed(worker.take("Artifact")[0], outputArtifacts=[{"name": "App", "sha256": "cd" * 32}],
                   currentRevision={"revision": "v-next", "changeIdentifier": "etag"})
    assert f"  artifact   version v-next\n             sha256  {'cd' * 32}\n  now there  version v-latest\n             sha256  {SHA256}\n" in \
        server.slipway("approve", name, "--dry-run", profile="dev")


def test_of_several_approvals_the_command_wants_to_know_which(server, worker, make):
    name = make([approval("Ask"), approval("Sign")], pipelineType="V2", executionMode="PARALLEL")
    runs = [worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"] for _ in range(2)]
    for job in worker.poll():
        worker.succeed(job)
    answer = lambda *words: server.slipway(*words, profile="dev", check=False)
    unsure = answer("approve", name)
    assert unsure.returncode == 2 and f"{name} waits for 4 approvals: say which" in unsure.stderr
    assert f"--execution {runs[0]} --stage S1 --action Sign" in unsure.stderr
    assert answer("approve", name, "--execution", runs[0]).returncode == 2
    assert answer("approve", name, "--stage", "S2").returncode == 3
    for action_name in "Ask", "Sign":
        assert "approved" in answer("approve", name, "--execution", runs[0], "--action", action_name).stdout
    assert "rejected" in answer("reject", name, "--action", "Sign").stdout
    status = [worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]["status"]
              for run in runs]
    assert status == ["Succeeded", "InProgress"]
    assert "approved" in answer("approve", name).stdout


def test_a_stage_that_deploys_nothing_does_not_go_back_to_what_it_has(server, worker, make):
    name = make([{**commands(), "name": "Go"}], pipelineType="V2")
    pin = {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID"}
    for version in "v1", "v1", "v2":
        worker.call("StartPipelineExecution", name=name, sourceRevisions=[{**pin, "revisionValue": version}])
        worker.do("Artifact", "Go")
        if version == "v1":
            said = server.slipway("rollback", name, "S1", "--dry-run", profile="dev", check=False)
            assert said.returncode == 3 and "has had no other version yet" in said.stderr
    assert "would roll back S1 to version v1" in server.slipway("rollback", name, "S1", "--dry-run", profile="dev")


def test_a_pipeline_of_one_s_own_is_led_by_the_commands(server, worker, make):
    name = make([approval("Ask")])
    said = lambda *words: server.slipway(*words, profile="dev")
    refused = lambda *words: server.slipway(*words, profile="dev", check=False)
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    assert f"{name} waits for no approval; `slipway watch {name}` shows what it does" in refused("approve", name).stderr
    worker.do("Artifact")
    assert f"{name}: S1 / Ask" in said("reject", name, "--message", "not today")
    assert f"retrying S1 of execution {run}" in said("retry", name)
    assert f"  artifact   version v-latest\n             sha256  {SHA256}\n" in (approved := said("approve", name))
    assert "approved" in approved
    worker.call("StartPipelineExecution", name=name)
    assert "stopping execution" in said("stop", name, "--abandon")
    assert f"no execution of {name} is under way" in refused("stop", name).stderr
    assert refused("override", name, "S1").returncode == 3


def test_of_several_executions_the_one_that_is_meant_is_stopped(server, worker, make):
    name = make([approval("Ask")], pipelineType="V2", executionMode="PARALLEL")
    said = lambda *words: server.slipway(*words, profile="dev")
    refused = lambda *words: server.slipway(*words, profile="dev", check=False)
    first, second = (worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"] for _ in range(2))
    worker.do("Artifact")
    asked = refused("stop", name)
    assert asked.returncode == 2 and f"2 executions of {name} are under way: say which" in asked.stderr
    assert f"--execution {first}   in stage S" in asked.stderr and f"--execution {second}   in stage S" in asked.stderr
    assert f"stopping execution {first}" in said("stop", name, "--execution", first[:8], "--abandon")
    assert f"no such execution of {name} is under way" in refused("stop", name, "--execution", first).stderr
    over = refused("approve", name, "--execution", first[:8])
    assert over.returncode == 3 and f"execution {first} of {name} waits for no such approval: it is Stopped" in over.stderr
    assert f"stopping execution {second}" in said("stop", name, "--abandon")


@pytest.mark.parametrize("key, secret, hint", [("own", "wrong", "secret access key"), ("AKIANOBODY0000000000", "x", "access key")])
def test_wrong_credentials_are_an_exit_status_of_their_own(server, key, secret, hint):
    key = server.keys("dev")[0] if key == "own" else key
    told = server.slipway("explain", "any", check=False, environment={
        "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1"})
    assert told.returncode == 4 and f"check the profile's {hint}" in told.stderr


def test_what_a_worker_says_of_a_failure_is_told_whole_and_moves_no_cursor(server, worker, make):
    name = make([action("Go")])
    worker.call("StartPipelineExecution", name=name)
    worker.do("Artifact")
    [job] = worker.poll()
    worker.fail(job, "the log ends with:\nfirst\nlast \x1b[2J\rnot this")
    said = lambda *words: server.slipway(*words, profile="dev", check=False).stdout
    assert "the log ends with: … last ?[2J?not this\n" in said("history", name)
    assert "the log ends with: … last ?[2J?not this\n" in said("explain", name)
    assert "S1 Go failed: the log ends with:\nfirst\nlast ?[2J?not this\n" in said("watch", name)


ESCAPES = "a\x1b]0;owned\x07\x1b[2J\u009b31mz\u202eliar\u2069\u200f\u061c\u2028ö"
HARMLESS = "a?]0;owned??[2J?31mz?liar????ö"


def test_what_anybody_wrote_moves_no_cursor_of_who_approves(server, worker, make):
    changes = action("Plan", configuration={"ActionMode": "CHANGE_SET_REPLACE", "StackName": "s", "ChangeSetName": "c",
                                            "TemplatePath": "App::t"}, inputs=["App"])
    name = make([changes, approval("Ask", 2)])
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.do("Artifact")
    [job] = worker.take("Plan")
    worker.succeed(job, executionDetails={"summary": ESCAPES, "externalExecutionId": "arn:cs"})
    said = lambda *words: server.slipway(*words, profile="dev", check=False)
    worker.call("StopPipelineExecution", pipelineName=name, pipelineExecutionId=run, abandon=True, reason=ESCAPES)
    assert HARMLESS in said("approve", name, "--execution", run[:8]).stderr
    assert HARMLESS in said("explain", name).stdout and HARMLESS in said("watch", name).stdout
    worker.call("StartPipelineExecution", name=name)
    worker.succeed(worker.take("Artifact")[0], currentRevision={"revision": ESCAPES, "changeIdentifier": "etag"})
    [job] = worker.take("Plan")
    worker.succeed(job, executionDetails={"summary": ESCAPES, "externalExecutionId": "arn:cs"})
    told = said("approve", name, "--message", ESCAPES).stdout
    assert f"  change     Plan: {HARMLESS}\n" in told and f"  artifact   version {HARMLESS}\n" in told
    assert told.endswith(f": {HARMLESS}\n")


def test_what_a_worker_says_moves_no_cursor_of_a_terminals_picture(server, worker, make):
    name = make([action("Go")])
    worker.call("StartPipelineExecution", name=name)
    worker.do("Artifact")
    worker.succeed(worker.take("Go")[0], executionDetails={"summary": ESCAPES})
    screen, terminal = os.openpty()
    with open(screen, "rb", buffering=0) as shown:
        subprocess.run([binary(), "watch", name], stdin=subprocess.DEVNULL, stdout=terminal, timeout=60,
                       env={**server.aws_environment("dev"), "AWS_ENDPOINT_URL": server.endpoint})
        picture = shown.read(65536).decode()
    os.close(terminal)
    assert HARMLESS in picture and not any(c in picture for c in ("\u009b", "\x1b]", "\u202e"))


class NoState(http.server.BaseHTTPRequestHandler):
    """Hands requests on, but GetPipelineState."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["X-Amz-Target"].endswith(".GetPipelineState"):
            self.send_error(403)
            return
        there = urllib3.PoolManager().request("POST", self.server.endpoint + self.path, body=body, headers=dict(self.headers))
        self.send_response(there.status)
        self.send_header("Content-Length", str(len(there.data)))
        self.end_headers()
        self.wfile.write(there.data)

    def log_message(self, *_):
        pass


@pytest.fixture
def no_state(server):
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), NoState)
    made.endpoint = server.endpoint
    threading.Thread(target=made.serve_forever).start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize("succeeds", [True, False])
def test_who_watched_a_success_is_told_of_it_though_no_state_is_shown(server, worker, make, no_state, succeeds):
    name = make([action("Go")])
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.do("Artifact")
    [job] = worker.take("Go")
    (worker.succeed if succeeds else worker.fail)(job)
    watched = server.slipway("watch", name, "--endpoint-url", no_state, profile="dev", check=False)
    assert f"execution {run}: {'Succeeded' if succeeds else 'Failed'}\n" in watched.stdout and "cannot look at the pipeline" in watched.stderr
    assert (watched.returncode == 0) == succeeds


def test_a_problem_that_status_lists_moves_no_cursor(server):
    logs = server.client("logs", profile="shared-services")
    logs.create_log_group(logGroupName="/slipway/launcher")
    logs.create_log_stream(logGroupName="/slipway/launcher", logStreamName="s")
    record = {"level": "error", "event": "refused", "message": ESCAPES, "bucket": "artifacts", "key": f"2/{ESCAPES}/latest.zip",
              "versionId": "v", "todo": ESCAPES}
    logs.put_log_events(logGroupName="/slipway/launcher", logStreamName="s",
                        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(record)}])
    said = server.slipway("status")
    assert f"refused: {HARMLESS}\n    artifact artifacts/2/{HARMLESS}/latest.zip version v\n    to do: {HARMLESS}\n" in said


def test_an_execution_that_waits_before_a_stage_is_stopped(server, worker, make):
    name = make([approval("Ask")])
    worker.call("DisableStageTransition", pipelineName=name, stageName="S1", transitionType="Inbound", reason="later")
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.do("Artifact")
    assert f"stopping execution {run}" in server.slipway("stop", name, profile="dev")
    assert worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]["status"] == "Stopped"


def test_a_stop_that_waits_says_for_what(server, worker, make):
    name = make([approval("Ask")])
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.do("Artifact")
    said = lambda *words: server.slipway(*words, profile="dev")
    assert f"stopping execution {run} when what is under way has ended (--abandon does not wait)\n" == said("stop", name)
    told = said("explain", name)
    assert "Action Ask waits for an approval" in told and "it stops when that has ended; `slipway stop --abandon`" in told
    again = server.slipway("stop", name, profile="dev", check=False)
    assert again.returncode == 1 and "it ends when what is under way has, or at once with `abandon`" in again.stderr
    assert f"stopping execution {run}\n" == said("stop", name, "--abandon")


def test_a_rejection_without_a_reason_says_by_whom(server, worker, make):
    name = make([approval("Ask")])
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.do("Artifact")
    server.slipway("reject", name, profile="dev")
    shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]
    assert shown["statusSummary"] == f"Action Ask in stage S1 failed: Rejected by {ROOT}"


def test_what_is_no_text_and_what_is_no_service_is_told(server):
    refused = server.slipway("explain", "\udcff", check=False)
    assert refused.returncode == 2 and "argument 1 is not UTF-8" in refused.stderr
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        refused = server.slipway("status", "--endpoint-url", url, check=False)
        other.shutdown()
    assert refused.returncode == 5 and "HTTP status 501" in refused.stderr and "name the right server?" in refused.stderr


def test_of_very_many_approvals_a_few_are_listed(server, worker, make):
    name = make([approval(f"Ask{i}") for i in range(30)])
    worker.call("StartPipelineExecution", name=name)
    worker.do("Artifact")
    asked = server.slipway("approve", name, profile="dev", check=False)
    assert asked.returncode == 2 and f"{name} waits for 30 approvals: say which" in asked.stderr
    assert asked.stderr.count("--execution") == 20 and f"and 10 more: `slipway explain {name}` lists all" in asked.stderr


# ---- where a Commands action's log is

@pytest.mark.parametrize("role,account", [({}, "222222222222"), ({"roleArn": "arn:aws:iam::333333333333:role/slipway-deploy"}, "333333333333")])
def test_the_log_stream_of_commands_is_told(server, worker, make, role, account):
    trust(server, "staging")
    name = make([commands(**role)])
    worker.call("StartPipelineExecution", name=name)
    worker.do("Artifact")
    other = worker if not role else Worker(server, profile="staging")
    [job] = other.take("Run")
    other.succeed(job, executionDetails={"externalExecutionId": "slipway-commands:1-2-3"})
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:/aws/codebuild/slipway-commands:log-stream:1-2-3"
    state = worker.call("GetPipelineState", name=name)["stageStates"][1]["actionStates"][0]["latestExecution"]
    runs = worker.call("ListActionExecutions", pipelineName=name)["actionExecutionDetails"]
    assert state["logStreamARN"] == arn
    assert [r["output"]["executionResult"].get("logStreamARN") for r in runs if r["actionName"] == "Run"] == [arn]
    assert all("logStreamARN" not in r["output"].get("executionResult", {}) for r in runs if r["actionName"] != "Run")


# ---- what would never work is refused when it is declared

def rule(configuration, **more):
    conditions = {"conditions": [{"result": "FAIL", "rules": [{
        "name": "Is", "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"},
        "configuration": configuration, **more}]}]}
    return {"name": "S1", "actions": [approval("Ask")], "beforeEntry": conditions}


@pytest.mark.parametrize("stage,code,words", [
    ({"name": "S1", "actions": [{**approval("Ask"), "configuration": {"NotificationArn": "arn:aws:sqs:us-east-1:222222222222:q"}}]},
     "InvalidActionDeclarationException", "is no topic's ARN"),
    ({"name": "S1", "actions": [{**approval("Ask"), "configuration": {"NotificationArn": "arn:aws:sns:us-east-1:444444444444:t"}}]},
     "InvalidActionDeclarationException", "arn:aws:sns:us-east-1:444444444444:t, a topic of another account"),
    ({"name": "S1", "actions": [{**approval("Ask"), "configuration": {"NotificationArn": "arn:aws:sns:eu-west-1:222222222222:t"}}]},
     "InvalidActionDeclarationException", "a topic of another region; Slipway has one region only: us-east-1"),
    ({"name": "S1", "actions": [{**approval("Ask"), "roleArn": "arn:aws:iam::222222222222:role/r",
                                 "configuration": {"NotificationArn": "arn:aws:sns:us-east-1:444444444444:t"}}]},
     "InvalidActionDeclarationException", "a topic of another account"),
    ({"name": "S1", "actions": [action("Do", provider="Nothing")]}, "InvalidActionDeclarationException",
     "ActionType (Category: 'Deploy', Provider: 'Nothing', Owner: 'AWS', Version: '1') in action 'Do' is not available in region US_EAST_1: ListActionTypes"),
    ({"name": "S1", "actions": [{**approval("Ask"), "region": "eu-west-1"}]},
     "InvalidActionDeclarationException", "Action Ask names the region eu-west-1"),
    (rule({"Variable": "x", "Operator": "MATCHES", "Value": "v[1"}),
     "InvalidStageDeclarationException", "which is no regular expression: at character"),
    (rule({"Variable": "x", "Operator": "EQ", "Value": "v"}, region="eu-west-1"),
     "InvalidStageDeclarationException", "Rule Is names the region eu-west-1"),
])
def test_what_could_never_work_is_refused(worker, make, stage, code, words):
    made = declaration(pipelineType="V2")
    made["stages"].append(stage)
    assert words in (said := refusal(worker.call, "CreatePipeline", pipeline=made))[1] and said[0] == code
    shown = worker.call("GetPipeline", name=make([approval("Ask")], pipelineType="V2"))["pipeline"]
    assert refusal(worker.call, "UpdatePipeline", pipeline={**shown, "stages": made["stages"]})[0] == code


def test_what_variables_will_say_and_the_own_region_are_taken(worker, make):
    made = declaration(pipelineType="V2")
    asks = {**approval("Ask"), "region": "us-east-1",
            "configuration": {"NotificationArn": "arn:aws:sns:us-east-1:#{codepipeline.PipelineExecutionId}:t"}}
    made["stages"].append({**rule({"Variable": "x", "Operator": "MATCHES", "Value": "v[#{codepipeline.PipelineExecutionId}"}),
                           "actions": [asks]})
    made["artifactStores"] = {"us-east-1": made.pop("artifactStore")}
    theirs = {**approval("Theirs"), "roleArn": "arn:aws:iam::444444444444:role/r",
              "configuration": {"NotificationArn": "arn:aws:sns:us-east-1:444444444444:t"}}
    made["stages"].append({"name": "S2", "actions": [theirs]})
    worker.call("CreatePipeline", pipeline=made)
    code, words = refusal(worker.call, "UpdatePipeline", pipeline={**made, "artifactStores": {
        "us-east-1": made["artifactStores"]["us-east-1"], "eu-west-1": {"type": "S3", "location": "other-store"}}})
    assert code == "InvalidStructureException" and "other-store names the region eu-west-1" in words
    worker.call("DeletePipeline", name=made["name"])


@pytest.mark.parametrize("texts,code,words", [
    ({"StackName": "#{Nobody.X}"}, "InvalidActionDeclarationException",
     "a namespace that does not exist. StageName=[S1], ActionName=[Go], ActionConfigurationKey=[StackName], VariableReferenceText=[Nobody.X]"),
    ({"StackName": "a#{codepipeline.PipelineExecutionId}#{Src}"}, "InvalidActionDeclarationException", "VariableReferenceText=[Src]"),
    ({"StackName": "#{codepipeline.Other}"}, "InvalidActionDeclarationException", "a variable that does not exist"),
    ({"StackName": "#{variables.Other}"}, "InvalidActionDeclarationException", "VariableReferenceText=[variables.Other]"),
    ({"StackName": "#{Src.Whatever}#{variables.Env}#{"}, None, ""),
])
def test_a_reference_that_nothing_can_give_is_refused(worker, make, texts, code, words):
    go = action("Go", configuration={"ActionMode": "DELETE_ONLY", **texts})
    call = lambda: make([go], sources=[{**source(), "namespace": "Src"}], pipelineType="V2",
                        variables=[{"name": "Env", "defaultValue": "dev"}])
    if code:
        said = refusal(call)
        assert said[0] == code and words in said[1]
    else:
        call()


def test_references_of_commands_and_rules_are_looked_at(worker, make):
    said = refusal(make, [{**commands(), "commands": ["echo #{No.Such}"]}])
    assert said[0] == "InvalidActionDeclarationException" and "ActionConfigurationKey=[commands]" in said[1]
    said = refusal(make, [{**commands(), "environmentVariables": [{"name": "A", "value": "#{No.Such}"}]}])
    assert said[0] == "InvalidActionDeclarationException" and "ActionConfigurationKey=[environmentVariables]" in said[1]
    made = declaration(pipelineType="V2")
    made["stages"].append(rule({"Variable": "#{No.Such}", "Operator": "EQ", "Value": "x"}))
    said = refusal(worker.call, "CreatePipeline", pipeline=made)
    assert said[0] == "InvalidStageDeclarationException" and "RuleName=[Is], RuleConfigurationKey=[Variable]" in said[1]


@pytest.mark.parametrize("wrong,words", [
    (action("Go", provider="S3", inputs=["App"], configuration={"BucketName": "b-b", "Extract": "false"}), "configuration 'ObjectKey'"),
    (action("Go", inputs=["App"], configuration={"ActionMode": "CREATE_UPDATE", "StackName": "s", "TemplatePath": "Other::t.yaml"}),
     "in its TemplatePath the artifact 'Other', which is not among its inputArtifacts"),
    (action("Go", inputs=["App"], configuration={"ActionMode": "CREATE_UPDATE", "StackName": "s", "TemplatePath": "t.yaml"}),
     "TemplatePath 't.yaml': write ARTIFACT::FILE"),
    (action("Go", inputs=["App"], configuration={"ActionMode": "CREATE_UPDATE", "StackName": "s", "TemplatePath": "App::t.yaml",
                                                 "TemplateConfiguration": "Other::c.json"}), "in its TemplateConfiguration the artifact 'Other'"),
    (action("Go", category="Build", provider="CodeBuild", inputs=["App"], configuration={"ProjectName": "p", "PrimarySource": "Other"}),
     "in its PrimarySource the artifact 'Other'"),
    ({**approval("Go"), "configuration": {"CustomData": "#{codepipeline.PipelineExecutionId}", "Approvers": "nobody"}}, "nobody's ARN"),
])
def test_what_an_action_could_never_do_is_refused(make, wrong, words):
    code, said = refusal(make, [wrong])
    assert code == "InvalidActionDeclarationException" and words in said


def test_a_variable_is_taken_from_what_comes_before(worker, make):
    asks = lambda name, space, order=1: action(name, order, configuration={"ActionMode": "DELETE_ONLY", "StackName": f"#{{{space}.Id}}"})
    gives = lambda order=1: action("Give", order, namespace="Given")
    rule = {"name": "Is", "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"},
            "configuration": {"Variable": "#{Given.Id}", "Operator": "EQ", "Value": "x"}}
    for stages in ([gives(), asks("Ask", "Given", 2)],), ([gives()], [asks("Ask", "Given")]):
        make(*stages)
    for stages in ([gives(), asks("Ask", "Given")],), ([gives(2), asks("Ask", "Given")],), ([asks("Ask", "Given")], [gives()]), \
            ([{**asks("Ask", "Own"), "namespace": "Own"}],):
        code, words = refusal(make, *stages)
        assert code == "InvalidActionDeclarationException" and "a namespace of an action that does not come before. StageName=[S1]" in words
    for member, fine in ("beforeEntry", False), ("onSuccess", True), ("onFailure", True):
        made = declaration([gives()], pipelineType="V2")
        made["stages"][1][member] = {"conditions": [{"result": "FAIL", "rules": [rule]}]}
        if fine:
            worker.call("DeletePipeline", name=worker.call("CreatePipeline", pipeline=made)["pipeline"]["name"])
        else:
            code, words = refusal(worker.call, "CreatePipeline", pipeline=made)
            assert code == "InvalidStageDeclarationException" and "does not come before" in words and "RuleName=[Is]" in words


def test_an_action_for_an_account_that_there_is_not_says_so(worker, make):
    name = make([{**action("Go"), "roleArn": "arn:aws:iam::999999999999:role/x"}])
    run = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.do("Artifact")
    ended = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]
    assert ended["status"] == "Failed" and "role arn:aws:iam::999999999999:role/x: there is no such role." in ended["statusSummary"]


def test_explain_says_by_which_version_an_execution_goes(server, worker, make):
    name = make([approval("Ask")])
    worker.call("StartPipelineExecution", name=name)
    worker.do("Artifact")
    assert "by version" not in server.slipway("explain", name, profile="dev")
    worker.call("UpdatePipeline", pipeline=worker.call("GetPipeline", name=name)["pipeline"])
    assert "in stage S1, by version 1 of the pipeline (new ones: by version 2)" in server.slipway("explain", name, profile="dev")
