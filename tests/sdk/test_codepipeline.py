"""Pipelines and their executions, by boto3 and the AWS CLI."""
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from pipelines import ACCOUNT, ROLE, Refused, SHA256, Worker, action, approval, code_of, declaration, source, trust


def start(codepipeline, name, **more):
    return codepipeline.start_pipeline_execution(name=name, **more)["pipelineExecutionId"]


def execution(codepipeline, name, identity):
    return codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=identity)["pipelineExecution"]


def state(codepipeline, name, stage):
    return {s["stageName"]: s for s in codepipeline.get_pipeline_state(name=name)["stageStates"]}[stage]


def latest(codepipeline, name, stage, action_name):
    return {a["actionName"]: a.get("latestExecution", {}) for a in state(codepipeline, name, stage)["actionStates"]}[action_name]


# ---- pipelines

def test_pipeline_is_made_shown_changed_and_deleted(codepipeline):
    wanted = declaration([action("Go")])
    made = codepipeline.create_pipeline(pipeline=wanted, tags=[{"key": "team", "value": "a"}])
    assert made["tags"] == [{"key": "team", "value": "a"}] and {**wanted, "version": 1}.items() <= made["pipeline"].items()
    shown = codepipeline.get_pipeline(name=wanted["name"])
    assert shown["pipeline"] == made["pipeline"]
    assert shown["metadata"]["pipelineArn"] == f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:{wanted['name']}"
    assert code_of(codepipeline.create_pipeline, pipeline=wanted) == "PipelineNameInUseException"
    changed = codepipeline.update_pipeline(pipeline={**wanted, "roleArn": ROLE + "2"})["pipeline"]
    assert (changed["version"], changed["roleArn"]) == (2, ROLE + "2")
    assert codepipeline.get_pipeline(name=wanted["name"], version=1)["pipeline"]["roleArn"] == ROLE
    assert code_of(codepipeline.get_pipeline, name=wanted["name"], version=3) == "PipelineVersionNotFoundException"
    codepipeline.delete_pipeline(name=wanted["name"])
    codepipeline.delete_pipeline(name=wanted["name"])  # as on AWS: no error
    for call in (codepipeline.get_pipeline, codepipeline.get_pipeline_state, codepipeline.start_pipeline_execution):
        assert code_of(call, name=wanted["name"]) == "PipelineNotFoundException"
    assert code_of(codepipeline.update_pipeline, pipeline=wanted) == "PipelineNotFoundException"


STRUCTURE, STAGE, ACTION = (f"Invalid{k}Exception" for k in ("Structure", "StageDeclaration", "ActionDeclaration"))


@pytest.mark.parametrize("code,change", [
    (STRUCTURE, lambda d: d.update(stages=d["stages"][:1])),
    (STRUCTURE, lambda d: d.update(stages=d["stages"][::-1])),
    (STRUCTURE, lambda d: d.pop("artifactStore")),
    (STRUCTURE, lambda d: d["stages"][1]["actions"].append(source("Late", "Other"))),
    (STRUCTURE, lambda d: d.update(stages=d["stages"] + [{"name": f"n{i}", "actions": [action("A")]}
                                                         for i in range(50)])),
    (STAGE, lambda d: d["stages"][1].update(name="Source")),
    (STAGE, lambda d: d["stages"][1].update(actions=[])),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("Go"))),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("X", inputs=["Nowhere"]))),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("X", outputs=["App"]))),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("X", provider="Nobody"))),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("X", configuration={"StackName": "s"}))),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("X", configuration={"ActionMode": "ODD",
                                                                                   "StackName": "s"}))),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("X", configuration={
        "ActionMode": "CHANGE_SET_EXECUTE", "StackName": "s"}))),
    (ACTION, lambda d: d["stages"][1]["actions"].append(action("X", configuration={
        "ActionMode": "DELETE_ONLY", "StackName": "s", "Surprise": "1"}))),
    (ACTION, lambda d: [a.update(namespace="one") for s in d["stages"] for a in s["actions"]]),
    (ACTION, lambda d: d["stages"][1]["actions"][0].update(namespace="codepipeline")),
])
def test_structure_is_refused_and_nothing_is_made(codepipeline, code, change):
    wanted = declaration([action("Go")])
    change(wanted)
    assert code_of(codepipeline.create_pipeline, pipeline=wanted) == code
    assert code_of(codepipeline.get_pipeline, name=wanted["name"]) == "PipelineNotFoundException"


def test_fields_are_validated(worker, codepipeline, make):
    name = make([action("Go")])
    good = declaration([action("Go")])
    for member, value in (("name", "a b"), ("roleArn", "me"), ("stages", "x"), ("version", "one"),
                          ("executionMode", "SOMEHOW")):
        assert code_of(worker.call, "CreatePipeline", pipeline={**good, member: value}) in (
            "ValidationException", "SerializationException", STRUCTURE), member
    assert code_of(worker.call, "CreatePipeline") == "ValidationException"
    for operation, members in (
            ("GetPipeline", {"name": "x" * 101}), ("GetPipeline", {"name": name, "version": 0}),
            ("ListPipelines", {"maxResults": 1001}), ("GetPipelineState", {}),
            ("StartPipelineExecution", {"name": name, "clientRequestToken": "a b"}),
            ("StopPipelineExecution", {"pipelineName": name, "pipelineExecutionId": "x"}),
            ("GetPipelineExecution", {"pipelineName": name, "pipelineExecutionId": "x"}),
            ("ListActionExecutions", {"pipelineName": name, "maxResults": 101}),
            ("RetryStageExecution", {"pipelineName": name, "stageName": "S1", "pipelineExecutionId": str(uuid.uuid4()),
                                     "retryMode": "SOME"}),
            ("DisableStageTransition", {"pipelineName": name, "stageName": "S1", "transitionType": "Inbound",
                                        "reason": "<>"}),
            ("PutApprovalResult", {"pipelineName": name, "stageName": "S1", "actionName": "Go", "token": "t",
                                   "result": {"summary": "", "status": "Maybe"}})):
        assert code_of(worker.call, operation, **members) == "ValidationException", operation
    assert codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"] == []


def test_pipelines_page_by_name(server):
    codepipeline = server.client("codepipeline", profile="staging")
    names = sorted(f"page-{i:02}" for i in range(7))
    for name in reversed(names):
        codepipeline.create_pipeline(pipeline=declaration([action("Go")], name=name))
    pages = list(codepipeline.get_paginator("list_pipelines").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(p["pipelines"]) for p in pages] == [3, 3, 1]
    assert [p["name"] for page in pages for p in page["pipelines"]] == names
    assert server.client("codepipeline", profile="prod").list_pipelines()["pipelines"] == []  # another account's


def test_tags(codepipeline, make):
    name = make([action("Go")])
    arn = codepipeline.get_pipeline(name=name)["metadata"]["pipelineArn"]
    codepipeline.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    codepipeline.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "3"}])
    codepipeline.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert codepipeline.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "3"}]
    many = [{"key": f"k{i}", "value": ""} for i in range(51)]
    assert code_of(codepipeline.tag_resource, resourceArn=arn, tags=many) == "TooManyTagsException"
    assert code_of(codepipeline.tag_resource, resourceArn=arn, tags=[{"key": "aws:x", "value": ""}]) == "InvalidTagsException"
    assert code_of(codepipeline.list_tags_for_resource, resourceArn=arn + "x") == "ResourceNotFoundException"


@pytest.mark.parametrize("arn, code", [
    (f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:nosuch", "ResourceNotFoundException"),
    (f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:webhook:nosuch", "ResourceNotFoundException"),
    (f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:actiontype:Custom/Build/Nosuch/1", "ResourceNotFoundException"),
    ("arn:aws:codepipeline:us-east-1:333333333333:nosuch", "InvalidArnException"),      # another account's
    (f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:nosuch", "InvalidArnException"),        # another region's
    (f"arn:aws-cn:codepipeline:us-east-1:{ACCOUNT}:nosuch", "InvalidArnException"),
    (f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:nosuch/Deploy/Go", "InvalidArnException"),   # an action's
    (f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:webhook:", "InvalidArnException"),
    (f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:actiontype:AWS/Build/CodeBuild/1", "InvalidArnException"),
    (f"arn:aws:codebuild:us-east-1:{ACCOUNT}:nosuch", "ValidationException"),           # not of the model's pattern
    ("nosuch", "ValidationException")])
def test_an_arn_of_nothing_that_has_tags(codepipeline, arn, code):
    assert code_of(codepipeline.list_tags_for_resource, resourceArn=arn) == code
    assert code_of(codepipeline.tag_resource, resourceArn=arn, tags=[{"key": "a", "value": "1"}]) == code
    assert code_of(codepipeline.untag_resource, resourceArn=arn, tagKeys=["a"]) == code


# ---- executions

def test_execution_runs_through_stages_and_shows_what_it_did(codepipeline, worker, make):
    name = make([action("One", namespace="First"), action("Two", 2, configuration={
        "ActionMode": "DELETE_ONLY", "StackName": "#{First.Out}-#{codepipeline.PipelineExecutionId}"})])
    run = worker.call("StartPipelineExecution", name=name, sourceRevisions=[
        {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v7"}])["pipelineExecutionId"]
    assert codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"][0]["sourceRevisions"] == [
        {"actionName": "Artifact", "revisionId": "v7"}]
    [job] = worker.take("Artifact")
    assert job["data"]["sourceRevision"]["revisionValue"] == "v7" and job["accountId"] == ACCOUNT
    assert set(job["data"]["artifactCredentials"]) == {"accessKeyId", "secretAccessKey", "sessionToken"}
    worker.succeed(job)
    [job] = worker.take("One")
    worker.succeed(job, outputVariables={"Out": "stack"}, executionDetails={
        "summary": "done it", "externalExecutionId": "x-1", "percentComplete": 100})
    [job] = worker.take("Two")
    assert job["data"]["actionConfiguration"]["configuration"]["StackName"] == f"stack-{run}"
    worker.succeed(job)

    done = execution(codepipeline, name, run)
    assert done["status"] == "Succeeded" and done["pipelineVersion"] == 1
    [revision] = done["artifactRevisions"]
    assert (revision["name"], revision["revisionId"], revision["revisionSummary"]) == ("App", "v7", "words")
    [summary] = codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
    assert summary["sourceRevisions"][0]["revisionId"] == "v7"
    assert summary["trigger"]["triggerType"] == "StartPipelineExecution"
    details = codepipeline.list_action_executions(pipelineName=name)["actionExecutionDetails"]
    assert [d["actionName"] for d in details] == ["Two", "One", "Artifact"]
    assert details[0]["input"]["configuration"]["StackName"].startswith("#{First.Out}")
    assert details[0]["input"]["resolvedConfiguration"]["StackName"] == f"stack-{run}"
    assert details[1]["output"]["outputVariables"] == {"Out": "stack"}
    assert details[1]["output"]["executionResult"] == {"externalExecutionId": "x-1",
                                                       "externalExecutionSummary": "done it"}
    [artifact] = details[2]["output"]["outputArtifacts"]
    assert artifact["s3location"]["bucket"] == "store-bucket"
    shown = latest(codepipeline, name, "S1", "One")
    assert (shown["status"], shown["summary"], shown["percentComplete"]) == ("Succeeded", "done it", 100)
    assert state(codepipeline, name, "S1")["latestExecution"].items() >= {"pipelineExecutionId": run, "status": "Succeeded"}.items()


def test_same_token_is_the_same_execution(codepipeline, make):
    name = make([action("Go")])
    token = str(uuid.uuid4())
    assert start(codepipeline, name, clientRequestToken=token) == start(codepipeline, name, clientRequestToken=token)
    assert start(codepipeline, name) != start(codepipeline, name, clientRequestToken=str(uuid.uuid4()))


def test_start_is_refused_for_what_the_pipeline_has_not(worker, make):
    name = make([action("Go")], variables=[{"name": "must"}])
    revision = {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v"}
    good = [{"name": "must", "value": "1"}]
    for more in ({"sourceRevisions": [{**revision, "actionName": "Nobody"}], "variables": good},
                 {"sourceRevisions": [{**revision, "revisionType": "COMMIT_ID"}], "variables": good},
                 {"variables": good + [{"name": "unknown", "value": "1"}]}, {}):
        assert code_of(worker.call, "StartPipelineExecution", name=name, **more) == "ValidationException"
    worker.call("StartPipelineExecution", name=name, variables=good, sourceRevisions=[revision])


def test_an_object_key_is_overridden_where_the_action_allows_it(codepipeline, worker, make):
    key = {"actionName": "Artifact", "revisionType": "S3_OBJECT_KEY", "revisionValue": "other/k2.zip"}
    version = {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v8"}

    def started(name, *revisions):
        return worker.call("StartPipelineExecution", name=name, sourceRevisions=list(revisions))["pipelineExecutionId"]

    def configured(name, **more):
        allowed = source()
        allowed["configuration"].update(more)
        return make([action("Go")], name=name, sources=[allowed])

    for i, refused in enumerate(({}, {"AllowOverrideForS3ObjectKey": "false"})):
        name = configured(f"key-refused-{i}", **refused)
        assert code_of(started, name, key) == "ValidationException"
        started(name, version)
        worker.fail(worker.take("Artifact")[0])

    name = configured("key-allowed", AllowOverrideForS3ObjectKey="true")
    assert code_of(started, name, key, {**key, "revisionValue": "third"}) == "ValidationException"
    started(name, key, version)
    [job] = worker.take("Artifact")
    assert job["data"]["actionConfiguration"]["configuration"]["S3ObjectKey"] == "other/k2.zip"
    assert job["data"]["sourceRevision"] == version
    worker.fail(job)
    run = started(name, key)
    [job] = worker.take("Artifact")
    assert job["data"]["actionConfiguration"]["configuration"]["S3ObjectKey"] == "other/k2.zip"
    assert "sourceRevision" not in job["data"]
    worker.succeed(job)
    worker.do("Go")
    details = codepipeline.list_action_executions(pipelineName=name, filter={"pipelineExecutionId": run})["actionExecutionDetails"]
    shown = details[-1]["input"]
    assert shown["configuration"]["S3ObjectKey"] == "k.zip"
    assert shown["resolvedConfiguration"]["S3ObjectKey"] == "other/k2.zip"
    started(name)
    [job] = worker.take("Artifact")
    assert job["data"]["actionConfiguration"]["configuration"]["S3ObjectKey"] == "k.zip"
    worker.fail(job)


@pytest.mark.parametrize("kind", ["V1", "V2"])
def test_no_variables_may_be_said_in_so_many_words(worker, make, kind):
    """The newest model's list has no least length."""
    name = make([action("A")], variables=[], triggers=[], pipelineType=kind)
    assert worker.call("GetPipeline", name=name)["pipeline"]["pipelineType"] == kind


def test_pipeline_variables(worker, codepipeline, make):
    name = make([action("Go", configuration={"ActionMode": "DELETE_ONLY", "StackName": "#{variables.size}-#{variables.colour}"})],
                variables=[{"name": "size", "defaultValue": "big"}, {"name": "colour"}])
    run = worker.call("StartPipelineExecution", name=name, variables=[{"name": "colour", "value": "red"}])[
        "pipelineExecutionId"]
    worker.do("Artifact")
    [job] = worker.take("Go")
    assert job["data"]["actionConfiguration"]["configuration"]["StackName"] == "big-red"
    shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]
    assert {v["name"]: v["resolvedValue"] for v in shown["variables"]} == {"size": "big", "colour": "red"}


def test_unknown_variable_fails_the_action_before_any_job(worker, codepipeline, make):
    name = make([action("Go", configuration={"ActionMode": "DELETE_ONLY", "StackName": "#{Src.Key}"})],
                sources=[source(namespace="Src")])
    run = start(codepipeline, name)
    worker.do("Artifact")
    assert worker.poll() == []
    assert execution(codepipeline, name, run)["status"] == "Failed"
    error = latest(codepipeline, name, "S1", "Go")["errorDetails"]
    assert error["code"] == "ConfigurationError" and "#{Src.Key}" in error["message"]


def test_run_order_and_parallel_actions(worker, codepipeline, make):
    name = make([action("A"), action("B"), action("C", 2)])
    run = start(codepipeline, name)
    worker.do("Artifact")
    first, second = worker.take("A", "B")
    worker.succeed(first)
    assert worker.poll() == []  # C waits for both
    worker.succeed(second)
    worker.do("C")
    assert execution(codepipeline, name, run)["status"] == "Succeeded"


def test_failure_stops_the_stage_and_says_why(worker, codepipeline, make):
    name = make([action("A"), action("B")], [action("Later")])
    run = start(codepipeline, name)
    worker.do("Artifact")
    first, second = worker.take("A", "B")
    worker.fail(first, "line one\nline two")
    assert execution(codepipeline, name, run)["status"] == "InProgress"  # B runs on
    worker.succeed(second)
    done = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]
    assert (done["status"], done["statusSummary"]) == ("Failed", "Action A in stage S1 failed: line one\nline two")
    shown = latest(codepipeline, name, "S1", "A")
    assert shown["errorDetails"] == {"code": "JobFailed", "message": "line one\nline two"}
    assert shown["externalExecutionId"] == "build/7"
    assert worker.poll() == []


def test_what_fails_beside_what_is_under_way_is_explained_and_retried_by_the_command(server, worker, codepipeline, make):
    name = make([action("A"), action("B")])
    run = start(codepipeline, name)
    worker.do("Artifact")
    bad, slow = worker.take("A", "B")
    refused = server.slipway("retry", name, profile="dev", check=False)
    assert refused.returncode != 0 and "nothing to retry" in refused.stderr
    worker.fail(bad)
    [told] = worker.call("ExplainPipeline", name=name)["executions"]
    assert [(w["type"], w["actionName"]) for w in told["waitsFor"]] == [("Failure", "A"), ("Action", "B")]
    said = server.slipway("explain", name, profile="dev")
    assert "Action A has failed, and stage S1 ends when its other actions have, unless it is retried before: " in said
    assert f"retrying S1 of execution {run}" in server.slipway("retry", name, profile="dev")
    [told] = worker.call("ExplainPipeline", name=name)["executions"]
    assert "Failure" not in {w["type"] for w in told["waitsFor"]}
    for job in slow, *worker.take("A"):
        worker.succeed(job)
    assert execution(codepipeline, name, run)["status"] == "Succeeded"


def test_a_failed_action_is_retried_beside_what_is_under_way(worker, codepipeline, make):
    name = make([action("A"), action("B"), action("C"), action("Last", runOrder=2)])
    run = start(codepipeline, name)
    worker.do("Artifact")
    retry = lambda mode: worker.call("RetryStageExecution", pipelineName=name, pipelineExecutionId=run, stageName="S1",
                                     retryMode=mode)
    bad, good, slow = worker.take("A", "B", "C")
    assert code_of(retry, "FAILED_ACTIONS") == "StageNotRetryableException"  # nothing has failed
    worker.succeed(good)
    worker.fail(bad)
    assert code_of(retry, "ALL_ACTIONS") == "StageNotRetryableException"  # C is in progress
    assert retry("FAILED_ACTIONS")["pipelineExecutionId"] == run
    assert code_of(retry, "FAILED_ACTIONS") == "StageNotRetryableException"
    [again] = worker.take("A")
    worker.succeed(slow)
    worker.succeed(again)
    worker.do("Last")
    assert execution(codepipeline, name, run)["status"] == "Succeeded"
    shown = worker.call("GetPipelineState", name=name)["stageStates"][1]
    assert shown["retryStageMetadata"]["manualStageRetryAttempt"] == 1


@pytest.mark.parametrize("mode,again", [("FAILED_ACTIONS", ["A"]), ("ALL_ACTIONS", ["A", "B"])])
def test_retry(worker, codepipeline, make, mode, again):
    name = make([action("A"), action("B")])
    run = start(codepipeline, name)
    retry = {"pipelineName": name, "pipelineExecutionId": run, "retryMode": mode}
    worker.do("Artifact")
    assert code_of(codepipeline.retry_stage_execution, stageName="S1", **retry) == "StageNotRetryableException"
    first, second = worker.take("A", "B")
    worker.succeed(second)
    worker.fail(first)
    assert code_of(codepipeline.retry_stage_execution, stageName="No", **retry) == "StageNotFoundException"
    assert codepipeline.retry_stage_execution(stageName="S1", **retry)["pipelineExecutionId"] == run
    for job in worker.take(*again):
        worker.succeed(job)
    assert execution(codepipeline, name, run)["status"] == "Succeeded"
    assert code_of(codepipeline.retry_stage_execution, stageName="S1", **retry) == "StageNotRetryableException"
    newer = start(codepipeline, name)
    worker.do("Artifact")
    for job in worker.take("A", "B"):
        worker.fail(job)
    assert code_of(codepipeline.retry_stage_execution, stageName="S1", **retry) == "NotLatestPipelineExecutionException"
    assert execution(codepipeline, name, newer)["status"] == "Failed"


def outcomes(call, *inputs):
    """What becomes of these calls, made at once: the error's code, or "done", of each, in alphabetical order."""
    def one(members):
        try:
            call(**members)
            return "done"
        except ClientError as error:
            return error.response["Error"]["Code"]
    with ThreadPoolExecutor(len(inputs)) as pool:
        return sorted(pool.map(one, inputs))


def test_of_calls_made_at_once_each_meets_the_outcome_of_the_one_before(worker, codepipeline, make):
    name = make([action("A")])
    run = start(codepipeline, name)
    worker.do("Artifact")
    worker.fail(worker.take("A")[0])
    retry = {"pipelineName": name, "stageName": "S1", "pipelineExecutionId": run, "retryMode": "FAILED_ACTIONS"}
    assert outcomes(codepipeline.retry_stage_execution, *[retry] * 4) == ["StageNotRetryableException"] * 3 + ["done"]
    stop = {"pipelineName": name, "pipelineExecutionId": run}
    worker.take("A")
    assert outcomes(codepipeline.stop_pipeline_execution, *[stop] * 4) == ["DuplicatedStopRequestException"] * 3 + ["done"]
    arn = codepipeline.get_pipeline(name=name)["metadata"]["pipelineArn"]
    tags = [{"resourceArn": arn, "tags": [{"key": "a", "value": str(i)}, {"key": f"b{i}", "value": ""}]} for i in range(4)]
    assert outcomes(codepipeline.tag_resource, *tags) == ["done"] * 4
    assert [t["key"] for t in codepipeline.list_tags_for_resource(resourceArn=arn)["tags"]] == ["a", "b0", "b1", "b2", "b3"]
    new = {"pipeline": declaration([action("A")])}
    assert outcomes(codepipeline.create_pipeline, *[new] * 4) == ["PipelineNameInUseException"] * 3 + ["done"]
    assert outcomes(codepipeline.delete_pipeline, *[{"name": new["pipeline"]["name"]}] * 4) == ["done"] * 4


def test_newer_execution_supersedes_the_one_that_waits(worker, codepipeline, make):
    name = make([action("Go")])
    runs = [start(codepipeline, name)]
    worker.do("Artifact")
    [busy] = worker.take("Go")
    for _ in range(2):
        runs.append(start(codepipeline, name))
        worker.do("Artifact")
    assert state(codepipeline, name, "S1")["inboundExecution"]["pipelineExecutionId"] == runs[2]
    statuses = [execution(codepipeline, name, run)["status"] for run in runs]
    assert statuses == ["InProgress", "Superseded", "InProgress"]
    [ended] = [e for e in worker.call("ListPipelineHistory", pipelineName=name)["events"] if e["what"] == "Superseded"]
    assert ended["who"] == f"arn:aws:iam::{ACCOUNT}:root" and runs[2] in ended["why"]
    worker.succeed(busy)
    worker.do("Go")
    assert [execution(codepipeline, name, run)["status"] for run in runs] == ["Succeeded", "Superseded", "Succeeded"]


def test_queued_executions_wait_for_each_other(worker, codepipeline, make):
    name = make([action("Go")], pipelineType="V2", executionMode="QUEUED")
    first, second, third = (start(codepipeline, name) for _ in range(3))
    shown = worker.call("GetPipelineState", name=name)["stageStates"][0]
    assert [e["pipelineExecutionId"] for e in shown["inboundExecutions"]] == [second, third]
    assert shown["inboundExecution"]["pipelineExecutionId"] == second
    worker.do("Artifact")
    go, artifact = worker.take("Go", "Artifact")
    worker.succeed(artifact)
    worker.do("Artifact")
    waiting = worker.call("GetPipelineState", name=name)["stageStates"][1]["inboundExecutions"]
    assert [e["pipelineExecutionId"] for e in waiting] == [second, third]
    for identity in (first, second, third):
        assert go["data"]["pipelineContext"]["pipelineExecutionId"] == identity
        worker.succeed(go)
        assert execution(codepipeline, name, identity)["status"] == "Succeeded"
        assert worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=identity)[
            "pipelineExecution"]["executionMode"] == "QUEUED"
        go = worker.take("Go")[0] if identity != third else None
    for _ in range(51):
        start(codepipeline, name)
    assert code_of(start, codepipeline, name) == "ConcurrentPipelineExecutionsLimitExceededException"


def test_parallel_executions_run_side_by_side(worker, codepipeline, make):
    name = make([action("Go")], pipelineType="V2", executionMode="PARALLEL")
    runs = [start(codepipeline, name) for _ in range(3)]
    for job in worker.poll():
        worker.succeed(job)
    jobs = {j["data"]["pipelineContext"]["pipelineExecutionId"]: j for j in worker.poll()}
    assert set(jobs) == set(runs)
    worker.fail(jobs[runs[0]])
    assert execution(codepipeline, name, runs[0])["status"] == "Failed"
    codepipeline.retry_stage_execution(pipelineName=name, stageName="S1", pipelineExecutionId=runs[0],
                                 retryMode="FAILED_ACTIONS")  # though later ones have entered the stage
    for job in [jobs[runs[1]], jobs[runs[2]], *worker.take("Go")]:
        worker.succeed(job)
    assert [execution(codepipeline, name, r)["status"] for r in runs] == ["Succeeded"] * 3


def test_the_fifty_of_parallel_mode_count_what_is_retried(worker, codepipeline, make):
    name = make([action("Go")], pipelineType="V2", executionMode="PARALLEL")
    failed = start(codepipeline, name)
    worker.do("Artifact")
    worker.fail(worker.take("Go")[0])
    runs = [start(codepipeline, name) for _ in range(50)]
    assert code_of(start, codepipeline, name) == "ConcurrentPipelineExecutionsLimitExceededException"
    retry = lambda: worker.call("RetryStageExecution", pipelineName=name, stageName="S1", pipelineExecutionId=failed,
                                retryMode="FAILED_ACTIONS")
    assert code_of(retry) == "ConcurrentPipelineExecutionsLimitExceededException"
    codepipeline.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=runs[0], abandon=True)
    retry()
    assert execution(codepipeline, name, failed)["status"] == "InProgress"
    assert code_of(start, codepipeline, name) == "ConcurrentPipelineExecutionsLimitExceededException"


# ---- explain

def test_explain_has_all_of_long_words(worker, codepipeline, make):
    words = "x" + "ä" * 900
    name = make([{**approval("Ask"), "configuration": {"CustomData": words}}])
    start(codepipeline, name)
    worker.do("Artifact")
    [wait] = worker.call("ExplainPipeline", name=name)["executions"][0]["waitsFor"]
    assert wait["summary"] == f"Action Ask waits for an approval: {words}"


def test_explain_says_what_each_execution_waits_for(worker, codepipeline, make):
    name = make([approval("Ask"), action("Go")], pipelineType="V2", executionMode="QUEUED")
    explain = lambda: worker.call("ExplainPipeline", name=name)["executions"]
    assert explain() == []
    first = start(codepipeline, name)
    [offered] = explain()
    assert (offered["stageName"], offered["entered"]) == ("Source", True)
    [wait] = offered["waitsFor"]
    assert (wait["type"], wait["actionName"]) == ("Worker", "Artifact")
    assert f"the anchor of account {ACCOUNT}, which has not taken it" in wait["summary"]
    [job] = worker.take("Artifact")
    assert [w["summary"] for w in explain()[0]["waitsFor"]] == [
        f"Action Artifact runs at worker test of account {ACCOUNT}"]
    worker.succeed(job)
    kinds = {w["type"]: w for w in explain()[0]["waitsFor"]}
    assert set(kinds) == {"Approval", "Worker"} and kinds["Approval"]["until"] > time.time() + 6 * 86400
    [go] = worker.take("Go")
    second, third = start(codepipeline, name), start(codepipeline, name)
    worker.do("Artifact", "Artifact")
    codepipeline.disable_stage_transition(pipelineName=name, stageName="S1", transitionType="Inbound", reason="a freeze")
    waits = {e["pipelineExecutionId"]: e["waitsFor"] for e in explain()}
    assert [w["type"] for w in waits[second]] == ["Transition", "Stage"]
    assert "is disabled by arn:aws:iam::" in waits[second][0]["summary"] and "a freeze" in waits[second][0]["summary"]
    assert first in waits[second][1]["summary"]
    assert [w["type"] for w in waits[third]] == ["Transition", "Stage", "Turn"] and second in waits[third][2]["summary"]
    worker.call("ReleaseJob", jobId=go["id"], nonce=go["nonce"])
    assert any("fell silent or handed it back" in w["summary"] for w in explain()[0]["waitsFor"])
    assert code_of(worker.call, "ExplainPipeline", name="nobody") == "PipelineNotFoundException"


# ---- history

def history(worker, name, **more):
    events, token = [], None
    while True:
        page = worker.call("ListPipelineHistory", pipelineName=name, **({"nextToken": token} if token else {}), **more)
        events += page["events"]
        token = page.get("nextToken")
        if not token:
            return events[::-1]


def test_history_says_who_when_and_why_also_after_the_end(worker, codepipeline, make):
    name = make([approval("Ask")])
    run = start(codepipeline, name)
    worker.do("Artifact")
    codepipeline.put_approval_result(pipelineName=name, stageName="S1", actionName="Ask",
                               token=latest(codepipeline, name, "S1", "Ask")["token"],
                               result={"summary": "not today", "status": "Rejected"})
    codepipeline.delete_pipeline(name=name)
    events = history(worker, name)
    assert [e["what"] for e in events] == [
        "created", "started", "stage-entered", "stage-succeeded", "stage-entered", "rejected", "action-failed", "Failed", "deleted"]
    assert [e.get("stageName") for e in events] == [None, "Source", "Source", "Source", "S1", "S1", "S1", "S1", None]
    assert {e["who"] for e in events if e["what"] in ("created", "deleted")} == {f"arn:aws:iam::{ACCOUNT}:root"}
    rejected = events[5]
    assert (rejected["stageName"], rejected["actionName"], rejected["why"]) == ("S1", "Ask", "not today")
    assert rejected["who"].startswith(f"arn:aws:iam::{ACCOUNT}:") and rejected["pipelineExecutionId"] == run
    assert abs(rejected["at"] - time.time()) < 60
    assert history(worker, name, maxResults=5) == events
    assert history(worker, name, pipelineExecutionId=run) == events[1:-1]
    assert history(worker, "nobody") == []
    assert code_of(worker.call, "ListPipelineHistory", pipelineName=name, nextToken="x") == "InvalidNextTokenException"


# ---- rollback

def test_rollback_brings_back_what_an_older_version_deployed(worker, codepipeline, make):
    name = make([action("Go", inputs=["App"], configuration={"ActionMode": "CREATE_UPDATE", "StackName": "one",
                                                             "TemplatePath": "App::t.yaml", "RoleArn": ROLE})])
    good = start(codepipeline, name)
    worker.do("Artifact", "Go")
    changed = worker.call("GetPipeline", name=name)["pipeline"]
    changed["stages"][1]["actions"][0]["configuration"]["StackName"] = "two"
    worker.call("UpdatePipeline", pipeline=changed)
    bad = start(codepipeline, name)
    worker.do("Artifact", "Go")
    roll_back = lambda target, **more: worker.call("RollbackStage", pipelineName=name, stageName="S1",
                                                   targetPipelineExecutionId=target, **more)
    would = roll_back(good, dryRun=True)["wouldDeploy"]
    assert worker.poll() == [] and would["pipelineVersion"] == 1
    assert [(r["name"], r["sha256"]) for r in would["artifactRevisions"]] == [("App", SHA256)]
    assert [(a["name"], a["configuration"]["StackName"]) for a in would["actions"]] == [("Go", "one")]
    back = roll_back(good)["pipelineExecutionId"]
    assert code_of(roll_back, bad) == "UnableToRollbackStageException"  # it runs
    [job] = worker.take("Go")
    assert job["data"]["actionConfiguration"]["configuration"]["StackName"] == "one"
    assert job["data"]["inputArtifacts"][0]["sha256"] == SHA256
    assert job["data"]["pipelineContext"]["pipelineExecutionId"] == back
    worker.succeed(job)
    shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=back)["pipelineExecution"]
    assert (shown["status"], shown["executionType"], shown["pipelineVersion"]) == ("Succeeded", "ROLLBACK", 1)
    assert shown["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    assert shown["trigger"]["triggerType"] == "ManualRollback"
    assert execution(codepipeline, name, back)["artifactRevisions"] == execution(codepipeline, name, good)["artifactRevisions"]
    latest_run = worker.call("GetPipelineState", name=name)["stageStates"][1]["latestExecution"]
    assert latest_run == {"pipelineExecutionId": back, "status": "Succeeded", "type": "ROLLBACK"}
    roll_back(back)  # to one that was a rollback itself
    worker.do("Go")


def with_failure(name, worker, **on_failure):
    changed = worker.call("GetPipeline", name=name)["pipeline"]
    changed["stages"][1]["onFailure"] = on_failure
    return worker.call("UpdatePipeline", pipeline=changed)["pipeline"]


def test_failed_stage_rolls_itself_back(worker, codepipeline, make):
    name = make([action("Go")], pipelineType="V2")
    assert with_failure(name, worker, result="ROLLBACK")["stages"][1]["onFailure"] == {"result": "ROLLBACK"}
    good = start(codepipeline, name)
    worker.do("Artifact", "Go")
    bad = start(codepipeline, name)
    worker.do("Artifact")
    worker.fail(worker.take("Go")[0])
    assert execution(codepipeline, name, bad)["status"] == "Failed"
    newest = worker.call("ListPipelineExecutions", pipelineName=name)["pipelineExecutionSummaries"][0]
    assert (newest["executionType"], newest["status"]) == ("ROLLBACK", "InProgress")
    assert newest["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    assert newest["trigger"] == {"triggerType": "AutomatedRollback", "triggerDetail": bad}
    worker.fail(worker.take("Go")[0])  # a rollback that fails is not rolled back
    assert worker.poll() == []


@pytest.mark.parametrize("mode", ["SUPERSEDED", "QUEUED"])
def test_a_rollback_enters_the_failed_stage_before_who_waits_for_it(worker, codepipeline, make, mode):
    name = make([action("Go")], pipelineType="V2", executionMode=mode)
    with_failure(name, worker, result="ROLLBACK")
    good = start(codepipeline, name)
    worker.do("Artifact", "Go")
    start(codepipeline, name)
    worker.do("Artifact")
    [job] = worker.take("Go")
    waits = start(codepipeline, name)
    worker.do("Artifact")
    worker.fail(job)
    [job] = worker.take("Go")
    back = job["data"]["pipelineContext"]["pipelineExecutionId"]
    shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=back)["pipelineExecution"]
    assert shown["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    assert state(codepipeline, name, "S1")["inboundExecution"]["pipelineExecutionId"] == waits
    worker.succeed(job)
    [job] = worker.take("Go")
    assert job["data"]["pipelineContext"]["pipelineExecutionId"] == waits
    worker.succeed(job)
    assert execution(codepipeline, name, waits)["status"] == "Succeeded"


@pytest.mark.parametrize("mode,again", [("FAILED_ACTIONS", {"Bad"}), ("ALL_ACTIONS", {"Good", "Bad"})])
def test_failed_stage_retries_itself_once(worker, codepipeline, make, mode, again):
    name = make([action("Good"), action("Bad")], pipelineType="V2")
    with_failure(name, worker, result="RETRY", retryConfiguration={"retryMode": mode})
    run = start(codepipeline, name)
    worker.do("Artifact")
    good, bad = worker.take("Good", "Bad")
    worker.succeed(good)
    worker.fail(bad)
    jobs = {j["data"]["pipelineContext"]["action"]["name"]: j for j in worker.poll()}
    assert set(jobs) == again and execution(codepipeline, name, run)["status"] == "InProgress"
    shown = worker.call("GetPipelineState", name=name)["stageStates"][1]
    assert shown["retryStageMetadata"] == {"autoStageRetryAttempt": 1,
                                           "latestRetryTrigger": "AutomatedStageRetry"}
    for job_name, job in jobs.items():
        (worker.fail if job_name == "Bad" else worker.succeed)(job)
    assert execution(codepipeline, name, run)["status"] == "Failed" and worker.poll() == []


def test_rollback_is_refused(worker, codepipeline, make):
    name = make([action("Go")])
    failed = start(codepipeline, name)
    worker.do("Artifact")
    worker.fail(worker.take("Go")[0])
    call = lambda **more: code_of(worker.call, "RollbackStage", **{
        "pipelineName": name, "stageName": "S1", "targetPipelineExecutionId": failed, **more})
    assert call() == "UnableToRollbackStageException"
    assert call(stageName="Source") == "UnableToRollbackStageException"
    assert call(stageName="S9") == "StageNotFoundException"
    assert call(targetPipelineExecutionId=str(uuid.uuid4())) == "PipelineExecutionNotFoundException"
    assert call(pipelineName="nobody") == "PipelineNotFoundException"
    assert call(targetPipelineExecutionId="x") == "ValidationException"


def test_disabled_transition_holds_until_it_is_enabled(worker, codepipeline, make):
    name = make([action("Go")])
    where = {"pipelineName": name, "stageName": "S1", "transitionType": "Inbound"}
    codepipeline.disable_stage_transition(reason="freeze (until Monday)", **where)
    run = start(codepipeline, name)
    worker.do("Artifact")
    assert worker.poll() == [] and execution(codepipeline, name, run)["status"] == "InProgress"
    held = state(codepipeline, name, "S1")
    assert held["inboundTransitionState"]["enabled"] is False
    assert held["inboundTransitionState"]["disabledReason"] == "freeze (until Monday)"
    assert held["inboundTransitionState"]["lastChangedBy"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert held["inboundExecution"] == {"pipelineExecutionId": run, "status": "InProgress"}
    codepipeline.enable_stage_transition(**where)
    worker.do("Go")
    assert execution(codepipeline, name, run)["status"] == "Succeeded"
    assert code_of(codepipeline.enable_stage_transition, **{**where, "stageName": "No"}) == "StageNotFoundException"
    assert code_of(codepipeline.disable_stage_transition, reason="x", **{**where, "pipelineName": "No"}) == "PipelineNotFoundException"


def test_what_may_not_leave_a_stage_does_not_enter_the_next(worker, codepipeline, make):
    name = make([action("Go")])
    first = codepipeline.get_pipeline(name=name)["pipeline"]["stages"][0]["name"]
    where = {"pipelineName": name, "stageName": first, "transitionType": "Outbound"}
    codepipeline.disable_stage_transition(reason="not today", **where)
    run = start(codepipeline, name)
    worker.do("Artifact")
    held = state(codepipeline, name, "S1")
    assert held["inboundTransitionState"]["disabledReason"] == "not today" and held["inboundExecution"]["pipelineExecutionId"] == run
    codepipeline.enable_stage_transition(**where)
    worker.do("Go")
    assert execution(codepipeline, name, run)["status"] == "Succeeded"
    assert code_of(codepipeline.disable_stage_transition, reason="x", **{**where, "stageName": "S1"}) == "ValidationException"
    assert code_of(codepipeline.disable_stage_transition, reason="x", **{**where, "stageName": "No"}) == "StageNotFoundException"


def test_transition_of_a_stage_that_is_gone_can_be_enabled(worker, codepipeline, make):
    name = make([action("Old")])
    where = {"pipelineName": name, "stageName": "S1", "transitionType": "Inbound"}
    codepipeline.disable_stage_transition(reason="freeze", **where)
    run = start(codepipeline, name)
    worker.do("Artifact")
    changed = declaration([action("New")], name=name)
    changed["stages"][1]["name"] = "Other"
    codepipeline.update_pipeline(pipeline=changed)
    codepipeline.enable_stage_transition(**where)
    worker.do("Old")
    assert execution(codepipeline, name, run)["status"] == "Succeeded"


@pytest.mark.parametrize("abandon", [False, True])
def test_stop(worker, codepipeline, make, abandon):
    name = make([action("Go"), action("Next", 2)])
    run = start(codepipeline, name)
    stop = {"pipelineName": name, "pipelineExecutionId": run, "reason": "wrong one", "abandon": abandon}
    worker.do("Artifact")
    [job] = worker.take("Go")
    assert codepipeline.stop_pipeline_execution(**stop)["pipelineExecutionId"] == run
    if abandon:
        assert worker.call("ExtendJobLease", jobId=job["id"], nonce=job["nonce"])["cancelled"] is True
        assert latest(codepipeline, name, "S1", "Go")["status"] == "Abandoned"
        assert code_of(worker.succeed, job) == "InvalidJobStateException"
    else:
        assert execution(codepipeline, name, run)["status"] == "Stopping"
        assert state(codepipeline, name, "S1")["latestExecution"] == {"pipelineExecutionId": run, "status": "Stopping"}
        assert code_of(codepipeline.stop_pipeline_execution, **stop) == "DuplicatedStopRequestException"
        worker.succeed(job)
    assert worker.poll() == [] and execution(codepipeline, name, run)["status"] == "Stopped"
    [summary] = codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
    assert summary["stopTrigger"] == {"reason": "wrong one"}
    assert code_of(codepipeline.stop_pipeline_execution, **stop) == "PipelineExecutionNotStoppableException"
    other = {**stop, "pipelineExecutionId": str(uuid.uuid4())}
    assert code_of(codepipeline.stop_pipeline_execution, **other) == "PipelineExecutionNotStoppableException"


def test_approval(worker, codepipeline, make):
    name = make([approval("Ask"), action("Go", 2)])
    run = start(codepipeline, name)
    worker.do("Artifact")
    answer = {"pipelineName": name, "stageName": "S1", "actionName": "Ask", "token": latest(codepipeline, name, "S1", "Ask")["token"],
              "result": {"summary": "read it", "status": "Approved"}}
    wrong = {**answer, "token": str(uuid.uuid4())}
    assert code_of(codepipeline.put_approval_result, **wrong) == "InvalidApprovalTokenException"
    assert code_of(codepipeline.put_approval_result, **{**answer, "stageName": "No"}) == "StageNotFoundException"
    assert code_of(codepipeline.put_approval_result, **{**answer, "actionName": "No"}) == "ActionNotFoundException"
    assert code_of(codepipeline.put_approval_result, **{**answer, "pipelineName": "No"}) == "PipelineNotFoundException"
    assert abs(codepipeline.put_approval_result(**answer)["approvedAt"].timestamp() - time.time()) < 60
    assert code_of(codepipeline.put_approval_result, **answer) == "ApprovalAlreadyCompletedException"
    worker.do("Go")
    assert execution(codepipeline, name, run)["status"] == "Succeeded"
    shown = latest(codepipeline, name, "S1", "Ask")
    assert shown["summary"] == "read it" and shown["lastUpdatedBy"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert "token" not in shown


def test_newer_execution_takes_the_place_of_one_that_nobody_approved(worker, codepipeline, make):
    name = make([approval("Ask")])
    first = start(codepipeline, name)
    worker.do("Artifact")
    token = latest(codepipeline, name, "S1", "Ask")["token"]
    second = start(codepipeline, name)
    worker.do("Artifact")
    shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=first)["pipelineExecution"]
    assert shown["status"] == "Superseded" and f"by the newer execution {second}" in shown["statusSummary"]
    [ended] = [e for e in worker.call("ListPipelineHistory", pipelineName=name)["events"] if e["what"] == "Superseded"]
    assert ended["who"] == f"arn:aws:iam::{ACCOUNT}:root"
    answer = {"pipelineName": name, "stageName": "S1", "actionName": "Ask",
              "result": {"summary": "yes", "status": "Approved"}}
    with pytest.raises(codepipeline.exceptions.ApprovalAlreadyCompletedException, match=f"Superseded .* {second}"):
        codepipeline.put_approval_result(token=token, **answer)
    fresh = latest(codepipeline, name, "S1", "Ask")["token"]
    assert fresh != token
    codepipeline.put_approval_result(token=fresh, **answer)
    assert execution(codepipeline, name, second)["status"] == "Succeeded"


def test_rejection_fails_the_execution(worker, codepipeline, make):
    name = make([approval("Ask"), action("Go", 2)])
    run = start(codepipeline, name)
    worker.do("Artifact")
    codepipeline.put_approval_result(pipelineName=name, stageName="S1", actionName="Ask",
                               token=latest(codepipeline, name, "S1", "Ask")["token"],
                               result={"summary": "not on Friday", "status": "Rejected"})
    assert execution(codepipeline, name, run)["status"] == "Failed" and worker.poll() == []
    assert "not on Friday" in latest(codepipeline, name, "S1", "Ask")["errorDetails"]["message"]


def test_execution_keeps_the_version_it_started_with(worker, codepipeline, make):
    name = make([action("Old")])
    run = start(codepipeline, name)
    codepipeline.update_pipeline(pipeline=declaration([action("New")], name=name))
    newer = start(codepipeline, name)
    worker.succeed(worker.take("Artifact")[0])
    [job] = [j for j in worker.poll() if j["data"]["pipelineContext"]["action"]["name"] == "Old"]
    worker.succeed(job)
    assert execution(codepipeline, name, run)["status"] == "Succeeded"
    assert (execution(codepipeline, name, run)["pipelineVersion"], execution(codepipeline, name, newer)["pipelineVersion"]) == (1, 2)


def test_executions_and_actions_page_newest_first(worker, codepipeline, make):
    name = make([action("Go")])
    runs = []
    for _ in range(5):
        runs.append(start(codepipeline, name))
        worker.do("Artifact", "Go")
    pages = list(codepipeline.get_paginator("list_pipeline_executions").paginate(
        pipelineName=name, PaginationConfig={"PageSize": 2}))
    assert [len(p["pipelineExecutionSummaries"]) for p in pages] == [2, 2, 1]
    assert [e["pipelineExecutionId"] for p in pages for e in p["pipelineExecutionSummaries"]] == runs[::-1]
    pages = list(codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=name, PaginationConfig={"PageSize": 3}))
    details = [d for p in pages for d in p["actionExecutionDetails"]]
    assert [len(p["actionExecutionDetails"]) for p in pages] == [3, 3, 3, 1]
    assert [d["pipelineExecutionId"] for d in details] == [run for run in runs[::-1] for _ in range(2)]
    only = codepipeline.list_action_executions(pipelineName=name, filter={"pipelineExecutionId": runs[1]})
    assert [d["actionName"] for d in only["actionExecutionDetails"]] == ["Go", "Artifact"]
    none = {"pipelineExecutionId": str(uuid.uuid4())}
    assert code_of(codepipeline.list_action_executions, pipelineName=name, filter=none) == "PipelineExecutionNotFoundException"
    assert code_of(codepipeline.get_pipeline_execution, pipelineName=name, **none) == "PipelineExecutionNotFoundException"
    for listing in (codepipeline.list_action_executions, codepipeline.list_pipeline_executions):
        assert code_of(listing, pipelineName=name, nextToken="nonsense") == "InvalidNextTokenException"
        assert code_of(listing, pipelineName="nobody") == "PipelineNotFoundException"


def test_accounts_do_not_see_each_other(server, codepipeline, worker, make):
    name = make([action("Go")])
    start(codepipeline, name)
    other = server.client("codepipeline", profile="prod")
    assert code_of(other.get_pipeline, name=name) == "PipelineNotFoundException"
    assert Worker(server, "prod").poll() == []
    [job] = worker.take("Artifact")
    stranger = Worker(server, "prod")
    assert code_of(stranger.succeed, job) == "JobNotFoundException"


def test_job_goes_to_the_account_of_its_role(server, codepipeline, worker, make):
    role = "arn:aws:iam::444444444444:role/slipway-deploy"
    trust(server, "prod")
    name = make([action("Go", roleArn=role)])
    run = start(codepipeline, name)
    worker.do("Artifact")
    assert worker.poll() == []
    prod = Worker(server, "prod")
    [job] = prod.take("Go")
    assert (job["accountId"], job["roleArn"]) == ("444444444444", role)
    prod.succeed(job)
    assert execution(codepipeline, name, run)["status"] == "Succeeded"


def test_a_role_of_another_account_is_for_whom_it_trusts(server):
    theirs, role = server.client("codepipeline", profile="shop-team"), "arn:aws:iam::333333333333:role/"
    iam = server.client("iam", profile="staging")
    iam.create_role(RoleName="for-dev", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}]}))
    made = declaration([action("Go", roleArn=role + "for-dev")])
    made["roleArn"] = "arn:aws:iam::555555555555:role/slipway-deploy"
    with pytest.raises(ClientError, match="Go cannot have the role .*for-dev: its trust policy does not allow account 555555555555"):
        theirs.create_pipeline(pipeline=made)
    made["stages"][1]["actions"][0].pop("roleArn")
    theirs.create_pipeline(pipeline=made)
    made["stages"][1]["actions"][0]["roleArn"] = role + "for-dev"
    with pytest.raises(ClientError, match="cannot have the role"):
        theirs.update_pipeline(pipeline=made)
    trust(server, "staging", account="555555555555", role="for-dev")
    theirs.update_pipeline(pipeline=made)
    theirs.delete_pipeline(name=made["name"])
    iam.delete_role(RoleName="for-dev")


@pytest.mark.parametrize("statement,allowed", [
    ({"Principal": {"AWS": ROLE}}, True),
    ({"Principal": {"AWS": ROLE + "2"}}, False),
    ({"Principal": {"AWS": ACCOUNT}, "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}}}, True),
    ({"Principal": {"AWS": ACCOUNT}, "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE + "2"}}}, False),
    ({"Principal": {"AWS": ACCOUNT}, "Condition": {"ArnNotEquals": {"aws:PrincipalArn": ROLE}}}, False),
])
def test_the_pipelines_service_role_is_who_assumes_an_actions_role(server, codepipeline, worker, make, statement, allowed):
    arn, iam = "arn:aws:iam::333333333333:role/for-service", server.client("iam", profile="staging")
    trusting = lambda *statements: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", **s} for s in statements]})
    iam.create_role(RoleName="for-service", AssumeRolePolicyDocument=trusting(statement))
    try:
        if not allowed:
            with pytest.raises(Refused, match="Go cannot have the role .*for-service: its trust policy does not allow"):
                make([action("Go", roleArn=arn)])
            return
        name, theirs = make([action("Go", roleArn=arn)]), Worker(server, profile="staging", name="theirs")
        run = start(codepipeline, name)
        worker.do("Artifact")
        theirs.do("Go")
        assert execution(codepipeline, name, run)["status"] == "Succeeded"
        denied = {"Effect": "Deny", "Principal": {"AWS": ROLE}}
        iam.update_assume_role_policy(RoleName="for-service", PolicyDocument=trusting({"Principal": {"AWS": ACCOUNT}}, denied))
        run = start(codepipeline, name)
        worker.do("Artifact")
        assert theirs.poll() == [] and execution(codepipeline, name, run)["status"] == "Failed"
    finally:
        iam.delete_role(RoleName="for-service")


def test_a_service_role_of_another_account_lets_no_pipeline_in(server):
    mallory, iam = server.client("codepipeline", profile="shop-team"), server.client("iam", profile="staging")
    iam.create_role(RoleName="not-for-them", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole"}]}))
    made = {**declaration([action("Go", roleArn="arn:aws:iam::333333333333:role/not-for-them")]), "roleArn": ROLE}
    with pytest.raises(ClientError, match="does not allow account 555555555555"):
        mallory.create_pipeline(pipeline=made)
    iam.delete_role(RoleName="not-for-them")


def test_a_role_is_looked_at_again_when_an_action_is_to_have_it(server, codepipeline, worker, make):
    arn = "arn:aws:iam::333333333333:role/later"
    iam, theirs = server.client("iam", profile="staging"), Worker(server, profile="staging", name="theirs")
    trusting = lambda whom: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": whom}, "Action": "sts:AssumeRole"}]})
    rule = {"name": "Ask", "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "Commands", "version": "1"},
            "roleArn": arn, "commands": ["true"], "inputArtifacts": [{"name": "App"}]}
    acts, asks = make([action("Go", roleArn=arn)]), make([action("Go")], pipelineType="V2")
    made = worker.call("GetPipeline", name=asks)["pipeline"]
    made["stages"][1]["onSuccess"] = {"conditions": [{"result": "FAIL", "rules": [rule]}]}
    worker.call("UpdatePipeline", pipeline=made)

    def refused(words):
        for name in acts, asks:
            run = start(codepipeline, name)
            worker.do("Artifact", *(["Go"] if name == asks else []))
            assert theirs.poll() == []
            shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]
            assert shown["status"] == "Failed" and words in shown["statusSummary"]
        return run

    refused(f"cannot have the role {arn}: there is no such role.")
    iam.create_role(RoleName="later", AssumeRolePolicyDocument=trusting("555555555555"))
    run = refused(f"cannot have the role {arn}: its trust policy does not allow account {ACCOUNT}, nor the pipeline's role {ROLE}.")
    iam.update_assume_role_policy(RoleName="later", PolicyDocument=trusting(ACCOUNT))
    codepipeline.retry_stage_execution(pipelineName=asks, pipelineExecutionId=run, stageName="S1", retryMode="FAILED_ACTIONS")
    theirs.do("Ask")
    assert execution(codepipeline, asks, run)["status"] == "Succeeded"
    iam.delete_role(RoleName="later")


@pytest.mark.parametrize("operation,members", [
    ("GetPipelineState", lambda name, run: {"name": name}),
    ("GetPipelineExecution", lambda name, run: {"pipelineName": name, "pipelineExecutionId": run}),
    ("ListPipelineExecutions", lambda name, run: {"pipelineName": name}),
    ("ListActionExecutions", lambda name, run: {"pipelineName": name}),
])
def test_readers_wait_for_news(server, codepipeline, worker, make, operation, members):
    name = make([action("Go")])
    run = start(codepipeline, name)
    [job] = worker.take("Artifact")
    time.sleep(0.15)  # a change of the last 100 ms is answered at once
    answered = []

    def read():
        started = time.monotonic()
        Worker(server).call(operation, headers={"X-Slipway-Wait": "10000"}, **members(name, run))
        answered.append(time.monotonic() - started)
    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.3)
    assert not answered
    worker.succeed(job)
    reader.join(5)
    assert answered and 0.25 < answered[0] < 3


def test_the_aws_cli(server, codepipeline, worker, make, tmp_path):
    path = tmp_path / "pipeline.json"
    wanted = declaration([approval("Ask")])
    path.write_text(json.dumps({"pipeline": wanted}))
    server.aws("codepipeline", "create-pipeline", "--cli-input-json", f"file://{path}")
    run = json.loads(server.aws("codepipeline", "start-pipeline-execution", "--name", wanted["name"]))
    worker.do("Artifact")
    shown = json.loads(server.aws("codepipeline", "get-pipeline-state", "--name", wanted["name"]))
    token = shown["stageStates"][1]["actionStates"][0]["latestExecution"]["token"]
    server.aws("codepipeline", "put-approval-result", "--pipeline-name", wanted["name"], "--stage-name", "S1",
               "--action-name", "Ask", "--token", token, "--result", "summary=fine,status=Approved")
    listed = json.loads(server.aws("codepipeline", "list-pipeline-executions", "--pipeline-name", wanted["name"]))
    assert [(e["pipelineExecutionId"], e["status"]) for e in listed["pipelineExecutionSummaries"]] == [
        (run["pipelineExecutionId"], "Succeeded")]
    server.aws("codepipeline", "delete-pipeline", "--name", wanted["name"])
    refused = server.aws("codepipeline", "get-pipeline", "--name", wanted["name"], check=False)
    assert refused.returncode == 254 and "PipelineNotFoundException" in refused.stderr


def test_unsupported_operations_say_so(codepipeline):
    with pytest.raises(Exception) as refused:
        codepipeline.get_third_party_job_details(jobId="x", clientToken="y")
    assert "not supported by Slipway" in str(refused.value)


def test_the_widest_pipeline(server):
    """50 stages, one of them of 50 actions side by side; not one more."""
    codepipeline, worker = server.client("codepipeline", profile="dev"), Worker(server)
    made = declaration(*[[action(f"A{i}") for i in range(50)]], *[[action("Next")] for _ in range(48)])
    codepipeline.create_pipeline(pipeline=made)
    execution = codepipeline.start_pipeline_execution(name=made["name"])["pipelineExecutionId"]
    worker.do("Artifact")
    jobs = worker.take(*[f"A{i}" for i in range(50)])
    for job in jobs:
        worker.succeed(job)
    for _ in range(48):
        worker.do("Next")
    shown = codepipeline.get_pipeline_execution(pipelineName=made["name"], pipelineExecutionId=execution)
    assert shown["pipelineExecution"]["status"] == "Succeeded"
    wider = declaration([action(f"A{i}") for i in range(51)])
    assert code_of(codepipeline.create_pipeline, pipeline=wider) == "InvalidStageDeclarationException"
    longer = declaration(*[[action("Next")] for _ in range(50)])
    assert code_of(codepipeline.create_pipeline, pipeline=longer) == "InvalidStructureException"
