"""A disk that is full: errors to the client, nothing half-written, the server alive, what was acknowledged is read,
and after a restart there is exactly that."""
import configparser
import os
import select
import socket
import subprocess
import sys
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

BINARY = os.environ.get("SLIPWAY_BIN") or os.path.join(os.path.dirname(__file__), "../../build/slipway")
DISK = 64 << 20
LEFT = 6 << 20  # of the disk, when it is nearly full


class Disk:
    def __init__(self, folder):
        self.data = os.path.join(folder, "data")
        self.ballast = os.path.join(folder, "ballast")
        os.mkdir(self.data)

    def fill(self):
        free = os.statvfs(self.data)
        with open(self.ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bfree * free.f_bsize - LEFT)

    def empty(self):
        os.unlink(self.ballast)


def on_a_small_disk(test):
    """Mounting one needs root: without, the test runs again in namespaces where it is."""
    def run(request, tmp_path):
        if os.geteuid() != 0:
            again = subprocess.run(["unshare", "--map-root-user", "--mount", sys.executable, "-m", "pytest", request.node.nodeid],
                                   cwd=request.config.rootpath, capture_output=True, text=True, check=False)
            assert again.returncode == 0, again.stdout
            return
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", tmp_path], check=True)
        try:
            test(Disk(str(tmp_path)))
        finally:
            subprocess.run(["umount", "--lazy", tmp_path], check=True)
    run.__name__ = test.__name__
    return run


class Slipway:
    def __init__(self, data):
        self.port_file = os.path.join(data, "test-port")
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)

        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", data, "--port", "0", "--no-workers", "--port-file", self.port_file],
            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not (os.path.exists(self.port_file) and open(self.port_file).read().strip()):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        self.keys = configparser.ConfigParser()
        self.keys.read(os.path.join(data, "credentials"))
        self.s3 = self.client("s3")

    def client(self, service):
        return boto3.client(service, endpoint_url="http://127.0.0.1:" + open(self.port_file).read().strip(),
                            region_name="us-east-1", config=Config(retries={"max_attempts": 0}, signature_version="s3v4" if service == "s3" else "v4"),
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


@on_a_small_disk
def test_objects(disk):
    limited = Slipway(disk.data)
    s3 = limited.s3
    s3.create_bucket(Bucket="full")
    disk.fill()
    assert status_of(s3.put_object, Bucket="full", Key="large", Body=b"x" * (LEFT + 1)) >= 500
    assert files_in(os.path.join(disk.data, "blobs")) == []
    assert status_of(s3.head_object, Bucket="full", Key="large") == 404
    s3.put_object(Bucket="full", Key="fits", Body=b"y" * (LEFT // 2))

    acknowledged, refused = [], []
    for i in range(DISK // 30000):
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
    for key, body in acknowledged:
        assert s3.get_object(Bucket="full", Key=key)["Body"].read() == body
    limited.process.kill()
    limited.process.wait()

    disk.empty()
    after = Slipway(disk.data)
    pages = after.s3.get_paginator("list_objects_v2").paginate(Bucket="full", Prefix="small/")
    found = sorted(o["Key"] for page in pages for o in page.get("Contents", []))
    assert found == sorted(key for key, _ in acknowledged)
    for key, body in acknowledged:
        assert after.s3.get_object(Bucket="full", Key=key)["Body"].read() == body
    assert len(files_in(os.path.join(disk.data, "blobs"))) == 1
    after.s3.put_object(Bucket="full", Key="large", Body=b"x" * (LEFT + 1))
    assert after.stop() == 0


@on_a_small_disk
def test_who_sends_much_is_answered_before_the_end(disk):
    """By the error, not by a closed connection: who looks while it sends stops; who looks only afterwards finds it, too."""
    limited = Slipway(disk.data)
    s3 = limited.s3
    s3.create_bucket(Bucket="full")
    disk.fill()
    large = 96 << 20
    link = s3.generate_presigned_url("put_object", {"Bucket": "full", "Key": "large"}, ExpiresIn=600)
    sender = socket.create_connection(("127.0.0.1", int(link.split(":")[2].split("/")[0])), timeout=20)
    target = "/" + link.split("/", 3)[3]
    sender.sendall(f"PUT {target} HTTP/1.1\r\nHost: {link.split('/')[2]}\r\nContent-Length: {large}\r\n\r\n".encode())
    sent = 0
    while not select.select([sender], [], [], 0)[0] and sent < large:
        sent += sender.send(bytes(min(1 << 20, large - sent)))
    answer = sender.recv(65536).decode()
    assert sent < large and answer.startswith("HTTP/1.1 503 ") and "<Code>ServiceUnavailable</Code>" in answer
    assert "\r\nConnection: close\r\n" in answer and "x-amz-request-id" in answer
    sender.close()
    assert status_of(s3.put_object, Bucket="full", Key="large", Body=bytes(large)) == 503
    assert files_in(os.path.join(disk.data, "blobs")) == []
    disk.empty()
    s3.put_object(Bucket="full", Key="large", Body=b"x" * (LEFT + 1))
    assert limited.stop() == 0


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


@on_a_small_disk
def test_parameters_and_messages(disk):
    limited = Slipway(disk.data)
    disk.fill()
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

    disk.empty()
    after = Slipway(disk.data)
    ssm, sqs = after.client("ssm"), after.client("sqs")
    url = sqs.get_queue_url(QueueName="full")["QueueUrl"]
    names = [p["Name"] for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/full")
             for p in page["Parameters"]]
    assert sorted(names) == sorted(f"/full/{i}" for i in acknowledged if i % 2 == 0)
    count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]
    assert int(count) == len([i for i in acknowledged if i % 2])
    ssm.put_parameter(Name="/full/after", Type="String", Value=value)
    assert after.stop() == 0
