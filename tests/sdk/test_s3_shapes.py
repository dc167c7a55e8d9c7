"""Random requests by AWS's own model of S3, and whether the answers are what that model says.

For every operation, parameters are made up by its input shape and sent by botocore; the answer must have the status that
the model has, nothing in headers and body that its output shape does not know, and values of the right kind; or be an
error in S3's form. Nothing may be an internal error. S3_SHAPES_SEED and S3_SHAPES_ROUNDS repeat a run, or make it longer.
"""
import datetime
import json
import os
import random
import re
import xml.etree.ElementTree as ElementTree

import pytest
from botocore.exceptions import BotoCoreError, ClientError

SEED = int(os.environ.get("S3_SHAPES_SEED", "7"))
ROUNDS = int(os.environ.get("S3_SHAPES_ROUNDS", "5"))
XMLNS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

# what AWS sends today and Debian's botocore does not know yet
NEWER_ELEMENTS = {"ChecksumType", "ChecksumCRC64NVME", "BucketArn", "BucketRegion", "ChecksumAlgorithm",
                  "TransitionDefaultMinimumObjectSize", "ContinuationToken", "Prefix"}
NEWER_HEADERS = {"x-amz-checksum-type", "x-amz-checksum-crc64nvme", "x-amz-transition-default-minimum-object-size",
                 "x-amz-checksum-algorithm", "x-amz-object-size", "x-amz-bucket-region", "x-amz-tagging-count",
                 "x-amz-access-point-alias"}
ALWAYS = {"x-amz-request-id", "x-amz-id-2", "date", "server", "content-type", "content-length", "connection",
          "transfer-encoding", "etag", "last-modified", "accept-ranges", "vary", "cache-control", "location", "allow"}
# older names of the same requests: answered by the newer shape
SUCCESSORS = {"GetBucketLifecycle": "GetBucketLifecycleConfiguration",
              "GetBucketNotification": "GetBucketNotificationConfiguration"}
KEYS = ["k", "folder/k", "a b+c%", "ünï", "never-there"]


class Maker:
    """Parameters by a shape."""

    def __init__(self, choice, bucket, versions, upload):
        self.choice, self.bucket, self.versions, self.upload = choice, bucket, versions, upload

    def of(self, shape, name="", depth=0):
        return getattr(self, "of_" + shape.type_name, self.of_string)(shape, name, depth)

    def of_structure(self, shape, _name, depth):
        made = {}
        if getattr(shape, "is_tagged_union", False):
            name = self.choice.choice(list(shape.members))
            return {name: self.of(shape.members[name], name, depth + 1)}
        for name, member in shape.members.items():
            if name == "ContentLength":
                continue  # another one than the body's: both sides would wait for the rest
            if name in shape.required_members or (depth < 6 and self.choice.random() < (0.15 if depth == 0 else 0.5)):
                made[name] = self.of(member, name, depth + 1)
        return made

    def of_list(self, shape, name, depth):
        return [self.of(shape.member, name, depth + 1) for _ in range(self.choice.randint(1, 2))]

    def of_map(self, _shape, _name, _depth):
        return {"some": "value"}

    def of_string(self, shape, name, _depth):
        known = {"Bucket": [self.bucket], "Key": KEYS, "CopySource": [f"{self.bucket}/k", f"{self.bucket}/never", "x"],
                 "VersionId": self.versions + ["null", "not-one"], "UploadId": [self.upload, "none"], "Delimiter": ["/", "k"],
                 "Prefix": ["", "folder/", "k"], "Tagging": ["a=1", "a=1&b=2"], "Range": ["bytes=0-0", "bytes=-2"],
                 "Policy": ['{"Version":"2012-10-17","Statement":[]}', "{"], "PartNumber": ["1"],
                 "ExpectedBucketOwner": ["222222222222"], "KMSKeyArn": ["arn:aws:kms:us-east-1:222222222222:key/none"], "ContentType": ["text/plain"]}
        if getattr(shape, "enum", None):
            return self.choice.choice(shape.enum)
        return self.choice.choice(known.get(name, ["text", "1", "äöü" if name in KEYS else "other"]))

    def of_integer(self, _shape, _name, _depth):
        return self.choice.choice([0, 1, 2, 1000])

    of_long = of_integer

    def of_boolean(self, _shape, _name, _depth):
        return self.choice.random() < 0.5

    def of_timestamp(self, _shape, _name, _depth):
        return datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)

    def of_blob(self, _shape, _name, _depth):
        return b"bytes"


# ---- what the answer must be

def members_of_body(shape):
    return {member.serialization.get("name", name): member for name, member in shape.members.items()
            if "location" not in member.serialization}


def check_text(shape, text, path):
    text = text or ""
    kinds = {"integer": r"-?\d+", "long": r"-?\d+", "boolean": "true|false",
             "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"}
    if shape.type_name in kinds:
        assert re.fullmatch(kinds[shape.type_name], text), f"{path}: {text!r} is no {shape.type_name}"
    enum = getattr(shape, "enum", None)
    if enum and text:
        assert text in enum or text in ("CRC64NVME",), f"{path}: {text!r} is none of {enum}"


def check_element(shape, element, path):
    if shape.type_name == "structure":
        check_structure(members_of_body(shape), element, path)
    elif shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for child in element:
            assert child.tag == XMLNS + name, f"{path}: <{child.tag}> in a list of {name}"
            check_element(shape.member, child, f"{path}/{name}")
    else:
        check_text(shape, element.text, path)


def check_structure(members, element, path):
    for child in element:
        assert child.tag.startswith(XMLNS), f"{path}: <{child.tag}> has not S3's namespace"
        name = child.tag[len(XMLNS):]
        if name not in members:
            assert name in NEWER_ELEMENTS, f"{path}: <{name}> is not in the model"
            continue
        member = members[name]
        if member.type_name == "list" and member.serialization.get("flattened"):
            check_element(member.member, child, f"{path}/{name}")
        else:
            check_element(member, child, f"{path}/{name}")


def check_headers(shape, headers, path):
    known, prefixes = set(), []
    for member in (shape.members.values() if shape else ()):
        location, name = member.serialization.get("location"), member.serialization.get("name", "").lower()
        if location == "header":
            known.add(name)
        elif location == "headers":
            prefixes.append(name)
    for header in (h.lower() for h in headers):
        if header.startswith("x-amz-") and not any(header.startswith(prefix) for prefix in prefixes):
            assert header in known | NEWER_HEADERS | ALWAYS, f"{path}: header {header} is not in the model"


def check_error(status, body, path):
    assert status < 500 or status == 501, f"{path}: {status} {body[:300]}"
    if not body:
        return
    root = ElementTree.fromstring(body)
    assert root.tag == "Error", f"{path}: an error of the form <{root.tag}>"
    names = [child.tag for child in root]
    assert names[:2] == ["Code", "Message"] and {"RequestId", "HostId"} <= set(names), f"{path}: {names}"
    assert (status == 501) == (root.findtext("Code") == "NotImplemented"), f"{path}: {status} {root.findtext('Code')}"


def check_answer(operation, status, headers, body, path):
    shape = operation.output_shape
    expected = operation.http.get("responseCode", 200)
    assert status in (expected, 200, 204, 206, 304), f"{path}: status {status}, the model has {expected}"
    check_headers(shape, headers, path)
    if not shape or not body or not body.startswith(b"<?xml"):
        return
    payload = shape.serialization.get("payload")
    root = ElementTree.fromstring(body)
    if payload:
        if shape.members[payload].type_name == "structure":
            check_structure(members_of_body(shape.members[payload]), root, path)
    elif operation.name == "GetBucketLocation":
        check_text(shape.members["LocationConstraint"], root.text, path)
    else:
        check_structure(members_of_body(shape), root, path)


@pytest.fixture(scope="module")
def talking(server):
    """The client, and what its last answer was as it came."""
    s3 = server.client("s3")
    raw = {}

    def keep(response_dict, **_):
        if response_dict:
            body = response_dict["body"]
            if not isinstance(body, bytes):
                body = b""  # a stream: the object itself
            raw["answer"] = response_dict["status_code"], response_dict["headers"], body
    s3.meta.events.register("response-received.s3.*", keep)
    return s3, raw


def operations():
    import botocore.session
    return botocore.session.get_session().get_service_model("s3").operation_names


def ready(s3, name):
    """A bucket with a little of everything; its versions, and an upload that waits for its end."""
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [
        {"ID": "one", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"], "MaxAgeSeconds": 5}]})
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}}]})
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [
        {"ID": "old", "Status": "Enabled", "Filter": {"And": {"Prefix": "old/", "Tags": [{"Key": "t", "Value": "1"}]}},
         "Expiration": {"Days": 9}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}}]})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "s3:GetObject",
         "Resource": f"arn:aws:s3:::{name}/*"}]}))
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    s3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    versions = [s3.put_object(Bucket=name, Key=key, Body=b"body", Tagging="t=1", Metadata={"m": "1"})["VersionId"]
                for key in KEYS[:4] for _ in range(2)]
    s3.put_object_retention(Bucket=name, Key="k", Retention={
        "Mode": "GOVERNANCE", "RetainUntilDate": datetime.datetime(2050, 1, 1, tzinfo=datetime.timezone.utc)})
    s3.put_object_legal_hold(Bucket=name, Key="k", LegalHold={"Status": "OFF"})
    return versions, upload


@pytest.mark.parametrize("name", operations())
def test_answers_by_the_model(talking, name):
    s3, raw = talking
    answered = 0
    if name in ("SelectObjectContent", "WriteGetObjectResponse"):
        pytest.skip("an event stream, and an answer to Lambda: another host")
    for number in range(ROUNDS):
        choice = random.Random(f"{SEED}/{name}/{number}")
        bucket = f"shapes-{name.lower()[:40]}-{SEED}-{number}"
        maker = Maker(choice, bucket, *ready(s3, bucket))
        operation = s3.meta.service_model.operation_model(name)
        parameters = maker.of(operation.input_shape) if operation.input_shape else {}
        raw.clear()
        try:
            s3._make_api_call(name, parameters)
        except ClientError:
            pass
        except (BotoCoreError, ValueError, KeyError, AttributeError):
            continue  # botocore itself does not send that
        path = f"{name} {parameters}"
        if "answer" not in raw:
            continue
        answered += 1
        status, headers, body = raw["answer"]
        if status >= 400:
            check_error(status, body, path)
        else:
            check_answer(s3.meta.service_model.operation_model(SUCCESSORS.get(name, name)), status, headers, body, path)
    assert answered, "botocore sent nothing"
