"""What becomes of objects' bytes on disk: equal ones are kept once, damaged ones are refused, named and healed."""
import os
import time
import uuid

import pytest
from botocore.exceptions import ClientError

LARGE = 200_000  # a file of its own


@pytest.fixture
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = "store-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    return name


def files(server):
    return sorted(p for p in (server.data / "blobs").rglob("*") if p.is_file() and len(p.name) == 32)


def until(look):
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_equal_bytes_are_kept_once(server, s3, bucket):
    before, body = len(files(server)), os.urandom(LARGE)
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="d")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="d", UploadId=upload, PartNumber=1, Body=body)
    s3.complete_multipart_upload(Bucket=bucket, Key="d", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    until(lambda: len(files(server)) == before + 1)
    s3.put_object(Bucket=bucket, Key="b", Body=os.urandom(LARGE))
    s3.delete_object(Bucket=bucket, Key="a")
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == body == s3.get_object(Bucket=bucket, Key="d")["Body"].read()
    for key in "bcd":
        s3.delete_object(Bucket=bucket, Key=key)
    until(lambda: len(files(server)) == before)


def test_an_object_that_was_cut_short_is_refused_until_its_bytes_come_again(server, s3, bucket):
    body, before = os.urandom(LARGE), set(files(server))
    s3.put_object(Bucket=bucket, Key="one", Body=body)
    s3.put_object(Bucket=bucket, Key="two", Body=body)
    [path] = set(files(server)) - before
    os.truncate(path, LARGE - 1)
    assert refused(s3.get_object, Bucket=bucket, Key="one") == ("InternalError", 500)
    assert refused(s3.get_object, Bucket=bucket, Key="two", Range="bytes=0-9") == ("InternalError", 500)
    assert s3.head_object(Bucket=bucket, Key="one")["ContentLength"] == LARGE
    s3.put_object(Bucket=bucket, Key="three", Body=os.urandom(LARGE))
    assert s3.get_object(Bucket=bucket, Key="three")["ContentLength"] == LARGE
