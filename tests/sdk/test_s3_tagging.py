"""Tags of objects: by request, by header, through copies and multipart uploads, of versions; and their rules."""
import json
import uuid

import pytest

from boto_calls import refused
from rest import ask, code
from queues import event_queue


def tag_set(**tags):
    return {"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]}


def tags_of(s3, bucket, key, **more):
    return {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket=bucket, Key=key, **more)["TagSet"]}


def count(s3, bucket, key):
    return s3.head_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPHeaders"].get("x-amz-tagging-count")


def test_tags_are_put_read_and_taken_away(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert tags_of(s3, bucket, "k") == {} and count(s3, bucket, "k") is None
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(zeta="1", alpha="shop & co".replace("&", "+"), leer=""))
    assert list(tags_of(s3, bucket, "k").items()) == [("zeta", "1"), ("alpha", "shop + co"), ("leer", "")]
    assert count(s3, bucket, "k") == "3"
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 3
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(ü="größe"))
    assert tags_of(s3, bucket, "k") == {"ü": "größe"}
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert tags_of(s3, bucket, "k") == {} and count(s3, bucket, "k") is None


def test_tags_of_versions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="v=1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=first)["VersionId"] == first
    assert tags_of(s3, bucket, "k") == {}
    assert s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(v="2"))["VersionId"] == second
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=first, Tagging=tag_set(v="one"))
    assert (tags_of(s3, bucket, "k"), tags_of(s3, bucket, "k", VersionId=first)) == ({"v": "2"}, {"v": "one"})
    s3.delete_object_tagging(Bucket=bucket, Key="k", VersionId=first)
    assert tags_of(s3, bucket, "k", VersionId=first) == {}
    s3.delete_object(Bucket=bucket, Key="k")
    assert refused(s3.get_object_tagging, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    assert refused(s3.get_object_tagging, Bucket=bucket, Key="none") == ("NoSuchKey", 404)


def test_tags_by_header(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="team=shop&stage=qa%2F1+a&empty&also=")
    assert tags_of(s3, bucket, "k") == {"team": "shop", "stage": "qa/1 a", "empty": "", "also": ""}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert tags_of(s3, bucket, "k") == {}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", Tagging="by=parts")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert tags_of(s3, bucket, "m") == {"by": "parts"}


def test_copies_keep_or_replace_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")
    copy = lambda key, **more: s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "k"}, **more)
    copy("kept", MetadataDirective="REPLACE")
    copy("replaced", TaggingDirective="REPLACE", Tagging="b=2")
    copy("without", TaggingDirective="REPLACE")
    assert [tags_of(s3, bucket, k) for k in ("kept", "replaced", "without")] == [{"a": "1"}, {"b": "2"}, {}]
    assert refused(copy, "bad", TaggingDirective="SOME") == ("InvalidArgument", 400)
    assert refused(copy, "bad", MetadataDirective="SOME") == ("InvalidArgument", 400)


@pytest.mark.parametrize("tags,expected", [
    ({"x" * 129: "v"}, ("InvalidTag", 400)),
    ({"k": "v" * 257}, ("InvalidTag", 400)),
    ({"aws:x": "v"}, ("InvalidTag", 400)),
    ({"a#b": "v"}, ("InvalidTag", 400)),
    ({"k": "a;b"}, ("InvalidTag", 400)),
    ({f"k{i}": "v" for i in range(11)}, ("BadRequest", 400)),
])
def test_tags_that_are_refused(s3, bucket, tags, expected):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="kept=1")
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=tag_set(**tags)) == expected
    header = "&".join(f"{k}={v}" for k, v in tags.items()).replace("#", "%23").replace(";", "%3B")
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"y", Tagging=header) == expected
    assert tags_of(s3, bucket, "k") == {"kept": "1"}


def test_tags_that_are_no_tags(s3, server, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for header in ("a=1&a=2", "=", "a=%zz"):
        assert code(ask(server, "PUT", f"/{bucket}/k", {"x-amz-tagging": header}, b"x")) == (400, "InvalidArgument")
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=twice) == ("InvalidTag", 400)
    assert code(ask(server, "PUT", f"/{bucket}/k?tagging", {}, b"<Tagging/>")) == (400, "MalformedXML")


def test_changes_of_tags_make_events(s3, server, bucket):
    sqs = server.client("sqs", profile="dev")
    url, arn = event_queue(sqs, "tags-" + uuid.uuid4().hex[:10])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectTagging:*"]}]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(a="2"))
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    bodies = [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    names = {r["eventName"]: r["s3"]["object"]["key"] for b in bodies for r in b.get("Records", [])}
    assert names == {"ObjectTagging:Put": "k", "ObjectTagging:Delete": "k"}
