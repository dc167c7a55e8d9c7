"""Requests that anybody may carry: presigned URLs, and browsers' forms under a policy."""
import base64
import datetime
import hashlib
import hmac
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import uuid

import boto3
import pytest

import raw
from rest import code, element
from queues import event_queue


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3", profile="dev", signature_version="s3v4")


@pytest.fixture(scope="module")
def bucket(s3):
    name = "presigned-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return name


def send(url, method="GET", body=None, headers=()):
    request = urllib.request.Request(url, body, dict(headers), method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return raw.Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return raw.Answer(error.code, error.headers, error.read())


def presign(s3, operation, expires=60, **parameters):
    return s3.generate_presigned_url(operation, Params=parameters, ExpiresIn=expires)


def test_each_method(s3, bucket):
    key = "a b/ü+c"
    put = send(presign(s3, "put_object", Bucket=bucket, Key=key, Metadata={"m": "1"}, ContentType="text/x"), "PUT", b"hello",
               {"x-amz-meta-m": "1", "Content-Type": "text/x"})
    assert put.status == 200
    got = send(presign(s3, "get_object", Bucket=bucket, Key=key, ResponseContentType="a/b"))
    assert (got.body, got.headers["Content-Type"], got.headers["x-amz-meta-m"]) == (b"hello", "a/b", "1")
    assert send(presign(s3, "head_object", Bucket=bucket, Key=key), "HEAD").headers["Content-Length"] == "5"
    assert send(presign(s3, "delete_object", Bucket=bucket, Key=key), "DELETE").status == 204
    assert send(presign(s3, "get_object", Bucket=bucket, Key=key)).status == 404


def test_multipart_by_urls(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    put = send(presign(s3, "upload_part", Bucket=bucket, Key="m", UploadId=upload, PartNumber=1), "PUT", b"part")
    done = send(presign(s3, "complete_multipart_upload", Bucket=bucket, Key="m", UploadId=upload), "POST", (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{put.headers['ETag']}</ETag></Part>"
        "</CompleteMultipartUpload>").encode())
    assert done.status == 200 and send(presign(s3, "get_object", Bucket=bucket, Key="m")).body == b"part"


def test_what_was_not_presigned_is_refused(s3, bucket):
    url = presign(s3, "get_object", Bucket=bucket, Key="k")
    assert code(send(url, "DELETE")) == (403, "SignatureDoesNotMatch")
    assert code(send(url.replace("/k?", "/other?"))) == (403, "SignatureDoesNotMatch")
    assert code(send(url, headers={"x-amz-checksum-mode": "ENABLED"}))[0] == 403
    assert code(send(url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))) == (403, "SignatureDoesNotMatch")


# ---- version 2, by which boto3 presigns in us-east-1 unless it is told otherwise

@pytest.fixture(scope="module")
def old(server):
    return server.client("s3", profile="dev", signature_version=None)


def test_urls_of_version_2(old, bucket):
    key = "v2/a b/ü+c"
    url = presign(old, "put_object", Bucket=bucket, Key=key, Metadata={"m": "1"}, ContentType="text/x")
    assert "AWSAccessKeyId=" in url and "X-Amz-" not in url
    assert send(url, "PUT", b"hello", {"x-amz-meta-m": "1", "Content-Type": "text/x"}).status == 200
    assert code(send(url, "PUT", b"hello", {"x-amz-meta-m": "2", "Content-Type": "text/x"})) == (403, "SignatureDoesNotMatch")
    got = send(presign(old, "get_object", Bucket=bucket, Key=key, ResponseContentDisposition='attachment; filename="ü&=.zip"',
                       ResponseContentType="a/b"))
    assert (got.body, got.headers["Content-Type"], got.headers["x-amz-meta-m"]) == (b"hello", "a/b", "1")
    assert send(presign(old, "head_object", Bucket=bucket, Key=key), "HEAD").headers["Content-Length"] == "5"
    assert send(presign(old, "list_objects", Bucket=bucket, Prefix="v2/")).text.count("<Key>") == 1
    upload = old.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = presign(old, "upload_part", Bucket=bucket, Key=key, UploadId=upload, PartNumber=1)
    bare = {"Content-Type": ""}  # Python would add one, which is signed
    assert send(part, "PUT", b"part", bare).status == 200
    assert code(send(part.replace("partNumber=1", "partNumber=2"), "PUT", b"part", bare)) == (403, "SignatureDoesNotMatch")
    assert send(presign(old, "delete_object", Bucket=bucket, Key=key), "DELETE").status == 204


def test_a_session_presigns_by_version_2(server, old, bucket):
    session = server.client("sts", profile="dev").assume_role(
        RoleArn="arn:aws:iam::222222222222:role/slipway-deploy", RoleSessionName="presigner")["Credentials"]
    lent = boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=session["AccessKeyId"],
                        aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
    old.put_object(Bucket=bucket, Key="lent", Body=b"hello")
    url = presign(lent, "get_object", Bucket=bucket, Key="lent")
    assert "x-amz-security-token=" in url and send(url).body == b"hello"
    assert code(send(url.replace("x-amz-security-token=", "x-amz-security-token=x"))) == (400, "InvalidToken")


def test_what_version_2_does_not_cover_is_refused(server, old, bucket):
    old.put_object(Bucket=bucket, Key="k", Body=b"hello")
    url = presign(old, "get_object", Bucket=bucket, Key="k")
    wrong = send(url.replace("/k?", "/other?"))
    assert code(wrong) == (403, "SignatureDoesNotMatch") and f"/{bucket}/other</StringToSign>" in wrong.text
    too_old = (400, "InvalidRequest")
    assert code(send(url + "&retention")) == code(send(url + "&attributes")) == too_old
    assert code(send(presign(old, "create_multipart_upload", Bucket=bucket, Key="k"), "POST")) == too_old
    assert code(send(f"{server.endpoint}/{bucket}/k", headers={"Authorization": "AWS AKIAABCDEFGHIJKLMNOP:c2ln"})) == too_old
    late = code(send(presign(old, "get_object", Bucket=bucket, Key="k", expires=-10)))
    assert late == (403, "AccessDenied")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/k",
            "Condition": {"StringEquals": {"s3:signatureversion": "AWS"}}}
    old.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    assert code(send(url)) == (403, "AccessDenied") and old.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
    old.delete_bucket_policy(Bucket=bucket)


def test_a_url_of_version_2_cannot_be_read_as_another(old, bucket):
    """Values go into the lines that are signed as they are: those that would be lines or sub-resources are refused."""
    old.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = old.put_object(Bucket=bucket, Key="v", Body=b"first")["VersionId"]
    old.put_object(Bucket=bucket, Key="v", Body=b"second")
    url = presign(old, "get_object", Bucket=bucket, Key="v", VersionId=first, ResponseContentType="text/plain")
    assert send(url).body == b"first"
    signed = dict(urllib.parse.parse_qsl(url.partition("?")[2]))
    merged = {**{k: signed[k] for k in ("AWSAccessKeyId", "Signature", "Expires")},
              "response-content-type": f"text/plain&versionId={first}"}
    assert send(f"{url.partition('?')[0]}?{urllib.parse.urlencode(merged)}").status in (400, 403)
    name = f"x\n9999999999\n/{bucket}/theirs?response-expires="
    url = presign(old, "put_object", Bucket=bucket, Key="mine", ContentType="text/plain", Metadata={"name": name})
    signed = dict(urllib.parse.parse_qsl(url.partition("?")[2]))
    forged = {"content-type": f"text/plain\n{signed['Expires']}\nx-amz-meta-name:x", "Expires": "9999999999",
              "response-expires": f"\n/{bucket}/mine", "AWSAccessKeyId": signed["AWSAccessKeyId"], "Signature": signed["Signature"]}
    assert send(url.partition("?")[0].replace("/mine", "/theirs") + "?" + urllib.parse.urlencode(forged), "PUT", b"x",
                {"Content-Type": ""}).status in (400, 403)
    assert "Contents" not in old.list_objects_v2(Bucket=bucket, Prefix="theirs")


def test_what_a_url_of_version_2_says_of_a_body_holds(old, bucket):
    digest = base64.b64encode(hashlib.md5(b"good").digest()).decode()
    url = presign(old, "put_object", Bucket=bucket, Key="said", ContentMD5=digest, ContentType="text/x")
    typed = {"Content-Type": "text/x"}
    assert code(send(url, "PUT", b"evil", typed)) == (400, "BadDigest")
    assert code(send(url, "PUT", b"good", {"Content-Type": "text/html"})) == (403, "SignatureDoesNotMatch")
    assert send(url, "PUT", b"good", typed).status == 200
    assert old.head_object(Bucket=bucket, Key="said")["ContentType"] == "text/x"


def test_an_expired_url(server, bucket):
    target, headers = raw.signed(server, "s3", "GET", f"/{bucket}/k", at=-3600, presign_s=60)
    client = raw.Raw(server)
    answer = client.ask("GET", target, headers)
    assert code(answer) == (403, "AccessDenied") and "expired" in answer.text


@pytest.mark.parametrize("value,status", [("team=shop", 200), ("x%0Ay", 400)])
def test_headers_within_the_url(server, s3, bucket, value, status):
    target, headers = raw.signed(server, "s3", "PUT", f"/{bucket}/hoisted?x-amz-meta-build=7&x-amz-tagging={value}", presign_s=60)
    client = raw.Raw(server)
    assert client.ask("PUT", target, headers, b"x").status == status
    if status == 200:
        assert s3.head_object(Bucket=bucket, Key="hoisted")["Metadata"] == {"build": "7"}
        assert s3.get_object_tagging(Bucket=bucket, Key="hoisted")["TagSet"] == [{"Key": "team", "Value": "shop"}]


def test_curl_signs_and_is_presigned(server, s3, bucket, tmp_path):
    key, secret = server.keys()
    file = tmp_path / "file"
    file.write_bytes(b"by curl")
    curl = lambda *a: subprocess.run(["curl", "-sS", "-f", *a], capture_output=True, check=True, timeout=60).stdout
    signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{key}:{secret}"]
    url = f"{server.endpoint}/{bucket}/curl"
    curl(*signed, "-H", f"x-amz-content-sha256: {hashlib.sha256(b'by curl').hexdigest()}", "-T", str(file), url)
    assert curl(*signed, url) == b"by curl"
    curl("-T", str(file), presign(s3, "put_object", Bucket=bucket, Key="curl2"))
    assert curl(presign(s3, "get_object", Bucket=bucket, Key="curl2")) == b"by curl"


# ---- forms


def form(fields, file=b"hello", filename="a file.txt", after=()):
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    body = "".join(parts).encode()
    if file is not None:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
                 "Content-Type: text/plain\r\n\r\n").encode() + file + b"\r\n"
    body += "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in after).encode()
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class Opener(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def post(server, bucket, *args, headers=(), **kwargs):
    body, of_form = form(*args, **kwargs)
    request = urllib.request.Request(f"{server.endpoint}/{bucket}", body, {**of_form, **dict(headers)}, method="POST")
    try:
        with urllib.request.build_opener(Opener).open(request) as answer:
            return raw.Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return raw.Answer(error.code, error.headers, error.read())


def sign(server, bucket, conditions, fields=(), expires=60, names_bucket=True, at=0):
    """The form's fields, with a policy of these conditions, signed `at` seconds from now."""
    key, secret = server.keys()
    now = datetime.datetime.utcnow() + datetime.timedelta(seconds=at)
    expires -= at
    stamp, scope = now.strftime("%Y%m%dT%H%M%SZ"), f"{now:%Y%m%d}/us-east-1/s3/aws4_request"
    signing = {"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{key}/{scope}", "x-amz-date": stamp}
    policy = {"expiration": (now + datetime.timedelta(seconds=expires)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
              "conditions": [*conditions, *({k: v} for k, v in signing.items()), *([{"bucket": bucket}] if names_bucket else [])]}
    text = base64.b64encode(json.dumps(policy).encode())
    secret_key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        secret_key = hmac.digest(secret_key, part.encode(), "sha256")
    return {**dict(fields), **signing, "policy": text.decode(),
            "x-amz-signature": hmac.new(secret_key, text, "sha256").hexdigest()}


def test_a_form_made_by_boto3(server, s3, bucket):
    made = s3.generate_presigned_post(bucket, "forms/${filename}", Fields={"x-amz-meta-from": "form"},
                                      Conditions=[{"x-amz-meta-from": "form"}, ["content-length-range", 1, 100]])
    answer = post(server, bucket, made["fields"], filename="C:\\dir\\a file.txt")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["ETag"] == '"%s"' % hashlib.md5(b"hello").hexdigest()
    assert answer.headers["Location"] == f"{server.endpoint}/{bucket}/forms%2Fa%20file.txt"
    got = s3.get_object(Bucket=bucket, Key="forms/a file.txt", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"hello", {"from": "form"}, "binary/octet-stream")


def test_a_page_of_another_origin_learns_what_became_of_its_form(server, s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
        {"AllowedMethods": ["POST"], "AllowedOrigins": ["https://shop.example"], "ExposeHeaders": ["ETag"]}]})
    made = s3.generate_presigned_post(bucket, "page")["fields"]
    for fields, status in ((made, 204), ({**made, "x-amz-meta-a": "not in the policy"}, 403), ({"key": "page"}, 403)):
        answer = post(server, bucket, fields, headers={"Origin": "https://shop.example"})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, "https://shop.example")
        assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    answer = post(server, bucket, made, headers={"Origin": "https://else.example"})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, None)


@pytest.mark.parametrize("size", [0, 1, 65536, 300000])
def test_files_of_any_size(server, s3, bucket, size):
    body = (b"\r\n--" * size)[:size]
    fields = sign(server, bucket, [{"key": "sized"}, {"Content-Type": "text/x"}, {"success_action_status": "201"}],
                  {"key": "sized", "Content-Type": "text/x", "success_action_status": "201"})
    answer = post(server, bucket, fields, file=body, after=[("submit", "ignored")])
    assert (answer.status, element(answer, "Key"), element(answer, "Bucket")) == (201, "sized", bucket)
    got = s3.get_object(Bucket=bucket, Key="sized")
    assert (got["Body"].read(), got["ContentType"]) == (body, "text/x")
    sha = s3.copy_object(Bucket=bucket, Key="sized2", CopySource={"Bucket": bucket, "Key": "sized"}, ChecksumAlgorithm="SHA256")
    assert sha["CopyObjectResult"]["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()


def test_redirects_tags_and_checksums(server, s3, bucket):
    more = {"key": "r", "success_action_redirect": "https://shop.example/done?x=1", "x-amz-checksum-crc32": "NhCmhg==",
            "tagging": "<Tagging><TagSet><Tag><Key>team</Key><Value>a b</Value></Tag></TagSet></Tagging>"}
    fields = sign(server, bucket, [{k: v} for k, v in more.items()], more)
    answer = post(server, bucket, fields)
    etag = hashlib.md5(b"hello").hexdigest()
    assert (answer.status, answer.headers["Location"]) == (
        303, f"https://shop.example/done?x=1&bucket={bucket}&key=r&etag=%22{etag}%22")
    assert s3.get_object_tagging(Bucket=bucket, Key="r")["TagSet"] == [{"Key": "team", "Value": "a b"}]
    assert code(post(server, bucket, fields, file=b"other")) == (400, "BadDigest")


DENIED, POLICY = (403, "AccessDenied"), (400, "InvalidPolicyDocument")


@pytest.mark.parametrize("conditions,fields,expected,words", [
    ([{"key": "other"}], {}, DENIED, 'Policy Condition failed: ["eq", "$key", "other"]'),
    ([["starts-with", "$key", "user/"]], {}, DENIED, 'Policy Condition failed: ["starts-with", "$key", "user/"]'),
    ([{"key": "k"}], {"x-amz-meta-more": "1"}, DENIED, "Extra input fields: x-amz-meta-more"),
    ([], {}, DENIED, "Extra input fields: key"),
    ([{"key": "k"}, {"bucket": "another"}], {}, DENIED, "Policy Condition failed"),
    ([{"key": "k"}, {"x-amz-meta-must": "1"}], {}, DENIED, "Policy Condition failed"),
    ([{"key": "k"}, ["starts-with", "$Content-Type", "image/"]], {"Content-Type": "image/png, text/html"}, DENIED, "Condition failed"),
    ([{"key": "k"}, ["is", "$key", "k"]], {}, DENIED, "Policy Condition failed"),
    ([{"key": "k"}, ["eq", "key", "k"]], {}, DENIED, "Policy Condition failed"),
    ([{"key": "k"}, ["content-length-range", "1", "2"]], {}, DENIED, "Policy Condition failed"),
    ([{"key": "k"}, ["content-length-range", 6, 100]], {}, (400, "EntityTooSmall"), "<MinSizeAllowed>6</"),
    ([{"key": "k"}, ["content-length-range", 0, 4]], {}, (400, "EntityTooLarge"), "<MaxSizeAllowed>4</"),
    ([{"key": "k"}, {"x-amz-meta-a": "b\nc"}], {"x-amz-meta-a": "b\nc"}, (400, "InvalidArgument"), "control character"),
])
def test_what_the_policy_does_not_allow(server, s3, bucket, conditions, fields, expected, words):
    s3.delete_object(Bucket=bucket, Key="k")
    answer = post(server, bucket, sign(server, bucket, conditions, {"key": "k", **fields}))
    assert code(answer) == expected and words in answer.text.replace("&quot;", '"')
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="k")


def test_policies_of_another_time_or_bucket(server, s3, bucket):
    answer = post(server, bucket, sign(server, bucket, [{"key": "k"}], {"key": "k"}, expires=-1))
    assert code(answer) == DENIED and "Policy expired" in answer.text
    answer = post(server, bucket, sign(server, bucket, [{"key": "k"}], {"key": "k"}, names_bucket=False))
    assert code(answer) == DENIED and "Extra input fields: bucket" in answer.text
    other = bucket + "-other"
    s3.create_bucket(Bucket=other)
    fields = sign(server, bucket, [{"key": "k"}], {"key": "k", "bucket": bucket})
    assert code(post(server, other, fields)) == DENIED


def test_forms_that_are_not_signed_well(server, bucket):
    good = sign(server, bucket, [{"key": "k"}], {"key": "k"})
    assert post(server, bucket, good).status == 204
    flipped = good["x-amz-signature"][:-1] + ("0" if good["x-amz-signature"][-1] != "0" else "1")
    assert code(post(server, bucket, {**good, "x-amz-signature": flipped})) == (403, "SignatureDoesNotMatch")
    changed = base64.b64encode(b'{"expiration": "2099-01-01T00:00:00Z", "conditions": []}').decode()
    assert code(post(server, bucket, {**good, "policy": changed})) == (403, "SignatureDoesNotMatch")
    nobody = good["x-amz-credential"].replace(server.keys()[0], "AKIAIOSFODNN7EXAMPLE")
    assert code(post(server, bucket, {**good, "x-amz-credential": nobody})) == (403, "InvalidAccessKeyId")
    assert code(post(server, bucket, {**good, "x-amz-algorithm": "other"})) == (400, "AuthorizationHeaderMalformed")
    unsigned = {k: v for k, v in good.items() if k not in ("policy", "x-amz-signature")}
    assert code(post(server, bucket, unsigned)) == DENIED
    assert code(post(server, bucket, {k: v for k, v in good.items() if k != "policy"})) == (400, "InvalidArgument")
    assert code(post(server, bucket, {k: v for k, v in good.items() if k != "key"})) == (400, "InvalidArgument")
    assert code(post(server, "no-" + bucket, sign(server, "no-" + bucket, [{"key": "k"}], {"key": "k"}))) == (404, "NoSuchBucket")


def test_policies_that_are_none(server, bucket):
    key, secret = server.keys()
    for text in ("???", base64.b64encode(b"{").decode(), base64.b64encode(b"{}").decode(),
                 base64.b64encode(b'{"expiration": "2099-01-01T00:00:00Z"}').decode()):
        fields = sign(server, bucket, [{"key": "k"}], {"key": "k"})
        secret_key = ("AWS4" + secret).encode()
        for part in fields["x-amz-credential"].split("/")[1:]:
            secret_key = hmac.digest(secret_key, part.encode(), "sha256")
        fields.update({"policy": text, "x-amz-signature": hmac.new(secret_key, text.encode(), "sha256").hexdigest()})
        assert code(post(server, bucket, fields)) == POLICY


def test_a_form_that_boto3_makes_untold(server, old, bucket):
    """By version 2."""
    made = old.generate_presigned_post(bucket, "old/${filename}", Conditions=[["content-length-range", 1, 100]])["fields"]
    assert set(made) == {"key", "AWSAccessKeyId", "policy", "signature"}
    assert post(server, bucket, made).status == 204
    assert old.get_object(Bucket=bucket, Key="old/a file.txt")["Body"].read() == b"hello"
    assert code(post(server, bucket, made, file=b"x" * 101)) == (400, "EntityTooLarge")
    changed = base64.b64encode(b'{"expiration": "2099-01-01T00:00:00Z", "conditions": []}').decode()
    assert code(post(server, bucket, {**made, "policy": changed})) == (403, "SignatureDoesNotMatch")
    assert code(post(server, bucket, {**made, "AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE"})) == (403, "InvalidAccessKeyId")
    assert code(post(server, bucket, {k: v for k, v in made.items() if k != "policy"})) == (400, "InvalidArgument")
    assert code(post(server, bucket, {k: v for k, v in made.items() if k != "AWSAccessKeyId"})) == (400, "InvalidArgument")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/old/*",
            "Condition": {"StringEquals": {"s3:signatureversion": "AWS"}}}
    old.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    assert code(post(server, bucket, made)) == (403, "AccessDenied")
    old.put_object(Bucket=bucket, Key="old/k", Body=b"signed by version 4")
    old.delete_bucket_policy(Bucket=bucket)


def test_a_policy_limits_how_old_a_signature_may_be(server, s3, old, bucket):
    s3.put_object(Bucket=bucket, Key="aged", Body=b"hello")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/aged",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": 600_000}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    client = raw.Raw(server)
    for at, status in ((0, 200), (-590, 200), (-601, 403)):
        target, headers = raw.signed(server, "s3", "GET", f"/{bucket}/aged", at=at, presign_s=3600)
        assert client.ask("GET", target, headers).status == status, at
    for at, status in ((0, 204), (-601, 403)):
        assert post(server, bucket, sign(server, bucket, [{"key": "aged"}], {"key": "aged"}, at=at)).status == status, at
    headers = raw.signed(server, "s3", "GET", f"/{bucket}/aged", at=-601)
    assert client.ask("GET", f"/{bucket}/aged", headers).status == 200  # of URLs and forms alone
    client.close()
    assert send(presign(old, "get_object", Bucket=bucket, Key="aged")).status == 200
    s3.delete_bucket_policy(Bucket=bucket)


def test_bodies_that_are_no_form(server, bucket):
    good = sign(server, bucket, [{"key": "k"}], {"key": "k"})
    ask = lambda body, headers: send(f"{server.endpoint}/{bucket}", "POST", body, headers)
    assert code(ask(b"x", {"Content-Type": "text/plain"})) == (412, "PreconditionFailed")
    body, headers = form(good)
    assert code(ask(body[:-20], headers)) == (400, "MalformedPOSTRequest")
    assert code(ask(b"nothing", headers)) == (400, "MalformedPOSTRequest")
    assert code(post(server, bucket, good, file=None)) == (400, "InvalidArgument")
    assert code(post(server, bucket, {**good, "x-ignore-much": "x" * 21000})) == (400, "MaxPostPreDataLengthExceededError")


def test_the_event_of_a_form(server, s3, bucket):
    sqs = server.client("sqs", profile="dev")
    url, arn = event_queue(sqs, "forms-" + uuid.uuid4().hex[:10])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:Post"]}]})
    assert post(server, bucket, sign(server, bucket, [{"key": "e"}], {"key": "e"})).status == 204
    bodies = [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert [r["eventName"] for b in bodies for r in b.get("Records", [])] == ["ObjectCreated:Post"]
