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


def damage(path):
    """One bit, as a failing disk would."""
    with open(path, "r+b") as f:
        f.seek(LARGE // 2)
        byte = f.read(1)[0]
        f.seek(LARGE // 2)
        f.write(bytes([byte ^ 4]))


def verify(server):
    done = server.slipway("bucket", "verify", profile="shared-services", check=False)
    return done.returncode, done.stdout


def test_verify_finds_what_rots_and_the_same_bytes_heal_it(new_server):
    server = new_server("--scrub", "0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="rot")
    s3.put_bucket_versioning(Bucket="rot", VersioningConfiguration={"Status": "Enabled"})
    body = os.urandom(LARGE)
    version = s3.put_object(Bucket="rot", Key="a b/ü.zip", Body=body)["VersionId"]
    s3.put_object(Bucket="rot", Key="same", Body=body)
    s3.put_object(Bucket="rot", Key="small", Body=b"in the database")
    assert verify(server)[0] == 0
    [path] = files(server)
    damage(path)
    status, said = verify(server)
    assert status == 1 and f"damaged: s3://rot/a b/ü.zip version {version}: its bytes have the SHA-256" in said and "s3://rot/same" in said
    assert refused(s3.get_object, Bucket="rot", Key="a b/ü.zip") == ("InternalError", 500)
    assert refused(s3.get_object, Bucket="rot", Key="same", Range="bytes=0-0") == ("InternalError", 500)
    assert s3.get_object(Bucket="rot", Key="small")["Body"].read() == b"in the database"
    assert "is damaged" in server.log()
    s3.put_object(Bucket="rot", Key="again", Body=body)
    for key in ("a b/ü.zip", "same", "again"):
        assert s3.get_object(Bucket="rot", Key=key)["Body"].read() == body
    until(lambda: len(files(server)) == 1)
    assert verify(server)[0] == 0


def test_a_file_that_is_gone_or_back_is_noticed(new_server):
    server = new_server("--scrub", "0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="gone")
    s3.put_object(Bucket="gone", Key="k", Body=os.urandom(LARGE))
    [path] = files(server)
    path.rename(path.with_name("elsewhere"))
    status, said = verify(server)
    assert status == 1 and "cannot be opened: No such file or directory" in said
    assert refused(s3.get_object, Bucket="gone", Key="k") == ("InternalError", 500)
    path.with_name("elsewhere").rename(path)
    assert verify(server)[0] == 0
    assert s3.get_object(Bucket="gone", Key="k")["ContentLength"] == LARGE


def test_verify_is_for_the_platform_team(new_server):
    server = new_server()
    done = server.slipway("bucket", "verify", profile="dev", check=False)
    assert done.returncode == 4 and "only shared-services" in done.stderr


def test_the_scrubber_finds_what_rots(new_server):
    server = new_server("--scrub", "100")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="rot")
    s3.put_object(Bucket="rot", Key="k", Body=os.urandom(LARGE))
    [path] = files(server)
    server.stop()
    damage(path)
    server.environment["SLIPWAY_TEST_CLOCK_OFFSET_MS"] = str(25 * 3600 * 1000)
    server.start()
    until(lambda: "s3://rot/k" in server.log() and "is damaged" in server.log())
