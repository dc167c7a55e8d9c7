"""Bucket policies: who may do what, in which circumstances; what is public, and how that is prevented."""
import datetime
import json
import re
import uuid

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

import rest

DEV, STAGING = "222222222222", "333333333333"


@pytest.fixture(scope="module")
def other(server):
    return server.client("s3", profile="staging")


@pytest.fixture(scope="module")
def anybody(server):
    return boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1",
                        config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0},
                                      s3={"addressing_style": "path"}))


@pytest.fixture
def bucket(s3):
    name = "pol-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    s3.delete_public_access_block(Bucket=name)
    s3.put_object(Bucket=name, Key="public/a", Body=b"a", Tagging="class=open")
    s3.put_object(Bucket=name, Key="private/b", Body=b"b")
    return name


def code_of(call, **kwargs):
    """"ok", or the error's code."""
    try:
        call(**kwargs)
        return "ok"
    except ClientError as error:
        return error.response["Error"]["Code"]


def statement(bucket, effect="Allow", principal="*", action="s3:GetObject", resource="/*", **more):
    resources = [resource] if isinstance(resource, str) else resource
    return {"Effect": effect, "Principal": principal, "Action": action,
            "Resource": [f"arn:aws:s3:::{bucket}{r}" for r in resources], **more}


def put(s3, bucket, *statements):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def test_a_policy_lives(s3, bucket):
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}))
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": STAGING}
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": False}
    s3.delete_bucket_policy(Bucket=bucket)
    assert code_of(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"


def test_nobody_unsigned_without_a_policy(anybody, bucket):
    for call, more in ((anybody.get_object, {"Key": "public/a"}), (anybody.put_object, {"Key": "x", "Body": b""}),
                       (anybody.list_objects_v2, {}), (anybody.list_objects, {}), (anybody.list_object_versions, {}),
                       (anybody.delete_object, {"Key": "public/a"}), (anybody.get_bucket_location, {}),
                       (anybody.create_multipart_upload, {"Key": "x"}), (anybody.get_object_tagging, {"Key": "public/a"}),
                       (anybody.copy_object, {"Key": "x", "CopySource": f"{bucket}/public/a"})):
        assert code_of(call, Bucket=bucket, **more) == "AccessDenied"
    assert code_of(anybody.head_object, Bucket=bucket, Key="public/a") == "403"
    assert code_of(anybody.get_object, Bucket="no-" + bucket, Key="x") == "NoSuchBucket"


def test_everybody_may_read_what_is_public(s3, anybody, bucket):
    put(s3, bucket, statement(bucket, resource="/public/*"))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}
    assert anybody.get_object(Bucket=bucket, Key="public/a")["Body"].read() == b"a"
    assert anybody.head_object(Bucket=bucket, Key="public/a")["ContentLength"] == 1
    assert code_of(anybody.get_object, Bucket=bucket, Key="private/b") == "AccessDenied"
    # Who may not list does not hear whether a key is there.
    assert code_of(anybody.get_object, Bucket=bucket, Key="public/missing") == "AccessDenied"
    put(s3, bucket, statement(bucket, resource="/public/*"), statement(bucket, action="s3:ListBucket", resource=""))
    assert code_of(anybody.get_object, Bucket=bucket, Key="public/missing") == "NoSuchKey"
    assert [o["Key"] for o in anybody.list_objects_v2(Bucket=bucket)["Contents"]] == ["private/b", "public/a"]
    assert code_of(anybody.get_object, Bucket=bucket, Key="public/a", ResponseContentType="x/y") == "InvalidRequest"


def test_everybody_may_write_where_the_policy_says_so(s3, anybody, bucket):
    put(s3, bucket, statement(bucket, action=["s3:PutObject", "s3:AbortMultipartUpload"], resource="/inbox/*"))
    anybody.put_object(Bucket=bucket, Key="inbox/1", Body=b"hello")
    assert code_of(anybody.put_object, Bucket=bucket, Key="elsewhere", Body=b"x") == "AccessDenied"
    upload = anybody.create_multipart_upload(Bucket=bucket, Key="inbox/2")["UploadId"]
    part = anybody.upload_part(Bucket=bucket, Key="inbox/2", UploadId=upload, PartNumber=1, Body=b"part")
    anybody.complete_multipart_upload(Bucket=bucket, Key="inbox/2", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="inbox/2")["Body"].read() == b"part"
    assert code_of(anybody.get_object, Bucket=bucket, Key="inbox/1") == "AccessDenied"


def test_a_denial_wins_also_against_the_owner(s3, bucket):
    put(s3, bucket, statement(bucket), statement(bucket, effect="Deny", action="s3:*", resource="/private/*"))
    assert code_of(s3.get_object, Bucket=bucket, Key="public/a") == "ok"
    for call, more in ((s3.get_object, {}), (s3.delete_object, {}), (s3.put_object, {"Body": b""}),
                       (s3.get_object_attributes, {"ObjectAttributes": ["ETag"]}), (s3.get_object_tagging, {}),
                       (s3.create_multipart_upload, {})):
        assert code_of(call, Bucket=bucket, Key="private/b", **more) == "AccessDenied", call
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="private/b")
    assert "s3:GetObject" in str(caught.value) and "explicit deny" in str(caught.value)
    assert code_of(s3.copy_object, Bucket=bucket, Key="public/c", CopySource=f"{bucket}/private/b") == "AccessDenied"
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "public/a"}, {"Key": "private/b"}]})
    assert [d["Key"] for d in done["Deleted"]] == ["public/a"]
    assert [(e["Key"], e["Code"]) for e in done["Errors"]] == [("private/b", "AccessDenied")]


def test_the_owner_does_not_lock_itself_out(s3, bucket):
    put(s3, bucket, statement(bucket, effect="Deny", action="s3:*", resource=["", "/*"]))
    assert code_of(s3.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    s3.delete_bucket_policy(Bucket=bucket)
    assert code_of(s3.list_objects_v2, Bucket=bucket) == "ok"


def test_another_account_has_what_the_policy_gives(s3, other, bucket, server):
    put(s3, bucket, statement(bucket, principal={"AWS": f"arn:aws:iam::{STAGING}:root"}, resource="/public/*"))
    assert code_of(other.get_object, Bucket=bucket, Key="public/a") == "ok"
    assert code_of(other.get_object, Bucket=bucket, Key="private/b") == "AccessDenied"
    assert code_of(other.put_object, Bucket=bucket, Key="public/a", Body=b"x") == "AccessDenied"
    assert code_of(other.list_objects_v2, Bucket=bucket) == "AccessDenied"
    third = server.client("s3", profile="prod")
    assert code_of(third.get_object, Bucket=bucket, Key="public/a") == "AccessDenied"


def test_an_account_is_named_by_its_canonical_id(server, s3, other, bucket):
    """Everywhere the same: of the owner of buckets, objects, uploads and grants. No DisplayName: AWS tells none since November 2025."""
    mine, others = (client.list_buckets()["Owner"] for client in (s3, other))
    assert set(mine) == set(others) == {"ID"} and mine != others
    assert re.fullmatch("[0-9a-f]{64}", mine["ID"]) and re.fullmatch("[0-9a-f]{64}", others["ID"])
    upload = s3.create_multipart_upload(Bucket=bucket, Key="up")["UploadId"]
    owners = [s3.list_objects(Bucket=bucket)["Contents"][0]["Owner"], s3.get_bucket_acl(Bucket=bucket)["Owner"],
              s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"],
              s3.list_object_versions(Bucket=bucket)["Versions"][0]["Owner"],
              s3.list_parts(Bucket=bucket, Key="up", UploadId=upload)["Owner"],
              s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Owner"]]
    assert owners == [mine] * len(owners)
    s3.abort_multipart_upload(Bucket=bucket, Key="up", UploadId=upload)
    put(s3, bucket, statement(bucket, principal={"CanonicalUser": others["ID"]}))
    assert code_of(other.get_object, Bucket=bucket, Key="public/a") == "ok"
    assert code_of(server.client("s3", profile="prod").get_object, Bucket=bucket, Key="public/a") == "AccessDenied"


def test_a_role_is_named_by_its_arn(s3, server, bucket):
    role = f"arn:aws:iam::{STAGING}:role/slipway-deploy"
    session = server.client("sts", profile="staging").assume_role(RoleArn=role, RoleSessionName="release")["Credentials"]
    worker = server.client("s3", keys=(session["AccessKeyId"], session["SecretAccessKey"]),
                           token=session["SessionToken"])
    put(s3, bucket, statement(bucket, principal={"AWS": role}))
    assert code_of(worker.get_object, Bucket=bucket, Key="public/a") == "ok"
    put(s3, bucket, statement(bucket, principal={"AWS": role + "2"}))
    assert code_of(worker.get_object, Bucket=bucket, Key="public/a") == "AccessDenied"


@pytest.mark.parametrize("condition, may", [
    ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8", "::1/128"]}}, True),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
    ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
    ({"Bool": {"aws:SecureTransport": "false"}}, True),
    ({"Bool": {"aws:SecureTransport": True}}, False),
    ({"StringEquals": {"aws:PrincipalAccount": [DEV, STAGING]}}, True),
    ({"StringNotEquals": {"aws:PrincipalAccount": STAGING}}, False),
    ({"StringLike": {"aws:PrincipalOrgID": "o-*", "aws:ResourceOrgID": "o-*"}}, True),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-another000"}}, False),
    ({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}, True),
    ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{STAGING}:*"}}, True),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:*:root"}}, False),
    ({"StringEquals": {"s3:ExistingObjectTag/class": "open"}}, True),
    ({"StringEquals": {"s3:ExistingObjectTag/class": "secret"}}, False),
    ({"StringEquals": {"s3:ExistingObjectTag/owner": "me"}}, False),
    ({"StringEqualsIfExists": {"s3:ExistingObjectTag/owner": "me"}}, True),
    ({"StringNotEquals": {"s3:ExistingObjectTag/owner": "me"}}, True),
    ({"Null": {"s3:ExistingObjectTag/owner": "true"}}, True),
    ({"Null": {"s3:ExistingObjectTag/class": "true"}}, False),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
    ({"NumericGreaterThan": {"aws:EpochTime": 1500000000}}, True),
    ({"NumericGreaterThan": {"aws:EpochTime": [1500000000]}}, True),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}, True),
    ({"Bool": {"aws:ViaAWSService": False, "aws:PrincipalIsAWSService": "false"}}, True),
    ({"Bool": {"s3:ObjectCreationOperation": "true"}}, False),
    ({"StringEquals": {"s3:authType": "REST-HEADER"}}, True),
    ({"StringEqualsIgnoreCase": {"s3:signatureversion": "aws4-hmac-sha256"}}, True),
    ({"StringLike": {"aws:UserAgent": "*boto*"}, "Bool": {"aws:SecureTransport": "true"}}, False),
    ({"StringEquals": {"aws:UserAgent": "*"}}, False),
])
def test_conditions(s3, other, bucket, condition, may):
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}, Condition=condition))
    assert code_of(other.get_object, Bucket=bucket, Key="public/a") == ("ok" if may else "AccessDenied")


def test_conditions_of_listings_and_puts(s3, other, bucket):
    put(s3, bucket,
        statement(bucket, principal={"AWS": STAGING}, action="s3:ListBucket", resource="",
                  Condition={"StringLike": {"s3:prefix": ["public/*", ""]}, "NumericLessThanEquals": {"s3:max-keys": "10"}}),
        statement(bucket, principal={"AWS": STAGING}, action=["s3:PutObject", "s3:PutObjectTagging"],
                  Condition={"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["team", "stage"]},
                             "StringEquals": {"s3:RequestObjectTag/team": "shop", "s3:x-amz-acl": "private"}}))
    assert code_of(other.list_objects_v2, Bucket=bucket, Prefix="public/", MaxKeys=5) == "ok"
    assert code_of(other.list_objects_v2, Bucket=bucket, Prefix="private/", MaxKeys=5) == "AccessDenied"
    assert code_of(other.list_objects_v2, Bucket=bucket, Prefix="public/", MaxKeys=50) == "AccessDenied"
    good = {"Bucket": bucket, "Key": "k", "Body": b"x", "ACL": "private", "Tagging": "team=shop&stage=dev"}
    assert code_of(other.put_object, **good) == "ok"
    assert code_of(other.put_object, **{**good, "Tagging": "team=shop&other=1"}) == "AccessDenied"
    assert code_of(other.put_object, **{**good, "Tagging": "team=bank"}) == "AccessDenied"
    del good["ACL"]
    assert code_of(other.put_object, **good) == "AccessDenied"


def test_tags_that_a_document_sets_are_what_is_asked_for(s3, other, bucket):
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}, action="s3:PutObjectTagging",
                              Condition={"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["team", "stage"]},
                                         "StringEquals": {"s3:RequestObjectTag/team": "shop"}}))

    def tag(**tags):
        return code_of(other.put_object_tagging, Bucket=bucket, Key="public/a",
                       Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]})

    assert tag(team="shop", stage="dev") == "ok"
    assert tag(team="bank") == tag(team="shop", other="1") == tag() == "AccessDenied"


def test_tags_that_are_there_are_the_version_s(s3, other):
    name = "pol-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    secret = s3.put_object(Bucket=name, Key="k", Body=b"1", Tagging="class=secret")["VersionId"]
    public = s3.put_object(Bucket=name, Key="k", Body=b"2", Tagging="class=public")["VersionId"]
    put(s3, name, statement(name, principal={"AWS": STAGING}, action="s3:*", Condition={"StringEquals": {"s3:ExistingObjectTag/class": "public"}}),
        statement(name, principal={"AWS": STAGING}, action=["s3:PutObject", "s3:PutObjectTagging"]))
    for version, outcome in ((secret, "AccessDenied"), (public, "ok")):
        assert code_of(other.get_object, Bucket=name, Key="k", VersionId=version) == outcome
        source = {"Bucket": name, "Key": "k", "VersionId": version}
        assert code_of(other.copy_object, Bucket=name, Key="copy", CopySource=source) == outcome
        upload = {"Bucket": name, "Key": "copy", "UploadId": other.create_multipart_upload(Bucket=name, Key="copy")["UploadId"]}
        assert code_of(other.upload_part_copy, **upload, PartNumber=1, CopySource=source) == outcome
    deleted = other.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k", "VersionId": v} for v in (secret, public)]})
    assert [one["VersionId"] for one in deleted["Deleted"]] == [public]
    assert [(one["VersionId"], one["Code"]) for one in deleted["Errors"]] == [(secret, "AccessDenied")]


def test_versions_deleted_in_a_row_are_known_by_their_ids(s3, other):
    name = "pol-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"] for _ in range(2)]
    put(s3, name, statement(name, principal={"AWS": STAGING}, action="s3:DeleteObjectVersion",
                            Condition={"StringEquals": {"s3:VersionId": versions[0]}}))
    deleted = other.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k", "VersionId": v} for v in versions]})
    assert [one["VersionId"] for one in deleted["Deleted"]] == versions[:1]
    assert [one["VersionId"] for one in deleted["Errors"]] == versions[1:]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_copys_source_is_known_however_it_is_written(server, s3, bucket, slash):
    def copy(source):
        return rest.ask(server, "PUT", f"/{bucket}/to", {"x-amz-copy-source": source.format(bucket)}, profile="staging").status

    ways = ["{}/public/a", "/{}/public/a", "{}%2Fpublic%2Fa", "/{}/%70ublic/a", "{}/public/a?versionId=null"]
    basic = statement(bucket, principal={"AWS": STAGING}, action="s3:*")
    source = f"{slash}{bucket}/public/*"
    for operator, expected in (("StringLike", 403), ("StringNotLike", 200)):
        put(s3, bucket, basic, statement(bucket, "Deny", {"AWS": STAGING}, "s3:PutObject",
                                         Condition={operator: {"s3:x-amz-copy-source": source}}))
        assert [copy(way) for way in ways] == [expected] * len(ways), operator
    assert copy("{}/private/b") == 403


def test_a_policy_lets_objects_be_made_under_a_condition_alone(server, s3, other, bucket):
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}, action=["s3:PutObject", "s3:GetObject"]),
        statement(bucket, "Deny", {"AWS": STAGING}, "s3:PutObject",
                  Condition={"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}))
    upload = {"Bucket": bucket, "Key": "l", "UploadId": other.create_multipart_upload(Bucket=bucket, Key="l")["UploadId"]}
    etag = other.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    for request in (("PUT", f"/{bucket}/k", b"x"), ("POST", f"/{bucket}/l?uploadId={upload['UploadId']}", parts.encode())):
        for condition, status in (({}, 403), ({"If-None-Match": "*"}, 200)):
            assert rest.ask(server, *request[:2], condition, request[2], profile="staging").status == status, request


def in_days(days):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)


def test_policies_limit_how_objects_are_locked(s3):
    name = "pol-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    version = {"Bucket": name, "Key": "k", "VersionId": s3.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"]}

    def deny(condition):
        put(s3, name, statement(name, "Deny", {"AWS": DEV}, ["s3:PutObject", "s3:PutObjectRetention", "s3:PutObjectLegalHold"],
                                Condition=condition))

    def lock(days, mode="GOVERNANCE"):
        set_later = code_of(s3.put_object_retention, **version, BypassGovernanceRetention=True,
                            Retention={"Mode": mode, "RetainUntilDate": in_days(days)})
        assert set_later == code_of(s3.put_object, Bucket=name, Key="other", Body=b"x", ObjectLockMode=mode,
                                    ObjectLockRetainUntilDate=in_days(days))
        return set_later

    deny({"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}})
    assert [lock(10), lock(11)] == ["ok", "AccessDenied"]
    deny({"NumericLessThan": {"s3:object-lock-remaining-retention-days": 5}})
    assert [lock(4), lock(5)] == ["AccessDenied", "ok"]
    deny({"DateGreaterThan": {"s3:object-lock-retain-until-date": in_days(7).isoformat()}})
    assert [lock(6), lock(8)] == ["ok", "AccessDenied"]
    deny({"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}})
    assert [lock(6), lock(6, "COMPLIANCE")] == ["ok", "AccessDenied"]
    deny({"StringEquals": {"s3:object-lock-legal-hold": "OFF"}})
    holds = [code_of(s3.put_object_legal_hold, **version, LegalHold={"Status": status}) for status in ("ON", "OFF")]
    assert holds == ["ok", "AccessDenied"]


def test_variables_stand_for_the_caller(s3, server, bucket):
    iam = server.client("iam", profile="staging")
    name = "builder" + uuid.uuid4().hex[:6]
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = server.client("s3", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}, action="s3:PutObject", resource="/home/${aws:username}/*"))
    assert code_of(user.put_object, Bucket=bucket, Key=f"home/{name}/x", Body=b"") == "ok"
    assert code_of(user.put_object, Bucket=bucket, Key="home/someone/x", Body=b"") == "AccessDenied"
    put(s3, bucket, statement(bucket, principal={"AWS": f"arn:aws:iam::{STAGING}:user/{name}"}, action="s3:Put*"))
    assert code_of(user.put_object, Bucket=bucket, Key="anywhere", Body=b"") == "ok"


def test_opposites(s3, other, bucket):
    put(s3, bucket, {"Effect": "Allow", "Principal": {"AWS": STAGING}, "NotAction": "s3:Delete*",
                     "NotResource": f"arn:aws:s3:::{bucket}/private/*"})
    assert code_of(other.get_object, Bucket=bucket, Key="public/a") == "ok"
    assert code_of(other.get_object, Bucket=bucket, Key="private/b") == "AccessDenied"
    assert code_of(other.delete_object, Bucket=bucket, Key="public/a") == "AccessDenied"
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}),
        {"Effect": "Deny", "NotPrincipal": {"AWS": [DEV, f"arn:aws:iam::{DEV}:root"]}, "Action": "s3:*",
         "Resource": f"arn:aws:s3:::{bucket}/*"})
    assert code_of(other.get_object, Bucket=bucket, Key="public/a") == "AccessDenied"
    assert code_of(s3.get_object, Bucket=bucket, Key="public/a") == "ok"


def test_versions_have_actions_of_their_own(s3, other, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="v", Body=b"1")["VersionId"]
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}))
    assert code_of(other.get_object, Bucket=bucket, Key="v") == "ok"
    assert code_of(other.get_object, Bucket=bucket, Key="v", VersionId=version) == "AccessDenied"
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}, action="s3:GetObjectVersion"))
    assert code_of(other.get_object, Bucket=bucket, Key="v", VersionId=version) == "ok"


def test_conditions_look_at_the_version_that_is_meant(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    secret = s3.put_object(Bucket=bucket, Key="k", Body=b"old", Tagging="class=secret")["VersionId"]
    plain = s3.put_object(Bucket=bucket, Key="k", Body=b"new")["VersionId"]
    for condition, denied in (({"s3:ExistingObjectTag/class": "secret"}, ["s3:GetObjectVersion"]),
                              ({"s3:VersionId": secret}, ["s3:GetObjectVersion", "s3:DeleteObjectVersion"])):
        put(s3, bucket, statement(bucket, effect="Deny", action=denied, Condition={"StringEquals": condition}))
        source = {"Bucket": bucket, "Key": "k", "VersionId": secret}
        assert code_of(s3.get_object, Bucket=bucket, Key="k", VersionId=secret) == "AccessDenied"
        assert code_of(s3.copy_object, Bucket=bucket, Key="copied", CopySource=source) == "AccessDenied"
        assert code_of(s3.copy_object, Bucket=bucket, Key="copied", CopySource={**source, "VersionId": plain}) == "ok"
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": secret}]})
    assert [e["Code"] for e in done["Errors"]] == ["AccessDenied"]


def test_conditions_of_a_lock_whichever_way_it_is_asked_for(s3):
    bucket = "pol-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def by_header(days, mode="GOVERNANCE"):
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
        return code_of(s3.put_object, Bucket=bucket, Key="h", Body=b"x", ObjectLockMode=mode,
                       ObjectLockRetainUntilDate=until)

    def by_body(days, mode="GOVERNANCE"):
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
        return code_of(s3.put_object_retention, Bucket=bucket, Key="k",
                       Retention={"Mode": mode, "RetainUntilDate": until})

    def deny(**condition):
        put(s3, bucket, statement(bucket, effect="Deny", action="s3:PutObjectRetention", Condition=condition))

    deny(NumericGreaterThan={"s3:object-lock-remaining-retention-days": "10"})
    assert [by_header(9), by_body(9), by_header(11), by_body(11)] == ["ok", "ok", "AccessDenied", "AccessDenied"]
    deny(StringEquals={"s3:object-lock-mode": "COMPLIANCE"})
    assert [by_header(9, "COMPLIANCE"), by_body(9, "COMPLIANCE"), by_body(9.5)] == ["AccessDenied", "AccessDenied", "ok"]
    put(s3, bucket, statement(bucket, effect="Deny", action="s3:PutObjectLegalHold",
                              Condition={"StringEquals": {"s3:object-lock-legal-hold": "ON"}}))
    hold = {"Bucket": bucket, "Key": "k"}
    assert code_of(s3.put_object_legal_hold, LegalHold={"Status": "ON"}, **hold) == "AccessDenied"
    assert code_of(s3.put_object_legal_hold, LegalHold={"Status": "OFF"}, **hold) == "ok"


def test_public_policies_are_blocked_from_birth(s3, anybody, other):
    name = "pol-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied.*BlockPublicPolicy"):
        put(s3, name, statement(name))
    put(s3, name, statement(name, Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}}))
    assert code_of(anybody.get_object, Bucket=name, Key="k") == "ok"
    s3.delete_public_access_block(Bucket=name)
    put(s3, name, statement(name))
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert code_of(anybody.get_object, Bucket=name, Key="k") == "AccessDenied"
    assert code_of(other.get_object, Bucket=name, Key="k") == "AccessDenied"
    assert code_of(s3.get_object, Bucket=name, Key="k") == "ok"


@pytest.mark.parametrize("policy, says", [
    ("not json", "valid JSON"),
    ("[]", "valid JSON"),
    ({"Statement": []}, "Missing required field Statement"),
    ({"Version": "2020-01-01", "Statement": [{}]}, "valid version"),
    ({"Statement": [{"Principal": "*", "Action": "s3:GetObject", "Resource": "B/*"}]}, "Effect"),
    ({"Statement": [{"Effect": "Perhaps", "Principal": "*", "Action": "s3:GetObject", "Resource": "B/*"}]}, "effect"),
    ({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "B/*"}]}, "Principal"),
    ({"Statement": [{"Effect": "Allow", "Principal": "me", "Action": "s3:GetObject", "Resource": "B/*"}]}, "principal"),
    ({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "me"}, "Action": "s3:GetObject", "Resource": "B/*"}]},
     "principal"),
    ({"Statement": [{"Effect": "Allow", "Principal": {"CanonicalUser": "me"}, "Action": "s3:GetObject", "Resource": "B/*"}]},
     "principal"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Resource": "B/*"}]}, "Action"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "B/*"}]}, "action"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}, "Resource"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::else/*"}]},
     "resource"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "B/*",
                     "Condition": {"StringResembles": {"aws:SourceIp": "x"}}}]}, "Condition type"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "B/*",
                     "Condition": {"StringEquals": {"colour": "blue"}}}]}, "condition key"),
    *(({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "B/*", "Condition": condition}]}, says)
      for condition, says in (({"StringEquals": {"s3:perfix": "a"}}, "condition key"),
                              ({"StringEquals": {"s3:x-acl": "private"}}, "condition key"),
                              ({"StringEquals": {"s3:ExistingObjectTag": "a"}}, "condition key"),
                              ({"NumericLessThan": {"s3:max-keys": ["1", "many"]}}, "Invalid number"),
                              ({"DateLessThan": {"aws:CurrentTime": "tomorrow"}}, "Invalid date"),
                              ({"Bool": {"aws:SecureTransport": "yes"}}, "Invalid boolean"),
                              ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/64"}}, "Invalid IP address"),
                              ({"StringEquals": {"aws:PrincipalArn": []}}, "no value"))),
    *(({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "B/*"}]}, "invalid action")
      for action in ("s3:GetObjects", "s3:Objekt*", "s3:ListAllMyBuckets", "s3:")),
    ({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucket*", "Resource": "B/*"}]}, "does not apply"),
    *(({"Statement": [{"Effect": "Allow", "Principal": {"AWS": name}, "Action": "s3:GetObject", "Resource": "B/*"}]}, "principal")
      for name in ("arn:aws:iam::123:root", "arn:aws:iam::333333333333:user/*", "arn:aws:iam::333333333333")),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "B/*", "Conditions": {}}]},
     "Unknown field Conditions"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "B/*"}], "Condition": {}},
     "Unknown field Condition"),
    ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ["B/" + "x" * 30000]}]},
     "maximum allowed document size"),
])
def test_malformed_policies(s3, bucket, policy, says):
    text = policy if isinstance(policy, str) else json.dumps(policy).replace("B/", f"arn:aws:s3:::{bucket}/")
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
    error = caught.value.response["Error"]
    assert error["Code"] == "MalformedPolicy" and says in error["Message"]


@pytest.mark.parametrize("changes", [
    {"principal": {"Service": "delivery.logs.amazonaws.com"}, "action": "s3:PutObject", "Condition": {
        "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": DEV}, "ArnLike": {"aws:SourceArn": "arn:aws:logs:*"}}},
    {"principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"}},
    {"principal": {"AWS": ["arn:aws:sts::333333333333:assumed-role/deploy/session", "arn:aws:iam::333333333333:role/path/deploy", STAGING]}},
    {"action": ["s3:Get*", "s3:ListMultipartUploadParts", "s3:getobject"], "Sid": "", "Condition": {}},
    {"effect": "Deny", "action": "*", "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}, "NumericLessThanEquals": {"s3:max-keys": 10}}},
    {"action": ["s3:GetObject"], "Condition": {"DateLessThan": {"aws:CurrentTime": "${aws:EpochTime}"}, "Null": {"aws:TokenIssueTime": True}}},
])
def test_policies_that_aws_documents_are_taken(s3, bucket, changes):
    put(s3, bucket, statement(bucket, **changes))


def test_tags_and_locks_of_a_write_need_their_own_permissions(server, s3, other):
    name = "pol-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=name, Key="source", Body=b"s", Tagging="a=1")
    copy = {"Bucket": name, "Key": "copy", "CopySource": f"{name}/source"}
    retained = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2050-01-01T00:00:00Z"}
    extras = [({"Tagging": "a=1"}, "s3:PutObjectTagging"), (retained, "s3:PutObjectRetention"),
              ({"ObjectLockLegalHoldStatus": "ON"}, "s3:PutObjectLegalHold")]
    basic = ["s3:PutObject", "s3:GetObject"]
    for extra, action in extras:
        for allowed, outcome in ((basic, "AccessDenied"), (basic + [action], "ok")):
            put(s3, name, statement(name, principal={"AWS": STAGING}, action=allowed))
            assert code_of(other.put_object, Bucket=name, Key="k", Body=b"k", **extra) == outcome, (extra, allowed)
            assert code_of(other.create_multipart_upload, Bucket=name, Key="k", **extra) == outcome, (extra, allowed)
        assert code_of(other.put_object, Bucket=name, Key="k", Body=b"k") == "ok"
    tagging = ["s3:GetObjectTagging", "s3:PutObjectTagging"]
    for allowed, outcome in ((basic + tagging[:1], "AccessDenied"), (basic + tagging[1:], "AccessDenied"), (basic + tagging, "ok")):
        put(s3, name, statement(name, principal={"AWS": STAGING}, action=allowed))
        assert code_of(other.copy_object, **copy) == outcome, allowed
    put(s3, name, statement(name, principal={"AWS": STAGING}, action=basic))
    assert code_of(other.copy_object, **copy, TaggingDirective="REPLACE") == "ok"  # by no tags
    put(s3, name, statement(name, "Deny", {"AWS": DEV}, "s3:PutObjectTagging"))
    assert code_of(s3.put_object, Bucket=name, Key="own", Body=b"k", Tagging="a=1") == "AccessDenied"
    assert code_of(s3.put_object, Bucket=name, Key="own", Body=b"k") == "ok"


SETTINGS = {
    "put_bucket_versioning": {"VersioningConfiguration": {"Status": "Enabled"}},
    "get_bucket_versioning": {},
    "put_bucket_notification_configuration": {"NotificationConfiguration": {}},
    "get_bucket_notification_configuration": {},
    "put_bucket_tagging": {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
    "delete_bucket_tagging": {},
    "put_public_access_block": {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
    "put_bucket_policy": {"Policy": "{}"},
    "delete_bucket": {},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_how_a_bucket_is_set_is_its_accounts_and_whom_its_policy_names(s3, other, bucket, name):
    assert code_of(getattr(other, name), Bucket=bucket, **SETTINGS[name]) == "AccessDenied"
    put(s3, bucket, statement(bucket, principal={"AWS": STAGING}, action="s3:*", resource=""))
    if name != "put_bucket_policy":
        expected = "BucketNotEmpty" if name == "delete_bucket" else "ok"
        assert code_of(getattr(other, name), Bucket=bucket, **SETTINGS[name]) == expected
    put(s3, bucket, statement(bucket, effect="Deny", action=["s3:*"], resource=""))
    if name != "put_bucket_policy":
        assert code_of(getattr(s3, name), Bucket=bucket, **SETTINGS[name]) == "AccessDenied"


def test_settings_ask_whose_the_bucket_is_meant_to_be(s3, bucket):
    for name in ("put_bucket_versioning", "put_bucket_notification_configuration", "put_bucket_tagging", "delete_bucket"):
        assert code_of(getattr(s3, name), Bucket=bucket, ExpectedBucketOwner=STAGING, **SETTINGS[name]) == "AccessDenied"
