"""Objects that start pipelines: S3 sources without PollForSourceChanges "false"."""
import hashlib
import json
import threading
import uuid

import pytest

from botocore.exceptions import BotoCoreError, ClientError

from pipelines import ROLE, Worker, action, approval, declaration, source


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    return make_bucket(s3)


@pytest.fixture
def make(make):
    """Of these sources."""
    return lambda *sources, **more: make([approval("Ask")], sources=list(sources), **more)


def make_bucket(s3, versioned=True):
    name = "b-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def follows(bucket, key="app.zip", name="Get", output="App", **configuration):
    made = source(name, output)
    made["configuration"] = {"S3Bucket": bucket, "S3ObjectKey": key, **configuration}
    return made


def executions(client, name):
    """Oldest first."""
    pages = client.get_paginator("list_pipeline_executions").paginate(pipelineName=name)
    return [e for page in pages for e in page["pipelineExecutionSummaries"]][::-1]


def revisions(client, name):
    return [[r["revisionId"] for r in e["sourceRevisions"]] for e in executions(client, name)]


def test_each_new_version_starts_the_pipeline_pinned_to_it(codepipeline, s3, bucket, make):
    name = make(follows(bucket))
    first = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")["VersionId"]
    [run] = executions(codepipeline, name)
    assert run["trigger"] == {"triggerType": "PollForSourceChanges", "triggerDetail": "Get"}
    assert run["sourceRevisions"] == [{"actionName": "Get", "revisionId": first}]

    s3.put_object(Bucket=bucket, Key="other.zip", Body=b"2")
    second = s3.copy_object(Bucket=bucket, Key="app.zip", CopySource=f"{bucket}/other.zip")["VersionId"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="app.zip")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="app.zip", UploadId=upload, PartNumber=1, Body=b"3")
    third = s3.complete_multipart_upload(Bucket=bucket, Key="app.zip", UploadId=upload, MultipartUpload={
        "Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})["VersionId"]
    s3.delete_object(Bucket=bucket, Key="app.zip")
    s3.delete_object(Bucket=bucket, Key="app.zip", VersionId=second)
    assert revisions(codepipeline, name) == [[first], [second], [third]]


def test_the_source_s_job_says_the_version(server, codepipeline, s3, bucket, make):
    make(follows(bucket))
    version = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")["VersionId"]
    [job] = [j for j in Worker(server).poll() if j["data"]["actionConfiguration"]["configuration"].get("S3Bucket") == bucket]
    assert job["data"]["sourceRevision"] == {"actionName": "Get", "revisionType": "S3_OBJECT_VERSION_ID",
                                             "revisionValue": version}


@pytest.mark.parametrize("poll, starts", [("false", 0), ("False", 0), ("true", 1)])
def test_poll_for_source_changes_decides(codepipeline, s3, bucket, make, poll, starts):
    name = make(follows(bucket, PollForSourceChanges=poll))
    s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")
    assert len(executions(codepipeline, name)) == starts


def test_an_update_changes_what_is_followed(codepipeline, s3, bucket, make):
    name = make(follows(bucket))
    codepipeline.update_pipeline(pipeline=declaration([approval("Ask")], name=name, sources=[follows(bucket, "new.zip")]))
    s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")
    assert executions(codepipeline, name) == []
    version = s3.put_object(Bucket=bucket, Key="new.zip", Body=b"1")["VersionId"]
    assert revisions(codepipeline, name) == [[version]]
    codepipeline.delete_pipeline(name=name)
    s3.put_object(Bucket=bucket, Key="new.zip", Body=b"2")
    make(follows(bucket, "new.zip"), name=name)
    assert executions(codepipeline, name) == []


def test_a_bucket_that_nobody_followed_is_followed_from_then_on(codepipeline, s3, bucket, make):
    s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")
    name = make(follows(bucket))
    version = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"2")["VersionId"]
    assert revisions(codepipeline, name) == [[version]]


def test_all_who_follow_an_object_start_also_in_other_accounts(server, codepipeline, s3, bucket, make):
    names = [make(follows(bucket)) for _ in range(3)]
    staging = server.client("codepipeline", "staging")
    elsewhere = staging.create_pipeline(pipeline={**declaration([approval("Ask")], sources=[follows(bucket)]), "roleArn":
                                                  "arn:aws:iam::333333333333:role/r"})["pipeline"]["name"]
    version = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")["VersionId"]
    assert [revisions(codepipeline, n) for n in names] == [[[version]]] * 3
    assert revisions(staging, elsewhere) == [[version]]
    staging.delete_pipeline(name=elsewhere)


def test_two_sources_of_one_object_are_one_execution_two_of_two_objects_two(codepipeline, s3, bucket, make):
    same = make(follows(bucket, name="A", output="A"), follows(bucket, name="B", output="B"))
    apart = make(follows(bucket, name="A", output="A"), follows(bucket, "b.zip", name="B", output="B"))
    a = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")["VersionId"]
    b = s3.put_object(Bucket=bucket, Key="b.zip", Body=b"1")["VersionId"]
    [run] = executions(codepipeline, same)
    assert run["sourceRevisions"] == [{"actionName": "A", "revisionId": a}, {"actionName": "B", "revisionId": a}]
    assert [e["sourceRevisions"] for e in executions(codepipeline, apart)] == [
        [{"actionName": "A", "revisionId": a}], [{"actionName": "B", "revisionId": b}]]


def test_an_object_without_versions_starts_what_reads_the_latest(codepipeline, s3, make):
    bucket = make_bucket(s3, versioned=False)
    name = make(follows(bucket))
    for body in b"1", b"2":
        s3.put_object(Bucket=bucket, Key="app.zip", Body=body)
    assert revisions(codepipeline, name) == [[], []]


def test_a_pipeline_that_cannot_start_keeps_no_object_away_and_says_why(server, codepipeline, s3, bucket, make):
    name = make(follows(bucket), pipelineType="V2", variables=[{"name": "must"}])
    s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")
    assert executions(codepipeline, name) == []
    [event] = [e for e in Worker(server).call("ListPipelineHistory", pipelineName=name)["events"]
               if e["what"] == "start-refused"]
    assert "must" in event["why"] and event["who"] == server.client("sts").get_caller_identity()["Arn"]


def test_who_starts_for_a_version_that_started_already_gets_that_execution(codepipeline, s3, bucket, make):
    """As the launcher does, should its template leave PollForSourceChanges out."""
    name = make(follows(bucket))
    version = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")["VersionId"]
    token = hashlib.sha256(f"{bucket}/app.zip/{version}".encode()).hexdigest()
    started = codepipeline.start_pipeline_execution(name=name, clientRequestToken=token)["pipelineExecutionId"]
    assert [e["pipelineExecutionId"] for e in executions(codepipeline, name)] == [started]


def test_no_version_is_lost_or_started_twice_when_the_server_dies(new_server):
    server = new_server()
    codepipeline, s3 = server.client("codepipeline"), server.client("s3")
    bucket = make_bucket(s3)
    made = {**declaration([approval("Ask")], sources=[follows(bucket)]), "pipelineType": "V2", "executionMode": "SUPERSEDED"}
    name = Worker(server).call("CreatePipeline", pipeline=made)["pipeline"]["name"]
    put = threading.Event()

    def puts():
        while True:
            try:
                s3.put_object(Bucket=bucket, Key="app.zip", Body=b"x")
                put.set()
            except (ClientError, BotoCoreError):
                return

    for _ in range(3):
        threads = [threading.Thread(target=puts) for _ in range(4)]
        put.clear()
        for thread in threads:
            thread.start()
        assert put.wait(20)
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    versions = [v["VersionId"] for page in pages for v in page["Versions"]]
    assert len(versions) >= 3
    assert sorted(versions) == sorted(r for [r] in revisions(codepipeline, name))


@pytest.fixture
def begin(server, s3, bucket):
    """Starts a pipeline that reads KEY of the bucket, with a store of its own; what its next worker is offered."""
    worker = Worker(server)
    names = []

    def beginner(key="app.zip", revision=None, follow=False, store=None, **more):
        made = follows(bucket, key, **({} if follow else {"PollForSourceChanges": "false"}))
        sources = [{**made, **more, "namespace": "Src"}]
        next_action = action("Next", inputs=["App"], configuration={"ActionMode": "DELETE_ONLY", "StackName": "#{Src.VersionId}"})
        name = f"p-{uuid.uuid4().hex[:12]}"
        worker.call("CreatePipeline", pipeline=declaration([next_action], name=name, sources=sources, artifactStore={
            "type": "S3", "location": store or make_bucket(s3, versioned=False)}))
        names.append(name)
        if follow:
            return name, worker
        pinned = [{"actionName": "Get", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": revision}] if revision else []
        worker.call("StartPipelineExecution", name=name, sourceRevisions=pinned)
        return name, worker
    yield beginner
    for name in names:
        worker.call("DeletePipeline", name=name)


def test_a_source_that_is_here_is_copied_with_the_start_itself(codepipeline, s3, bucket, begin):
    first = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"one", Metadata={"by": "me"})
    s3.put_object(Bucket=bucket, Key="app.zip", Body=b"two")
    name, worker = begin(revision=first["VersionId"])
    [job] = worker.take("Next")
    [artifact] = job["data"]["inputArtifacts"]
    assert artifact["sha256"] == hashlib.sha256(b"one").hexdigest() and artifact["revision"] == first["VersionId"]
    where = artifact["location"]["s3Location"]
    copied = s3.get_object(Bucket=where["bucketName"], Key=where["objectKey"], ChecksumMode="ENABLED")
    assert copied["Body"].read() == b"one" and copied["Metadata"] == {"by": "me"} and copied["ChecksumSHA256"]
    assert job["data"]["actionConfiguration"]["configuration"]["StackName"] == first["VersionId"]
    [state] = codepipeline.get_pipeline_state(name=name)["stageStates"][0]["actionStates"]
    assert state["latestExecution"]["status"] == "Succeeded" and state["currentRevision"]["revisionId"] == first["VersionId"]
    done = next(d for d in codepipeline.list_action_executions(pipelineName=name)["actionExecutionDetails"]
                if d["actionName"] == "Get")
    assert done["output"]["outputVariables"] == {
        "BucketName": bucket, "ObjectKey": "app.zip", "VersionId": first["VersionId"], "ETag": first["ETag"],
        "SHA256": artifact["sha256"]}
    worker.succeed(job)


@pytest.mark.parametrize("metadata,summary", [
    ({"codepipeline-artifact-revision-summary": "Fixes the basket (#12)"}, "Fixes the basket (#12)"), ({}, None)])
def test_a_revision_tells_its_etag_and_what_its_uploader_says_of_it(codepipeline, s3, bucket, begin, metadata, summary):
    put = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"said", Metadata=metadata)
    name, worker = begin()
    [job] = worker.take("Next")
    [state] = codepipeline.get_pipeline_state(name=name)["stageStates"][0]["actionStates"]
    assert state["currentRevision"]["revisionChangeId"] == put["ETag"].strip('"')
    [run] = codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
    [revision] = codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=run["pipelineExecutionId"])[
        "pipelineExecution"]["artifactRevisions"]
    assert revision["revisionChangeIdentifier"] == put["ETag"].strip('"')
    otherwise = f"version {put['VersionId']}, 4 bytes, SHA-256 {hashlib.sha256(b'said').hexdigest()}"
    assert revision["revisionSummary"] == run["sourceRevisions"][0]["revisionSummary"] == (summary or otherwise)
    worker.succeed(job)


def test_a_push_that_is_followed_offers_the_next_action_at_once(s3, bucket, begin):
    _, worker = begin(follow=True)
    version = s3.put_object(Bucket=bucket, Key="app.zip", Body=b"pushed")["VersionId"]
    [job] = worker.take("Next")
    assert job["data"]["inputArtifacts"][0]["revision"] == version
    worker.succeed(job)


def test_a_policy_that_denies_nothing_leaves_the_copy_to_the_step(s3, bucket, begin):
    s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    _, worker = begin()
    [job] = worker.take("Next")
    worker.succeed(job)


@pytest.mark.parametrize("why", ["absent", "policy", "multipart", "role", "store"])
def test_what_takes_a_request_is_still_a_workers(s3, bucket, begin, why):
    more = {}
    if why == "multipart":
        upload = s3.create_multipart_upload(Bucket=bucket, Key="app.zip")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="app.zip", UploadId=upload, PartNumber=1, Body=b"3")
        s3.complete_multipart_upload(Bucket=bucket, Key="app.zip", UploadId=upload, MultipartUpload={
            "Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})
    elif why != "absent":
        s3.put_object(Bucket=bucket, Key="app.zip", Body=b"1")
    if why == "policy":
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": {"AWS": "333333333333"}, "Action": "s3:GetObject",
             "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    if why == "role":
        more = {"roleArn": ROLE}
    if why == "store":
        more = {"store": "there-is-no-such-bucket"}
    _, worker = begin(**more)
    worker.do("Get")
