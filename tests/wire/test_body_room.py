"""Bodies that are kept whole take a bounded memory: the oldest that still comes makes room, who finds none comes again."""
import configparser
import pathlib
import socket
import time

import pytest

import raw
from running import Server

SIZE = 8_000_000
FIT = 33  # of 256 MiB
READERS = 300  # whose requests might have bodies of a MiB
YOUNG_S = 1.2


@pytest.fixture()
def server():
    running = Server()
    yield running
    running.close()


def begin(server):
    """A request by a key that there is, and the beginning of its body."""
    keys = configparser.ConfigParser()
    keys.read(pathlib.Path(server.data) / "credentials")
    key = keys[keys.sections()[0]]["aws_access_key_id"]
    coming = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    coming.sendall((
        "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"Content-Length: {SIZE}\r\nX-Amz-Date: {time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={key}/{time.strftime('%Y%m%d', time.gmtime())}/us-east-1/sqs/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}\r\n\r\n").encode() + b"{" * 100)
    return coming


def said(coming, wait_s):
    """What the server has said; "": it has closed; None: nothing yet."""
    coming.settimeout(wait_s)
    try:
        return coming.recv(65536).decode()
    except TimeoutError:
        return None
    except ConnectionError:
        return ""


def test_the_oldest_body_that_still_comes_makes_room(server):
    coming = []
    for _ in range(FIT):
        coming.append(begin(server))
        time.sleep(0.01)
    time.sleep(YOUNG_S)
    assert [said(one, 0.01) for one in coming] == [None] * FIT
    late = begin(server)
    answer = said(late, 10)
    assert answer.startswith("HTTP/1.1 503") and "Retry-After: 1" in answer
    assert said(coming[0], 10) == ""
    assert [said(one, 0.01) for one in coming[1:]] == [None] * (FIT - 1)
    again = begin(server)
    assert said(again, 0.5) is None
    assert server.client("sqs").create_queue(QueueName="short")["QueueUrl"]


def test_who_reads_slowly_takes_no_room(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="read")
    s3.put_object(Bucket="read", Key="large", Body=bytes(SIZE))
    readers = [raw.Raw(server) for _ in range(READERS)]
    for reader in readers:
        reader.send(raw.s3_request(server, "GET", "/read/large"))
    assert [reader.socket.recv(12) for reader in readers] == [b"HTTP/1.1 200"] * READERS
    assert s3.get_object(Bucket="read", Key="large")["ContentLength"] == SIZE
    for reader in readers:
        reader.close()
