"""What accounts keep in buckets, and what happens at their quota."""
import json
import os
import random
import sqlite3

import pytest
from botocore.exceptions import ClientError

from boto_calls import refused

PART = 5 << 20


@pytest.fixture
def own(new_server):
    """A server, a client of dev and dev's account."""
    server = new_server()
    server.s3 = server.client("s3")
    server.account = server.client("sts").get_caller_identity()["Account"]
    server.s3.create_bucket(Bucket="own")
    return server


def usage(server, account=None, profile="shared-services"):
    listed = json.loads(server.slipway("bucket", "usage", "--json", profile=profile))
    account = account or server.account
    return next(((int(a["Objects"]), int(a["Bytes"])) for a in listed if a["AccountId"] == account), (0, 0))


def quota(server, *words, account=None, **more):
    return server.slipway("bucket", "quota", account or server.account, *words, **more)


def test_what_is_counted(own):
    s3 = own.s3
    assert usage(own) == (0, 0)
    s3.put_object(Bucket="own", Key="k", Body=b"x" * 100)
    s3.put_object(Bucket="own", Key="k", Body=b"x" * 70)
    assert usage(own) == (1, 70)
    s3.copy_object(Bucket="own", Key="copy", CopySource="own/k")
    assert usage(own) == (2, 140)
    s3.put_bucket_versioning(Bucket="own", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="own", Key="k", Body=b"x" * 30)["VersionId"]
    s3.delete_object(Bucket="own", Key="k")
    assert usage(own) == (3, 170)
    s3.delete_object(Bucket="own", Key="k", VersionId=version)
    s3.delete_object(Bucket="own", Key="copy", VersionId="null")
    assert usage(own) == (1, 70)


def test_parts_are_counted_until_they_are_an_object(own):
    s3 = own.s3
    names = {"Bucket": "own", "Key": "m", "UploadId": s3.create_multipart_upload(Bucket="own", Key="m")["UploadId"]}
    s3.upload_part(**names, PartNumber=1, Body=b"a" * 1000)
    first = s3.upload_part(**names, PartNumber=1, Body=b"a" * PART)["ETag"]
    last = s3.upload_part(**names, PartNumber=2, Body=b"b" * 10)["ETag"]
    assert usage(own) == (0, PART + 10)
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": last}]})
    assert usage(own) == (1, PART + 10)
    other = s3.create_multipart_upload(Bucket="own", Key="m")["UploadId"]
    s3.upload_part(Bucket="own", Key="m", UploadId=other, PartNumber=1, Body=b"c" * 50)
    assert usage(own) == (1, PART + 60)
    s3.abort_multipart_upload(Bucket="own", Key="m", UploadId=other)
    assert usage(own) == (1, PART + 10)


def test_who_puts_is_charged_in_whosever_bucket(own):
    shared = own.client("s3", profile="shared-services")
    shared.create_bucket(Bucket="shared")
    own.s3.put_object(Bucket="shared", Key="k", Body=b"x" * 10)
    assert usage(own) == (1, 10)
    shared.put_object(Bucket="shared", Key="k", Body=b"x" * 5)
    assert usage(own) == (0, 0)


def test_more_bytes_than_the_quota(own):
    s3 = own.s3
    assert quota(own, "--bytes", "1K") == f"account {own.account}: objects 0 (of not limited), bytes 0 (of 1024)\n"
    s3.put_object(Bucket="own", Key="k", Body=b"x" * 1000)
    with pytest.raises(ClientError, match=f"Account {own.account} would keep 1025 bytes, and its quota is 1024.*Delete"):
        s3.put_object(Bucket="own", Key="more", Body=b"x" * 25)
    exceeded = ("QuotaExceeded", 403)
    assert refused(s3.copy_object, Bucket="own", Key="copy", CopySource="own/k") == exceeded
    upload = s3.create_multipart_upload(Bucket="own", Key="m")["UploadId"]
    part = {"Bucket": "own", "Key": "m", "UploadId": upload, "PartNumber": 1}
    assert refused(s3.upload_part, **part, Body=b"x" * 25) == exceeded
    assert refused(s3.upload_part_copy, **part, CopySource="own/k") == exceeded
    assert usage(own) == (1, 1000)
    s3.put_object(Bucket="own", Key="more", Body=b"x" * 24)
    s3.put_object(Bucket="own", Key="k", Body=b"x" * 1000)
    s3.put_object(Bucket="own", Key="k", Body=b"x" * 10)
    assert "bytes 34 (of 1024)" in quota(own)  # which only shows it
    assert "bytes 34 (of not limited)" in quota(own, "--bytes", "none")
    s3.put_object(Bucket="own", Key="k", Body=b"x" * 5000)


def test_a_large_body_is_refused_before_it_is_taken(own):
    quota(own, "--bytes", "1M")
    body = os.urandom(900_000)
    own.s3.put_object(Bucket="own", Key="k", Body=body)
    assert refused(own.s3.put_object, Bucket="own", Key="more", Body=body) == ("QuotaExceeded", 403)
    assert not list((own.data / "blobs" / "incoming").iterdir())
    own.s3.put_object(Bucket="own", Key="k", Body=body[::-1])
    own.s3.put_bucket_versioning(Bucket="own", VersioningConfiguration={"Status": "Enabled"})
    assert refused(own.s3.put_object, Bucket="own", Key="k", Body=body) == ("QuotaExceeded", 403)


def test_more_objects_than_the_quota(own):
    s3 = own.s3
    quota(own, "--objects", "2")
    for key in "ab":
        s3.put_object(Bucket="own", Key=key, Body=b"x")
    with pytest.raises(ClientError, match="would keep 3 objects, and its quota is 2"):
        s3.put_object(Bucket="own", Key="c", Body=b"x")
    s3.put_object(Bucket="own", Key="a", Body=b"y")
    s3.delete_object(Bucket="own", Key="b")
    s3.put_object(Bucket="own", Key="c", Body=b"x")


def test_a_quota_below_what_is_kept_lets_deletions_through(own):
    for key in "abc":
        own.s3.put_object(Bucket="own", Key=key, Body=b"x" * 100)
    quota(own, "--objects", "1", "--bytes", "50")
    assert refused(own.s3.put_object, Bucket="own", Key="d", Body=b"") == ("QuotaExceeded", 403)
    answer = own.s3.delete_objects(Bucket="own", Delete={"Objects": [{"Key": key} for key in "abc"]})
    assert len(answer["Deleted"]) == 3
    own.s3.put_object(Bucket="own", Key="d", Body=b"x" * 50)


def test_who_may_see_and_set_what(own):
    own.s3.put_object(Bucket="own", Key="k", Body=b"x" * 9)
    assert usage(own, profile="dev") == (1, 9)
    assert json.loads(own.slipway("bucket", "usage", "--json", profile="staging"))[0]["Bytes"] == "0"
    refused = quota(own, "--bytes", "1", profile="dev", check=False)
    assert refused.returncode != 0 and "only shared-services sets quotas" in refused.stderr
    for words, said in [(("--bytes", "many"), "--bytes wants a number"), (("--objects", "-1"), "--objects wants")]:
        refused = quota(own, *words, check=False)
        assert refused.returncode == 2 and said in refused.stderr
    refused = quota(own, "--bytes", "1", account="999999999999", check=False)
    assert refused.returncode != 0 and "account that there is" in refused.stderr
    refused = quota(own, account="999999999999", check=False)
    assert refused.returncode == 3 and "keeps nothing and has no quota" in refused.stderr
    table = own.slipway("bucket", "usage").splitlines()
    assert table[0].split() == ["account", "objects", "of", "bytes", "of"]
    assert [own.account, "1", "-", "9", "-"] in [line.split() for line in table]


def test_the_count_is_exact_after_anything(own):
    """Random operations, a kill, and then: what is counted is what is there."""
    choice = random.Random(4)
    s3, uploads = own.s3, []
    for step in range(300):
        key = choice.choice("abcd")
        what = choice.randrange(8)
        if what < 3:
            s3.put_object(Bucket="own", Key=key, Body=b"x" * choice.randrange(100_000))
        elif what == 3:
            s3.delete_object(Bucket="own", Key=key)
        elif what == 4:
            versions = s3.list_object_versions(Bucket="own").get("Versions", [])
            s3.delete_objects(Bucket="own", Delete={"Objects": [
                {"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions[::3]] or [{"Key": "none"}]})
        elif what == 5:
            uploads.append((key, s3.create_multipart_upload(Bucket="own", Key=key)["UploadId"]))
            s3.upload_part(Bucket="own", Key=key, UploadId=uploads[-1][1], PartNumber=1, Body=b"p" * choice.randrange(9999))
        elif what == 6 and uploads:
            key, upload = uploads.pop(choice.randrange(len(uploads)))
            s3.abort_multipart_upload(Bucket="own", Key=key, UploadId=upload)
        elif what == 7 and step % 3 == 0:
            s3.put_bucket_versioning(Bucket="own", VersioningConfiguration={"Status": choice.choice(["Enabled", "Suspended"])})
    own.kill()
    own.start()
    with sqlite3.connect(own.data / "slipway.db") as db:
        [there] = db.execute("SELECT (SELECT count(*) FROM s3_object WHERE marker = 0), (SELECT coalesce(sum(size), 0)"
                             " FROM s3_object) + (SELECT coalesce(sum(size), 0) FROM s3_part)").fetchall()
    assert usage(own) == there and there[0] > 0
