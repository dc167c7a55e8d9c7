"""A database that version 0.1.0 wrote, with executions under way, is opened and they finish.

data/database-0.1.0.sql has three pipelines of the dev account: `asks` waits for an approval, `works` has a job on
offer, `failed` has failed in its stage S1."""
import base64
import hashlib
import json
import os
import pathlib
import sqlite3
import time
import urllib.request

from pipelines import Worker, until

DUMP = pathlib.Path(__file__).parent / "data" / "database-0.1.0.sql"


def restore(path):
    """The dump as a database file, its time limits moved to where they would be had it been written now."""
    database = sqlite3.connect(path)
    database.executescript(DUMP.read_text())
    [[written_ms]] = database.execute("SELECT max(updated_ms) FROM codepipeline_execution")
    late_ms = int(time.time() * 1000) - written_ms
    for change in ("codepipeline_action SET deadline_ms = deadline_ms + ?", "codepipeline_timer SET due_ms = due_ms + ?",
                   "codepipeline_job SET deadline_ms = deadline_ms + ?"):
        database.execute("UPDATE " + change, (late_ms,))
    database.commit()
    database.close()


def test_executions_of_the_version_before_finish(new_server):
    upgraded = new_server(before=lambda data: restore(data / "slipway.db"))
    client, worker = upgraded.client("codepipeline"), Worker(upgraded)

    def status(name):
        return client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"][0]["status"]

    assert [status(n) for n in ("asks", "works", "failed")] == ["InProgress", "InProgress", "Failed"]
    worker.do("Go")
    assert status("works") == "Succeeded"
    ask = client.get_pipeline_state(name="asks")["stageStates"][1]["actionStates"][0]["latestExecution"]
    client.put_approval_result(pipelineName="asks", stageName="S1", actionName="Ask", token=ask["token"],
                               result={"summary": "after the upgrade", "status": "Approved"})
    worker.do("Go")
    assert status("asks") == "Succeeded"
    [failed] = client.list_pipeline_executions(pipelineName="failed")["pipelineExecutionSummaries"]
    client.retry_stage_execution(pipelineName="failed", stageName="S1", retryMode="FAILED_ACTIONS",
                                 pipelineExecutionId=failed["pipelineExecutionId"])
    worker.do("Go")
    assert status("failed") == "Succeeded"
    [worked] = client.list_pipeline_executions(pipelineName="works")["pipelineExecutionSummaries"]
    back = worker.call("RollbackStage", pipelineName="works", stageName="S1",
                       targetPipelineExecutionId=worked["pipelineExecutionId"])
    worker.do("Go")
    assert worker.call("GetPipelineExecution", pipelineName="works", **back)["pipelineExecution"]["status"] == "Succeeded"


def test_a_custom_types_approval_that_was_asked_before_is_a_persons_to_give(new_server):
    """Later ones are their job workers'."""
    def of_a_board(data):
        restore(data / "slipway.db")
        database = sqlite3.connect(data / "slipway.db")
        changed = database.execute(
            "UPDATE codepipeline_version SET declaration = replace(declaration, ?, ?) WHERE declaration LIKE '%\"asks\"%'",
            ('"category":"Approval","owner":"AWS","provider":"Manual"', '"category":"Approval","owner":"Custom","provider":"Board"'))
        assert changed.rowcount == 1
        database.commit()
        database.close()

    upgraded = new_server(before=of_a_board)
    client, worker = upgraded.client("codepipeline"), Worker(upgraded)
    artifacts = {"inputArtifactDetails": {"minimumCount": 0, "maximumCount": 0},
                 "outputArtifactDetails": {"minimumCount": 0, "maximumCount": 0}}
    client.create_custom_action_type(category="Approval", provider="Board", version="1", **artifacts)
    [waits] = worker.call("ExplainPipeline", name="asks")["executions"][0]["waitsFor"]
    assert waits["type"] == "Approval" and waits["actionName"] == "Ask"
    assert "approved" in upgraded.slipway("approve", "asks", profile="dev")
    worker.do("Go")
    [run] = client.list_pipeline_executions(pipelineName="asks")["pipelineExecutionSummaries"]
    assert run["status"] == "Succeeded"
    client.start_pipeline_execution(name="asks")
    worker.do("Artifact")
    [job] = client.poll_for_jobs(actionTypeId={"category": "Approval", "owner": "Custom", "provider": "Board", "version": "1"})["jobs"]
    assert job["data"]["pipelineContext"]["action"]["name"] == "Ask"


def test_pipelines_of_the_version_before_follow_their_objects(new_server):
    upgraded = new_server(before=lambda data: restore(data / "slipway.db"))
    client, s3 = upgraded.client("codepipeline"), upgraded.client("s3")
    [source] = client.get_pipeline(name="asks")["pipeline"]["stages"][0]["actions"]
    bucket, key = (source["configuration"][k] for k in ("S3Bucket", "S3ObjectKey"))
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def followed():  # in the background, after the start
        version = s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"]
        newest = client.list_pipeline_executions(pipelineName="asks")["pipelineExecutionSummaries"][0]
        return newest["sourceRevisions"] == [{"actionName": source["name"], "revisionId": version}]

    until(followed, "a new version starts the pipeline")


def test_websites_of_the_version_before_stay_open(new_server):
    def with_site(data):
        restore(data / "slipway.db")
        database = sqlite3.connect(data / "slipway.db")
        database.execute("INSERT INTO s3_bucket (name, account, created_ms, website_index, website_error) "
                         "VALUES ('old-site', '222222222222', 0, 'index.html', ?)", ('so"rry\\.html',))
        database.commit()
        database.close()

    upgraded = new_server(before=with_site)
    s3 = upgraded.client("s3")
    s3.put_object(Bucket="old-site", Key="index.html", Body=b"home")
    assert s3.get_bucket_website(Bucket="old-site")["ErrorDocument"] == {"Key": 'so"rry\\.html'}
    with urllib.request.urlopen(f"{upgraded.endpoint}/old-site/") as answer:
        assert answer.read() == b"home"


def test_queues_of_the_version_before_take_what_they_took(new_server):
    def with_queues(data):
        restore(data / "slipway.db")
        database = sqlite3.connect(data / "slipway.db")
        for number, (name, attributes) in enumerate(old.items()):
            database.execute("INSERT INTO sqs_queue VALUES (?, '222222222222', ?, ?, 0, 0, 0)",
                             (number + 100, name, json.dumps(attributes, separators=(",", ":"))))
        database.commit()
        database.close()

    old = {"bare": {}, "slow": {"VisibilityTimeout": "9"}, "small": {"MaximumMessageSize": "1024"},
           "told": {"Policy": '{"Id":"\\"MaximumMessageSize\\":\\"1\\""}'}}
    upgraded = new_server(before=with_queues)
    sqs = upgraded.client("sqs")
    for name, attributes in old.items():
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        has = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert {"MaximumMessageSize": "262144", **attributes}.items() <= has.items(), name
        sqs.create_queue(QueueName=name)  # the same again
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": ""})
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["MaximumMessageSize"] == "1048576"


def test_what_accounts_kept_before_is_counted(new_server):
    def with_objects(data):
        restore(data / "slipway.db")
        database = sqlite3.connect(data / "slipway.db")
        database.execute("INSERT INTO s3_bucket (name, account, created_ms) VALUES ('old', '222222222222', 0)")
        database.executemany(
            "INSERT INTO s3_object (bucket, key, rank, version_id, marker, size, etag, sha256, checksum, modified_ms)"
            " VALUES ('old', ?, ?, 'null', ?, ?, 'e', 's', 0, 0)", [("a", -1, 0, 10), ("b", -2, 0, 20), ("c", -3, 1, 0)])
        database.execute("INSERT INTO s3_upload (id, bucket, key, started_ms, checksum) VALUES ('u', 'old', 'k', 0, 0)")
        database.execute("INSERT INTO s3_part (upload, number, size, etag, sha256, modified_ms, blob)"
                         " VALUES ('u', 1, 7, 'e', 's', 0, 1)")
        database.commit()
        database.close()

    upgraded = new_server(before=with_objects)
    with sqlite3.connect(upgraded.data / "slipway.db") as database:
        usage = {row[0]: row[1:] for row in database.execute("SELECT account, objects, bytes FROM s3_usage")}
    assert usage == {"222222222222": (2, 37)}


def test_objects_of_the_version_before_are_listed_and_read(new_server):
    content = b"put by 0.1.0"
    sha256 = hashlib.sha256(content)

    def with_objects(data):
        restore(data / "slipway.db")
        database = sqlite3.connect(data / "slipway.db")
        database.execute("INSERT INTO s3_bucket (name, account, created_ms, versioning) "
                         "VALUES ('old', '222222222222', 0, 'Enabled')")
        database.execute("UPDATE s3_sequence SET value = 3")
        database.execute("INSERT INTO s3_blob (id, refs, size, data) VALUES (1, 3, ?, ?)", (len(content), content))
        database.executemany(
            "INSERT INTO s3_object (bucket, key, rank, version_id, marker, size, etag, sha256, checksum, modified_ms, blob)"
            " VALUES ('old', ?, ?, 'null', 0, ?, ?, ?, ?, 1795425300123, 1)",
            [(key, rank, len(content), hashlib.md5(content).hexdigest(), sha256.hexdigest(), with_checksum)
             for key, rank, with_checksum in (("z", -1, 0), ("a", -2, 1), ("m", -3, 0))])
        database.commit()
        database.close()

    upgraded = new_server(before=with_objects)
    s3 = upgraded.client("s3")
    listed = s3.list_objects_v2(Bucket="old")["Contents"]
    assert [(o["Key"], o["Size"], o["LastModified"].year) for o in listed] == [(k, len(content), 2026) for k in "amz"]
    answer = s3.get_object(Bucket="old", Key="a", ChecksumMode="ENABLED")
    assert answer["Body"].read() == content
    assert base64.b64decode(answer["ChecksumSHA256"]) == sha256.digest()
    s3.put_object(Bucket="old", Key="m", Body=b"newer")
    s3.put_object_tagging(Bucket="old", Key="z", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    versions = s3.list_object_versions(Bucket="old")["Versions"]
    assert [(v["Key"], v["IsLatest"]) for v in versions] == [("a", True), ("m", True), ("m", False), ("z", True)]


def test_an_upload_of_the_version_before_is_completed(new_server):
    bodies = [os.urandom(5 << 20), os.urandom(5 << 20), b"tail"]
    whole = b"".join(bodies)

    def file(data, name, content):
        (data / "blobs" / name[:2]).mkdir(parents=True)
        (data / "blobs" / name[:2] / name).write_bytes(content)
        return name

    def with_upload(data):
        restore(data / "slipway.db")
        database = sqlite3.connect(data / "slipway.db")
        database.execute("INSERT INTO s3_bucket (name, account, created_ms) VALUES ('old', '222222222222', 0)")
        database.execute("UPDATE s3_sequence SET value = 10")
        database.execute("INSERT INTO s3_upload (id, bucket, key, started_ms, checksum) VALUES ('u', 'old', 'k', 0, 0)")
        for n, body in enumerate(bodies, 1):
            name = file(data, f"{n}{n}" + "0" * 30, body) if n < 3 else None
            database.execute("INSERT INTO s3_blob (id, refs, size, file, data) VALUES (?, 1, ?, ?, ?)",
                             (n, len(body), name, None if name else body))
            database.execute("INSERT INTO s3_part (upload, number, size, etag, sha256, modified_ms, blob) VALUES ('u', ?, ?, ?, ?, 0, ?)",
                             (n, len(body), hashlib.md5(body).hexdigest(), hashlib.sha256(body).hexdigest(), n))
        name = file(data, "ab" + "0" * 30, whole)  # completed before: one file
        database.execute("INSERT INTO s3_blob (id, refs, size, file) VALUES (9, 1, ?, ?)", (len(whole), name))
        database.execute(
            "INSERT INTO s3_object (bucket, key, rank, version_id, marker, size, etag, sha256, checksum, modified_ms, blob)"
            " VALUES ('old', 'before', -9, 'null', 0, ?, 'e-3', ?, 0, 0, 9)", (len(whole), hashlib.sha256(whole).hexdigest()))
        database.commit()
        database.close()

    upgraded = new_server("--scrub", "0", before=with_upload)
    s3 = upgraded.client("s3")
    s3.complete_multipart_upload(Bucket="old", Key="k", UploadId="u", MultipartUpload={"Parts": [
        {"PartNumber": n, "ETag": hashlib.md5(body).hexdigest()} for n, body in enumerate(bodies, 1)]})
    for key in ("k", "before"):
        assert s3.get_object(Bucket="old", Key=key)["Body"].read() == whole
    s3.delete_object(Bucket="old", Key="before")
    assert s3.get_object(Bucket="old", Key="k", Range=f"bytes={(5 << 20) - 1}-{5 << 20}")["Body"].read() == \
        whole[(5 << 20) - 1:(5 << 20) + 1]
    s3.delete_object(Bucket="old", Key="k")
    until(lambda: not [p for p in (upgraded.data / "blobs").rglob("*") if p.is_file()], "their files go")
