"""What becomes of objects' bytes on disk: equal ones are kept once, damaged ones are refused, named and healed."""
import json
import os

import pytest
from botocore.exceptions import ClientError

from boto_calls import refused, until
from queues import event_queue

LARGE = 200_000  # a file of its own


@pytest.fixture
def s3(server):
    return server.client("s3")


def files(server):
    return sorted(p for p in (server.data / "blobs").rglob("*") if p.is_file() and len(p.name) == 32)


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
    until(lambda: len(set(files(server)) - before) == 1)
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


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_part_whose_bytes_are_lost_is_named(new_server, how):
    server = new_server("--scrub", "0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="parts")
    upload = s3.create_multipart_upload(Bucket="parts", Key="k")["UploadId"]
    this = {"Bucket": "parts", "Key": "k", "UploadId": upload}
    bodies = [os.urandom(5 << 20), os.urandom(LARGE)]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**this, PartNumber=n, Body=body)["ETag"]} for n, body in enumerate(bodies, 1)]
    [path] = [path for path in files(server) if os.path.getsize(path) == LARGE]
    os.unlink(path) if how == "gone" else os.truncate(path, 1)
    for _ in range(2):  # it stays, and so does the upload
        with pytest.raises(ClientError) as caught:
            s3.complete_multipart_upload(**this, MultipartUpload={"Parts": parts})
        error = caught.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("InternalError", 500)
        assert "part 2" in error["Error"]["Message"]
    verify(server)
    s3.upload_part(**this, PartNumber=2, Body=bodies[1])
    s3.complete_multipart_upload(**this, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="parts", Key="k")["Body"].read() == b"".join(bodies)
    assert refused(s3.complete_multipart_upload, **{**this, "UploadId": "none"}, MultipartUpload={"Parts": parts}) == ("NoSuchUpload", 404)


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


def health(server):
    done = server.slipway("bucket", "health", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def test_rot_is_told_once_to_whom_it_concerns_and_counted(new_server):
    server = new_server("--scrub", "0")
    s3, sqs, sns = (server.client(name) for name in ("s3", "sqs", "sns"))
    url, arn = event_queue(sqs, "rot")
    topic = sns.create_topic(Name="rot")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    lost = ["s3:ReducedRedundancyLostObject"]
    for bucket, target in (("queued", {"QueueConfigurations": [{"QueueArn": arn, "Events": lost}]}),
                           ("published", {"TopicConfigurations": [{"TopicArn": topic, "Events": lost}]}), ("quiet", {})):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=target)
    s3.put_bucket_versioning(Bucket="queued", VersioningConfiguration={"Status": "Enabled"})
    body = os.urandom(LARGE)
    put = s3.put_object(Bucket="queued", Key="a b", Body=body)
    for bucket in ("published", "quiet"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)

    def events():
        found = []
        while True:
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return sorted((r["s3"]["bucket"]["name"], r["eventName"], r["s3"]["object"]["key"], r["s3"]["object"].get("versionId"))
                              for message in found for r in message.get("Records", []))
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    events()
    assert health(server) == (0, {"damagedBlobs": 0, "damagedBytes": 0, "passBegan": None, "passOver": False})
    [path] = files(server)
    damage(path)
    assert verify(server)[0] == 1
    name = "ReducedRedundancyLostObject"
    assert events() == [("published", name, "k", None), ("queued", name, "a+b", put["VersionId"])]
    status, told = health(server)
    assert (status, told["damagedBlobs"], told["damagedBytes"]) == (1, 1, LARGE)
    assert "damaged: 1 blobs" in server.slipway("bucket", "health", check=False).stdout
    assert verify(server)[0] == 1 and events() == []
    s3.put_object(Bucket="quiet", Key="again", Body=body)
    assert health(server)[0] == 0
    assert server.slipway("bucket", "health", profile="dev", check=False).returncode == 4


@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_a_damaged_object_is_not_copied(new_server, how):
    server = new_server("--scrub", "0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="rot")
    s3.put_object(Bucket="rot", Key="k", Body=os.urandom(6 << 20))
    [path] = files(server)
    if how == "gone":
        path.unlink()
    elif how == "cut":
        os.truncate(path, 100)
    else:
        damage(path)
        assert verify(server)[0] == 1
    source = {"Bucket": "rot", "Key": "k"}
    assert refused(s3.copy_object, Bucket="rot", Key="copy", CopySource=source) == ("InternalError", 500)
    assert refused(s3.copy_object, Bucket="rot", Key="copy", CopySource=source, ChecksumAlgorithm="SHA256") == ("InternalError", 500)
    upload = s3.create_multipart_upload(Bucket="rot", Key="copy")["UploadId"]
    assert refused(s3.upload_part_copy, Bucket="rot", Key="copy", PartNumber=1, UploadId=upload, CopySource=source,
                   CopySourceRange="bytes=0-5242879") == ("InternalError", 500)
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="rot")["Contents"]] == ["k"]


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
