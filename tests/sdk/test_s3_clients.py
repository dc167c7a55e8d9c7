"""The clients that people have, as they come: rclone, s3cmd, boto3's transfers and resources, the AWS CLI."""
import hashlib
import json
import os
import subprocess
import threading
import uuid

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from running import without_aws


@pytest.fixture
def tree(tmp_path):
    """Files with names that need care, an empty one, one in parts."""
    source = tmp_path / "source"
    for name, body in (("one.txt", b"one"), ("a b/two+%&.txt", b"two"), ("ü/ñ.txt", b"three"), ("empty", b""),
                       ("deep/er/big", os.urandom(12 << 20))):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(body)
    return source


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def run(*command, environment):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def rclone(server, tmp_path):
    key, secret = server.keys("dev")
    environment = {**without_aws(), "RCLONE_CONFIG": str(tmp_path / "rclone.conf"), "RCLONE_CONFIG_S_TYPE": "s3",
                   "RCLONE_CONFIG_S_PROVIDER": "Other", "RCLONE_CONFIG_S_ENDPOINT": server.endpoint,
                   "RCLONE_CONFIG_S_REGION": "us-east-1", "RCLONE_CONFIG_S_ACCESS_KEY_ID": key,
                   "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": secret, "RCLONE_RETRIES": "1",
                   "RCLONE_S3_UPLOAD_CUTOFF": "5Mi", "RCLONE_S3_CHUNK_SIZE": "5Mi"}
    return lambda *arguments: run("rclone", *arguments, environment=environment)


def test_rclone(rclone, s3, tree, tmp_path):
    name = "rc-" + uuid.uuid4().hex[:16]
    there = f"s:{name}/x"
    rclone("mkdir", f"s:{name}")
    rclone("sync", tree, there)
    rclone("check", "--download", tree, there)
    rclone("check", tree, there)
    listed = json.loads(rclone("lsjson", "-R", "--files-only", there))
    assert {f["Path"]: f["Size"] for f in listed} == {k: len(v) for k, v in contents(tree).items()}
    assert "-" in s3.head_object(Bucket=name, Key="x/deep/er/big")["ETag"]
    rclone("copyto", f"{there}/one.txt", f"s:{name}/y/uno.txt")
    rclone("moveto", f"s:{name}/y/uno.txt", f"s:{name}/z/uno.txt")
    assert rclone("cat", f"s:{name}/z/uno.txt") == "one"
    (tree / "one.txt").write_text("changed")
    (tree / "empty").unlink()
    rclone("sync", "--checksum", tree, there)
    rclone("check", tree, there)
    back = tmp_path / "back"
    rclone("copy", there, back)
    assert contents(back) == contents(tree)
    url = rclone("link", f"{there}/one.txt").strip()
    assert run("curl", "--silent", "--fail", url, environment=without_aws()) == "changed"
    rclone("cleanup", f"s:{name}")
    rclone("purge", f"s:{name}")
    assert name not in rclone("lsd", "s:")


@pytest.fixture
def s3cmd(server, tmp_path):
    key, secret = server.keys("dev")
    host = server.endpoint.removeprefix("http://")
    config = tmp_path / "s3cfg"
    config.write_text(f"[default]\naccess_key = {key}\nsecret_key = {secret}\nhost_base = {host}\n"
                      f"host_bucket = {host}/%(bucket)\nuse_https = False\nbucket_location = us-east-1\n"
                      "multipart_chunk_size_mb = 5\n")
    return lambda *arguments: run("s3cmd", "-c", config, "--no-progress", *arguments, environment=without_aws())


def test_s3cmd(s3cmd, s3, tree, tmp_path):
    name = "cmd-" + uuid.uuid4().hex[:16]
    there = f"s3://{name}"
    s3cmd("mb", there)
    s3cmd("put", tree / "one.txt", f"{there}/d/one.txt")
    assert f"{there}/d/one.txt" in s3cmd("ls", "-r", there) and f"{there}/d/" in s3cmd("la")
    assert s3cmd("du", there).split()[0] == "3"
    assert "Location:  us-east-1" in s3cmd("info", there)
    assert "MIME type: text/plain" in s3cmd("info", f"{there}/d/one.txt")
    s3cmd("put", tree / "deep/er/big", f"{there}/big")
    assert s3.head_object(Bucket=name, Key="big")["ETag"].endswith('-3"')
    s3cmd("get", f"{there}/big", tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == (tree / "deep/er/big").read_bytes()
    s3cmd("cp", f"{there}/big", f"{there}/big2")
    s3cmd("mv", f"{there}/big2", f"{there}/big3")
    s3cmd("modify", "--add-header=x-amz-meta-colour:blue", f"{there}/big3")
    assert s3.head_object(Bucket=name, Key="big3")["Metadata"]["colour"] == "blue"
    s3cmd("setacl", "--acl-private", f"{there}/big3")
    s3cmd("sync", f"{tree}/", f"{there}/tree/")
    s3cmd("sync", "--delete-removed", f"{there}/tree/", f"{tmp_path}/synced/")
    assert contents(tmp_path / "synced") == contents(tree)
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
                                                 "Resource": f"arn:aws:s3:::{name}/secret/*"}]}))
    s3cmd("setpolicy", policy, there)
    assert "Deny" in s3cmd("info", there)
    s3cmd("delpolicy", there)
    s3cmd("expire", there, "--expiry-days=3")
    assert "<Days>3</Days>" in s3cmd("getlifecycle", there)
    s3cmd("multipart", there)
    s3cmd("del", "--recursive", "--force", there)
    s3cmd("rb", there)
    assert name not in s3cmd("ls")


def test_boto3_transfers_in_threads(s3, bucket, tmp_path):
    body = os.urandom(37 << 20)
    (tmp_path / "big").write_bytes(body)
    seen, lock = [], threading.Lock()

    def progress(count):
        with lock:
            seen.append(count)

    parts = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=5 << 20, max_concurrency=8)
    s3.upload_file(str(tmp_path / "big"), bucket, "big", Config=parts, Callback=progress,
                   ExtraArgs={"Metadata": {"from": "here"}, "ContentType": "x/y", "ChecksumAlgorithm": "SHA256"})
    assert sum(seen) == len(body)
    head = s3.head_object(Bucket=bucket, Key="big")
    assert (head["ContentLength"], head["Metadata"], head["ContentType"]) == (len(body), {"from": "here"}, "x/y")
    s3.download_file(bucket, "big", str(tmp_path / "back"), Config=parts)
    assert hashlib.sha256((tmp_path / "back").read_bytes()).digest() == hashlib.sha256(body).digest()
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy", Config=parts)
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == len(body)


def test_boto3_waiters_and_paginators(s3, bucket):
    s3.get_waiter("bucket_exists").wait(Bucket=bucket)
    s3.get_waiter("bucket_not_exists").wait(Bucket="no-" + bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = [f"k{i:02}" for i in range(23)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.get_waiter("object_exists").wait(Bucket=bucket, Key=keys[0])
    s3.get_waiter("object_not_exists").wait(Bucket=bucket, Key="missing")
    uploads = [s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in keys[:5]]
    for number in range(1, 6):
        s3.upload_part(Bucket=bucket, Key=keys[0], UploadId=uploads[0], PartNumber=number, Body=b"x")

    def pages(name, member, size=2, **more):
        return [x for page in s3.get_paginator(name).paginate(Bucket=bucket, PaginationConfig={"PageSize": size}, **more)
                for x in page.get(member, [])]

    assert [o["Key"] for o in pages("list_objects", "Contents", 4)] == keys
    assert [o["Key"] for o in pages("list_objects_v2", "Contents", 5)] == keys
    assert [v["Key"] for v in pages("list_object_versions", "Versions", 3)] == keys
    assert [u["UploadId"] for u in pages("list_multipart_uploads", "Uploads")] == uploads
    assert [p["PartNumber"] for p in pages("list_parts", "Parts", Key=keys[0], UploadId=uploads[0])] == [1, 2, 3, 4, 5]


def test_boto3_resources(server, bucket):
    key, secret = server.keys("dev")
    resource = boto3.resource("s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=key,
                              aws_secret_access_key=secret, config=Config(s3={"addressing_style": "path"}))
    there = resource.Bucket(bucket)
    assert there in resource.buckets.all() and there.creation_date
    there.Versioning().enable()
    thing = resource.Object(bucket, "a/b")
    thing.put(Body=b"1", Metadata={"k": "v"})
    thing.put(Body=b"22")
    assert thing.get()["Body"].read() == b"22" and thing.content_length == 2
    assert [o.key for o in there.objects.filter(Prefix="a/")] == ["a/b"]
    assert len(list(there.object_versions.filter(Prefix="a/"))) == 2
    assert there.Acl().grants[0]["Permission"] == "FULL_CONTROL"
    resource.Object(bucket, "c").copy_from(CopySource={"Bucket": bucket, "Key": "a/b"})
    there.object_versions.delete()
    there.delete()
    there.wait_until_not_exists()


def test_the_aws_cli_moves_folders_and_large_files(server, s3, bucket, tree, tmp_path):
    there = f"s3://{bucket}"
    (tree / "huge").write_bytes(os.urandom(1 << 20) * 100)
    for file in contents(tree):  # of a second before the upload's, to which listings round
        os.utime(tree / file, (1e9, 1e9))
    server.aws("s3", "sync", str(tree), f"{there}/t", "--quiet")
    assert s3.head_object(Bucket=bucket, Key="t/huge")["ETag"].endswith('-13"')
    assert server.aws("s3", "sync", str(tree), f"{there}/t", "--dryrun") == ""
    server.aws("s3", "sync", f"{there}/t", str(tmp_path / "back"), "--quiet")
    assert contents(tmp_path / "back") == contents(tree)
    server.aws("s3", "mv", f"{there}/t/huge", f"{there}/moved", "--quiet")
    assert s3.head_object(Bucket=bucket, Key="moved")["ContentLength"] == 100 << 20
    assert "one.txt" in server.aws("s3", "ls", f"{there}/t/") and "PRE deep/" in server.aws("s3", "ls", f"{there}/t/")
    assert server.aws("s3", "cp", f"{there}/t/one.txt", "-") == "one"
    server.aws("s3", "rm", f"{there}/t", "--recursive", "--exclude", "*", "--include", "*.txt", "--quiet")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["moved", "t/deep/er/big", "t/empty"]
    server.aws("s3", "rb", there, "--force")
