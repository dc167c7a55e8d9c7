"""Large bodies, byte for byte, however they are sent: at once, ragged, among others, with the next request right behind, cut."""
import hashlib
import os
import random
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

import raw
from chunks import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, Upload

SIZES = [65535, 65536, 65537, 131071, 131072, 131073, 262144, 300001, 1 << 20, (1 << 20) + 1, (3 << 20) + 77]
BYTES = os.urandom(4 << 20)


@pytest.fixture(scope="module")
def bucket(s3):
    name = "bodies-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return name


def put(server, target, body, headers=()):
    return raw.request("PUT", target, raw.signed(server, "s3", "PUT", target, headers, body), body)


def get(server, target):
    return raw.request("GET", target, raw.signed(server, "s3", "GET", target))


def etag(body):
    return f'"{hashlib.md5(body).hexdigest()}"'


def pieces(data, most, seed):
    """Of random lengths."""
    lengths, at = random.Random(seed), 0
    while at < len(data):
        length = lengths.randint(1, most)
        yield data[at:at + length]
        at += length


@pytest.mark.parametrize("most", [1 << 30, 200_000, 20_000])
def test_bodies_arrive_as_they_were_sent_and_what_is_behind_is_another_request(server, bucket, most):
    client = raw.Raw(server)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for size in SIZES:
        body, target = BYTES[size % 1000:][:size], f"/{bucket}/{size}"
        for piece in pieces(put(server, target, body) + get(server, target), most, size):
            client.send(piece)
        answer = client.read()
        assert (answer.status, answer.headers["ETag"]) == (200, etag(body)), size
        assert client.read().body == body, size
    client.close()


def test_a_sender_of_many_small_pieces(server, bucket):
    client = raw.Raw(server)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body, target = BYTES[:400_003], f"/{bucket}/ragged"
    for piece in pieces(put(server, target, body) + get(server, target), 700, 1):
        client.send(piece)
    assert client.read().headers["ETag"] == etag(body)
    assert client.read().body == body
    client.close()


def test_a_body_that_is_asked_for(server, bucket):
    client = raw.Raw(server)
    body, target = BYTES[:700_001], f"/{bucket}/expect"
    sent = put(server, target, body, {"Expect": "100-continue"})
    client.send(sent[:-len(body)])
    assert client.file.readline().split()[1] == b"100"
    assert client.file.readline() == b"\r\n"
    client.send(body)
    assert client.read().headers["ETag"] == etag(body)
    client.close()


@pytest.mark.parametrize("form", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_bodies_in_chunks(server, s3, bucket, form):
    chunks = list(pieces(BYTES[:1_500_000], 300_000, form))
    chunks = [chunk for chunk in chunks if len(chunk) >= 8192]
    assert Upload(server, f"/{bucket}/chunks", form, chunks).send().status == 200
    assert s3.get_object(Bucket=bucket, Key="chunks")["Body"].read() == b"".join(chunks)


def test_many_at_once_and_one_in_four_is_not_what_was_signed(server, s3, bucket):
    def one(number):
        client = raw.Raw(server)
        for turn in range(3):
            size = 600_000 + number * 77_773 + turn
            body, target = BYTES[number:][:size], f"/{bucket}/many-{number}-{turn}"
            sent = put(server, target, body)
            if number % 4 == 3:
                sent = sent[:-1000] + bytes([sent[-1000] ^ 1]) + sent[-999:]
            client.send(sent)
            answer = client.read()
            if number % 4 == 3:
                assert answer.status == 400 and "XAmzContentSHA256Mismatch" in answer.text
                continue
            assert (answer.status, answer.headers["ETag"]) == (200, etag(body))
            client.send(get(server, target))
            assert client.read().body == body
        client.close()
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(one, range(12)))
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="many-")["Contents"]]
    assert not [key for key in keys if int(key.split("-")[1]) % 4 == 3]


def incoming(server):
    return os.listdir(os.path.join(server.data, "blobs", "incoming"))


def test_a_sender_that_goes_away_leaves_nothing(server, s3, bucket):
    target = f"/{bucket}/cut"
    sent = put(server, target, BYTES[:1_000_000])
    for length in range(len(sent) - 999_999, len(sent), 47_111):
        client = raw.Raw(server)
        client.send(sent[:length])
        client.close()
    until = time.monotonic() + 20
    while incoming(server) and time.monotonic() < until:
        time.sleep(0.05)
    assert incoming(server) == []
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="cut")
