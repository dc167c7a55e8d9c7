"""The sample job worker (examples/worker), beside real anchors; and what its artifact credentials are good for."""
import datetime
import io
import json
import hashlib
import pathlib
import signal
import subprocess
import sys
import uuid
import zipfile
from unittest import mock

import pytest
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "sdk"))
from pipelines import action, declaration, source, until  # noqa: E402

WORKER = ROOT / "examples" / "worker"
MANIFEST = {"category": "Build", "owner": "Custom", "provider": "Manifest"}
FILES = {f"src/f{i}.txt": b"x" * i for i in range(7)}


def zipped(files):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return body.getvalue()


class Bench:
    """The type, a bucket, and a pipeline: S3 source → the worker's action → Deploy/S3 of what it made."""

    def __init__(self, server):
        self.server, self.s3, self.codepipeline = server, server.client("s3"), server.client("codepipeline")
        self.codepipeline.create_custom_action_type(**json.loads((WORKER / "action-type.json").read_text()))
        self.bucket = "worker-" + uuid.uuid4().hex[:8]
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def pipeline(self, name, **configuration):
        get = source()
        get["configuration"] = {"S3Bucket": self.bucket, "S3ObjectKey": f"{name}.zip"}
        build = action("Manifest", inputs=["App"], outputs=["Made"], namespace="Made", configuration=configuration,
                       **{k: v for k, v in MANIFEST.items()})
        build["configuration"] = configuration
        deploy = action("Put", provider="S3", inputs=["Made"], configuration={
            "BucketName": self.bucket, "Extract": "false", "ObjectKey": f"{name}-#{{Made.Files}}.zip"})
        made = declaration([build], [deploy], sources=[get], name=name)
        made["artifactStore"]["location"] = self.bucket
        self.codepipeline.create_pipeline(pipeline=made)

    def ended(self, name):
        def look():
            shown = self.codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
            return shown and shown[0]["status"] != "InProgress" and shown[0]["status"]
        return until(look, "the execution ends", 60)

    def runs(self, name):
        details = self.codepipeline.list_action_executions(pipelineName=name)["actionExecutionDetails"]
        return {d["actionName"]: d for d in details}

    def popen(self, *options):
        return subprocess.Popen([sys.executable, WORKER / "worker.py", "--poll-seconds", "0.05", *options], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={
                                    **self.server.aws_environment("dev"), "AWS_ENDPOINT_URL": self.server.endpoint})


@pytest.fixture(scope="module")
def bench(house):
    return Bench(house)


@pytest.fixture
def worker(bench):
    """Starts workers; they are told to stop at the end, and do so without a word of trouble."""
    running = []

    def start(*options):
        running.append(bench.popen(*options))
        return running[-1]
    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0 and "Traceback" not in said, said


def test_the_worker_does_its_action_in_turns(bench, worker):
    bench.pipeline("turns")
    bench.s3.put_object(Bucket=bench.bucket, Key="turns.zip", Body=zipped(FILES))
    process = worker("--files-a-turn", "3")
    assert bench.ended("turns") == "Succeeded"
    run = bench.runs("turns")["Manifest"]["output"]
    assert run["outputVariables"] == {"Files": "7"}
    assert run["executionResult"]["externalExecutionSummary"] == "7 of 7 files"
    state = bench.codepipeline.get_pipeline_state(name="turns")["stageStates"][1]["actionStates"][0]["latestExecution"]
    assert (state["status"], state["percentComplete"]) == ("Succeeded", 100)
    deployed = bench.s3.get_object(Bucket=bench.bucket, Key="turns-7.zip")["Body"].read()
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(deployed)).read("manifest.json"))
    assert manifest == {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    said = [process.stdout.readline().split(": ")[-1].strip() for _ in range(3)]
    assert said == ["3 of 7 files", "6 of 7 files", "7 of 7 files"]


def test_many_workers_share_the_actions(bench, worker):
    for i in range(4):
        bench.pipeline(f"many-{i}")
        bench.s3.put_object(Bucket=bench.bucket, Key=f"many-{i}.zip", Body=zipped(FILES))
    for _ in range(3):
        worker("--files-a-turn", "2")
    assert [bench.ended(f"many-{i}") for i in range(4)] == ["Succeeded"] * 4
    assert [bench.runs(f"many-{i}")["Manifest"]["output"]["outputVariables"] for i in range(4)] == [{"Files": "7"}] * 4


@pytest.mark.parametrize("name, body, says", [
    ("forbidden", zipped({**FILES, "etc/key.pem": b"secret"}), "etc/key.pem must not be in the artifact"),
    ("broken", b"no zip at all", "The input artifact is no zip file")])
def test_what_is_wrong_with_the_artifact_is_said(bench, worker, name, body, says):
    bench.pipeline(name, Forbid="*.pem")
    bench.s3.put_object(Bucket=bench.bucket, Key=f"{name}.zip", Body=body)
    worker()
    assert bench.ended(name) == "Failed"
    run = bench.codepipeline.get_pipeline_state(name=name)["stageStates"][1]["actionStates"][0]["latestExecution"]
    assert run["status"] == "Failed" and says in run["errorDetails"]["message"]


def test_a_worker_waits_while_the_service_is_away(new_server):
    bench = Bench(new_server(workers=True))
    bench.pipeline("away")
    process = bench.popen()
    try:
        bench.server.kill()
        assert "worker: " in process.stdout.readline()
        bench.server.start()
        bench.s3.put_object(Bucket=bench.bucket, Key="away.zip", Body=zipped(FILES))
        assert bench.ended("away") == "Succeeded"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_artifact_credentials_end_after_an_hour_and_new_ones_are_given(new_server):
    server = new_server(workers=True)
    bench = Bench(server)
    bench.pipeline("expiry")
    bench.s3.put_object(Bucket=bench.bucket, Key="expiry.zip", Body=zipped(FILES))

    def poll():
        return bench.codepipeline.poll_for_jobs(actionTypeId={**MANIFEST, "version": "1"})["jobs"]

    [job] = until(poll, "the worker's action is offered")
    bench.codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    where = job["data"]["inputArtifacts"][0]["location"]["s3Location"]

    def read(data):
        key = data["artifactCredentials"]
        s3 = server.client("s3", keys=(key["accessKeyId"], key["secretAccessKey"]), token=key["sessionToken"])
        return s3.get_object(Bucket=where["bucketName"], Key=where["objectKey"])["Body"].read()

    assert zipfile.ZipFile(io.BytesIO(read(job["data"]))).namelist() == list(FILES)
    assert server.stop() == 0
    server.environment["SLIPWAY_TEST_CLOCK_OFFSET_MS"] = str(3601 * 1000)
    server.options.append("--no-workers")  # theirs is the machine's clock
    server.start()

    class Later(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return super().utcnow() + datetime.timedelta(seconds=3601)

    with mock.patch("datetime.datetime", Later):
        with pytest.raises(ClientError) as refused:
            read(job["data"])
        assert refused.value.response["Error"]["Code"] == "ExpiredToken"
        again = bench.codepipeline.get_job_details(jobId=job["id"])["jobDetails"]["data"]
        assert zipfile.ZipFile(io.BytesIO(read(again))).namelist() == list(FILES)
