"""Lifecycle rules: what may be said, what answers tell of it, and that it is done when its days have passed."""
import base64
import datetime
import hashlib
import json
import sqlite3
import time
import uuid

import pytest
from botocore.exceptions import ClientError

import rest
from boto_calls import refused
from queues import event_queue

DAY_MS = 24 * 3600 * 1000


def put_rules(s3, bucket, *rules):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={
        "Rules": [{"Status": "Enabled", **rule} for rule in rules]})


def test_a_configuration_lives(s3, bucket):
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == ("NoSuchLifecycleConfiguration", 404)
    rules = [
        {"ID": "tmp", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}},
        {"ID": "both", "Status": "Disabled", "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}],
                                                               "ObjectSizeGreaterThan": 10}},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}},
        {"ID": "then", "Status": "Enabled", "Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {
            "Date": datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    old = {"ID": "old", "Status": "Enabled", "Prefix": "", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
           "Expiration": {"ExpiredObjectDeleteMarker": True}}
    put_rules(s3, bucket, old)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [old]
    put_rules(s3, bucket, {"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}})
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["ID"]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == ("NoSuchLifecycleConfiguration", 404)


def test_every_write_tells_when_its_object_ends_and_an_upload_when_it_is_aborted(s3, bucket):
    put_rules(s3, bucket, {"ID": "soon", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}},
              {"ID": "up", "Filter": {"Prefix": "u"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
              {"ID": "up sooner", "Filter": {"Prefix": "up"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    told = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["Expiration"]
    assert 'rule-id="soon"' in told
    assert s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")["Expiration"] == told
    upload = s3.create_multipart_upload(Bucket=bucket, Key="up")
    this = {"Bucket": bucket, "Key": "up", "UploadId": upload["UploadId"]}
    listed = s3.list_parts(**this)
    assert upload["AbortRuleId"] == listed["AbortRuleId"] == "up sooner" and upload["AbortDate"] == listed["AbortDate"]
    ahead = upload["AbortDate"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=1.9) < ahead <= datetime.timedelta(days=3)
    etag = s3.upload_part(**this, PartNumber=1, Body=b"x")["ETag"]
    for _ in range(2):  # also who asks again
        done = s3.complete_multipart_upload(**this, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        assert done["Expiration"] == told
    other = s3.create_multipart_upload(Bucket=bucket, Key="else")
    assert "AbortDate" not in other


@pytest.mark.parametrize("rule, code", [
    ({"Filter": {"Prefix": ""}}, "InvalidRequest"),
    ({"Expiration": {"Days": 1}}, "MalformedXML"),
    ({"Filter": {"Prefix": ""}, "Prefix": "", "Expiration": {"Days": 1}}, "MalformedXML"),
    ({"Filter": {"Prefix": "a", "ObjectSizeLessThan": 1}, "Expiration": {"Days": 1}}, "MalformedXML"),
    ({"Filter": {"Prefix": ""}, "Expiration": {"Days": 0}}, "InvalidArgument"),
    ({"Filter": {"Prefix": ""}, "Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML"),
    ({"Filter": {"Prefix": ""}, "Expiration": {"Date": "2030-01-01T01:00:00Z"}}, "InvalidArgument"),
    ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"ExpiredObjectDeleteMarker": True}}, "InvalidRequest"),
    ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
     "InvalidRequest"),
    ({"Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 0}}, "InvalidArgument"),
    ({"Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}},
     "InvalidArgument"),
    ({"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}, "ID": "x" * 256}, "InvalidArgument"),
    ({"Filter": {"Prefix": ""}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}, "NotImplemented"),
    ({"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}, "Status": "Perhaps"}, "MalformedXML"),
])
def test_bad_rules(s3, bucket, rule, code):
    with pytest.raises(ClientError) as caught:
        put_rules(s3, bucket, rule)
    assert caught.value.response["Error"]["Code"] == code


def test_rules_have_names_of_their_own(s3, bucket):
    rule = {"ID": "same", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    with pytest.raises(ClientError, match="must be unique"):
        put_rules(s3, bucket, rule, rule)


def test_answers_tell_when_an_object_ends(s3, bucket):
    put_rules(s3, bucket, {"ID": "slow rule", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 10}},
              {"ID": "tagged", "Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"Days": 2}})
    midnight = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    due = lambda days: (midnight + datetime.timedelta(days=days + 1)).strftime("%a, %d %b %Y 00:00:00 GMT")
    put = s3.put_object(Bucket=bucket, Key="tmp/a", Body=b"x")
    assert put["Expiration"] == f'expiry-date="{due(10)}", rule-id="slow rule"'
    assert s3.put_object(Bucket=bucket, Key="tmp/b", Body=b"x", Tagging="k=v")["Expiration"] == (
        f'expiry-date="{due(2)}", rule-id="tagged"')
    assert s3.head_object(Bucket=bucket, Key="tmp/a")["Expiration"] == put["Expiration"]
    assert s3.get_object(Bucket=bucket, Key="tmp/b")["Expiration"].endswith('rule-id="tagged"')
    s3.put_object(Bucket=bucket, Key="kept", Body=b"x")
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="kept")
    put_rules(s3, bucket, {"ID": 'the "tmp" rule, 100% \\ é', "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 10}})
    assert s3.head_object(Bucket=bucket, Key="tmp/a")["Expiration"].endswith(
        'rule-id="the %22tmp%22 rule, 100%25 %5C %C3%A9"')


def test_a_rule_s_date_may_be_a_day_alone(server, bucket):
    rule = "<Rule><ID>d</ID><Filter/><Status>Enabled</Status><Expiration><Date>%s</Date></Expiration></Rule>"
    for date, status in (("2050-01-01", 200), ("2050-13-01", 400), ("2050-01-01T01:00:00Z", 400)):
        body = f"<LifecycleConfiguration>{rule % date}</LifecycleConfiguration>".encode()
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        assert rest.ask(server, "PUT", f"/{bucket}?lifecycle", {"Content-MD5": digest}, body).status == status, date
    kept = rest.ask(server, "GET", f"/{bucket}?lifecycle")
    assert rest.element(kept, "Date") == "2050-01-01T00:00:00.000Z"


ONE = {"Expiration": {"Days": 1}}
TAG = {"Key": "k", "Value": "v"}


@pytest.mark.parametrize("rules, code, says", [
    ([{"Filter": {"And": {"Prefix": "a"}}, **ONE}], "MalformedXML", ""),
    ([{"Filter": {"And": {"Prefix": "", "ObjectSizeLessThan": 9}}, **ONE}], None, ""),
    ([{"Filter": {"And": {"Tags": [TAG, {"Key": "l", "Value": "v"}]}}, **ONE}], None, ""),
    ([{"Filter": {"And": {"Tags": [TAG, {"Key": "k", "Value": "w"}]}}, **ONE}], "InvalidRequest", "Duplicate Tag Keys are not allowed."),
    ([{"Filter": {"ObjectSizeLessThan": 0}, **ONE}], "InvalidRequest", "'ObjectSizeLessThan' should be between 1 and 1099511627776000."),
    ([{"Filter": {"And": {"ObjectSizeLessThan": 5, "ObjectSizeGreaterThan": 5}}, **ONE}], "InvalidRequest",
     "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."),
    ([{"Prefix": "a", **ONE}, {"Filter": {"Prefix": "b"}, **ONE}], "InvalidRequest",
     "Filter element can only be used in Lifecycle V2."),
    ([{"Filter": {"Prefix": "b"}, **ONE}, {"Prefix": "a", **ONE}], "InvalidRequest",
     "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."),
    ([{"Filter": {"Tag": TAG}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}], "InvalidRequest",
     "AbortIncompleteMultipartUpload cannot be specified with Tags."),
    ([{"Filter": {"ObjectSizeLessThan": 5}, "Expiration": {"ExpiredObjectDeleteMarker": True}}], "InvalidRequest",
     "ExpiredObjectDeleteMarker cannot be specified with Object Size."),
])
def test_rules_that_s3_has_been_recorded_to_take_and_to_refuse(s3, bucket, rules, code, says):
    if not code:
        put_rules(s3, bucket, *rules)
        return
    with pytest.raises(ClientError) as caught:
        put_rules(s3, bucket, *rules)
    error = caught.value.response["Error"]
    assert error["Code"] == code and says in error["Message"]


def test_a_rule_without_a_name_gets_one_as_s3_makes_them(s3, bucket):
    put_rules(s3, bucket, {"Filter": {"Prefix": ""}, **ONE})
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert len(rule["ID"]) == 48 and uuid.UUID(base64.b64decode(rule["ID"]).decode()).version == 4


def test_the_smallest_size_of_transitions_is_kept_and_told(server, bucket):
    name, path = "x-amz-transition-default-minimum-object-size", f"/{bucket}?lifecycle"
    body = (b"<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
            b"</LifecycleConfiguration>")
    md5 = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    for said, told in (({name: "varies_by_storage_class"}, "varies_by_storage_class"), ({}, "all_storage_classes_128K")):
        assert rest.ask(server, "PUT", path, {**md5, **said}, body).headers[name] == told
        assert rest.ask(server, "GET", path).headers[name] == told
    refused_one = rest.ask(server, "PUT", path, {**md5, name: "none"}, body)
    assert refused_one.status == 400 and "Invalid TransitionDefaultMinimumObjectSize found: none" in refused_one.text


def later(server, days):
    """The same server, that many days later."""
    server.stop()
    server.environment["SLIPWAY_TEST_CLOCK_OFFSET_MS"] = str(days * DAY_MS)
    server.start()


def read(server, statement, *values):
    """From the database: clients' clocks stand still."""
    database = sqlite3.connect(f"file:{server.data}/slipway.db?mode=ro", uri=True)
    rows = database.execute(statement, values).fetchall()
    database.close()
    return rows


def versions(server, bucket):
    """(key, size or "marker") of every version."""
    rows = read(server, "SELECT key, marker, size FROM s3_object WHERE bucket = ? ORDER BY key, rank", bucket)
    return [(key, "marker" if marker else size) for key, marker, size in rows]


def events(server, name):
    """The keys of the events of that name that wait in queues."""
    records = [r for body, in read(server, "SELECT body FROM sqs_message") for r in json.loads(body).get("Records", [])]
    return {r["s3"]["object"]["key"] for r in records if r["eventName"] == name}


def until(look, what, seconds=20):
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        time.sleep(0.02)


def test_what_is_due_is_done_when_its_days_have_passed(new_server):
    server = new_server()
    s3, sqs = server.client("s3", profile="dev"), server.client("sqs", profile="dev")
    for name in ("plain", "versioned"):
        s3.create_bucket(Bucket=name)
    event_queue(sqs, "ends")
    s3.put_bucket_notification_configuration(Bucket="plain", NotificationConfiguration={"QueueConfigurations": [
        {"QueueArn": "arn:aws:sqs:us-east-1:222222222222:ends", "Events": ["s3:LifecycleExpiration:*"]}]})
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    rules = [{"Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 2}},
             {"Filter": {"And": {"Prefix": "big/", "ObjectSizeGreaterThan": 3}}, "Expiration": {"Days": 2}},
             {"Filter": {"Tag": {"Key": "keep", "Value": "no"}}, "Expiration": {"Days": 2}},
             {"Filter": {"Prefix": "off/"}, "Expiration": {"Days": 2}, "Status": "Disabled"},
             {"Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}]
    put_rules(s3, "plain", *rules)
    for i in range(700):
        s3.put_object(Bucket="plain", Key=f"tmp/{i:04}", Body=b"x")
    for key, body, tags in (("big/no", b"abc", ""), ("big/yes", b"abcd", ""), ("tagged", b"x", "keep=no"),
                            ("kept", b"x", "keep=yes"), ("off/x", b"x", "")):
        s3.put_object(Bucket="plain", Key=key, Body=body, Tagging=tags)
    upload = s3.create_multipart_upload(Bucket="plain", Key="half")["UploadId"]
    s3.upload_part(Bucket="plain", Key="half", UploadId=upload, PartNumber=1, Body=b"p" * 100000)

    put_rules(s3, "versioned", {"Filter": {"Prefix": ""}, "Expiration": {"Days": 9}, "NoncurrentVersionExpiration": {
        "NoncurrentDays": 2, "NewerNoncurrentVersions": 1}})
    for i in range(1, 5):
        s3.put_object(Bucket="versioned", Key="k", Body=b"v" * i)
    s3.put_object(Bucket="versioned", Key="gone", Body=b"x")
    s3.delete_object(Bucket="versioned", Key="gone")

    later(server, 1)
    assert len(versions(server, "plain")) == 705
    later(server, 4)
    until(lambda: versions(server, "plain") == [("big/no", 3), ("kept", 1), ("off/x", 1)], "what is due has gone")
    until(lambda: versions(server, "versioned") == [("gone", "marker"), ("gone", 1), ("k", 4), ("k", 3)],
          "older noncurrent versions but one have gone")
    ended = events(server, "LifecycleExpiration:Delete")
    later(server, 12)
    # The current version expires: a marker; the newest noncurrent one is kept, the marker of `gone` has an old version.
    until(lambda: versions(server, "versioned") == [("gone", "marker"), ("gone", 1), ("k", "marker"), ("k", 4), ("k", 3)],
          "the current version has expired")
    later(server, 0)
    assert "Uploads" not in server.client("s3", profile="dev").list_multipart_uploads(Bucket="plain")
    assert ended == {f"tmp/{i:04}" for i in range(700)} | {"big/yes", "tagged"}


def test_an_expired_marker_goes(new_server):
    server = new_server()
    s3 = server.client("s3", profile="dev")
    s3.create_bucket(Bucket="marked")
    s3.put_bucket_versioning(Bucket="marked", VersioningConfiguration={"Status": "Enabled"})
    for key in ("alone", "accompanied"):
        version = s3.put_object(Bucket="marked", Key=key, Body=b"x")["VersionId"]
        s3.delete_object(Bucket="marked", Key=key)
        if key == "alone":
            s3.delete_object(Bucket="marked", Key=key, VersionId=version)
    put_rules(s3, "marked", {"Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}})
    until(lambda: versions(server, "marked") == [("accompanied", "marker"), ("accompanied", 1)], "the marker has gone")
