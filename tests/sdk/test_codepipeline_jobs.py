"""Jobs of codepipeline: anchors' extensions with leases and nonces, and custom job workers by boto3."""
import sqlite3
import threading
import time
import uuid

import pytest

from pipelines import SHA256, Refused, Worker, action, code_of, declaration

LEASE_S = 10


@pytest.fixture
def started(codepipeline):
    """Makes and starts a pipeline; gives name and execution id."""
    names = []

    def starter(*stages, **more):
        name = codepipeline.create_pipeline(pipeline=declaration(*stages, **more))["pipeline"]["name"]
        names.append(name)
        return name, codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
    yield starter
    for name in names:
        codepipeline.delete_pipeline(name=name)


def status(codepipeline, name, run):
    return codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]["status"]


# ---- anchors

def test_job_says_all_that_its_worker_needs(worker, started):
    name, run = started([action("Read", category="Deploy", provider="S3", inputs=["App"],
                                configuration={"BucketName": "b", "Extract": "true"})])
    [job] = worker.take("Artifact")
    assert job["leaseMs"] == LEASE_S * 1000 and job["attempt"] == 1 and 0 < job["timeoutMs"] <= 3600000
    [output] = job["data"]["outputArtifacts"]
    where = output["location"]["s3Location"]
    assert output["name"] == "App" and where["bucketName"] == "store-bucket" and where["objectKey"].startswith(name[:20])
    context = job["data"]["pipelineContext"]
    assert (context["pipelineName"], context["pipelineExecutionId"], context["stage"]["name"]) == (name, run, "Source")
    worker.succeed(job)
    [job] = worker.take("Read")
    [given] = job["data"]["inputArtifacts"]
    assert given == {"name": "App", "revision": "v-latest", "sha256": SHA256,
                     "location": {"type": "S3", "s3Location": where}}


def test_poll_waits_and_is_woken_by_the_start(server, worker, codepipeline, started):
    assert worker.poll(wait_ms=50) == []
    got = []

    def poll():
        jobs = Worker(server).poll(wait_ms=10000)
        got.append((time.monotonic(), jobs))
    poller = threading.Thread(target=poll)
    poller.start()
    time.sleep(0.3)
    assert not got
    begin = time.monotonic()
    started([action("Go")])
    poller.join(5)
    assert len(got[0][1]) == 1 and got[0][0] - begin < 1


def test_results_need_the_lease_s_nonce_and_the_digests(worker, codepipeline, started):
    name, run = started([action("Go")])
    [job] = worker.take("Artifact")
    assert code_of(worker.succeed, job, nonce=str(uuid.uuid4())) == "InvalidNonceException"
    assert code_of(codepipeline.put_job_success_result, jobId=job["id"]) == "InvalidNonceException"
    assert code_of(worker.succeed, job, outputArtifacts=[]) == "ValidationException"
    assert code_of(worker.succeed, job, outputArtifacts=[{"name": "App", "sha256": "short"}]) == "ValidationException"
    assert code_of(worker.succeed, job, outputVariables={"k": "v" * 122881}) == "OutputVariablesSizeExceededException"
    assert code_of(worker.succeed, job, jobId=str(uuid.uuid4())) == "JobNotFoundException"
    worker.succeed(job)
    worker.succeed(job)  # the answer to the first may have been lost: nothing changes
    assert code_of(worker.fail, job) == "InvalidJobStateException"
    worker.do("Go")
    assert status(codepipeline, name, run) == "Succeeded"


def test_result_brings_the_next_job(worker, codepipeline, started):
    name, run = started([action("Go"), action("Then", 2)])
    [job] = worker.take("Artifact")
    for bad in ({}, {"workerId": ""}, {"workerId": "w", "maxBatchSize": 51}):
        assert code_of(worker.succeed, job, nextJobs=bad) == "ValidationException"
    [go] = worker.succeed(job, nextJobs={"workerId": "next"})["jobs"]
    assert go["data"]["pipelineContext"]["action"]["name"] == "Go" and go["nonce"] and go["leaseMs"] == LEASE_S * 1000
    assert worker.poll() == []
    assert worker.succeed(job, nextJobs={"workerId": "next"})["jobs"] == []  # repeated: it is leased already
    [then] = worker.succeed(go, nextJobs={"workerId": "next", "maxBatchSize": 5})["jobs"]
    assert worker.fail(then, nextJobs={"workerId": "next"}) == {"jobs": []}
    assert status(codepipeline, name, run) == "Failed"
    assert worker.poll(successorOf=["next"]) == []


def test_released_job_is_offered_again_with_another_nonce(worker, codepipeline, started):
    started([action("Go")])
    [first] = worker.take("Artifact")
    assert worker.poll() == []
    lease = {"jobId": first["id"], "nonce": first["nonce"]}
    assert worker.call("ExtendJobLease", **lease) == {"leaseMs": LEASE_S * 1000, "cancelled": False}
    worker.call("ReleaseJob", **lease)
    [second] = worker.take("Artifact")
    assert second["id"] == first["id"] and second["nonce"] != first["nonce"] and second["attempt"] == 2
    for operation in ("ExtendJobLease", "ReleaseJob"):
        assert code_of(worker.call, operation, **lease) == "InvalidNonceException"
        assert code_of(worker.call, operation, jobId=str(uuid.uuid4()), nonce="n") == "JobNotFoundException"
    assert code_of(worker.succeed, first) == "InvalidNonceException"
    worker.succeed(second)
    worker.do("Go")


def test_silent_worker_loses_its_job(worker, codepipeline, started):
    started([action("Go")])
    [first] = worker.take("Artifact")
    begin = time.monotonic()
    [second] = worker.poll(wait_ms=30000)
    assert LEASE_S - 1 < time.monotonic() - begin < LEASE_S + 3
    assert second["id"] == first["id"] and second["nonce"] != first["nonce"]
    assert code_of(worker.succeed, first) == "InvalidNonceException"
    worker.succeed(second)


@pytest.mark.parametrize("damage", ["data = '{'", "place = 'Ended', status = 'Failed'"])
def test_timer_that_cannot_be_served_keeps_no_other_waiting(new_server, damage):
    server = new_server()
    codepipeline, worker = server.client("codepipeline"), Worker(server)
    for name in ("damaged", "sound"):
        codepipeline.create_pipeline(pipeline=declaration([action("Go")], name=name))
        codepipeline.start_pipeline_execution(name=name)
    jobs = {j["data"]["pipelineContext"]["pipelineName"]: j for j in worker.poll()}
    server.stop()
    with sqlite3.connect(server.data / "slipway.db") as db:
        [damaged] = db.execute("SELECT id FROM codepipeline_pipeline WHERE name = 'damaged'").fetchone()
        db.execute(f"UPDATE codepipeline_execution SET {damage} WHERE pipeline_id = ?", (damaged,))
        db.execute("UPDATE codepipeline_action SET deadline_ms = 1 WHERE pipeline_id = ?", (damaged,))
        db.execute("UPDATE codepipeline_job SET due_ms = 2 WHERE pipeline_id <> ?", (damaged,))
    db.close()
    server.start()
    [again] = [j for j in worker.poll(wait_ms=5000) if j["id"] == jobs["sound"]["id"]]
    assert again["attempt"] == 2
    assert "a timer could not be served" in server.log()


def test_successor_takes_at_once_what_its_predecessor_held(server, worker, started):
    started([action("Go")])
    [first] = worker.take("Artifact")
    next_worker = Worker(server, name="next")
    assert next_worker.poll(successorOf=["somebody else"]) == []
    [second] = next_worker.poll(successorOf=["test"])
    assert second["id"] == first["id"] and second["attempt"] == 2
    assert code_of(worker.succeed, first) == "InvalidNonceException"
    next_worker.succeed(second)


def test_deleted_pipeline_cancels_its_jobs(worker, codepipeline, started):
    name, _ = started([action("Go")])
    [job] = worker.take("Artifact")
    codepipeline.delete_pipeline(name=name)
    assert worker.call("ExtendJobLease", jobId=job["id"], nonce=job["nonce"])["cancelled"] is True
    assert code_of(worker.succeed, job) == "InvalidJobStateException"


def test_continuation_offers_another_job_of_the_same_action(worker, codepipeline, started):
    name, run = started([action("Go")])
    [job] = worker.take("Artifact")
    worker.succeed(job, continuationToken="half way", outputArtifacts=[])
    [more] = worker.take("Artifact")
    assert more["id"] != job["id"] and more["data"]["continuationToken"] == "half way"
    context = [j["data"]["pipelineContext"]["action"]["actionExecutionId"] for j in (job, more)]
    assert context[0] == context[1]
    worker.succeed(more)
    worker.do("Go")
    assert status(codepipeline, name, run) == "Succeeded"


def test_variables_come_with_the_last_result_alone(worker, started):
    started([action("Go")])
    worker.do("Artifact")
    [job] = worker.take("Go")
    assert code_of(worker.succeed, job, continuationToken="more", outputVariables={"a": "b"}) == "ValidationException"
    worker.succeed(job, outputVariables={"a": "b"})


def test_extensions_are_validated(worker):
    for members in ({}, {"workerId": ""}, {"workerId": "w", "maxBatchSize": 51}, {"workerId": "w", "waitMs": 60001},
                    {"workerId": "w", "maxBatchSize": 0}):
        assert code_of(worker.call, "PollForAccountJobs", **members) == "ValidationException"
    assert code_of(worker.call, "ExtendJobLease", jobId="x", nonce="n") == "ValidationException"


# ---- custom job workers

@pytest.fixture
def custom(codepipeline):
    """A custom action type, as polls name it."""
    provider = f"w{uuid.uuid4().hex[:8]}"
    details = {"minimumCount": 0, "maximumCount": 1}
    made = codepipeline.create_custom_action_type(
        category="Build", provider=provider, version="1", inputArtifactDetails=details, outputArtifactDetails=details,
        configurationProperties=[{"name": "Target", "required": True, "key": True, "secret": False}])
    identity = {"category": "Build", "owner": "Custom", "provider": provider, "version": "1"}
    assert made["actionType"]["id"] == identity
    return identity


def custom_action(identity, name="Work", **more):
    return action(name, category="Build", provider=identity["provider"], owner="Custom",
                  configuration={"Target": "all"}, **more)


def test_custom_worker_polls_acknowledges_and_reports(worker, codepipeline, started, custom):
    name, run = started([custom_action(custom, inputs=["App"], outputs=["Out"], namespace="Work")],
                        [action("Go", configuration={"ActionMode": "DELETE_ONLY", "StackName": "#{Work.Tag}"})])
    worker.do("Artifact")
    assert worker.poll() == []  # not an anchor's
    [job] = codepipeline.poll_for_jobs(actionTypeId=custom, maxBatchSize=5)["jobs"]
    assert job["data"]["actionConfiguration"]["configuration"] == {"Target": "all"}
    assert job["data"]["inputArtifacts"][0]["location"]["s3Location"]["bucketName"] == "store-bucket"
    assert codepipeline.poll_for_jobs(actionTypeId=custom)["jobs"] == []
    assert code_of(codepipeline.acknowledge_job, jobId=job["id"], nonce="other") == "InvalidNonceException"
    assert code_of(codepipeline.put_job_success_result, jobId=job["id"]) == "InvalidJobStateException"  # not acknowledged
    assert codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])["status"] == "InProgress"
    details = codepipeline.get_job_details(jobId=job["id"])["jobDetails"]
    assert details["id"] == job["id"] and details["data"]["pipelineContext"]["pipelineName"] == name
    codepipeline.put_job_success_result(jobId=job["id"], outputVariables={"Tag": "t-1"},
                                  executionDetails={"summary": "built", "externalExecutionId": "77"})
    [job] = worker.take("Go")
    assert job["data"]["actionConfiguration"]["configuration"]["StackName"] == "t-1"
    worker.succeed(job)
    assert status(codepipeline, name, run) == "Succeeded"


def test_what_workers_are_told_of_a_job(worker, codepipeline, started, custom):
    started([action("Go"), custom_action(custom, inputs=["App"], order=2)])
    worker.do("Artifact")
    [go] = worker.take("Go")
    told = {"id", "nonce", "accountId", "data"}
    of_all = {"actionTypeId", "actionConfiguration", "pipelineContext", "inputArtifacts", "outputArtifacts", "artifactCredentials"}
    assert set(go) == told | {"leaseMs", "attempt", "timeoutMs"} and set(go["data"]) == of_all
    worker.succeed(go)
    [job] = codepipeline.poll_for_jobs(actionTypeId=custom)["jobs"]
    assert set(job) == told and set(job["data"]) == of_all
    details = codepipeline.get_job_details(jobId=job["id"])["jobDetails"]
    assert set(details) == told - {"nonce"} and set(details["data"]) == of_all
    first, second = (one["data"].pop("artifactCredentials") for one in (job, details))
    assert set(first) == set(second) == {"accessKeyId", "secretAccessKey", "sessionToken"} and first != second
    assert details == {"id": job["id"], "accountId": job["accountId"], "data": job["data"]}


def test_custom_worker_fails(worker, codepipeline, started, custom):
    name, run = started([custom_action(custom)])
    worker.do("Artifact")
    [job] = codepipeline.poll_for_jobs(actionTypeId=custom)["jobs"]
    codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    codepipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": "ConfigurationError", "message": "no target"})
    assert status(codepipeline, name, run) == "Failed"
    missing = {"type": "JobFailed", "message": "x"}
    nobody = str(uuid.uuid4())
    assert code_of(codepipeline.put_job_failure_result, jobId=nobody, failureDetails=missing) == "JobNotFoundException"
    assert code_of(codepipeline.put_job_failure_result, jobId=job["id"], failureDetails=missing) == "InvalidJobStateException"
    for call in (codepipeline.put_job_success_result, codepipeline.get_job_details):
        assert code_of(call, jobId=nobody) == "JobNotFoundException"
    assert code_of(codepipeline.acknowledge_job, jobId=nobody, nonce="n") == "JobNotFoundException"


def test_polls_take_the_jobs_of_their_queryable_property(worker, codepipeline, started):
    provider = f"q{uuid.uuid4().hex[:8]}"
    details = {"minimumCount": 0, "maximumCount": 1}
    codepipeline.create_custom_action_type(category="Build", provider=provider, version="1", inputArtifactDetails=details,
                                     outputArtifactDetails=details, configurationProperties=[
                                         {"name": "Target", "required": True, "key": True, "secret": False, "queryable": True}])
    identity = {"category": "Build", "owner": "Custom", "provider": provider, "version": "1"}
    built = [{**custom_action(identity, name), "configuration": {"Target": name}} for name in ("Linux", "Mac", "Linux2")]
    built[2]["configuration"]["Target"] = "Linux"
    started(built)
    worker.do("Artifact")

    def poll(**query):
        jobs = codepipeline.poll_for_jobs(actionTypeId=identity, maxBatchSize=5, queryParam=query)["jobs"]
        return sorted(j["data"]["pipelineContext"]["action"]["name"] for j in jobs)

    assert poll(Target="Windows") == []
    assert poll(Target="Mac") == ["Mac"] and poll(Target="Mac") == []
    assert poll(Target="Linux") == ["Linux", "Linux2"]
    assert code_of(poll) == "ValidationException" and code_of(poll, Other="x") == "ValidationException"


def test_a_type_without_a_queryable_property_takes_no_query(codepipeline, custom):
    assert code_of(codepipeline.poll_for_jobs, actionTypeId=custom, queryParam={"Target": "all"}) == "ValidationException"


def test_a_job_of_a_deleted_type_waits_until_the_type_is_made_again(worker, codepipeline, custom, started):
    name, _ = started([custom_action(custom)])
    worker.do("Artifact")
    kept = next(t for t in codepipeline.list_action_types(actionOwnerFilter="Custom")["actionTypes"] if t["id"] == custom)
    identity = {k: custom[k] for k in ("category", "provider", "version")}
    details = {"inputArtifactDetails": kept["inputArtifactDetails"], "outputArtifactDetails": kept["outputArtifactDetails"]}
    same = {**identity, **details, "configurationProperties": kept["actionConfigurationProperties"], "settings": kept["settings"]}

    def waits():
        [one] = worker.call("ExplainPipeline", name=name)["executions"]
        return one["waitsFor"][0]["summary"]

    assert f"is offered to job workers of Build/{custom['provider']}/1" in waits()
    codepipeline.delete_custom_action_type(**identity)
    assert "was deleted: no job worker can take it until CreateCustomActionType makes it again as it was" in waits()
    assert code_of(codepipeline.create_custom_action_type, **{**same, "settings": {"entityUrlTemplate": "https://other/"}}) == \
        "LimitExceededException"
    assert codepipeline.create_custom_action_type(**same)["actionType"]["id"] == custom
    assert "is offered to job workers" in waits()
    [job] = codepipeline.poll_for_jobs(actionTypeId=custom)["jobs"]
    codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    codepipeline.put_job_success_result(jobId=job["id"])


def test_an_approval_of_a_custom_type_is_its_workers(worker, codepipeline, started):
    provider = f"a{uuid.uuid4().hex[:8]}"
    details = {"minimumCount": 0, "maximumCount": 0}
    identity = codepipeline.create_custom_action_type(category="Approval", provider=provider, version="1", inputArtifactDetails=details,
                                                outputArtifactDetails=details)["actionType"]["id"]
    name, run = started([{**action("Change", category="Approval", provider=provider, owner="Custom"), "configuration": {}}])
    worker.do("Artifact")
    state = codepipeline.get_pipeline_state(name=name)["stageStates"][1]["actionStates"][0]["latestExecution"]
    assert state["status"] == "InProgress" and "token" not in state
    [job] = codepipeline.poll_for_jobs(actionTypeId=identity)["jobs"]
    codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    codepipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": "CHG-7 is not approved"})
    shown = worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]
    assert shown["status"] == "Failed" and "CHG-7 is not approved" in shown["statusSummary"]


def test_custom_action_types(codepipeline, custom):
    shown = codepipeline.list_action_types(actionOwnerFilter="Custom")["actionTypes"]
    assert custom in [t["id"] for t in shown]
    builtin = {(t["id"]["category"], t["id"]["provider"]) for t in codepipeline.list_action_types(actionOwnerFilter="AWS")["actionTypes"]}
    assert {("Source", "S3"), ("Source", "CodeStarSourceConnection"), ("Approval", "Manual"), ("Compute", "Commands"),
            ("Deploy", "CloudFormation"), ("Deploy", "S3"), ("Build", "CodeBuild"), ("Test", "CodeBuild"), ("Compute", "Commands")} == builtin
    details = {"minimumCount": 0, "maximumCount": 1}
    again = {k: custom[k] for k in ("category", "provider", "version")}
    assert code_of(codepipeline.create_custom_action_type, inputArtifactDetails=details, outputArtifactDetails=details,
                   **again) == "LimitExceededException"
    assert code_of(codepipeline.create_pipeline, pipeline=declaration([action(
        "W", category="Build", owner="Custom", provider=custom["provider"], configuration={"Other": "x"})])) == \
        "InvalidActionDeclarationException"
    codepipeline.delete_custom_action_type(**again)
    assert custom not in [t["id"] for t in codepipeline.list_action_types()["actionTypes"]]
    assert code_of(codepipeline.poll_for_jobs, actionTypeId=custom) == "ActionTypeNotFoundException"
    assert code_of(codepipeline.list_action_types, nextToken="x") == "InvalidNextTokenException"


def test_a_secret_of_a_custom_type_is_told_to_its_workers_alone(codepipeline, worker, make):
    identity = {"category": "Build", "owner": "Custom", "provider": "Keeper", "version": "1"}
    codepipeline.create_custom_action_type(
        category="Build", provider="Keeper", version="1", configurationProperties=[
            {"name": n, "required": False, "key": False, "secret": n != "Job"} for n in ("Job", "Key", "Other")],
        inputArtifactDetails={"minimumCount": 0, "maximumCount": 1}, outputArtifactDetails={"minimumCount": 0, "maximumCount": 1})
    keeper = lambda **configuration: action("Go", category="Build", owner="Custom", provider="Keeper", configuration=configuration)
    name = make([keeper(Job="j", Key="hush")])
    hidden = {"Job": "j", "Key": "****"}
    shown = lambda: worker.call("GetPipeline", name=name)["pipeline"]
    of = lambda pipeline: pipeline["stages"][1]["actions"][0]["configuration"]

    def told():
        worker.call("StartPipelineExecution", name=name)
        worker.do("Artifact")
        [job] = codepipeline.poll_for_jobs(actionTypeId=identity)["jobs"]
        codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
        details = codepipeline.get_job_details(jobId=job["id"])["jobDetails"]["data"]
        codepipeline.put_job_success_result(jobId=job["id"])
        assert details["actionConfiguration"] == job["data"]["actionConfiguration"]
        return job["data"]["actionConfiguration"]["configuration"]

    assert of(shown()) == hidden and told() == {"Job": "j", "Key": "hush"}
    [run] = [r for r in worker.call("ListActionExecutions", pipelineName=name)["actionExecutionDetails"] if r["actionName"] == "Go"]
    assert run["input"]["configuration"] == run["input"]["resolvedConfiguration"] == hidden

    # what was read is written back
    read = shown()
    of(read)["Job"] = "k"
    assert of(worker.call("UpdatePipeline", pipeline=read)["pipeline"]) == {"Job": "k", "Key": "****"}
    assert told() == {"Job": "k", "Key": "hush"}
    assert of(worker.call("GetPipeline", name=name, version=1)["pipeline"]) == hidden
    read["stages"][1]["name"] = "Moved"
    of(read)["Key"] = "* * * * *"
    worker.call("UpdatePipeline", pipeline=read)
    assert told() == {"Job": "k", "Key": "hush"}
    of(read)["Key"] = "new"
    worker.call("UpdatePipeline", pipeline=read)
    assert told() == {"Job": "k", "Key": "new"}
    last = worker.call("ListPipelineExecutions", pipelineName=name)["pipelineExecutionSummaries"][0]["pipelineExecutionId"]
    plan = worker.call("RollbackStage", pipelineName=name, stageName="Moved", targetPipelineExecutionId=last, dryRun=True)["wouldDeploy"]
    assert plan["actions"][0]["configuration"] == {"Job": "k", "Key": "****"}

    # asterisks stand for nothing else
    of(read)["Other"] = "****"
    with pytest.raises(Refused, match="Action 'Go' has asterisks for its secret 'Other'"):
        worker.call("UpdatePipeline", pipeline=read)
    with pytest.raises(Refused, match="asterisks for its secret 'Key'"):
        make([keeper(Job="j", Key="****")])
    codepipeline.delete_custom_action_type(category="Build", provider="Keeper", version="1")
    assert of(shown()) == {"Job": "k", "Key": "****"}
