"""Buckets and objects through boto3 and the AWS CLI: every operation, its documented errors, pages."""
import base64
import hashlib
import json
import os
import random
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError

import rest
from boto_calls import refused
from running import NO_DEFAULT_CHECKSUMS
from queues import event_queue


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def keys(page):
    return [o["Key"] for o in page.get("Contents", [])]


# ---- buckets


def test_bucket_life(s3):
    name = "life-" + uuid.uuid4().hex[:12]
    assert s3.create_bucket(Bucket=name)["Location"] == "/" + name
    s3.head_bucket(Bucket=name)
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.delete_bucket(Bucket=name)
    assert refused(s3.head_bucket, Bucket=name) == ("404", 404)
    assert refused(s3.delete_bucket, Bucket=name) == ("NoSuchBucket", 404)


def test_bucket_names_are_global(s3, server, bucket):
    other = server.client("s3", profile="staging")
    s3.create_bucket(Bucket=bucket)  # in S3's first region it is told that it is made
    assert refused(other.create_bucket, Bucket=bucket) == ("BucketAlreadyExists", 409)
    assert bucket not in [b["Name"] for b in other.list_buckets()["Buckets"]]


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "a..b", "192.168.5.4", "-x1", "x1-", "xn--abc"])
def test_bad_bucket_names(server, name):
    client = server.client("s3", profile="dev")
    client.meta.events.unregister("before-parameter-build.s3", __import__(
        "botocore.handlers", fromlist=["x"]).validate_bucket_name)
    assert refused(client.create_bucket, Bucket=name) == ("InvalidBucketName", 400)


def test_other_regions_are_refused(s3):
    assert refused(s3.create_bucket, Bucket="r-" + uuid.uuid4().hex[:8], CreateBucketConfiguration={
        "LocationConstraint": "eu-central-1"}) == ("IllegalLocationConstraintException", 400)


def test_delete_bucket_with_content(s3, versioned):
    s3.put_object(Bucket=versioned, Key="k", Body=b"x")
    assert refused(s3.delete_bucket, Bucket=versioned) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=versioned, Key="k")
    assert refused(s3.delete_bucket, Bucket=versioned) == ("BucketNotEmpty", 409)
    listed = s3.list_object_versions(Bucket=versioned)
    for version in listed["Versions"] + listed["DeleteMarkers"]:
        s3.delete_object(Bucket=versioned, Key="k", VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=versioned)


def test_settings_of_a_missing_bucket(s3):
    missing = "missing-" + uuid.uuid4().hex[:8]
    no_bucket = ("NoSuchBucket", 404)
    assert refused(s3.get_bucket_versioning, Bucket=missing) == no_bucket
    assert refused(s3.get_bucket_location, Bucket=missing) == no_bucket
    assert refused(s3.list_objects_v2, Bucket=missing) == no_bucket
    assert refused(s3.list_object_versions, Bucket=missing) == no_bucket
    assert refused(s3.put_object, Bucket=missing, Key="k", Body=b"x") == no_bucket
    assert refused(s3.get_object, Bucket=missing, Key="k") == no_bucket
    assert refused(s3.delete_object, Bucket=missing, Key="k") == no_bucket
    assert refused(s3.get_bucket_website, Bucket=missing) == no_bucket
    assert refused(s3.get_bucket_notification_configuration, Bucket=missing) == no_bucket


def test_tags(s3, bucket):
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    tags = [{"Key": "team", "Value": "shop + co"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    assert refused(s3.put_bucket_tagging, Bucket=bucket,
                   Tagging={"TagSet": [{"Key": "aws:x", "Value": ""}]}) == ("InvalidTag", 400)
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)


def test_sub_resources_that_slipway_lacks(s3, bucket):
    assert refused(s3.get_object_torrent, Bucket=bucket, Key="k") == ("NotImplemented", 501)
    assert refused(s3.restore_object, Bucket=bucket, Key="k") == ("NotImplemented", 501)


# ---- objects


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 65537, 3 << 20])
def test_put_and_get(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == '"%s"' % hashlib.md5(body).hexdigest()
    assert "VersionId" not in put
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert (got["ETag"], got["ContentLength"]) == (put["ETag"], size)
    assert got["ContentType"] == "binary/octet-stream"
    assert got["AcceptRanges"] == "bytes"
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["ContentLength"]) == (put["ETag"], size)
    assert head["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]


def test_keys_with_all_sorts_of_characters(s3, bucket):
    names = ["a b+c", "ünï/çødé ☃ 😀", "q?x=1&y#z", "a//b/", "100%", "'quo\"ted'", "<&>", "tab\there", "x" * 1024]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
    assert keys(s3.list_objects_v2(Bucket=bucket)) == sorted(names, key=lambda n: n.encode())
    for name in names:
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == name.encode()


def test_key_too_long(s3, bucket):
    assert refused(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == ("KeyTooLongError", 400)


def test_metadata_and_headers_come_back(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"{}", ContentType="application/json", CacheControl="no-store",
                  ContentDisposition="attachment", ContentEncoding="identity", ContentLanguage="de",
                  Metadata={"build": "42", "Commit-Id": "abc"})
    for read in (s3.get_object, s3.head_object):
        got = read(Bucket=bucket, Key="k")
        assert got["Metadata"] == {"build": "42", "commit-id": "abc"}
        assert (got["ContentType"], got["CacheControl"], got["ContentDisposition"]) == (
            "application/json", "no-store", "attachment")
        assert (got["ContentEncoding"], got["ContentLanguage"]) == ("identity", "de")
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="text/plain")
    assert got["ContentType"] == "text/plain"
    assert refused(s3.put_object, Bucket=bucket, Key="m", Body=b"",
                   Metadata={"m": "x" * 2049}) == ("MetadataTooLarge", 400)


@pytest.mark.parametrize("asked,code", [
    ({"ACL": "public-read"}, ("AccessControlListNotSupported", 400)),
    ({"ServerSideEncryption": "aws:kms"}, ("NotImplemented", 501)),
])
def test_what_is_not_done_is_refused(s3, bucket, asked, code):
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **asked) == code
    assert refused(s3.create_multipart_upload, Bucket=bucket, Key="k", **asked) == code
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")


def test_missing_objects(s3, bucket):
    assert refused(s3.get_object, Bucket=bucket, Key="nope") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket=bucket, Key="nope") == ("404", 404)
    s3.delete_object(Bucket=bucket, Key="nope")


@pytest.mark.parametrize("size", [1000, 100000])
@pytest.mark.parametrize("wanted,first,last", [("bytes=0-9", 0, 9), ("bytes=990-", 990, None), ("bytes=-5", -5, None),
                                               ("bytes=500-99999999", 500, None)])
def test_ranges(s3, bucket, size, wanted, first, last):
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k", Range=wanted)
    expected = body[first:] if last is None else body[first:last + 1]
    assert got["Body"].read() == expected
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    start = first if first >= 0 else size + first
    assert got["ContentRange"] == f"bytes {start}-{start + len(expected) - 1}/{size}"


def test_unsatisfiable_and_malformed_ranges(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-") == ("InvalidRange", 416)
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=-0") == ("InvalidRange", 416)
    for ignored in ("bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=-", "bytes=0-x"):
        assert s3.get_object(Bucket=bucket, Key="k", Range=ignored)["Body"].read() == b"0123456789"
    huge = "9" * 30
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={huge}-") == ("InvalidRange", 416)
    for wanted, expected in ((f"bytes=8-{huge}", b"89"), (f"bytes=-{huge}", b"0123456789"), ("bytes=1-2 ", b"12")):
        answer = s3.get_object(Bucket=bucket, Key="k", Range=wanted)
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (206, expected), wanted


def test_conditional_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)[1] == 304
    s3.get_object(Bucket=bucket, Key="k", IfNoneMatch='"other"')
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=modified)[1] == 304
    s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=modified.replace(year=2001))
    assert refused(s3.get_object, Bucket=bucket, Key="k",
                   IfUnmodifiedSince=modified.replace(year=2001)) == ("PreconditionFailed", 412)


def with_header(server, name, value):
    client = server.client("s3", profile="dev", **NO_DEFAULT_CHECKSUMS)
    client.meta.events.register("before-sign.s3", lambda request, **_: request.headers.add_header(name, value))
    return client


def test_if_none_match_star_keeps_what_is_there(s3, server, bucket):
    careful = with_header(server, "If-None-Match", "*")
    careful.put_object(Bucket=bucket, Key="k", Body=b"first")
    assert refused(careful.put_object, Bucket=bucket, Key="k", Body=b"second") == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"
    s3.delete_object(Bucket=bucket, Key="k")
    careful.put_object(Bucket=bucket, Key="k", Body=b"third")


def test_one_of_many_if_none_match_puts_wins(server, bucket):
    wins, losses, lock = [], [], threading.Lock()

    def put(i):
        try:
            with_header(server, "If-None-Match", "*").put_object(Bucket=bucket, Key="k", Body=b"%d" % i)
            with lock:
                wins.append(i)
        except ClientError as e:
            with lock:
                losses.append(e.response["Error"]["Code"])

    threads = [threading.Thread(target=put, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1 and losses == ["PreconditionFailed"] * 5
    assert server.client("s3", profile="dev").get_object(Bucket=bucket, Key="k")["Body"].read() == b"%d" % wins[0]


def test_digests_are_verified(s3, server, bucket):
    good = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=good)
    assert refused(s3.put_object, Bucket=bucket, Key="bad", Body=b"y", ContentMD5=good) == ("BadDigest", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="bad", Body=b"y",
                   ContentMD5="bm9wZQ==") == ("InvalidDigest", 400)
    sha = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumSHA256=sha)
    assert put["ChecksumSHA256"] == sha
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha
    assert "ChecksumSHA256" not in s3.head_object(Bucket=bucket, Key="k")
    assert refused(s3.put_object, Bucket=bucket, Key="bad", Body=b"y", ChecksumSHA256=sha) == ("BadDigest", 400)
    assert refused(s3.get_object, Bucket=bucket, Key="bad") == ("NoSuchKey", 404)


def crc(data, polynomial, bits):
    value = (1 << bits) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ (1 << bits) - 1).to_bytes(bits // 8, "big")).decode()


@pytest.mark.parametrize("name,digest", [
    ("crc32", lambda b: crc(b, 0xEDB88320, 32)),
    ("crc32c", lambda b: crc(b, 0x82F63B78, 32)),
    ("crc64nvme", lambda b: crc(b, 0x9A6C9329AC4BC9B5, 64)),
    ("sha1", lambda b: base64.b64encode(hashlib.sha1(b).digest()).decode()),
])
def test_other_checksums_are_verified(s3, server, bucket, name, digest):
    known = {"crc32": "cbf43926", "crc32c": "e3069283", "crc64nvme": "ae8b14860a799888"}
    assert base64.b64decode(digest(b"123456789")).hex() == known.get(name, hashlib.sha1(b"123456789").hexdigest())
    header = "x-amz-checksum-" + name
    for body in (b"", b"123456789", os.urandom(33333)):
        with_header(server, header, digest(body)).put_object(Bucket=bucket, Key=name, Body=body)
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == body
    wrong = with_header(server, header, digest(b"another body"))
    assert refused(wrong.put_object, Bucket=bucket, Key="bad", Body=b"body") == ("BadDigest", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="bad")[1] == 404


def test_checksum_by_algorithm(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100000, ChecksumAlgorithm="SHA256")
    assert put["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"x" * 100000).digest()).decode()


# ---- versions


def test_versions_and_delete_markers(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="k", Body=b"2")["VersionId"]
    assert first != second
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == second
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=first)["Body"].read() == b"1"
    deleted = s3.delete_object(Bucket=versioned, Key="k")
    assert deleted["DeleteMarker"] is True
    marker = deleted["VersionId"]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=versioned, Key="k")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert refused(s3.get_object, Bucket=versioned, Key="k", VersionId=marker) == ("MethodNotAllowed", 405)
    assert keys(s3.list_objects_v2(Bucket=versioned)) == []
    listed = s3.list_object_versions(Bucket=versioned)
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [(second, False), (first, False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(marker, True)]
    undone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert (undone["DeleteMarker"], undone["VersionId"]) == (True, marker)
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"2"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"1"


def test_unknown_versions(s3, versioned):
    version = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    for unknown in ("0" * 32, version[:-1] + ("0" if version[-1] != "0" else "1"), "null"):
        assert refused(s3.get_object, Bucket=versioned, Key="k", VersionId=unknown) == ("NoSuchVersion", 404)
    assert refused(s3.get_object, Bucket=versioned, Key="other", VersionId=version) == ("NoSuchVersion", 404)
    for call in (s3.get_object, s3.delete_object, s3.get_object_tagging):
        assert refused(call, Bucket=versioned, Key="k", VersionId="nonsense") == ("InvalidArgument", 400)
    assert s3.delete_object(Bucket=versioned, Key="k", VersionId="0" * 32)["VersionId"] == "0" * 32


def test_null_version_before_and_after_versioning(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"null 1")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"versioned")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"null 1"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"null 2")["VersionId"] == "null"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"null 2"
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2
    assert s3.delete_object(Bucket=bucket, Key="k") ["VersionId"] == "null"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [m["VersionId"] for m in listed["DeleteMarkers"]] == ["null"]
    assert len(listed["Versions"]) == 1


def test_bad_versioning_configurations(s3, bucket):
    assert refused(s3.put_bucket_versioning, Bucket=bucket,
                   VersioningConfiguration={"Status": "Sometimes"}) == ("MalformedXML", 400)


def test_put_without_versioning_replaces(s3, bucket):
    for i in range(3):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100000 + b"%d" % i)
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


# ---- listings


@pytest.fixture(scope="module")
def tree(s3):
    name = "tree-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    names = [f"{d}/{i:02}" for d in ("a", "a-b", "b", "c/d") for i in range(5)] + ["root.txt", "z z"]
    for key in names:
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    for _ in range(40):
        s3.put_object(Bucket=name, Key="many", Body=b"y")
    s3.put_object(Bucket=name, Key="gone", Body=b"x")
    s3.delete_object(Bucket=name, Key="gone")
    return name, sorted(names + ["many"])


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pages_give_every_key_once(s3, tree, operation, size):
    name, names = tree
    pages = s3.get_paginator(operation).paginate(Bucket=name, PaginationConfig={"PageSize": size})
    assert [k for page in pages for k in keys(page)] == names


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_delimiter_rolls_up(s3, tree, operation, size):
    name, _ = tree
    found, prefixes = [], []
    for page in s3.get_paginator(operation).paginate(Bucket=name, Delimiter="/",
                                                     PaginationConfig={"PageSize": size}):
        found += keys(page)
        prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        if operation == "list_objects_v2":
            assert page["KeyCount"] == len(keys(page)) + len(page.get("CommonPrefixes", []))
    assert found == ["many", "root.txt", "z z"]
    assert prefixes == ["a-b/", "a/", "b/", "c/"]


def test_prefix_and_start_after(s3, tree):
    name, _ = tree
    assert keys(s3.list_objects_v2(Bucket=name, Prefix="a/")) == [f"a/{i:02}" for i in range(5)]
    assert keys(s3.list_objects_v2(Bucket=name, Prefix="a/", StartAfter="a/02")) == ["a/03", "a/04"]
    assert keys(s3.list_objects_v2(Bucket=name, Prefix="a/", StartAfter="b")) == []
    assert keys(s3.list_objects_v2(Bucket=name, Prefix="nothing")) == []
    page = s3.list_objects_v2(Bucket=name, Prefix="c/", Delimiter="/")
    assert keys(page) == [] and page["CommonPrefixes"] == [{"Prefix": "c/d/"}]
    page = s3.list_objects_v2(Bucket=name, MaxKeys=0)
    assert keys(page) == [] and page["IsTruncated"] is False
    assert s3.list_objects_v2(Bucket=name, MaxKeys=23)["IsTruncated"] is False  # "gone" is not there
    assert "Owner" in s3.list_objects_v2(Bucket=name, FetchOwner=True, MaxKeys=1)["Contents"][0]


def test_bad_listing_arguments(s3, server, tree):
    name, _ = tree
    assert refused(s3.list_objects_v2, Bucket=name, ContinuationToken="???") == ("InvalidArgument", 400)
    assert refused(s3.list_objects_v2, Bucket=name, MaxKeys=-1) == ("InvalidArgument", 400)
    assert refused(s3.list_objects_v2, Bucket=name, EncodingType="rot13") == ("InvalidArgument", 400)
    assert refused(s3.list_object_versions, Bucket=name, VersionIdMarker="x") == ("InvalidArgument", 400)


@pytest.mark.parametrize("size", [1, 2, 9, 1000])
def test_pages_of_versions(s3, tree, size):
    name, names = tree
    versions, markers = [], []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name, PaginationConfig={"PageSize": size}):
        versions += [(v["Key"], v["VersionId"], v["IsLatest"]) for v in page.get("Versions", [])]
        markers += [(m["Key"], m["IsLatest"]) for m in page.get("DeleteMarkers", [])]
    assert len(versions) == len(set(versions)) == len(names) - 1 + 40 + 1
    assert markers == [("gone", True)]
    assert [latest for key, _, latest in versions if key == "many"] == [True] + [False] * 39
    assert [latest for key, _, latest in versions if key == "gone"] == [False]


def expected_listing(names, prefix, delimiter, after):
    """What ListObjectsV2 should give, by its definition."""
    found, prefixes = [], []
    for name in sorted(names, key=lambda n: n.encode()):
        if not name.startswith(prefix):
            continue
        at = name.find(delimiter, len(prefix)) if delimiter else -1
        rolled = name[:at + len(delimiter)] if at >= 0 else None
        if rolled and after != rolled and name > after and rolled not in prefixes:
            prefixes.append(rolled)
        elif not rolled and name > after:
            found.append(name)
    return found, prefixes


def test_listings_agree_with_their_definition(s3, versioned):
    """Seeded random keys, markers, prefixes, delimiters, starts and page sizes."""
    rng = random.Random(20261123)
    alphabet = ["a", "b", "/", "-", "ab", "a/", "é", "!", "0"]
    names = {"".join(rng.choice(alphabet) for _ in range(rng.randint(1, 5))) for _ in range(70)}
    for name in names:
        for _ in range(rng.choice([1, 1, 1, 3, 20])):
            s3.put_object(Bucket=versioned, Key=name, Body=b"")
    gone = set(rng.sample(sorted(names), 15))
    s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": name} for name in gone]})
    live = names - gone
    for _ in range(150):
        prefix = rng.choice(["", "", "a", "a/", "ab", "/", "é", "zz"])
        delimiter = rng.choice(["", "/", "/", "-", "ab", "é"])
        after = rng.choice(["", "", "a", "a/", "b", "a/b", "é", rng.choice(sorted(names))])
        arguments = {"Bucket": versioned, "Prefix": prefix, "MaxKeys": rng.choice([1, 2, 5, 1000])}
        if delimiter:
            arguments["Delimiter"] = delimiter
        if after:
            arguments["StartAfter"] = after
        found, prefixes = [], []
        while True:
            page = s3.list_objects_v2(**arguments)
            found += keys(page)
            prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
            if not page["IsTruncated"]:
                break
            arguments["ContinuationToken"] = page["NextContinuationToken"]
        assert (found, prefixes) == expected_listing(live, prefix, delimiter, after), arguments


# ---- deletion of many, copies


def test_delete_objects(s3, versioned):
    version = s3.put_object(Bucket=versioned, Key="a", Body=b"1")["VersionId"]
    s3.put_object(Bucket=versioned, Key="b", Body=b"1")
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [
        {"Key": "a", "VersionId": version}, {"Key": "b"}, {"Key": "never <was>"}]})
    assert [d["Key"] for d in answer["Deleted"]] == ["a", "b", "never <was>"]
    assert answer["Deleted"][0]["VersionId"] == version
    assert answer["Deleted"][1]["DeleteMarker"] is True and answer["Deleted"][1]["DeleteMarkerVersionId"]
    assert "Deleted" not in s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert refused(s3.delete_objects, Bucket=versioned, Delete={"Objects": []}) == ("MalformedXML", 400)
    kept = s3.put_object(Bucket=versioned, Key="kept", Body=b"1")["VersionId"]
    assert refused(s3.delete_objects, Bucket=versioned, Delete={"Objects": [
        {"Key": "kept", "VersionId": kept}, {"Key": "k" * 1025}]}) == ("KeyTooLongError", 400)
    assert s3.get_object(Bucket=versioned, Key="kept", VersionId=kept)["Body"].read() == b"1"


@pytest.mark.parametrize("size", [10, 200000])
def test_copy_shares_the_bytes(s3, server, versioned, size):
    body = os.urandom(size)
    s3.put_object(Bucket=versioned, Key="src/ä b", Body=body, ContentType="text/x", Metadata={"m": "1"})
    pinned = s3.head_object(Bucket=versioned, Key="src/ä b")["VersionId"]
    s3.put_object(Bucket=versioned, Key="src/ä b", Body=b"newer")
    before = set(blob_files(server))
    answer = s3.copy_object(Bucket=versioned, Key="dst", CopySource={
        "Bucket": versioned, "Key": "src/ä b", "VersionId": pinned}, ChecksumAlgorithm="SHA256")
    assert not set(blob_files(server)) - before
    assert answer["CopySourceVersionId"] == pinned and answer["VersionId"] != pinned
    sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert answer["CopyObjectResult"]["ChecksumSHA256"] == sha
    s3.delete_object(Bucket=versioned, Key="src/ä b", VersionId=pinned)
    got = s3.get_object(Bucket=versioned, Key="dst", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"]) == ("text/x", {"m": "1"})
    assert got["ETag"] == '"%s"' % hashlib.md5(body).hexdigest()


def test_copy_replaces_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"m": "1"})
    source = {"Bucket": bucket, "Key": "k"}
    assert refused(s3.copy_object, Bucket=bucket, Key="k", CopySource=source) == ("InvalidRequest", 400)
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Metadata"] == {"n": "2"} and got["Body"].read() == b"x"


def test_a_copys_source_is_encoded_as_the_client_likes(s3, server, bucket):
    s3.put_object(Bucket=bucket, Key="a/b c", Body=b"x")

    def copy(source):
        return rest.ask(server, "PUT", f"/{bucket}/d", {"x-amz-copy-source": source.format(bucket)})

    for source in ("{}/a/b%20c", "/{}/a/b+c", "{}%2Fa%2Fb%20c", "%2F{}%2Fa%2Fb+c", "{}%2Fa%2Fb+c?versionId=null"):
        assert copy(source).status == 200, source
    for source in ("//{}/a/b+c", "/%2F{}/a/b+c", "{}%2F"):
        assert rest.code(copy(source)) == (400, "InvalidArgument"), source


def test_copy_errors(s3, versioned):
    missing = {"Bucket": versioned, "Key": "nope"}
    assert refused(s3.copy_object, Bucket=versioned, Key="d", CopySource=missing) == ("NoSuchKey", 404)
    assert refused(s3.copy_object, Bucket=versioned, Key="d",
                   CopySource={"Bucket": "no-such-bucket-here", "Key": "k"}) == ("NoSuchBucket", 404)
    etag = s3.put_object(Bucket=versioned, Key="k", Body=b"x")["ETag"]
    source = {"Bucket": versioned, "Key": "k"}
    assert refused(s3.copy_object, Bucket=versioned, Key="d",
                   CopySource=dict(source, VersionId="nonsense")) == ("InvalidArgument", 400)
    assert refused(s3.copy_object, Bucket=versioned, Key="d",
                   CopySource=dict(source, VersionId="0" * 32)) == ("NoSuchVersion", 404)
    assert refused(s3.copy_object, Bucket=versioned, Key="d", CopySource=source,
                   CopySourceIfNoneMatch=etag) == ("PreconditionFailed", 412)
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    assert refused(s3.copy_object, Bucket=versioned, Key="d", CopySource=source) == ("NoSuchKey", 404)
    assert refused(s3.copy_object, Bucket=versioned, Key="d",
                   CopySource=dict(source, VersionId=marker)) == ("InvalidRequest", 400)


def blob_files(server):
    found = []
    for folder, _, names in os.walk(os.path.join(server.data, "blobs")):
        found += [os.path.join(folder, name) for name in names]
    return sorted(found)


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true"
        time.sleep(0.02)


def test_files_go_with_their_last_object(s3, server, bucket):
    before, body = blob_files(server), os.urandom(100000)
    s3.put_object(Bucket=bucket, Key="a", Body=body)
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    [file] = set(blob_files(server)) - set(before)
    assert "incoming" not in file
    s3.delete_object(Bucket=bucket, Key="a")
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == body
    s3.delete_object(Bucket=bucket, Key="b")
    wait_until(lambda: not os.path.exists(file))


# ---- multipart


PART = 5 << 20


def test_multipart_upload(s3, server, versioned):
    parts = [os.urandom(PART), os.urandom(PART), b"tail"]
    upload = s3.create_multipart_upload(Bucket=versioned, Key="big", ContentType="application/zip",
                                        Metadata={"m": "1"})["UploadId"]
    etags = {}
    for number in (3, 1, 2):
        etags[number] = s3.upload_part(Bucket=versioned, Key="big", UploadId=upload, PartNumber=number,
                                       Body=parts[number - 1])["ETag"]
    listed = s3.list_parts(Bucket=versioned, Key="big", UploadId=upload)
    assert [(p["PartNumber"], p["Size"], p["ETag"]) for p in listed["Parts"]] == [
        (i, len(parts[i - 1]), etags[i]) for i in (1, 2, 3)]
    pages = s3.get_paginator("list_parts").paginate(Bucket=versioned, Key="big", UploadId=upload,
                                                    PaginationConfig={"PageSize": 1})
    assert [p["PartNumber"] for page in pages for p in page.get("Parts", [])] == [1, 2, 3]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=versioned)["Uploads"]] == [upload]
    assert refused(s3.get_object, Bucket=versioned, Key="big") == ("NoSuchKey", 404)
    done = s3.complete_multipart_upload(Bucket=versioned, Key="big", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": i, "ETag": etags[i]} for i in (1, 2, 3)]})
    digest = hashlib.md5(b"".join(hashlib.md5(p).digest() for p in parts)).hexdigest()
    assert done["ETag"] == f'"{digest}-3"' and done["VersionId"]
    got = s3.get_object(Bucket=versioned, Key="big")
    assert got["Body"].read() == b"".join(parts)
    assert (got["ContentType"], got["Metadata"]) == ("application/zip", {"m": "1"})
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=versioned)
    copied = s3.copy_object(Bucket=versioned, Key="copy", CopySource={"Bucket": versioned, "Key": "big"},
                            ChecksumAlgorithm="SHA256")
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == base64.b64encode(
        hashlib.sha256(b"".join(parts)).digest()).decode()


def test_multipart_errors(s3, server, bucket):
    no_upload = ("NoSuchUpload", 404)
    begin = lambda: s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    upload = begin()
    part = lambda n, body: s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=n, Body=body)["ETag"]
    complete = lambda parts: refused(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload,
                                     MultipartUpload={"Parts": parts})
    assert refused(s3.upload_part, Bucket=bucket, Key="k", UploadId="nope", PartNumber=1, Body=b"x") == no_upload
    assert refused(s3.upload_part, Bucket=bucket, Key="other", UploadId=upload, PartNumber=1, Body=b"x") == no_upload
    assert refused(s3.upload_part, Bucket=bucket, Key="k", UploadId=upload, PartNumber=10001,
                   Body=b"x") == ("InvalidArgument", 400)
    first, second = part(1, b"small"), part(2, b"x")
    assert complete([{"PartNumber": 1, "ETag": '"wrong"'}]) == ("InvalidPart", 400)
    assert complete([{"PartNumber": 3, "ETag": first}]) == ("InvalidPart", 400)
    assert complete([{"PartNumber": 2, "ETag": second}, {"PartNumber": 1, "ETag": first}]) == ("InvalidPartOrder", 400)
    assert complete([{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]) == ("EntityTooSmall", 400)
    assert complete([]) == ("MalformedXML", 400)
    before = set(blob_files(server))
    part(5, b"y" * 100000)
    assert len(set(blob_files(server)) - before) == 1
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    wait_until(lambda: not set(blob_files(server)) - before)
    assert refused(s3.abort_multipart_upload, Bucket=bucket, Key="k", UploadId=upload) == no_upload
    assert refused(s3.list_parts, Bucket=bucket, Key="k", UploadId=upload) == no_upload
    s3.delete_bucket(Bucket=bucket)


def test_list_multipart_uploads_in_pages(s3, bucket):
    made = sorted((key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in "aabcc")
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [(u["Key"], u["UploadId"]) for page in pages for u in page.get("Uploads", [])] == made
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket, Prefix="c")["Uploads"]] == ["c", "c"]


# ---- events


@pytest.fixture
def wired(s3, server, versioned):
    sqs = server.client("sqs", profile="dev")
    url, arn = event_queue(sqs, "events-" + uuid.uuid4().hex[:10])
    configuration = {"QueueConfigurations": [{
        "Id": "artifacts", "QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".zip"}]}},
    }]}
    s3.put_bucket_notification_configuration(Bucket=versioned, NotificationConfiguration=configuration)

    def drain():
        events = []
        while True:
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return events
            for message in messages:
                events.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    [test] = drain()
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", versioned)
    return versioned, configuration, drain, arn


def test_an_event_that_is_too_long_for_its_queue_keeps_no_object_from_being_put_and_deleted(s3, server, wired):
    name, _, drain, arn = wired
    sqs = server.client("sqs", profile="dev")
    url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    key = "in/" + "k" * 900 + ".zip"
    s3.put_object(Bucket=name, Key=key, Body=b"x")
    s3.delete_object(Bucket=name, Key=key)
    assert drain() == []


def test_notification_configuration_comes_back(s3, wired):
    name, configuration, _, _ = wired
    got = s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"]
    rules = got[0]["Filter"]["Key"]["FilterRules"]
    assert [(r["Name"].lower(), r["Value"]) for r in rules] == [("prefix", "in/"), ("suffix", ".zip")]
    for member in ("Id", "QueueArn", "Events"):
        assert got[0][member] == configuration["QueueConfigurations"][0][member]


def configured(s3, name, *queues):
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"QueueConfigurations": [
        {"QueueArn": arn, "Events": events, **({"Id": id} if id else {}),
         **({"Filter": {"Key": {"FilterRules": [{"Name": n, "Value": v} for n, v in filters.items()]}}} if filters else {})}
        for id, arn, events, filters in queues]})


PUTS, REMOVALS = ["s3:ObjectCreated:*"], ["s3:ObjectRemoved:*"]


@pytest.mark.parametrize("queues, says", [
    ([("a", None, PUTS, {}), ("a", None, REMOVALS, {})], "Same ID used for multiple configurations. IDs must be unique."),
    ([("a", None, PUTS, {}), ("b", None, ["s3:ObjectCreated:Put"], {})],
     "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
    ([("a", None, PUTS, {"prefix": "x/"}), ("b", None, PUTS, {"prefix": "x%2Fy"})],
     "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for "
     "the same event type."),
    ([("i" * 256, None, PUTS, {})], "ID length exceeded allowed limit of 255"),
    ([("a", "arn:aws:sqs:eu-west-1:222222222222:q", PUTS, {})],
     "The notification destination service region is not valid for the bucket location constraint"),
    ([("a", None, PUTS, {"prefix": "p" * 1025})], "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"),
    ([("a", None, ["s3:Nope"], {})], "The event is not supported for notifications"),
])
def test_notifications_that_are_refused(s3, wired, queues, says):
    name, _, _, arn = wired
    with pytest.raises(ClientError) as caught:
        configured(s3, name, *((id, other or arn, events, filters) for id, other, events, filters in queues))
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidArgument" and says in error["Message"]


def test_filters_are_written_as_in_a_form(s3, wired):
    """As the user guide of S3 says: a blank as a plus, other special characters percent-encoded."""
    name, _, drain, arn = wired
    configured(s3, name, ("plus", arn, PUTS, {"prefix": "a+b%2B%C3%A4/"}), ("odd", arn, PUTS, {"prefix": "100%"}))
    drain()
    for key in ("a b+ä/1", "a+b+ä/2", "a+b%2B%C3%A4/3", "100% 4"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    told = [(r["s3"]["configurationId"], r["s3"]["object"]["key"]) for event in drain() for r in event["Records"]]
    assert told == [("plus", "a+b%2B%C3%A4/1"), ("odd", "100%25+4")]
    got = s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"]
    assert [q["Filter"]["Key"]["FilterRules"][0]["Value"] for q in got] == ["a+b%2B%C3%A4/", "100%"]


def test_a_notification_without_a_name_gets_one_as_s3_makes_them(s3, wired):
    name, _, _, arn = wired
    configured(s3, name, (None, arn, PUTS, {}))
    [queue] = s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"]
    assert uuid.UUID(base64.b64decode(queue["Id"]).decode()).version == 4


def test_versioning_without_a_status(s3, bucket):
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={}) == (
        "IllegalVersioningConfigurationException", 400)
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "enabled"}) == ("MalformedXML", 400)


def test_events_of_every_change(s3, wired):
    name, _, drain, _ = wired
    key = "in/ä b+c=1.zip"
    put = s3.put_object(Bucket=name, Key=key, Body=b"hello")
    s3.put_object(Bucket=name, Key="in/x.txt", Body=b"filtered")
    s3.put_object(Bucket=name, Key="out/x.zip", Body=b"filtered")
    s3.copy_object(Bucket=name, Key="in/copy.zip", CopySource={"Bucket": name, "Key": key})
    marker = s3.delete_object(Bucket=name, Key=key)
    s3.delete_object(Bucket=name, Key=key, VersionId=put["VersionId"])
    upload = s3.create_multipart_upload(Bucket=name, Key="in/mp.zip")["UploadId"]
    etag = s3.upload_part(Bucket=name, Key="in/mp.zip", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(Bucket=name, Key="in/mp.zip", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    records = [r for event in drain() for r in event["Records"]]
    assert [r["eventName"] for r in records] == [
        "ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete",
        "ObjectCreated:CompleteMultipartUpload"]
    first = records[0]
    assert first["eventSource"] == "aws:s3" and first["awsRegion"] == "us-east-1"
    assert first["eventVersion"].startswith("2.")
    assert first["s3"]["configurationId"] == "artifacts"
    assert first["s3"]["bucket"]["name"] == name
    assert first["s3"]["bucket"]["arn"] == "arn:aws:s3:::" + name
    thing = first["s3"]["object"]
    assert urllib.parse.unquote_plus(thing["key"]) == key and "+" in thing["key"] and "/" in thing["key"]
    assert (thing["size"], thing["versionId"]) == (5, put["VersionId"])
    assert thing["eTag"] == hashlib.md5(b"hello").hexdigest()
    assert records[2]["s3"]["object"]["versionId"] == marker["VersionId"]
    sequencers = [int(r["s3"]["object"]["sequencer"], 16) for r in records]
    assert sequencers == sorted(set(sequencers))


def test_zero_byte_objects_make_events_too(s3, wired):
    name, _, drain, _ = wired
    s3.put_object(Bucket=name, Key="in/empty.zip", Body=b"")
    [event] = drain()
    assert event["Records"][0]["s3"]["object"]["size"] == 0


def test_a_refused_put_makes_no_event(s3, server, wired):
    name, _, drain, _ = wired
    assert refused(s3.put_object, Bucket=name, Key="in/bad.zip", Body=b"y",
                   ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==") == ("BadDigest", 400)
    assert drain() == []


def test_events_wake_a_long_poll(s3, server, wired):
    name, _, _, arn = wired
    sqs = server.client("sqs", profile="dev")
    url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    got = []

    def poll():
        got.extend(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))

    poller = threading.Thread(target=poll)
    poller.start()
    poller.join(timeout=0.5)
    started = time.monotonic()
    s3.put_object(Bucket=name, Key="in/now.zip", Body=b"x")
    poller.join(timeout=15)
    assert got and time.monotonic() - started < 5


def test_events_go_to_topics_too(s3, server, wired):
    name, configuration, drain, arn = wired
    sns = server.client("sns", profile="dev")
    topic = sns.create_topic(Name="events-" + uuid.uuid4().hex[:10])["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    told = {"Id": "topic", "TopicArn": topic, "Events": ["s3:ObjectTagging:*", "s3:ReducedRedundancyLostObject"]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={
        **configuration, "TopicConfigurations": [told]})
    got = s3.get_bucket_notification_configuration(Bucket=name)
    assert got["TopicConfigurations"] == [told] and len(got["QueueConfigurations"]) == 1
    messages = drain()
    assert sorted(message.get("Event", message.get("Subject")) for message in messages) == [
        "Amazon S3 Notification", "s3:TestEvent"]
    s3.put_object(Bucket=name, Key="in/k.txt", Body=b"x")
    s3.put_object_tagging(Bucket=name, Key="in/k.txt", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    [message] = drain()
    assert (message["Type"], message["TopicArn"], message["Subject"]) == ("Notification", topic, "Amazon S3 Notification")
    [record] = json.loads(message["Message"])["Records"]
    assert (record["eventName"], record["s3"]["configurationId"]) == ("ObjectTagging:Put", "topic")
    sns.delete_topic(TopicArn=topic)
    s3.put_object_tagging(Bucket=name, Key="in/k.txt", Tagging={"TagSet": []})
    assert drain() == []


def test_a_topic_of_another_account_gets_nothing(s3, server, wired):
    name, _, drain, _ = wired
    topic = server.client("sns", profile="staging").create_topic(Name="theirs-" + uuid.uuid4().hex[:10])["TopicArn"]
    assert refused(s3.put_bucket_notification_configuration, Bucket=name, NotificationConfiguration={
        "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}) == ("InvalidArgument", 400)


def test_events_of_aws_that_never_happen_may_be_asked_for(s3, wired):
    name, _, _, arn = wired
    names = ["s3:ObjectRestore:*", "s3:Replication:*", "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ObjectAcl:Put"]
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": names}]})
    assert s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"][0]["Events"] == names


def test_bad_notification_configurations(s3, wired):
    name, _, drain, arn = wired
    put = lambda **c: refused(s3.put_bucket_notification_configuration, Bucket=name, NotificationConfiguration=c)
    queue = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    invalid = ("InvalidArgument", 400)
    missing = {"QueueConfigurations": [dict(queue, QueueArn=arn + "-missing")]}
    assert put(**missing) == invalid
    before = s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"]
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=missing, SkipDestinationValidation=True)
    s3.put_object(Bucket=name, Key="in/nobody-hears.zip", Body=b"x")
    s3.put_bucket_notification_configuration(Bucket=name, SkipDestinationValidation=True,
                                             NotificationConfiguration={"QueueConfigurations": before})
    assert put(QueueConfigurations=[dict(queue, Events=["s3:Nonsense"])]) == invalid
    assert put(QueueConfigurations=[queue, queue]) == invalid
    assert put(QueueConfigurations=[dict(queue, Filter={"Key": {"FilterRules": [
        {"Name": "infix", "Value": "x"}]}})]) == invalid
    topic = {"TopicArn": "arn:aws:sns:us-east-1:222222222222:no-such", "Events": ["s3:ObjectCreated:*"]}
    assert put(TopicConfigurations=[topic]) == invalid
    assert put(TopicConfigurations=[dict(topic, TopicArn=arn)]) == invalid
    assert put(QueueConfigurations=[dict(queue, QueueArn=topic["TopicArn"])]) == invalid
    assert put(LambdaFunctionConfigurations=[{"LambdaFunctionArn": "arn:aws:lambda:us-east-1:222222222222:function:f",
                                              "Events": ["s3:ObjectCreated:*"]}]) == ("NotImplemented", 501)
    assert drain() == []
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
    s3.put_object(Bucket=name, Key="in/quiet.zip", Body=b"x")
    assert drain() == []


# ---- presigned URLs and curl


@pytest.fixture
def presigner(server):
    """boto3 1.26 presigns S3 with signature version 2 unless told otherwise."""
    return server.client("s3", profile="dev", signature_version="s3v4")


def test_presigned_urls(s3, presigner, bucket):
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"shared")
    url = presigner.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"shared"
    url = presigner.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "new"})
    request = urllib.request.Request(url, data=b"put by url", method="PUT")
    urllib.request.urlopen(request).close()
    assert s3.get_object(Bucket=bucket, Key="new")["Body"].read() == b"put by url"


def test_curl_puts_and_gets(s3, server, bucket, tmp_path):
    file = tmp_path / "shop.zip"
    file.write_bytes(b"z" * 100000)
    signed = ["curl", "--silent", "--show-error", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
              ":".join(server.keys("dev")), "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    url = f"{server.endpoint}/{bucket}/feature/login/latest.zip"
    subprocess.run([*signed, "--upload-file", str(file), url], check=True)
    assert s3.get_object(Bucket=bucket, Key="feature/login/latest.zip")["Body"].read() == b"z" * 100000
    assert subprocess.run([*signed, url], check=True, capture_output=True).stdout == b"z" * 100000
    file.write_bytes(b"")
    subprocess.run([*signed, "--upload-file", str(file), url], check=True)
    assert s3.head_object(Bucket=bucket, Key="feature/login/latest.zip")["ContentLength"] == 0


# ---- half an upload, restarts


def test_half_an_upload_leaves_nothing(s3, presigner, server, bucket):
    before = set(blob_files(server))
    url = urllib.parse.urlsplit(presigner.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "half"}))
    with socket.create_connection((url.hostname, url.port)) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 500000)
        wait_until(lambda: len(set(blob_files(server)) - before) == 1)
    wait_until(lambda: not set(blob_files(server)) - before)
    assert refused(s3.head_object, Bucket=bucket, Key="half")[1] == 404


def test_acknowledged_puts_survive_a_kill(server):
    """The server is killed while eight clients put; what was acknowledged is there, whole, after the restart."""
    name = "kill-" + uuid.uuid4().hex[:12]
    server.client("s3", profile="dev").create_bucket(Bucket=name)
    acknowledged, lock, stopped = {}, threading.Lock(), threading.Event()

    def put(worker):
        mine, i = server.client("s3", profile="dev"), 0
        while not stopped.is_set():
            key, body = f"{worker}/{i}", os.urandom(100 + 30000 * (i % 4))
            i += 1
            try:
                mine.put_object(Bucket=name, Key=key, Body=body)
            except Exception:  # the server is being killed
                return
            with lock:
                acknowledged[key] = body

    threads = [threading.Thread(target=put, args=(w,)) for w in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) > 200)
    server.kill()
    stopped.set()
    for thread in threads:
        thread.join()
    server.start()
    client = server.client("s3", profile="dev")
    for key, body in acknowledged.items():
        assert client.get_object(Bucket=name, Key=key)["Body"].read() == body
    listed = [k for page in client.get_paginator("list_objects_v2").paginate(Bucket=name) for k in keys(page)]
    assert set(acknowledged) <= set(listed) and len(listed) <= len(acknowledged) + 8
    assert os.listdir(os.path.join(server.data, "blobs", "incoming")) == []


# ---- the AWS CLI


def test_aws_cli_copies_large_files_both_ways(server, bucket, tmp_path):
    big, back = tmp_path / "big.zip", tmp_path / "back.zip"
    big.write_bytes(os.urandom((9 << 20) + 17))
    run = lambda *a: server.aws("s3", *a, profile="dev")
    run("cp", str(big), f"s3://{bucket}/dir/big.zip")
    assert "dir/" in run("ls", f"s3://{bucket}")
    run("cp", f"s3://{bucket}/dir/big.zip", str(back))
    assert back.read_bytes() == big.read_bytes()
    small = tmp_path / "small.txt"
    small.write_text("small")
    run("cp", str(small), f"s3://{bucket}/small.txt")
    run("sync", str(tmp_path), f"s3://{bucket}/all")
    run("rm", f"s3://{bucket}", "--recursive")
    run("rb", f"s3://{bucket}")
