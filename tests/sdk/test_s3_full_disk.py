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
        keys = configparser.ConfigParser()
        keys.read(os.path.join(data, "credentials"))
        self.s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:" + open(self.port_file).read().strip(),
                               region_name="us-east-1", config=Config(retries={"max_attempts": 0}),
                               aws_access_key_id=keys["dev"]["aws_access_key_id"],
                               aws_secret_access_key=keys["dev"]["aws_secret_access_key"])

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=20)


def files_in(folder):
    return [name for _, _, names in os.walk(folder) for name in names]


def status_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_full_disk(tmp_path):
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
