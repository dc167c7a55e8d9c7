"""Encryption at rest: what is on the disk, who can read it, what is told of it, and its keys' change."""
import hashlib
import os
import shutil
import sqlite3
import subprocess
import time
import uuid

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from boto_calls import refused
from running import Server, binary
from rest import ask, code, element

SMALL = b"a secret that fits into the database"
SEGMENT = 65536
LARGE = b"".join(hashlib.sha512(i.to_bytes(4, "big")).digest() for i in range(5 * SEGMENT // 64)) + b"the end"
AES = {"SSEAlgorithm": "AES256"}


@pytest.fixture(scope="module")
def make_key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")

    def make(content=None, mode=0o600):
        path = folder / uuid.uuid4().hex
        path.write_bytes(content if content is not None else os.urandom(32).hex().encode() + b"\n")
        path.chmod(mode)
        return str(path)
    return make


@pytest.fixture(scope="module")
def sealed(make_key):
    running = Server("--encryption-key", make_key())
    yield running
    running.close()


@pytest.fixture
def s3(sealed):
    return sealed.client("s3")


def files(server):
    return [p for p in (server.data / "blobs").rglob("*") if p.is_file()]


def file_of(server, bucket, key):
    server.client("s3").list_objects_v2(Bucket=bucket)  # what a list has told is in the database, too
    with sqlite3.connect(server.data / "slipway.db") as db:
        [name] = db.execute("SELECT b.file FROM s3_object o JOIN s3_blob b ON b.id = o.blob WHERE o.bucket = ?"
                            " AND o.key = ?", (bucket, key)).fetchone()
    return next(p for p in files(server) if p.name == name)


def read(s3, bucket, key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def with_keys(server, *keys):
    server.options = ["--no-workers"] + [word for key in keys for word in ("--encryption-key", key)]


# ---- what is stored and told

def test_nothing_readable_is_on_the_disk(sealed, s3, bucket):
    text = b"plain text that somebody could look for " * 8000
    s3.put_object(Bucket=bucket, Key="small", Body=SMALL)
    s3.put_object(Bucket=bucket, Key="large", Body=text)
    assert read(s3, bucket, "small") == SMALL and read(s3, bucket, "large") == text
    path = file_of(sealed, bucket, "large")
    assert path.stat().st_size == len(text) + 16 * -(-len(text) // SEGMENT)
    for file in [path, *sealed.data.glob("slipway.db*")]:
        content = file.read_bytes()
        assert b"somebody could look for" not in content and SMALL not in content, file


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, len(LARGE)])
def test_sizes_around_the_segments(s3, bucket, size):
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE[:size])
    assert read(s3, bucket, "k") == LARGE[:size]
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


@pytest.mark.parametrize("first,last", [(0, 0), (0, SEGMENT - 1), (SEGMENT - 1, SEGMENT), (SEGMENT, SEGMENT),
                                        (100_000, 250_000), (len(LARGE) - 3, len(LARGE) - 1)])
def test_ranges(s3, bucket, first, last):
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE)
    assert read(s3, bucket, "k", Range=f"bytes={first}-{last}") == LARGE[first:last + 1]


def test_a_range_of_a_small_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=SMALL)
    assert read(s3, bucket, "k", Range="bytes=2-7") == SMALL[2:8]
    assert read(s3, bucket, "k", Range="bytes=-8") == SMALL[-8:]


def test_every_answer_says_that_the_object_is_encrypted(s3, bucket):
    told = [s3.put_object(Bucket=bucket, Key="k", Body=LARGE), s3.get_object(Bucket=bucket, Key="k"),
            s3.head_object(Bucket=bucket, Key="k"),
            s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k"),
            s3.put_object(Bucket=bucket, Key="asked", Body=b"x", ServerSideEncryption="AES256")]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")
    names = {"Bucket": bucket, "Key": "m", "UploadId": upload["UploadId"]}
    parts = [s3.upload_part(**names, PartNumber=1, Body=LARGE * 20),
             s3.upload_part_copy(**names, PartNumber=2, CopySource=f"{bucket}/k")]
    etags = [parts[0]["ETag"], parts[1]["CopyPartResult"]["ETag"]]
    whole = s3.complete_multipart_upload(
        **names, MultipartUpload={"Parts": [{"PartNumber": i + 1, "ETag": etag} for i, etag in enumerate(etags)]})
    told += [upload, *parts, whole, s3.head_object(Bucket=bucket, Key="m")]
    assert {answer.get("ServerSideEncryption") for answer in told} == {"AES256"}
    assert read(s3, bucket, "m") == LARGE * 21 and read(s3, bucket, "copy") == LARGE
    assert read(s3, bucket, "m", PartNumber=2) == LARGE


def test_equal_bytes_are_still_kept_once(sealed, s3, bucket):
    body = os.urandom(100_000)
    s3.put_object(Bucket=bucket, Key="one", Body=body)
    s3.put_object(Bucket=bucket, Key="two", Body=body)
    assert file_of(sealed, bucket, "one") == file_of(sealed, bucket, "two")


def test_other_encryption_is_refused(s3, bucket):
    not_done = ("NotImplemented", 501)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms") == not_done
    assert refused(s3.create_multipart_upload, Bucket=bucket, Key="k", ServerSideEncryption="aws:kms:dsse") == not_done
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    events = s3.meta.events
    request = {"Bucket": bucket, "Key": "k"}
    # a header instead of SSECustomerKey: boto3 insists on TLS for keys of one's own
    with_header = lambda params, **_: params["headers"].update(
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"})
    events.register("before-call.s3", with_header)
    try:
        assert refused(s3.get_object, **request) == not_done
        assert refused(s3.put_object, **request, Body=b"x") == not_done
        assert refused(s3.copy_object, **request, CopySource=f"{bucket}/k") == not_done
        with pytest.raises(ClientError, match="501"):
            s3.head_object(**request)
    finally:
        events.unregister("before-call.s3", with_header)


def test_an_algorithm_that_there_is_not(s3, bucket):
    header = lambda params, **_: params["headers"].update({"x-amz-server-side-encryption": "rot13"})
    s3.meta.events.register("before-call.s3.PutObject", header)
    try:
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x") == ("InvalidArgument", 400)
    finally:
        s3.meta.events.unregister("before-call.s3.PutObject", header)


def rules_of(s3, bucket):
    """Without what is blocked, which only newer clients tell."""
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return [{name: said for name, said in rule.items() if name != "BlockedEncryptionTypes"} for rule in rules]


def test_a_buckets_default(s3, bucket):
    def rules():
        return rules_of(s3, bucket)

    def put(by_default, **more):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": by_default, **more}]})

    assert rules() == [{"ApplyServerSideEncryptionByDefault": AES, "BucketKeyEnabled": False}]
    put(AES, BucketKeyEnabled=True)
    assert rules() == [{"ApplyServerSideEncryptionByDefault": AES, "BucketKeyEnabled": True}]
    assert refused(put, {"SSEAlgorithm": "aws:kms"}) == ("NotImplemented", 501)
    assert refused(put, {**AES, "KMSMasterKeyID": "alias/mine"}) == ("InvalidArgument", 400)
    assert refused(put, {"SSEAlgorithm": "rot13"}) == ("MalformedXML", 400)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert rules() == [{"ApplyServerSideEncryptionByDefault": AES, "BucketKeyEnabled": False}]


def test_a_stacks_bucket(sealed):
    cloudformation = sealed.client("cloudformation")
    name = "stack-" + uuid.uuid4().hex[:16]
    template = """{"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "%s", "BucketEncryption":
        {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
         "BucketKeyEnabled": true}]}}}}}""" % name
    cloudformation.create_stack(StackName=name, TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    [rule] = rules_of(sealed.client("s3"), name)
    assert rule == {"ApplyServerSideEncryptionByDefault": AES, "BucketKeyEnabled": True}


def test_a_server_without_a_key_says_so(server):
    s3 = server.client("s3")
    name = "plain-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert refused(s3.get_bucket_encryption, Bucket=name) == ("ServerSideEncryptionConfigurationNotFoundError", 404)
    with pytest.raises(ClientError, match="no key to encrypt objects with.*--encryption-key"):
        s3.put_object(Bucket=name, Key="k", Body=b"x", ServerSideEncryption="AES256")
    configuration = {"Rules": [{"ApplyServerSideEncryptionByDefault": AES}]}
    assert refused(s3.put_bucket_encryption, Bucket=name, ServerSideEncryptionConfiguration=configuration) == (
        "NotImplemented", 501)


# ---- damage

def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def test_changed_bytes_are_never_given_away(sealed, s3, bucket):
    body = os.urandom(3 * SEGMENT)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    path = file_of(sealed, bucket, "k")
    flip(path, 2 * (SEGMENT + 16) + 5)
    assert read(s3, bucket, "k", Range="bytes=0-99999") == body[:100_000]
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={2 * SEGMENT}-") == ("InternalError", 500)
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        read(s3, bucket, "k")
    assert refused(s3.copy_object, Bucket=bucket, Key="copy", CopySource=f"{bucket}/k",
                   ChecksumAlgorithm="SHA1") == ("InternalError", 500)
    done = sealed.slipway("bucket", "verify", check=False)
    assert done.returncode != 0 and bucket in done.stdout + done.stderr
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InternalError", 500)
    s3.put_object(Bucket=bucket, Key="again", Body=body)
    assert read(s3, bucket, "k") == body and read(s3, bucket, "again") == body


def test_segments_that_were_swapped_or_cut_off(sealed, s3, bucket):
    body = os.urandom(3 * SEGMENT)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    path = file_of(sealed, bucket, "k")
    content = path.read_bytes()
    part = SEGMENT + 16
    path.write_bytes(content[part:2 * part] + content[:part] + content[2 * part:])
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InternalError", 500)
    path.write_bytes(content[:2 * part])
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InternalError", 500)
    path.write_bytes(content)
    assert read(s3, bucket, "k") == body


def test_a_small_objects_row_that_was_changed(new_server, make_key):
    server = new_server("--encryption-key", make_key())
    s3 = server.client("s3")
    s3.create_bucket(Bucket="rows")
    s3.put_object(Bucket="rows", Key="a", Body=b"pay Alice")
    s3.put_object(Bucket="rows", Key="b", Body=b"pay Mallo")
    server.stop()
    with sqlite3.connect(server.data / "slipway.db") as db:
        blob = "(SELECT blob FROM s3_object WHERE bucket = 'rows' AND key = ?)"
        db.execute(f"UPDATE s3_blob SET data = (SELECT data FROM s3_blob WHERE id = {blob}),"
                   f" seal = (SELECT seal FROM s3_blob WHERE id = {blob}) WHERE id = {blob}", ("b", "b", "a"))
    server.start()
    s3 = server.client("s3")
    assert refused(s3.get_object, Bucket="rows", Key="a") == ("InternalError", 500)
    assert read(s3, "rows", "b") == b"pay Mallo"


# ---- keys

@pytest.fixture
def stored(new_server, make_key):
    server = new_server("--encryption-key", make_key())
    s3 = server.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="small", Body=SMALL)
    s3.put_object(Bucket="kept", Key="large", Body=LARGE)
    server.key = server.options[1]
    return server


def assert_reads(server):
    s3 = server.client("s3")
    assert read(s3, "kept", "small") == SMALL and read(s3, "kept", "large") == LARGE


def test_a_server_without_the_objects_key_does_not_start(stored, make_key):
    stored.stop()
    for keys in [(), (make_key(),)]:
        with_keys(stored, *keys)
        with pytest.raises(RuntimeError, match="encrypted under the key [0-9a-f]{16}.*--encryption-key"):
            stored.start()
        assert stored.process.wait() == 1
    with_keys(stored, make_key(), stored.key)
    stored.start()
    assert_reads(stored)


def test_a_key_is_replaced_without_writing_objects_again(stored, make_key):
    content = file_of(stored, "kept", "large").read_bytes()
    new = make_key()
    stored.stop()
    with_keys(stored, new, stored.key)
    stored.start()
    until = time.monotonic() + 20
    while "2 objects' data keys are now wrapped" not in stored.log():
        assert time.monotonic() < until, stored.log()
        time.sleep(0.02)
    assert_reads(stored)
    stored.kill()
    with_keys(stored, new)
    stored.start()
    assert_reads(stored)
    assert file_of(stored, "kept", "large").read_bytes() == content


def test_objects_from_before_the_key(new_server, make_key):
    server = new_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="small", Body=SMALL, Metadata={"of": "before"})
    s3.put_object(Bucket="kept", Key="large", Body=LARGE)
    server.stop()
    with_keys(server, make_key())
    server.start()
    s3 = server.client("s3")
    assert_reads(server)
    assert "ServerSideEncryption" not in s3.head_object(Bucket="kept", Key="large")
    s3.put_object(Bucket="kept", Key="large-again", Body=LARGE)
    assert file_of(server, "kept", "large-again") != file_of(server, "kept", "large")
    for key in ("small", "large"):
        assert s3.copy_object(Bucket="kept", Key=key, CopySource=f"kept/{key}")["ServerSideEncryption"] == "AES256"
    assert_reads(server)
    assert s3.head_object(Bucket="kept", Key="small")["Metadata"] == {"of": "before"}
    assert file_of(server, "kept", "large-again") == file_of(server, "kept", "large")
    [same] = [refused(s3.copy_object, Bucket="kept", Key="small", CopySource="kept/small")]
    assert same == ("InvalidRequest", 400)


@pytest.mark.parametrize("content,mode,said", [
    (None, 0o644, "can be read or written by others.*chmod 600"),
    (b"too short", 0o600, "must hold 32 bytes or 64 hexadecimal digits.*openssl rand -hex 32"),
    (b"g" * 64, 0o600, "must hold 32 bytes or 64 hexadecimal digits"),
    (b"0" * 1000, 0o600, "must hold 32 bytes or 64 hexadecimal digits"),
])
def test_a_file_that_is_no_key(new_server, make_key, content, mode, said):
    with pytest.raises(RuntimeError, match=said):
        new_server("--encryption-key", make_key(content, mode))


def test_a_key_file_that_is_not_there(new_server):
    with pytest.raises(RuntimeError, match="/nowhere/key cannot be read: No such file"):
        new_server("--encryption-key", "/nowhere/key")


def test_a_key_of_32_bytes(new_server, make_key):
    key = bytes(range(32))
    server = new_server("--encryption-key", make_key(key))
    server.client("s3").create_bucket(Bucket="kept")
    server.client("s3").put_object(Bucket="kept", Key="k", Body=SMALL)
    server.stop()
    with_keys(server, make_key(key.hex().upper().encode()))
    server.start()
    assert read(server.client("s3"), "kept", "k") == SMALL


# ---- backup

def slipway(*words):
    return subprocess.run([binary(), *map(str, words)], capture_output=True, text=True, timeout=120)


def test_a_backup_needs_no_key_and_its_server_does(stored, tmp_path, new_server):
    folder = tmp_path / "backup"
    assert slipway("backup", folder, "--data", stored.data).returncode == 0

    def place(into):
        shutil.rmtree(into, ignore_errors=True)
        assert slipway("restore", folder, "--data", into).returncode == 0
    with pytest.raises(RuntimeError, match="encrypted under the key"):
        new_server(before=place)
    assert_reads(new_server("--encryption-key", stored.key, before=place))


def test_a_backup_tells_damage_without_a_key(stored, tmp_path):
    flip(file_of(stored, "kept", "large"), 70_000)
    done = slipway("backup", tmp_path / "backup", "--data", stored.data)
    assert done.returncode != 0 and "CRC-64" in done.stdout + done.stderr


def test_a_template_that_is_sealed(sealed, s3, bucket):
    template = '{"Description": "sealed", "Metadata": {"long": "%s"}, "Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'
    s3.put_object(Bucket=bucket, Key="t.json", Body=template % ("x" * 100_000))
    found = sealed.client("cloudformation").validate_template(TemplateURL=f"{sealed.endpoint}/{bucket}/t.json")
    assert found["Description"] == "sealed"


@pytest.mark.parametrize("method,headers,status,error,value,says", [
    ("PUT", {"": "rot13"}, 400, "InvalidArgument", "rot13", "The encryption method specified is not supported"),
    ("PUT", {"": ""}, 400, "InvalidArgument", "", "The encryption method specified is not supported"),
    ("PUT", {"-aws-kms-key-id": "alias/a"}, 400, "InvalidArgument", "null", "requires HTTP header x-amz-server-side-encryption : aws:kms"),
    ("PUT", {"": "AES256", "-aws-kms-key-id": "alias/a"}, 400, "InvalidArgument", "AES256", "requires HTTP header"),
    ("PUT", {"-customer-key": "a2V5", "-customer-key-MD5": "a2V5"}, 501, "NotImplemented", None, "(SSE-C) is not supported"),
    ("GET", {"": "AES256"}, 400, "InvalidArgument", "AES256", "header is not supported for this operation."),
    ("GET", {"-customer-algorithm": "AES256"}, 501, "NotImplemented", None, "(SSE-C) is not supported")])
def test_headers_of_encryption_that_are_not_passed_over(sealed, bucket, method, headers, status, error, value, says):
    """Sources: S3 API reference, GetObject; answers that users of S3 have recorded."""
    ask(sealed, "PUT", f"/{bucket}/headers", body=b"x")
    answer = ask(sealed, method, f"/{bucket}/headers", {f"x-amz-server-side-encryption{k}": v for k, v in headers.items()})
    assert (*code(answer), element(answer, "ArgumentValue")) == (status, error, value)
    assert says in element(answer, "Message") and (value is None or element(answer, "ArgumentName") == "x-amz-server-side-encryption")


def test_types_of_encryption_that_are_blocked(sealed, bucket):
    assert element(ask(sealed, "GET", f"/{bucket}?encryption"), "EncryptionType") == "SSE-C"
    alone = b"""<ServerSideEncryptionConfiguration><Rule><BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType>
        </BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>"""
    assert ask(sealed, "PUT", f"/{bucket}?encryption", {}, alone).status == 200
    answer = ask(sealed, "GET", f"/{bucket}?encryption")
    assert (element(answer, "EncryptionType"), element(answer, "SSEAlgorithm")) == ("NONE", "AES256")
    body = ("<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
            "</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>%s"
            "</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>")
    ours, other = (body % "SSE-C").encode(), (body % "AES256").encode()
    assert ask(sealed, "PUT", f"/{bucket}?encryption", {}, ours).status == 200
    assert element(ask(sealed, "GET", f"/{bucket}?encryption"), "EncryptionType") == "SSE-C"
    assert code(ask(sealed, "PUT", f"/{bucket}?encryption", {}, other)) == (400, "MalformedXML")
