"""What S3 and SQS say byte by byte, on raw connections: status lines, headers, XML and JSON."""
import configparser
import datetime
import hashlib
import hmac
import json
import os
import re
import socket
import urllib.parse
import uuid

import pytest


@pytest.fixture(scope="module")
def keys(server):
    profiles = configparser.ConfigParser()
    profiles.read(os.path.join(server.data, "credentials"))
    return profiles["dev"]["aws_access_key_id"], profiles["dev"]["aws_secret_access_key"]


class Wire:
    """One kept-alive connection that signs what it sends."""

    def __init__(self, server, keys):
        self.host = urllib.parse.urlsplit(server.endpoint).netloc
        host, port = self.host.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.file = self.socket.makefile("rb")
        self.keys = keys

    def sign(self, method, path, query, headers, payload, service):
        now = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/us-east-1/{service}/aws4_request"
        headers = dict(headers, Host=self.host, **{"X-Amz-Date": now, "X-Amz-Content-Sha256": payload})
        names = sorted(h.lower() for h in headers)
        lower = {k.lower(): v for k, v in headers.items()}
        canonical = "\n".join([method, path, query, *(f"{n}:{lower[n]}" for n in names), "", ";".join(names), payload])
        key = ("AWS4" + self.keys[1]).encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.keys[0]}/{scope}, "
                                    f"SignedHeaders={';'.join(names)}, Signature={signature}")
        return headers

    def send(self, method, path, body=b"", query="", headers=(), service="s3", payload=None, early=False):
        payload = payload or hashlib.sha256(body).hexdigest()
        signed = self.sign(method, path, query, dict(headers), payload, service)
        signed["Content-Length"] = str(len(body))
        target = path + ("?" + query if query else "")
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in signed.items()) + "\r\n"
        self.socket.sendall(head.encode() + (b"" if early else body))

    def receive(self, method="GET"):
        status = self.file.readline().decode().rstrip()
        headers = {}
        while (line := self.file.readline().decode().rstrip()):
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        code = int(status.split()[1])
        length = 0 if method == "HEAD" or code in (100, 204, 304) else int(headers.get("content-length", 0))
        return code, headers, self.file.read(length)

    def ask(self, method, path, *args, **kwargs):
        self.send(method, path, *args, **kwargs)
        return self.receive(method)


@pytest.fixture
def wire(server, keys):
    return Wire(server, keys)


@pytest.fixture
def bucket(wire):
    name = "wire-" + uuid.uuid4().hex[:12]
    status, headers, body = wire.ask("PUT", "/" + name)
    assert (status, headers["location"], body) == (200, "/" + name, b"")
    return name


def test_put_get_head_delete(wire, bucket):
    path = f"/{bucket}/k"
    status, headers, body = wire.ask("PUT", path, b"hello", headers={"Content-Type": "text/plain"})
    assert (status, headers["etag"], body) == (200, '"5d41402abc4b2a76b9719d911017c592"', b"")
    assert headers["x-amz-request-id"] and headers["x-amz-id-2"]
    status, headers, body = wire.ask("GET", path)
    assert (status, headers["content-type"], headers["content-length"], body) == (200, "text/plain", "5", b"hello")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["last-modified"])
    status, headers, _ = wire.ask("HEAD", path)
    assert (status, headers["content-length"]) == (200, "5")
    status, headers, body = wire.ask("GET", path, headers={"Range": "bytes=1-2"})
    assert (status, headers["content-range"], body) == (206, "bytes 1-2/5", b"el")
    status, headers, body = wire.ask("DELETE", path)
    assert (status, body) == (204, b"")


def test_error_body_and_the_connection_goes_on(wire, bucket):
    status, headers, body = wire.ask("GET", f"/{bucket}/no%20such")
    assert (status, headers["content-type"]) == (404, "application/xml")
    host_id, request_id = headers["x-amz-id-2"], headers["x-amz-request-id"]
    assert body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        f"<Message>The specified key does not exist.</Message><BucketName>{bucket}</BucketName><Key>no such</Key>"
        f"<Resource>/{bucket}/no%20such</Resource><RequestId>{request_id}</RequestId><HostId>{host_id}</HostId></Error>")
    assert wire.ask("HEAD", f"/{bucket}/no")[0] == 404
    assert wire.ask("GET", f"/{bucket}/no")[0] == 404


def test_empty_listing(wire, bucket):
    status, _, body = wire.ask("GET", "/" + bucket, query="list-type=2")
    assert (status, body.decode()) == (200, (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
        "<KeyCount>0</KeyCount></ListBucketResult>"))


def test_a_body_that_is_not_the_signed_one(wire, bucket):
    status, _, body = wire.ask("PUT", f"/{bucket}/k", b"other", payload=hashlib.sha256(b"this").hexdigest())
    assert status == 400 and b"<Code>XAmzContentSHA256Mismatch</Code>" in body
    assert wire.ask("GET", f"/{bucket}/k")[0] == 404


def test_unsigned_payload_is_taken_by_s3(wire, bucket):
    assert wire.ask("PUT", f"/{bucket}/k", b"curl", payload="UNSIGNED-PAYLOAD")[0] == 200
    assert wire.ask("GET", f"/{bucket}/k")[2] == b"curl"


def test_expect_100_continue(wire, bucket):
    wire.send("PUT", f"/{bucket}/k", b"late", headers={"Expect": "100-continue"}, early=True)
    assert wire.receive()[0] == 100
    wire.socket.sendall(b"late")
    assert wire.receive()[0] == 200
    assert wire.ask("GET", f"/{bucket}/k")[2] == b"late"


@pytest.mark.parametrize("body", [b"<a", b"<VersioningConfiguration><Status>on</Status></VersioningConfiguration>",
                                  b"\xff\xfe", b"<a>" * 10000, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
                         ids=["cut", "another status", "not utf-8", "deep", "entity"])
def test_malformed_xml(wire, bucket, body):
    status, _, answer = wire.ask("PUT", "/" + bucket, body, query="versioning=")
    assert status == 400 and b"<Code>MalformedXML</Code>" in answer
    assert b"Status" not in wire.ask("GET", "/" + bucket, query="versioning=")[2]


@pytest.mark.parametrize("path", ["/{}/%ff", "/{}/a%00b"])
def test_keys_that_are_no_text(wire, bucket, path):
    status, _, body = wire.ask("PUT", path.format(bucket), b"x")
    assert status == 400 and b"<Code>InvalidURI</Code>" in body


def sqs(wire, operation, **members):
    return wire.ask("POST", "/", json.dumps(members).encode(), service="sqs", headers={
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + operation})


def test_sqs_json(wire):
    name = "wire-" + uuid.uuid4().hex[:12]
    status, headers, body = sqs(wire, "CreateQueue", QueueName=name, Attributes={"DelaySeconds": "0"})
    assert (status, headers["content-type"]) == (200, "application/x-amz-json-1.0")
    url = json.loads(body)["QueueUrl"]
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": "AAE="}}
    status, _, body = sqs(wire, "SendMessage", QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    sent = json.loads(body)
    assert sent["MD5OfMessageBody"] == "5d41402abc4b2a76b9719d911017c592"
    _, _, body = sqs(wire, "ReceiveMessage", QueueUrl=url, MessageAttributeNames=["All"])
    [message] = json.loads(body)["Messages"]
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    status, _, body = sqs(wire, "DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert (status, body) in ((200, b""), (200, b"{}"))


def test_sqs_json_leaves_out_lists_that_are_empty(wire):
    name = "wire-" + uuid.uuid4().hex[:12]
    assert json.loads(sqs(wire, "ListQueues", QueueNamePrefix=name)[2]) == {}
    url = json.loads(sqs(wire, "CreateQueue", QueueName=name)[2])["QueueUrl"]
    assert json.loads(sqs(wire, "ReceiveMessage", QueueUrl=url)[2]) == {}
    assert json.loads(sqs(wire, "GetQueueAttributes", QueueUrl=url)[2]) == {}
    batch = [{"Id": "a", "MessageBody": "x"}]
    assert set(json.loads(sqs(wire, "SendMessageBatch", QueueUrl=url, Entries=batch)[2])) == {"Successful"}
    batch = [{"Id": "a", "MessageBody": "\x01"}]
    assert set(json.loads(sqs(wire, "SendMessageBatch", QueueUrl=url, Entries=batch)[2])) == {"Failed"}


def test_sqs_json_of_policies_and_tags(wire, server):
    """As the newest SDKs speak: Debian's speaks Query."""
    other = Wire(server, server.keys("staging"))
    url = json.loads(sqs(wire, "CreateQueue", QueueName="policies", tags={"a": "b"})[2])["QueueUrl"]
    assert json.loads(sqs(wire, "ListQueueTags", QueueUrl=url)[2]) == {"Tags": {"a": "b"}}
    status, headers, body = sqs(other, "SendMessage", QueueUrl=url, MessageBody="x")
    assert status == 403 and headers["x-amzn-query-error"] == "AccessDenied;Sender"
    assert json.loads(body)["__type"].endswith("AccessDeniedException")
    permission = {"QueueUrl": url, "Label": "l", "AWSAccountIds": ["333333333333"], "Actions": ["SendMessage"]}
    assert sqs(wire, "AddPermission", **permission)[0] == 200
    assert sqs(other, "SendMessage", QueueUrl=url, MessageBody="x")[0] == 200
    status, headers, body = sqs(wire, "AddPermission", **{**permission, "Label": "m", "Actions": ["SendMessage"] * 8})
    assert status == 403 and json.loads(body)["__type"].endswith("OverLimit")
    assert json.loads(sqs(wire, "ListDeadLetterSourceQueues", QueueUrl=url)[2]) == {}
    assert sqs(wire, "PurgeQueue", QueueUrl=url)[0] == 200
    status, headers, body = sqs(wire, "PurgeQueue", QueueUrl=url)
    assert status == 403 and json.loads(body)["__type"].endswith("PurgeQueueInProgress")
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.PurgeQueueInProgress;Sender"


def test_sqs_json_error(wire):
    status, headers, body = sqs(wire, "GetQueueUrl", QueueName="not-there")
    assert status == 400
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert json.loads(body)["__type"].endswith("QueueDoesNotExist")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"QueueName": 7}', b'{"QueueName": "a", "QueueName": "b"}'])
def test_sqs_malformed_json(wire, body):
    status, _, _ = wire.ask("POST", "/", body, service="sqs", headers={
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.CreateQueue"})
    assert status == 400
    assert sqs(wire, "ListQueues")[0] == 200
