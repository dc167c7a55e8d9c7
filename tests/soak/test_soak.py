"""What wears a server down: idle and slow clients by the thousand, uploads that are cut anywhere, listings of very many
parts, no descriptors left. Short in `make check`; `make soak` does all of it, with a server under ASan and UBSan.
"""
import os
import random
import re
import resource
import socket
import struct
import threading
import time

import pytest
from botocore.exceptions import ClientError

import raw as wire
from running import Server

FULL = os.environ.get("SOAK") == "full"
SEED = int(os.environ.get("SOAK_SEED", "1"))
MIB = 1 << 20
GROWTH_MIB = 64 if FULL else 24  # ASan keeps what was freed for a while
ASAN = "quarantine_size_mb=16:malloc_context_size=4"
UNSIGNED = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}


@pytest.fixture
def server():
    made = Server(environment={"ASAN_OPTIONS": ASAN})
    yield made
    made.close()


def descriptors_for(wanted):
    """As many connections as were wanted and as this process and the server may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, (hard - 200) // 2)


def rss_mib(server):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def open_files(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def until(holds, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def incoming(server):
    return os.listdir(server.data / "blobs" / "incoming")


class Others:
    """Clients who go on as if nothing was; the longest that one of them waited."""

    def __init__(self, server):
        self.server, self.over, self.worst, self.count, self.failure = server, threading.Event(), 0.0, 0, None
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def run(self):
        try:
            s3 = self.server.client("s3")
            s3.create_bucket(Bucket="others")
            while not self.over.is_set():
                started = time.monotonic()
                s3.put_object(Bucket="others", Key="k", Body=b"some")
                assert s3.get_object(Bucket="others", Key="k")["Body"].read() == b"some"
                self.worst = max(self.worst, time.monotonic() - started)
                self.count += 1
        except Exception as failure:  # told to the test, which is another thread
            self.failure = failure

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        assert not self.failure, self.failure
        assert self.count > 3 and self.worst < 5, f"{self.count} turns, the slowest {self.worst:.2f} s"


def test_idle_connections_cost_little(server):
    count = descriptors_for(10_000 if FULL else 1000)
    server.client("s3").list_buckets()
    before, files = rss_mib(server), open_files(server)
    with Others(server):
        idle = [wire.Raw(server) for _ in range(count)]
        for connection in idle[::10]:  # of some it has had a request
            connection.send(wire.request("GET", "/", {}))
            assert connection.read().status == 403
        until(lambda: open_files(server) >= files + count, "not all were accepted")
        time.sleep(1)
        each = (rss_mib(server) - before) * 1024 / count
    assert each < 32, f"{each:.1f} KiB for each of {count} idle connections"
    for connection in idle:
        connection.close()
    until(lambda: open_files(server) <= files + 8, "connections stay open in the server")


def test_bodies_that_never_end_take_a_bounded_memory(server):
    """Of somebody who knows a key's id, which every presigned URL tells: signatures are looked at after the body."""
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    size, before = 8 * MIB, rss_mib(server)
    headers = wire.signed(server, "sqs", "POST", "/", {"X-Amz-Target": "AmazonSQS.SendMessage",
                                                      "Content-Type": "application/x-amz-json-1.0"})
    held, told = [], []
    for _ in range(60):
        connection = wire.Raw(server)
        connection.socket.settimeout(0.5)
        try:
            connection.send(wire.request("POST", "/", headers, length=size) + bytes(size - 1))
        except OSError:
            pass  # it was told meanwhile
        held.append(connection)
    time.sleep(1.5)  # they are no longer young
    assert rss_mib(server) - before < 256 + GROWTH_MIB
    for connection in held:
        try:
            told.append(connection.socket.recv(12, socket.MSG_DONTWAIT))
        except OSError:
            pass  # it is waited for, or was cut off
    assert b"HTTP/1.1 503" in told
    until(lambda: sends(sqs, url, "x" * 200_000), "a message of others is not taken")
    for connection in held:
        connection.close()
    until(lambda: rss_mib(server) - before < 128, "what was held is not given back")  # but what malloc keeps


def test_who_was_refused_keeps_no_others_out():
    """Unsigned requests whose bodies come byte by byte, as many as there may be connections."""
    server = Server(environment={"ASAN_OPTIONS": ASAN}, limits={resource.RLIMIT_NOFILE: 256})
    slow = []
    try:
        for _ in range(110):
            slow.append(wire.Raw(server))
            slow[-1].send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")
        time.sleep(1.5)  # they are no longer young
        for _ in range(5):
            assert server.client("sts").get_caller_identity()["Account"] == "222222222222"
    finally:
        for connection in slow:
            connection.close()
        server.close()


def sends(sqs, url, text):
    try:
        return sqs.send_message(QueueUrl=url, MessageBody=text)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        return None


def test_slow_clients_hold_up_nobody(server):
    count = descriptors_for(3000 if FULL else 300)
    seconds = 50 if FULL else 2
    s3 = server.client("s3")
    s3.create_bucket(Bucket="slow")
    s3.put_object(Bucket="slow", Key="large", Body=bytes(8 * MIB))
    before = rss_mib(server)
    headers = [wire.Raw(server) for _ in range(count)]
    bodies = [wire.Raw(server) for _ in range(count // 3)]
    readers = [wire.Raw(server) for _ in range(count // 3)]
    with Others(server):
        for connection in headers:
            connection.send(b"PUT /slow/k HTTP/1.1\r\nHost: x\r\nX-A: ")
        for connection in bodies:
            signed = wire.signed(server, "s3", "PUT", "/slow/k", UNSIGNED)
            connection.send(wire.request("PUT", "/slow/k", signed, length=8 * MIB))
        for connection in readers:
            connection.send(wire.s3_request(server, "GET", "/slow/large"))
        for _ in range(seconds):
            for connection in headers + bodies:
                try:
                    connection.send(b"x")
                except OSError:
                    pass  # the server has had enough of it
            for connection in readers:
                connection.socket.recv(1)
            time.sleep(1)
        grown = rss_mib(server) - before
    assert grown < GROWTH_MIB + 0.1 * count, f"{grown:.0f} MiB more for {count} slow clients"
    if FULL:
        cut = sum(is_closed(connection) for connection in headers + bodies)
        assert cut == len(headers + bodies), f"{cut} of {len(headers + bodies)} were cut off"
    for connection in headers + bodies + readers:
        connection.close()
    until(lambda: not incoming(server), "bodies that never came are still kept")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="slow")["Contents"]] == ["large"]


def is_closed(connection):
    connection.socket.setblocking(False)
    try:
        while connection.socket.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


class Cut:
    """An upload of two halves, since one request takes 5 GiB at most: cut in the first it is a PUT, in the second two parts."""

    def __init__(self, server, half):
        self.server, self.half, self.block = server, half, os.urandom(MIB)

    def begin(self, target):
        connection = wire.Raw(self.server)
        target, headers = wire.signed(self.server, "s3", "PUT", target, presign_s=3600)
        connection.send(wire.request("PUT", target, headers, length=self.half))
        return connection

    def send(self, connection, count):
        for start in range(0, count, MIB):
            connection.send(self.block[:min(MIB, count - start)])

    def at(self, place, s3):
        """The connection on which so much was sent, and what is to be done when it is closed."""
        if place < self.half:
            connection = self.begin("/cut/k")
            self.send(connection, place)
            return connection, lambda: None
        upload = s3.create_multipart_upload(Bucket="cut", Key="k")["UploadId"]
        first, second = (f"/cut/k?partNumber={number}&uploadId={upload}" for number in (1, 2))
        connection = self.begin(first)
        self.send(connection, self.half)
        assert connection.read().status == 200
        connection.close()
        connection = self.begin(second)
        self.send(connection, place - self.half)
        return connection, lambda: s3.abort_multipart_upload(Bucket="cut", Key="k", UploadId=upload)


def test_uploads_cut_anywhere_leave_nothing(server):
    """The cut's place is even by its logarithm: as often in the first KiB as in the last nine tenths; and at the end."""
    choice = random.Random(SEED)
    size, cuts = (10 << 30, 200) if FULL else (256 * MIB, 25)
    s3 = server.client("s3", read_timeout=300)
    s3.create_bucket(Bucket="cut")
    s3.put_object(Bucket="cut", Key="k", Body=b"stays")
    cut = Cut(server, size // 2)
    files, before, highest = open_files(server), 0, 0
    for number in range(cuts):
        place = size - 1 if number == cuts // 2 else int(size ** choice.random())
        connection, after = cut.at(place, s3)
        if choice.random() < 0.5:  # by a reset
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        after()
        highest = max(highest, rss_mib(server))
        before = before or highest
    until(lambda: not incoming(server), f"left in incoming: {incoming(server)}", 60)
    until(lambda: open_files(server) <= files + 4, "files stay open")
    assert highest - before < GROWTH_MIB, f"{before:.0f} MiB after the first, {highest:.0f} MiB at most"
    assert s3.get_object(Bucket="cut", Key="k")["Body"].read() == b"stays"
    assert "Versions" in s3.list_object_versions(Bucket="cut")
    until(lambda: sum(len(names) for _, _, names in os.walk(server.data / "blobs")) == 0, "blobs stay")


def put_parts(server, targets, connections=32):
    """A byte to each; by many connections at once, and no more of the answer is read than its status."""
    signer = wire.QuickSigner(server)
    clients = [wire.Raw(server) for _ in range(connections)]
    for start in range(0, len(targets), connections):
        some = list(zip(clients, targets[start:start + connections]))
        for client, (path, query) in some:
            client.send(signer.request("PUT", path, query, b"p"))
        for client, _ in some:
            answer = client.file.readline()
            assert answer.startswith(b"HTTP/1.1 200"), answer
            while client.file.readline() != b"\r\n":
                pass
    for client in clients:
        client.close()


def test_many_parts_are_listed_page_by_page(server):
    uploads, parts = (100, 10_000) if FULL else (3, 1200)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="parts")
    ids = [s3.create_multipart_upload(Bucket="parts", Key=f"k{n:03}")["UploadId"] for n in range(uploads)]

    put_parts(server, [(f"/parts/k{number:03}", f"partNumber={part}&uploadId={upload}")
                       for number, upload in enumerate(ids) for part in range(1, parts + 1)])
    before, slowest = rss_mib(server), 0.0
    for number, upload in enumerate(ids):
        seen, marker = [], 0
        while True:
            started = time.monotonic()
            page = s3.list_parts(Bucket="parts", Key=f"k{number:03}", UploadId=upload, PartNumberMarker=marker)
            slowest = max(slowest, time.monotonic() - started)
            seen += [part["PartNumber"] for part in page["Parts"]]
            if not page["IsTruncated"]:
                break
            marker = page["NextPartNumberMarker"]
        assert seen == list(range(1, parts + 1))
    assert rss_mib(server) - before < GROWTH_MIB and slowest < 2
    listed = [u["UploadId"] for page in s3.get_paginator("list_multipart_uploads").paginate(
        Bucket="parts", PaginationConfig={"PageSize": 7}) for u in page["Uploads"]]
    assert listed == ids
    for number, upload in enumerate(ids):
        s3.abort_multipart_upload(Bucket="parts", Key=f"k{number:03}", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="parts")


def test_without_descriptors_nothing_is_lost_or_called_damaged(server):
    s3 = server.client("s3", profile="shared-services")
    s3.create_bucket(Bucket="files")
    body = os.urandom(MIB)
    for number in range(5):
        s3.put_object(Bucket="files", Key=f"k{number}", Body=body + b"%d" % number)
    verifier = wire.Raw(server)
    verifier.send(wire.s3_request(server, "GET", "/", profile="shared-services"))
    assert verifier.read().status == 200
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (open_files(server), limits[1]))
    refused = 0
    for number in range(5):
        for call, arguments in ((s3.put_object, {"Key": f"new{number}", "Body": body}), (s3.get_object, {"Key": f"k{number}"})):
            try:
                answer = call(Bucket="files", **arguments)
                if "Body" in answer:
                    answer["Body"].read()
            except s3.exceptions.ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 503), error
                refused += 1
    verifier.send(wire.s3_request(server, "POST", "/?verify=", profile="shared-services"))
    verified = verifier.read()
    assert refused > 0
    assert verified.status in (500, 503), verified.text
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, limits)
    assert "amage" not in server.log()
    for number in range(5):
        assert s3.get_object(Bucket="files", Key=f"k{number}")["Body"].read() == body + b"%d" % number
    s3.put_object(Bucket="files", Key="after", Body=body)
    assert server.slipway("bucket", "verify", check=False).returncode == 0
    assert not incoming(server)
