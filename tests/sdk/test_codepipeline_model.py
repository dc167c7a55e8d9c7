"""Action types in their makers' form, revisions that sources tell of, and filters of what is listed."""
import datetime
import uuid

import pytest
from botocore.exceptions import ClientError

from pipelines import ACCOUNT, Worker, action, approval, code_of, declaration, source, until

NOW = datetime.datetime.now(datetime.timezone.utc)


def custom(codepipeline, provider, category="Test", inputs=(0, 0), outputs=(0, 0), **more):
    codepipeline.create_custom_action_type(
        category=category, provider=provider, version="1", **more,
        inputArtifactDetails=dict(zip(("minimumCount", "maximumCount"), inputs)),
        outputArtifactDetails=dict(zip(("minimumCount", "maximumCount"), outputs)))
    return {"category": category, "owner": "Custom", "provider": provider, "version": "1"}


def revision(identity):
    return {"revisionId": identity, "revisionChangeId": "change-" + identity, "created": NOW}


def runs(codepipeline, name, **more):
    return codepipeline.list_pipeline_executions(pipelineName=name, **more)["pipelineExecutionSummaries"]


# ---- action types

def test_a_custom_type_is_shown_in_its_maker_s_form_and_changed(codepipeline, make):
    identity = custom(codepipeline, "Scan", settings={"entityUrlTemplate": "http://x/{Config:Job}"}, configurationProperties=[
        {"name": "Job", "required": True, "key": True, "secret": False, "queryable": True, "description": "which"}])
    shown = codepipeline.get_action_type(**identity)["actionType"]
    assert shown == {
        "id": identity, "inputArtifactDetails": {"minimumCount": 0, "maximumCount": 0},
        "outputArtifactDetails": {"minimumCount": 0, "maximumCount": 0},
        "executor": {"type": "JobWorker",
                     "configuration": {"jobWorkerExecutorConfiguration": {"pollingAccounts": [ACCOUNT]}}},
        "permissions": {"allowedAccounts": [ACCOUNT]}, "urls": {"entityUrlTemplate": "http://x/{Config:Job}"},
        "properties": [{"name": "Job", "optional": False, "key": True, "noEcho": False, "queryable": True,
                        "description": "which"}]}

    changed = {**shown, "description": "scans", "urls": {"configurationUrl": "http://y"}, "properties": [
        {"name": "Level", "optional": True, "key": False, "noEcho": True, "queryable": False}],
        "inputArtifactDetails": {"minimumCount": 0, "maximumCount": 7}}
    changed["executor"]["policyStatementsTemplate"] = "{}"
    codepipeline.update_action_type(actionType=changed)
    assert codepipeline.get_action_type(**identity)["actionType"] == changed
    [listed] = [t for t in codepipeline.list_action_types(actionOwnerFilter="Custom")["actionTypes"] if t["id"] == identity]
    assert listed["actionConfigurationProperties"][0] == {"name": "Level", "required": False, "key": False,
                                                          "secret": True, "queryable": False}
    assert listed["settings"] == {"thirdPartyConfigurationUrl": "http://y"} and "maker" not in listed

    # the next declaration is checked by the changed type
    assert code_of(codepipeline.create_pipeline, pipeline=declaration([action(
        "Go", category="Test", owner="Custom", provider="Scan", configuration={"Job": "1"})])) == \
        "InvalidActionDeclarationException"
    make([action("Go", category="Test", owner="Custom", provider="Scan", configuration={"Level": "1"})])


@pytest.mark.parametrize("value,refused", [
    ("a" * 20, False), ("a-b_C1", False), ("#{codepipeline.PipelineExecutionId}", False),
    ("a" * 21, True), ("a b", True), ("ä", True), ("a.b", True)])
def test_what_workers_query_is_short_and_plain(codepipeline, make, value, refused):
    provider = f"q{uuid.uuid4().hex[:8]}"
    custom(codepipeline, provider, configurationProperties=[
        {"name": "Job", "required": True, "key": True, "secret": False, "queryable": True}])
    stage = [action("Go", category="Test", owner="Custom", provider=provider, configuration={"Job": value})]
    if not refused:
        make(stage)
        return
    with pytest.raises(ClientError) as told:
        codepipeline.create_pipeline(pipeline=declaration(stage))
    assert told.value.response["Error"]["Code"] == "InvalidActionDeclarationException"
    assert "'Go'" in str(told.value) and "at most 20 letters" in str(told.value)


def test_links_of_a_custom_type_are_filled_in(codepipeline, worker, make):
    base = "https://ci.example/"
    identity = custom(codepipeline, "Linked", settings={
        "entityUrlTemplate": base + "{Config:Job}", "revisionUrlTemplate": base + "{Config:Token}",
        "executionUrlTemplate": base + "{Config:Job}/{ExternalExecutionId}"}, configurationProperties=[
            {"name": "Job", "required": True, "key": True, "secret": False},
            {"name": "Token", "required": True, "key": False, "secret": True}])
    name = make([action("Go", category="Test", owner="Custom", provider="Linked",
                        configuration={"Job": "nightly run", "Token": "hush"})])
    codepipeline.start_pipeline_execution(name=name)
    worker.do("Artifact")
    [job] = codepipeline.poll_for_jobs(actionTypeId=identity)["jobs"]
    codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])

    def shown():
        return codepipeline.get_pipeline_state(name=name)["stageStates"][1]["actionStates"][0]
    assert shown()["entityUrl"] == base + "nightly%20run"
    assert "revisionUrl" not in shown()  # it would tell a secret
    assert "externalExecutionUrl" not in shown()["latestExecution"]
    codepipeline.put_job_success_result(jobId=job["id"], executionDetails={"externalExecutionId": "7", "summary": "done"})
    link = base + "nightly%20run/7"
    assert shown()["latestExecution"]["externalExecutionUrl"] == link
    [run] = [a for a in codepipeline.list_action_executions(pipelineName=name)["actionExecutionDetails"]
             if a["actionName"] == "Go"]
    assert run["output"]["executionResult"] == {
        "externalExecutionId": "7", "externalExecutionSummary": "done", "externalExecutionUrl": link}


def test_what_was_secret_stays_so(codepipeline):
    identity = custom(codepipeline, "Hushed", configurationProperties=[
        {"name": name, "required": True, "key": False, "secret": name == "Token"} for name in ("Job", "Token")])
    good = codepipeline.get_action_type(**identity)["actionType"]
    [job, token] = good["properties"]
    for properties in [job, {**token, "noEcho": False}], [job]:
        assert code_of(codepipeline.update_action_type, actionType={**good, "properties": properties}) == "RequestFailedException"
    codepipeline.update_action_type(actionType={**good, "properties": [token]})


def test_what_is_not_carried_out_is_refused(codepipeline):
    identity = custom(codepipeline, "Refuse")  # what boto3 lets through
    good = codepipeline.get_action_type(**identity)["actionType"]
    worker_type = good["executor"]

    def code(**changes):
        return code_of(codepipeline.update_action_type, actionType={**good, **changes})

    assert code(executor={"type": "Lambda", "configuration": {"lambdaExecutorConfiguration": {
        "lambdaFunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"}}}) == "RequestFailedException"
    assert code(executor={"type": "JobWorker", "configuration": {"jobWorkerExecutorConfiguration": {
        "pollingAccounts": ["333333333333"]}}}) == "RequestFailedException"
    assert code(permissions={"allowedAccounts": ["*"]}) == "RequestFailedException"
    assert code(executor={**worker_type, "jobTimeout": 43201}) == "ValidationException"
    assert code(inputArtifactDetails={"minimumCount": 2, "maximumCount": 1}) == "ValidationException"
    two = [{"name": n, "optional": False, "key": False, "noEcho": False, "queryable": True} for n in ("A", "B")]
    assert code(properties=two) == "ValidationException"
    assert code(properties=[{**two[0], "optional": True}]) == "ValidationException"
    assert code(properties=[{**two[0], "noEcho": True}]) == "ValidationException"
    assert code(id={**identity, "provider": "Nobody"}) == "ActionTypeNotFoundException"
    assert code(id={"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}) == "RequestFailedException"
    assert codepipeline.get_action_type(**identity)["actionType"] == good


def test_a_job_that_takes_longer_than_its_type_s_timeout_fails(new_server):
    server = new_server()
    codepipeline, worker = server.client("codepipeline"), Worker(server)
    identity = custom(codepipeline, "Slow", "Build", configurationProperties=[
        {"name": "Job", "required": True, "key": True, "secret": False}])
    shown = codepipeline.get_action_type(**identity)["actionType"]
    shown["executor"]["jobTimeout"] = 60
    codepipeline.update_action_type(actionType=shown)
    assert codepipeline.get_action_type(**identity)["actionType"]["executor"]["jobTimeout"] == 60
    name = codepipeline.create_pipeline(pipeline=declaration([action(
        "Go", category="Build", owner="Custom", provider="Slow", configuration={"Job": "1"})]))["pipeline"]["name"]

    def take(execution):
        worker.do("Artifact")
        [job] = codepipeline.poll_for_jobs(actionTypeId=identity)["jobs"]
        codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
        return job

    done = take(codepipeline.start_pipeline_execution(name=name))
    codepipeline.put_job_success_result(jobId=done["id"])
    late = take(codepipeline.start_pipeline_execution(name=name))
    assert server.stop() == 0
    server.environment["SLIPWAY_TEST_CLOCK_OFFSET_MS"] = str(61 * 1000)
    server.start()
    until(lambda: runs(codepipeline, name)[0]["status"] == "Failed", "the late one fails")
    assert runs(codepipeline, name)[1]["status"] == "Succeeded"
    [go] = codepipeline.get_pipeline_state(name=name)["stageStates"][1]["actionStates"]
    assert "jobTimeout" in go["latestExecution"]["errorDetails"]["message"]
    assert code_of(codepipeline.put_job_success_result, jobId=late["id"]) == "InvalidJobStateException"


def test_aws_s_own_types_are_shown_and_others_not_found(codepipeline, server):
    shown = codepipeline.get_action_type(category="Source", owner="AWS", provider="S3", version="1")["actionType"]
    assert "AllowOverrideForS3ObjectKey" in [p["name"] for p in shown["properties"]]
    custom(codepipeline, "Mine")
    for identity in ({"category": "Build", "owner": "ThirdParty", "provider": "Jenkins", "version": "1"},
                     {"category": "Test", "owner": "Custom", "provider": "Mine", "version": "2"}):
        assert code_of(codepipeline.get_action_type, **identity) == "ActionTypeNotFoundException"
    assert code_of(server.client("codepipeline", "staging").get_action_type, category="Test", owner="Custom",
                   provider="Mine", version="1") == "ActionTypeNotFoundException"


def test_an_account_has_50_custom_types(server):
    client = server.client("codepipeline", "prod")
    for i in range(50):
        custom(client, f"Type{i}")
    assert code_of(custom, client, "Type50") == "LimitExceededException"
    client.delete_custom_action_type(category="Test", provider="Type0", version="1")
    custom(client, "Type50")


# ---- revisions

def test_a_revision_starts_the_pipeline_once(codepipeline, worker, make):
    name = make([approval("Ask")])

    def put(identity):
        return codepipeline.put_action_revision(pipelineName=name, stageName="Source", actionName="Artifact",
                                                actionRevision=revision(identity))

    first = put("v1")
    assert first["newRevision"] is True
    assert runs(codepipeline, name)[0]["trigger"]["triggerType"] == "PutActionRevision"
    [job] = worker.take("Artifact")
    assert job["data"]["sourceRevision"]["revisionValue"] == "v1"
    worker.fail(job)
    again = put("v1")
    assert (again["newRevision"], again["pipelineExecutionId"]) == (False, first["pipelineExecutionId"])
    assert put("v2")["newRevision"] is True
    worker.fail(worker.take("Artifact")[0])
    assert len(runs(codepipeline, name)) == 2


def test_a_version_that_its_object_s_making_started_is_not_new(server, codepipeline, make):
    s3, bucket = server.client("s3"), "b-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    get = source()
    get["configuration"]["S3Bucket"] = bucket
    name = make([approval("Ask")], sources=[get])
    version = s3.put_object(Bucket=bucket, Key="k.zip", Body=b"1")["VersionId"]
    [run] = runs(codepipeline, name)
    assert codepipeline.put_action_revision(pipelineName=name, stageName="Source", actionName="Artifact", actionRevision=revision(
        version))["pipelineExecutionId"] == run["pipelineExecutionId"]


def test_a_custom_source_s_worker_starts_its_pipeline(codepipeline, make):
    identity = custom(codepipeline, "Repo", "Source", outputs=(1, 1), configurationProperties=[
        {"name": "Branch", "required": True, "key": True, "secret": False}])
    name = make([approval("Ask")], sources=[action("Artifact", category="Source", owner="Custom", provider="Repo",
                                                   outputs=["App"], configuration={"Branch": "main"})])
    told = codepipeline.put_action_revision(pipelineName=name, stageName="Source", actionName="Artifact",
                                            actionRevision=revision("abc"))
    assert told["newRevision"] is True
    [job] = codepipeline.poll_for_jobs(actionTypeId=identity)["jobs"]
    assert job["data"]["pipelineContext"]["pipelineName"] == name
    codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    codepipeline.put_job_success_result(jobId=job["id"], currentRevision={"revision": "abc", "changeIdentifier": "abc"})
    assert runs(codepipeline, name)[0]["sourceRevisions"][0]["revisionId"] == "abc"
    assert codepipeline.put_action_revision(pipelineName=name, stageName="Source", actionName="Artifact",
                                            actionRevision=revision("abc"))["newRevision"] is False


def test_revisions_are_refused_for_what_is_no_source(codepipeline, make):
    name = make([approval("Ask")])

    def code(pipeline=name, stage="Source", action_name="Artifact"):
        return code_of(codepipeline.put_action_revision, pipelineName=pipeline, stageName=stage,
                       actionName=action_name, actionRevision=revision("v"))

    assert code(pipeline="none") == "PipelineNotFoundException"
    assert code(stage="none") == "StageNotFoundException"
    assert code(action_name="none") == "ActionNotFoundException"
    assert code(stage="S1", action_name="Ask") == "ValidationException"
    assert runs(codepipeline, name) == []


# ---- filters

def test_executions_that_succeeded_in_a_stage_are_filtered(codepipeline, worker, make):
    name = make([action("One")], [action("Two")])

    def started(*outcomes):
        run = codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
        for step, fine in zip(("Artifact", "One", "Two"), outcomes):
            [job] = worker.take(step)
            (worker.succeed if fine else worker.fail)(job)
        return run

    def found(stage, **more):
        answer = worker.call("ListPipelineExecutions", pipelineName=name,
                             filter={"succeededInStage": {"stageName": stage}} if stage else {}, **more)
        return [e["pipelineExecutionId"] for e in answer["pipelineExecutionSummaries"]], answer.get("nextToken")

    nothing, source_only, first, both = started(False), started(True, False), started(True, True, False), \
        started(True, True, True)
    assert found("Source")[0] == [both, first, source_only]
    assert found("S1")[0] == [both, first]
    assert found("S2")[0] == [both]
    assert found(None)[0] == [both, first, source_only, nothing]
    back = worker.call("RollbackStage", pipelineName=name, stageName="S1",
                       targetPipelineExecutionId=first)["pipelineExecutionId"]
    assert found("S1")[0] == [both, first]
    worker.do("One")
    assert found("S1")[0] == [back, both, first] and found("Source")[0] == [both, first, source_only]

    page, token = found("S1", maxResults=2)
    assert page == [back, both] and token
    assert found("S1", maxResults=2, nextToken=token) == ([first], None)
    assert code_of(found, "none") == "ValidationException"
    codepipeline.update_pipeline(pipeline=codepipeline.get_pipeline(name=name)["pipeline"])
    assert found("S1")[0] == []


def test_the_latest_run_of_each_action_of_an_execution_is_filtered(codepipeline, worker, make):
    name = make([action("One"), action("Two", 2)])
    run = codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
    worker.do("Artifact", "One")
    worker.fail(worker.take("Two")[0])
    worker.call("RetryStageExecution", pipelineName=name, stageName="S1", pipelineExecutionId=run, retryMode="ALL_ACTIONS")
    worker.do("One", "Two")

    def found(**latest):
        answer = worker.call("ListActionExecutions", pipelineName=name, filter={"latestInPipelineExecution": {
            "pipelineExecutionId": run, **latest}})
        return [(d["actionName"], d["status"]) for d in answer["actionExecutionDetails"]]

    assert found(startTimeRange="Latest") == [("Two", "Succeeded"), ("One", "Succeeded"), ("Artifact", "Succeeded")]
    assert found(startTimeRange="All") == [("Two", "Succeeded"), ("One", "Succeeded"), ("Two", "Failed"),
                                           ("One", "Succeeded"), ("Artifact", "Succeeded")]
    assert code_of(found) == "ValidationException"


def test_an_action_that_deploys_to_no_instances_has_no_targets(server, codepipeline, worker, make):
    name = make([approval("Ask")])
    codepipeline.start_pipeline_execution(name=name)
    [run] = codepipeline.list_action_executions(pipelineName=name)["actionExecutionDetails"]
    identity = run["actionExecutionId"]
    for more in {}, {"pipelineName": name}, {"filters": [{"name": "TARGET_STATUS", "values": ["Failed"]}]}:
        assert worker.call("ListDeployActionExecutionTargets", actionExecutionId=identity, **more) == {"targets": []}

    def code(by=worker, **members):
        return code_of(by.call, "ListDeployActionExecutionTargets", **{"actionExecutionId": identity, **members})

    assert code(actionExecutionId=str(uuid.uuid4())) == "ActionExecutionNotFoundException"
    assert code(pipelineName="none") == "PipelineNotFoundException"
    assert code(nextToken="x") == "InvalidNextTokenException"
    assert code(filters=[{"name": "OTHER", "values": []}]) == "ValidationException"
    assert code(Worker(server, "staging")) == "ActionExecutionNotFoundException"
    worker.fail(worker.take("Artifact")[0])
    until(lambda: runs(codepipeline, name)[0]["status"] == "Failed", "it ended")
