"""The forms in which a PUT's body may come: signed as a whole, not at all, or in chunks with and without trailers."""
import base64
import os
import re
import uuid
import zlib

import pytest

import raw
from chunks import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, Upload

FORMS = [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER]
SIZES = {"empty": [], "small": [b"hello world"], "large": [os.urandom(65536), os.urandom(8192), os.urandom(70000), b"end"]}


@pytest.fixture(scope="module")
def bucket(s3):
    name = "payload-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return name


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def trailers(form, chunks):
    return [] if form == SIGNED else [("x-amz-checksum-crc32", crc32(b"".join(chunks)))]


def code(answer):
    return answer.status, re.search("<Code>(.*)</Code>", answer.text)[1]


@pytest.mark.parametrize("transfer_chunked", [0, 1000])
@pytest.mark.parametrize("chunks", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_stores_what_is_in_its_chunks(server, s3, bucket, form, chunks, transfer_chunked):
    answer = Upload(server, f"/{bucket}/k", form, chunks, trailers(form, chunks), {
        "Content-Encoding": "aws-chunked,gzip"}).send(transfer_chunked=transfer_chunked)
    assert (answer.status, answer.body) == (200, b"")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(chunks)
    assert got["ContentEncoding"] == "gzip"


def test_aws_chunked_alone_is_no_encoding_of_the_object(server, s3, bucket):
    assert Upload(server, f"/{bucket}/plain", SIGNED, [b"x"]).send().status == 200
    assert "ContentEncoding" not in s3.get_object(Bucket=bucket, Key="plain")


def test_a_part_may_come_in_chunks(server, s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    answer = Upload(server, f"/{bucket}/parts?partNumber=1&uploadId={upload}", SIGNED, [b"a" * 9000, b"tail"]).send()
    assert answer.status == 200
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": answer.headers["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == b"a" * 9000 + b"tail"


CHUNKS = [b"a" * 8192, b"b" * 100]


def swap(old, new):
    def change(body):
        assert old in body
        return body.replace(old, new, 1)
    return change


def other_signature(name):
    """Turns the last digit of a signature."""
    def change(body):
        at = body.rindex(name) + len(name) + 64
        return body[:at - 1] + (b"0" if body[at - 1:at] != b"0" else b"1") + body[at:]
    return change


INCOMPLETE, SIGNATURE, TRAILER = (400, "IncompleteBody"), (403, "SignatureDoesNotMatch"), (400, "MalformedTrailerError")
BROKEN = [
    (SIGNED, swap(b"b" * 100, b"b" * 99 + b"c"), SIGNATURE),
    (SIGNED, swap(b"a" * 8192, b"A" + b"a" * 8191), SIGNATURE),
    (SIGNED, other_signature(b"chunk-signature="), SIGNATURE),
    (SIGNED_TRAILER, other_signature(b"x-amz-trailer-signature:"), SIGNATURE),
    (SIGNED_TRAILER, swap(b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32:A"), SIGNATURE),
    (SIGNED_TRAILER, swap(b"x-amz-trailer-signature:", b"x-amz-other:"), TRAILER),
    (UNSIGNED_TRAILER, swap(b"\r\nx-amz-checksum-crc32:", b"\r\nx-amz-checksum-sha1:"), TRAILER),
    (UNSIGNED_TRAILER, swap(b"\r\nx-amz-checksum-crc32:", b"\r\n:"), TRAILER),
    (UNSIGNED_TRAILER, lambda body: body[:body.rindex(b"x-amz-")] + b"\r\n", TRAILER),
    (UNSIGNED_TRAILER, swap(b"64\r\n", b"63\r\n"), INCOMPLETE),
    (UNSIGNED_TRAILER, swap(b"64\r\n", b"six\r\n"), INCOMPLETE),
    (UNSIGNED_TRAILER, lambda body: body[:-2], INCOMPLETE),
    (UNSIGNED_TRAILER, lambda body: body + b"more", INCOMPLETE),
    (SIGNED, lambda body: body[:8300], INCOMPLETE),
    (SIGNED, lambda body: b"just bytes", INCOMPLETE),
]


@pytest.mark.parametrize("form,change,expected", BROKEN)
def test_a_broken_body_stores_nothing(server, s3, bucket, form, change, expected):
    key = uuid.uuid4().hex
    answer = Upload(server, f"/{bucket}/{key}", form, CHUNKS, trailers(form, CHUNKS)).send(change)
    assert code(answer) == expected
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=key)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [8291, 8293])
def test_the_decoded_length_must_be_right(server, bucket, form, length):
    answer = Upload(server, f"/{bucket}/short", form, CHUNKS, trailers(form, CHUNKS), length=length).send()
    assert code(answer) == INCOMPLETE
    assert f"<NumberBytesExpected>{length}</NumberBytesExpected><NumberBytesProvided>8292</" in answer.text


@pytest.mark.parametrize("length", ["abc", "-1", ""])
def test_the_decoded_length_must_be_there(server, bucket, length):
    answer = Upload(server, f"/{bucket}/short", SIGNED, CHUNKS, length=length).send()
    assert code(answer) == (411, "MissingContentLength")


@pytest.mark.parametrize("form", FORMS)
def test_only_the_last_chunk_may_be_small(server, bucket, form):
    chunks = [b"a" * 8191, b"b" * 8192]
    answer = Upload(server, f"/{bucket}/small", form, chunks, trailers(form, chunks)).send()
    assert code(answer) == (403, "InvalidChunkSizeError")
    assert "<Chunk>2</Chunk><BadChunkSize>8191</BadChunkSize>" in answer.text


def test_trailers_must_be_announced(server, bucket):
    answer = Upload(server, f"/{bucket}/t", UNSIGNED_TRAILER, [b"x"], [("x-amz-checksum-crc32", crc32(b"x"))], {
        "x-amz-trailer": "x-amz-checksum-sha256"}).send()
    assert code(answer) == TRAILER


def test_no_trailer_needs_to_come(server, bucket):
    assert Upload(server, f"/{bucket}/none", UNSIGNED_TRAILER, [b"x"]).send().status == 200


def test_other_streaming_signatures_are_refused_with_words(server, bucket):
    answer = Upload(server, f"/{bucket}/k", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", [b"x"]).send()
    assert code(answer) == (501, "NotImplemented") and "STREAMING-AWS4-ECDSA" in answer.text


def test_a_body_of_unknown_length_needs_chunks(server, bucket):
    client = raw.Raw(server)
    headers = raw.signed(server, "s3", "PUT", f"/{bucket}/k", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    lines = "".join(f"{k}: {v}\r\n" for k, v in {**headers, "Transfer-Encoding": "chunked"}.items())
    client.send(f"PUT /{bucket}/k HTTP/1.1\r\n{lines}\r\n1\r\nx\r\n0\r\n\r\n".encode())
    answer = client.read()
    assert code(answer) == (501, "NotImplemented") and "<Header>Transfer-Encoding</Header>" in answer.text
