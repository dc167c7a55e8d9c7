"""Object lock: versions that cannot go before their time, or while they are held."""
import base64
import datetime
import hashlib
import json
import pathlib
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError

from boto_calls import refused
from rest import ask, code, element
from queues import event_queue

UTC = datetime.timezone.utc


def in_days(days):
    return (datetime.datetime.now(UTC) + datetime.timedelta(days=days)).replace(microsecond=0)


@pytest.fixture
def bucket(s3):
    name = "lock-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def put(s3, bucket, mode=None, days=1, **more):
    if mode:
        more |= {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": in_days(days)}
    return s3.put_object(Bucket=bucket, Key="k", Body=b"x", **more)["VersionId"]


def test_a_bucket_with_object_lock(s3, bucket):
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}) == (
        "InvalidBucketState", 409)
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == configuration


def test_object_lock_of_a_bucket_that_was_made_without(s3):
    name = "lock-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    assert refused(s3.get_object_lock_configuration, Bucket=name) == ("ObjectLockConfigurationNotFoundError", 404)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    invalid = ("InvalidRequest", 400)
    assert refused(s3.put_object, Bucket=name, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON") == invalid
    assert refused(s3.create_multipart_upload, Bucket=name, Key="k", ObjectLockLegalHoldStatus="ON") == invalid
    assert refused(s3.get_object_retention, Bucket=name, Key="k") == invalid
    assert refused(s3.put_object_legal_hold, Bucket=name, Key="k", LegalHold={"Status": "ON"}) == invalid
    enabled = {"ObjectLockEnabled": "Enabled"}
    assert refused(s3.put_object_lock_configuration, Bucket=name, ObjectLockConfiguration=enabled) == (
        "InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=enabled)
    s3.put_object(Bucket=name, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")


@pytest.mark.parametrize("retention, code", [
    ({"Mode": "GOVERNANCE"}, "MalformedXML"), ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
    ({"Mode": "NONE", "Days": 1}, "MalformedXML"), ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"),
    ({"Mode": "COMPLIANCE", "Years": 101}, "InvalidArgument")])
def test_bad_default_retentions(s3, bucket, retention, code):
    assert refused(s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}) == (code, 400)


def test_governance(s3, bucket):
    version = put(s3, bucket, "GOVERNANCE")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE" and head["ObjectLockRetainUntilDate"] > in_days(0)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]["Mode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="protected by object lock"):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    # A marker hides it, and removes nothing.
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    denied = ("AccessDenied", 403)
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": in_days(0.5)}
    assert refused(s3.put_object_retention, Bucket=bucket, Key="k", Retention=shorter) == denied
    assert refused(s3.put_object_retention, Bucket=bucket, Key="k", Retention={}) == denied
    s3.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": in_days(3)})
    s3.put_object_retention(Bucket=bucket, Key="k", Retention=shorter, BypassGovernanceRetention=True)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"] == shorter
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_a_policy_says_who_may_pass_over_governance(s3, bucket):
    version = put(s3, bucket, "GOVERNANCE")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:BypassGovernanceRetention",
        "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    with pytest.raises(ClientError, match="s3:BypassGovernanceRetention"):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)


def test_compliance(s3, bucket):
    version = put(s3, bucket, "COMPLIANCE", days=2)
    denied = ("AccessDenied", 403)
    assert refused(s3.delete_object, Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True) == denied
    for weaker in ({"Mode": "COMPLIANCE", "RetainUntilDate": in_days(1)}, {"Mode": "GOVERNANCE", "RetainUntilDate": in_days(9)}, {}):
        assert refused(s3.put_object_retention, Bucket=bucket, Key="k", Retention=weaker,
                       BypassGovernanceRetention=True) == denied
    s3.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": in_days(4)})


def test_governance_becomes_compliance_by_who_may_alter_it(s3, bucket):
    """There is no way back."""
    put(s3, bucket, "GOVERNANCE", days=2)
    s3.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": in_days(3)})
    final = {"Mode": "COMPLIANCE", "RetainUntilDate": in_days(4)}
    assert refused(s3.put_object_retention, Bucket=bucket, Key="k", Retention=final) == ("AccessDenied", 403)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]["Mode"] == "GOVERNANCE"
    s3.put_object_retention(Bucket=bucket, Key="k", Retention=final, BypassGovernanceRetention=True)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]["Mode"] == "COMPLIANCE"


def test_a_legal_hold_has_no_end_and_no_bypass(s3, bucket):
    version = put(s3, bucket, ObjectLockLegalHoldStatus="ON")
    assert s3.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"] == {"Status": "ON"}
    assert s3.get_object(Bucket=bucket, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    assert refused(s3.delete_object, Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True) == (
        "AccessDenied", 403)
    assert refused(s3.get_object_retention, Bucket=bucket, Key="k") == ("NoSuchObjectLockConfiguration", 404)
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"}, VersionId=version)
    assert s3.head_object(Bucket=bucket, Key="k")["ObjectLockLegalHoldStatus"] == "OFF"
    assert s3.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)


def test_each_way_to_make_an_object_gets_its_lock(s3, bucket):
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}})
    put(s3, bucket)
    explicit = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": in_days(5), "ObjectLockLegalHoldStatus": "ON"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    s3.copy_object(Bucket=bucket, Key="copy2", CopySource=f"{bucket}/k", **explicit)
    for key, more in (("multi", {}), ("multi2", explicit)):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"p")
        s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    for key in ("k", "copy", "multi"):
        assert s3.get_object_retention(Bucket=bucket, Key=key)["Retention"]["Mode"] == "COMPLIANCE"
    for key in ("copy2", "multi2"):
        head = s3.head_object(Bucket=bucket, Key=key)
        assert {name: head[name] for name in explicit} == explicit


def test_many_deletions_at_once_stop_at_the_locked(s3, bucket):
    locked, free = put(s3, bucket, "GOVERNANCE"), put(s3, bucket)
    objects = {"Objects": [{"Key": "k", "VersionId": v} for v in (locked, free)]}
    done = s3.delete_objects(Bucket=bucket, Delete=objects)
    assert [d["VersionId"] for d in done["Deleted"]] == [free]
    assert [(e["VersionId"], e["Code"]) for e in done["Errors"]] == [(locked, "AccessDenied")]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects["Objects"][:1]}, BypassGovernanceRetention=True)
    assert "Errors" not in done
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("headers, code", [
    ({"ObjectLockMode": "GOVERNANCE"}, "InvalidArgument"),
    ({"ObjectLockRetainUntilDate": datetime.datetime(2050, 1, 1)}, "InvalidArgument"),
    ({"ObjectLockMode": "SOFT", "ObjectLockRetainUntilDate": datetime.datetime(2050, 1, 1)}, "InvalidArgument"),
    ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime.datetime(2020, 1, 1)}, "InvalidArgument"),
    ({"ObjectLockLegalHoldStatus": "MAYBE"}, "InvalidArgument")])
def test_bad_locks_of_objects(s3, bucket, headers, code):
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **headers) == (code, 400)


def test_what_is_put_locked_must_say_its_checksum(server, bucket):
    hold = {"x-amz-object-lock-legal-hold": "ON"}
    answer = ask(server, "PUT", f"/{bucket}/k", hold, b"x")
    assert code(answer) == (400, "InvalidRequest") and "Content-MD5 OR x-amz-checksum-" in element(answer, "Message")
    said = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    assert ask(server, "PUT", f"/{bucket}/k", {**hold, "x-amz-checksum-sha256": said}, b"x").status == 200
    assert ask(server, "PUT", f"/{bucket}/k", {"x-amz-object-lock-legal-hold": "OFF"}, b"x").status == 200


def test_a_locked_version_outlives_lifecycle_rules_and_restarts(new_server):
    server = new_server()
    s3 = server.client("s3", profile="dev")
    s3.create_bucket(Bucket="kept", ObjectLockEnabledForBucket=True)
    first = put(s3, "kept", "GOVERNANCE", days=30)
    second = put(s3, "kept")
    put(s3, "kept")
    s3.put_bucket_lifecycle_configuration(Bucket="kept", LifecycleConfiguration={"Rules": [
        {"Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}]})
    server.kill()
    server.environment["SLIPWAY_TEST_CLOCK_OFFSET_MS"] = str(5 * 24 * 3600 * 1000)
    server.start()
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=20)
    while "1 ended" not in server.log() and "2 ended" not in server.log():
        assert datetime.datetime.now() < deadline, "no lifecycle pass"
    server.stop()
    server.environment.clear()
    server.start()
    left = [v["VersionId"] for v in s3.list_object_versions(Bucket="kept")["Versions"]]
    assert first in left and second not in left and len(left) == 2


def test_a_template_locks(server):
    cloudformation, s3 = (server.client(name, profile="dev") for name in ("cloudformation", "s3"))
    name = "lock-" + uuid.uuid4().hex[:12]
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Years": 1}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"B": {
        "Type": "AWS::S3::Bucket", "Properties": {
            "BucketName": name, "ObjectLockEnabled": True, "VersioningConfiguration": {"Status": "Enabled"},
            "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule}}}}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"] == rule


def test_what_locks_is_the_accounts_alone(server, s3, bucket):
    """Others may use the objects of a bucket that has no policy, but not what keeps them there."""
    other = server.client("s3", profile="staging")
    version = put(s3, bucket, "GOVERNANCE")
    denied = ("AccessDenied", 403)
    named = {"Bucket": bucket, "Key": "k", "VersionId": version}
    assert refused(other.delete_object, BypassGovernanceRetention=True, **named) == denied
    assert refused(other.put_object_legal_hold, LegalHold={"Status": "OFF"}, **named) == denied
    assert refused(other.put_object_retention, Retention={}, BypassGovernanceRetention=True, **named) == denied
    assert refused(other.put_object, Bucket=bucket, Key="new", Body=b"x", ObjectLockLegalHoldStatus="ON") == denied
    assert s3.get_object(**named)["Body"].read() == b"x"
    s3.delete_object(BypassGovernanceRetention=True, **named)


def test_our_own_puts_say_their_digest_and_are_taken_where_all_is_retained(server, tmp_path):
    s3 = server.client("s3", profile="shared-services")
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    for name in ("artifacts", "slipway-catalog"):
        try:
            s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        except s3.exceptions.BucketAlreadyOwnedByYou:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    artifact = tmp_path / "shop.zip"
    with zipfile.ZipFile(artifact, "w") as archive:
        archive.writestr("site/version.txt", "1\n")
    server.slipway("push", str(artifact), "--app", "shop", "--branch", "main", "--account", "111111111111")
    (found,) = s3.list_objects_v2(Bucket="artifacts")["Contents"]
    assert s3.head_object(Bucket="artifacts", Key=found["Key"], ChecksumMode="ENABLED")["ChecksumSHA256"]
    template = pathlib.Path(__file__).parents[2] / "examples/templates/main.yaml"
    server.slipway("template", "put", "main", str(template))


def test_a_retention_that_is_set_makes_an_event(s3, server, bucket):
    """Of the call, not of a put that says it: S3 user guide, "Object Lock considerations"."""
    sqs = server.client("sqs", profile="dev")
    url, arn = event_queue(sqs, "retention-" + uuid.uuid4().hex[:10])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectRetention:Put", "s3:ObjectAnnotation:*"]}]})
    version = put(s3, bucket, "GOVERNANCE", days=1)
    s3.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": in_days(2)})
    assert refused(s3.put_object_retention, Bucket=bucket, Key="k", Retention={
        "Mode": "GOVERNANCE", "RetainUntilDate": in_days(1)}) == ("AccessDenied", 403)
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})
    bodies = [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert [(r["eventName"], r["s3"]["object"]["versionId"]) for b in bodies for r in b.get("Records", [])] == [
        ("ObjectRetention:Put", version)]
