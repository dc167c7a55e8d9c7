"""Conditional requests: every header of reads, writes, copies and deletions, and which of two goes first."""
import base64
import email.utils
import hashlib
import json
import re
import threading
import time

import pytest

from rest import ask, code, element

OK, SAME, FAILED, ABSENT, UNKNOWN = 200, 304, (412, "PreconditionFailed"), (404, "NoSuchKey"), (501, "NotImplemented")


@pytest.fixture
def target(server, bucket):
    path = f"/{bucket}/k"
    ask(server, "PUT", path, {}, b"old")
    return path


def outcome(answer):
    return code(answer) if answer.status >= 400 and answer.body else answer.status


ETAG = '"149603e6c03516362a8da23f624db945"'  # of "old"
OTHER = '"00000000000000000000000000000000"'
PAST = email.utils.formatdate(time.time() - 3600, usegmt=True)
FUTURE = email.utils.formatdate(time.time() + 3600, usegmt=True)
READS = [
    ({"If-Match": ETAG}, OK), ({"If-Match": ETAG.strip('"')}, OK), ({"If-Match": "*"}, OK), ({"If-Match": OTHER}, FAILED),
    ({"If-Match": f"{OTHER}, {ETAG}"}, OK),
    ({"If-None-Match": ETAG}, SAME), ({"If-None-Match": "*"}, SAME), ({"If-None-Match": OTHER}, OK),
    ({"If-None-Match": "W/" + ETAG}, SAME),
    ({"If-Modified-Since": PAST}, OK), ({"If-Modified-Since": FUTURE}, OK), ({"If-Modified-Since": "nonsense"}, OK),
    ({"If-Unmodified-Since": PAST}, FAILED), ({"If-Unmodified-Since": FUTURE}, OK), ({"If-Unmodified-Since": "x"}, OK),
    ({"If-Match": ETAG, "If-Unmodified-Since": PAST}, OK), ({"If-Match": OTHER, "If-Unmodified-Since": FUTURE}, FAILED),
    ({"If-None-Match": ETAG, "If-Modified-Since": PAST}, SAME), ({"If-None-Match": OTHER, "If-Modified-Since": FUTURE}, OK),
    ({"If-Match": OTHER, "If-None-Match": ETAG}, FAILED), ({"If-Match": ETAG, "If-None-Match": ETAG}, SAME),
]


@pytest.mark.parametrize("headers,expected", READS)
def test_reads(server, target, headers, expected):
    answer = ask(server, "GET", target, headers)
    assert outcome(answer) == expected
    if expected == SAME:
        assert answer.headers["ETag"] == ETAG and answer.headers["Last-Modified"] and not answer.body
    if expected == FAILED:
        assert element(answer, "Condition") in headers
    status = expected if isinstance(expected, int) else expected[0]
    assert ask(server, "HEAD", target, headers).status == status


@pytest.mark.parametrize("headers,expected", READS)
def test_copies_look_at_their_source(server, target, headers, expected):
    """As reads, but what a read finds unchanged fails a copy."""
    asked = {"x-amz-copy-source": target, **{"x-amz-copy-source-" + k: v for k, v in headers.items()}}
    assert outcome(ask(server, "PUT", target + "-copy", asked)) == (FAILED if expected == SAME else expected)


WRITES = [
    ({"If-None-Match": "*"}, FAILED, OK), ({"If-Match": ETAG}, OK, ABSENT), ({"If-Match": ETAG.strip('"')}, OK, ABSENT),
    ({"If-Match": OTHER}, FAILED, ABSENT), ({"If-Match": "*"}, UNKNOWN, UNKNOWN),
    ({"If-None-Match": ETAG}, UNKNOWN, UNKNOWN), ({"If-Match": ETAG, "If-None-Match": "*"}, UNKNOWN, UNKNOWN),
]


@pytest.mark.parametrize("headers,over,anew", WRITES)
def test_writes(server, target, headers, over, anew):
    assert outcome(ask(server, "PUT", target, headers, b"new")) == over
    assert ask(server, "GET", target).body == (b"new" if over == OK else b"old")
    assert outcome(ask(server, "PUT", target + "-new", headers, b"new")) == anew
    assert ask(server, "HEAD", target + "-new").status == (200 if anew == OK else 404)


@pytest.mark.parametrize("headers,over,anew", WRITES)
def test_copies_are_writes(server, target, headers, over, anew):
    ask(server, "PUT", target + "-source", {}, b"new")
    asked = {"x-amz-copy-source": target + "-source", **headers}
    assert outcome(ask(server, "PUT", target, asked)) == over
    assert outcome(ask(server, "PUT", target + "-new", asked)) == anew


def test_deletions(server, s3, bucket, target):
    assert outcome(ask(server, "DELETE", target, {"If-Match": OTHER})) == FAILED
    assert ask(server, "GET", target).body == b"old"
    assert ask(server, "DELETE", target, {"If-Match": ETAG}).status == 204
    for value in (ETAG, OTHER, "*"):
        assert outcome(ask(server, "DELETE", target, {"If-Match": value})) == ABSENT
    ask(server, "PUT", target, {}, b"old")
    assert ask(server, "DELETE", target, {"If-Match": "*"}).status == 204


def test_deletions_of_versions(server, s3, bucket, target):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    assert outcome(ask(server, "DELETE", target, {"If-Match": OTHER})) == FAILED
    assert ask(server, "DELETE", target, {"If-Match": ETAG}).status == 204
    assert outcome(ask(server, "DELETE", target, {"If-Match": ETAG})) == ABSENT  # a delete marker is current
    assert len(s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]) == 1
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:  # If-Match is of the current object alone
        for value in (ETAG, OTHER, "*"):
            answer = ask(server, "DELETE", f"{target}?versionId={version['VersionId']}", {"If-Match": value})
            assert (outcome(answer), element(answer, "Header")) == (UNKNOWN, "If-Match")
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2


def test_who_may_not_read_learns_no_etag_by_writing(server, s3, bucket, target):
    def may(*actions):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": [f"s3:{a}" for a in actions],
            "Resource": f"arn:aws:s3:::{bucket}/*"}]}))

    def put(headers):
        return outcome(ask(server, "PUT", target, headers, b"old", profile="staging"))

    def copy(headers):
        return outcome(ask(server, "PUT", target, {"x-amz-copy-source": target + "-source", **headers}, profile="staging"))

    def complete(headers):
        other = server.client("s3", profile="staging")
        names = {"Bucket": bucket, "Key": "k", "UploadId": other.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
        part = other.upload_part(**names, PartNumber=1, Body=b"old")["ETag"]
        body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part}</ETag></Part></CompleteMultipartUpload>"
        return outcome(ask(server, "POST", f"{target}?uploadId={names['UploadId']}", headers, body.encode(), profile="staging"))

    denied = (403, "AccessDenied")
    ask(server, "PUT", target + "-source", {}, b"old")
    may("PutObject")
    assert [put({"If-Match": ETAG}), put({"If-Match": OTHER}), put({"If-None-Match": "*"}), put({})] == [
        denied, denied, FAILED, OK]
    assert [complete({"If-Match": ETAG}), complete({"If-Match": OTHER}), complete({})] == [denied, denied, OK]
    ask(server, "PUT", target, {}, b"old")
    may("PutObject", "GetObject")
    assert [put({"If-Match": OTHER}), put({"If-Match": ETAG}), copy({"If-Match": OTHER}), copy({"If-Match": ETAG}),
            complete({"If-Match": OTHER}), complete({"If-Match": ETAG})] == [FAILED, OK] * 3


def test_compare_and_swap_loses_no_update(server, target):
    """Four writers count to forty by If-Match alone."""
    ask(server, "PUT", target, {}, b"0")

    def count():
        for _ in range(10):
            while True:
                seen = ask(server, "GET", target)
                if ask(server, "PUT", target, {"If-Match": seen.headers["ETag"]}, b"%d" % (int(seen.body) + 1)).status == 200:
                    break

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ask(server, "GET", target).body == b"40"


def test_races_of_conditional_writes_and_deletions_have_an_outcome(server, s3, bucket):
    """Each write that may be the first alone was the first, or is told that it was not; none is asked to try again."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    outcomes = []

    def run(method, headers, body):
        outcomes.extend((method, ask(server, method, f"/{bucket}/k", headers, body).status) for _ in range(40))

    threads = [threading.Thread(target=run, args=args) for args in 3 * [("PUT", {"If-None-Match": "*"}, b"x" * 100_000)] +
               2 * [("DELETE", {}, b"")]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {("PUT", 200), ("PUT", 412), ("DELETE", 204)}
    versions = s3.list_object_versions(Bucket=bucket)
    made = [("V", v["VersionId"]) for v in versions["Versions"]] + [("D", v["VersionId"]) for v in versions["DeleteMarkers"]]
    order = "".join(kind for kind, _ in sorted(made, key=lambda one: one[1]))  # an id begins with its sequence number
    assert order.count("V") == outcomes.count(("PUT", 200)) and "VV" not in order and order.count("D") == 80


def delete_many(server, bucket, objects, profile="dev"):
    body = "<Delete>" + "".join(f"<Object>{one}</Object>" for one in objects) + "</Delete>"
    digest = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
    return ask(server, "POST", f"/{bucket}?delete=", {"Content-MD5": digest}, body.encode(), profile=profile)


def test_deletions_of_many_have_conditions_of_their_own(server, s3, bucket):
    for key in "abcd":
        ask(server, "PUT", f"/{bucket}/{key}", {}, b"old")
    answer = delete_many(server, bucket, [
        f"<Key>a</Key><ETag>{ETAG}</ETag>", f"<Key>b</Key><ETag>{OTHER}</ETag>", "<Key>c</Key><ETag>*</ETag>",
        "<Key>never</Key><ETag>*</ETag>", "<Key>d</Key>"])
    assert answer.status == 200
    assert re.findall("<Deleted><Key>(.*?)</Key>", answer.text) == ["a", "c", "d"]
    assert re.findall("<Error><Key>(.*?)</Key><Code>(.*?)</Code>", answer.text) == [
        ("b", "PreconditionFailed"), ("never", "NoSuchKey")]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["b"]
    assert ask(server, "GET", f"/{bucket}/b").status == 200


def test_conditions_of_directory_buckets_are_refused(server, bucket, target):
    for condition in ("<Size>3</Size>", "<LastModifiedTime>2030-01-01T00:00:00Z</LastModifiedTime>"):
        assert code(delete_many(server, bucket, ["<Key>k</Key>" + condition])) == (501, "NotImplemented")
    assert ask(server, "GET", target).status == 200


def test_who_may_not_read_learns_no_etag_by_deleting(server, s3, bucket, target):
    other = server.client("sts", profile="shared-services").get_caller_identity()["Account"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": other}, "Action": "s3:DeleteObject",
         "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    stranger = {"profile": "shared-services"}
    for etag in (ETAG, OTHER):
        assert code(ask(server, "DELETE", target, {"If-Match": etag}, **stranger)) == (403, "AccessDenied")
        assert "<Code>AccessDenied</Code>" in delete_many(server, bucket, [f"<Key>k</Key><ETag>{etag}</ETag>"], **stranger).text
    assert ask(server, "DELETE", target, {"If-Match": "*"}, **stranger).status == 204


def test_a_range_of_another_object_is_all_of_this_one(server, target):
    head = ask(server, "HEAD", target)
    before = email.utils.formatdate(time.time() - 3600, usegmt=True)
    for validator, status, body in ((head.headers["ETag"], 206, b"ol"), (head.headers["Last-Modified"], 206, b"ol"),
                                    ('"another"', 200, b"old"), (before, 200, b"old"), ("W/" + head.headers["ETag"], 200, b"old")):
        answer = ask(server, "GET", target, {"Range": "bytes=0-1", "If-Range": validator})
        assert (answer.status, answer.body) == (status, body), validator
