"""A disk that is full, for which a limit on file sizes stands: errors to the client, nothing half-written, the server
alive, and after a restart exactly what was acknowledged."""
import configparser
import os
import resource
import signal
import subprocess
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

BINARY = os.environ.get("SLIPWAY_BIN") or os.path.join(os.path.dirname(__file__), "../../build/slipway")
LIMIT = 6 << 20


class Slipway:
    def __init__(self, data, limit):
        self.port_file = os.path.join(data, "test-port")
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)

        def confine():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", data, "--port", "0", "--no-workers", "--port-file", self.port_file],
            stdout=subprocess.DEVNULL, preexec_fn=confine, restore_signals=False)
        deadline = time.monotonic() + 20
        while not (os.path.exists(self.port_file) and open(self.port_file).read().strip()):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        self.keys = configparser.ConfigParser()
        self.keys.read(os.path.join(data, "credentials"))
        self.s3 = self.client("s3")

    def client(self, service):
        return boto3.client(service, endpoint_url="http://127.0.0.1:" + open(self.port_file).read().strip(),
                            region_name="us-east-1", config=Config(retries={"max_attempts": 0}),
                            aws_access_key_id=self.keys["dev"]["aws_access_key_id"],
                            aws_secret_access_key=self.keys["dev"]["aws_secret_access_key"])

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=20)


def files_in(folder):
    return [name for _, _, names in os.walk(folder) for name in names]


def status_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_objects(tmp_path):
    data = str(tmp_path / "data")
    first = Slipway(data, None)
    first.s3.create_bucket(Bucket="full")
    assert first.stop() == 0

    limited = Slipway(data, LIMIT)
    s3 = limited.s3
    assert status_of(s3.put_object, Bucket="full", Key="large", Body=b"x" * (LIMIT + 1)) >= 500
    assert files_in(os.path.join(data, "blobs")) == []
    assert status_of(s3.head_object, Bucket="full", Key="large") == 404
    s3.put_object(Bucket="full", Key="fits", Body=b"y" * (LIMIT // 2))

    acknowledged, refused = [], []
    for i in range(LIMIT // 30000 * 4):
        body = os.urandom(30000)
        try:
            s3.put_object(Bucket="full", Key=f"small/{i}", Body=body)
            acknowledged.append((f"small/{i}", body))
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
            refused.append(f"small/{i}")
        if len(refused) > 5:
            break
    assert acknowledged and refused
    assert limited.process.poll() is None
    assert s3.get_object(Bucket="full", Key=acknowledged[0][0])["Body"].read() == acknowledged[0][1]
    limited.process.kill()
    limited.process.wait()

    after = Slipway(data, None)
    pages = after.s3.get_paginator("list_objects_v2").paginate(Bucket="full", Prefix="small/")
    found = sorted(o["Key"] for page in pages for o in page.get("Contents", []))
    assert found == sorted(key for key, _ in acknowledged)
    for key, body in acknowledged:
        assert after.s3.get_object(Bucket="full", Key=key)["Body"].read() == body
    assert len(files_in(os.path.join(data, "blobs"))) == 1
    after.s3.put_object(Bucket="full", Key="large", Body=b"x" * (LIMIT + 1))
    assert after.stop() == 0


def fill(call, most):
    """Calls with 0, 1, 2 … until some are refused: which were acknowledged."""
    acknowledged, refused = [], 0
    for i in range(most):
        try:
            call(i)
            acknowledged.append(i)
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
            assert error.response["Error"]["Message"]
            refused += 1
        if refused > 5:
            return acknowledged
    raise AssertionError("the disk did not become full")


def test_parameters_and_messages(tmp_path):
    data = str(tmp_path / "data")
    limited = Slipway(data, LIMIT)
    ssm, sqs = limited.client("ssm"), limited.client("sqs")
    url = sqs.create_queue(QueueName="full")["QueueUrl"]
    value = "x" * 4000

    def write(i):
        if i % 2:
            sqs.send_message(QueueUrl=url, MessageBody=f"{i} " + "y" * 60000)
        else:
            ssm.put_parameter(Name=f"/full/{i}", Type="String", Value=value)
    acknowledged = fill(write, 2000)
    assert limited.process.poll() is None
    assert ssm.get_parameter(Name="/full/0")["Parameter"]["Value"] == value
    limited.process.kill()
    limited.process.wait()

    after = Slipway(data, None)
    ssm, sqs = after.client("ssm"), after.client("sqs")
    url = sqs.get_queue_url(QueueName="full")["QueueUrl"]
    names = [p["Name"] for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/full")
             for p in page["Parameters"]]
    assert sorted(names) == sorted(f"/full/{i}" for i in acknowledged if i % 2 == 0)
    count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]
    assert int(count) == len([i for i in acknowledged if i % 2])
    ssm.put_parameter(Name="/full/after", Type="String", Value=value)
    assert after.stop() == 0
