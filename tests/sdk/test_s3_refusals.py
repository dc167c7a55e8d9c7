"""What S3 refuses, and by which error: requests that are empty, contradict themselves or ask for what there is not.
Sources: S3 API reference; answers that users of S3 have recorded."""
import base64
import contextlib
import hashlib
import re
import sqlite3
import uuid

import botocore.session
import pytest

import raw
from rest import ask, code, element


def checked(body):
    return {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}


@pytest.fixture(scope="module")
def bucket(server):
    name = "refusals-" + uuid.uuid4().hex[:12]
    assert ask(server, "PUT", f"/{name}").status == 200
    assert ask(server, "PUT", f"/{name}/k", {}, b"hello").status == 200
    return name


@pytest.fixture(scope="module")
def locked(server):
    name = "refusals-lock-" + uuid.uuid4().hex[:12]
    assert ask(server, "PUT", f"/{name}", {"x-amz-bucket-object-lock-enabled": "true"}).status == 200
    return name


# ---- bodies


EMPTY = ["?versioning", "?notification", "?website", "?publicAccessBlock", "?ownershipControls", "?object-lock", "?lifecycle",
         "?encryption", "?cors", "?requestPayment", "?accelerate", "?logging", "?tagging", "/k?tagging", "/k?retention",
         "/k?legal-hold"]


@pytest.mark.parametrize("path", EMPTY)
def test_an_empty_body_sets_nothing(server, bucket, path):
    answer = ask(server, "PUT", f"/{bucket}{path}", checked(b""))
    assert code(answer) == (400, "MissingRequestBodyError")
    assert element(answer, "Message") == "Request Body is empty"


def test_an_empty_body_deletes_nothing(server, bucket):
    assert code(ask(server, "POST", f"/{bucket}?delete", checked(b""))) == (400, "MissingRequestBodyError")


def test_an_empty_body_where_none_is_needed(server, bucket):
    assert ask(server, "PUT", f"/{bucket}?acl", {"x-amz-acl": "private"}).status == 200
    assert ask(server, "PUT", f"/{bucket}/k?acl", {"x-amz-acl": "private"}).status == 200


@pytest.mark.parametrize("body,error,message", [
    ("", "InvalidRequest", "You must specify at least one part"),
    ("<CompleteMultipartUpload/>", "MalformedXML", None),
    ("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", "MalformedXML", None),
    ("<CompleteMultipartUpload><Part><PartNumber>0</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
     "InvalidArgument", "PartNumber must be &gt;= 1"),
    ("<CompleteMultipartUpload><Part><PartNumber>10001</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
     "InvalidPart", None),
])
def test_lists_of_parts_that_complete_nothing(server, bucket, body, error, message):
    upload = element(ask(server, "POST", f"/{bucket}/m?uploads"), "UploadId")
    answer = ask(server, "POST", f"/{bucket}/m?uploadId={upload}", {}, body.encode())
    assert code(answer) == (400, error)
    assert message is None or element(answer, "Message") == message
    assert ask(server, "DELETE", f"/{bucket}/m?uploadId={upload}").status == 204


# ---- documents


@pytest.mark.parametrize("path", EMPTY)
def test_another_document_sets_nothing(server, bucket, path):
    body = b"<Other/>"
    answer = ask(server, "PUT", f"/{bucket}{path}", checked(body), body)
    assert code(answer) == (400, "MalformedXML")
    assert "The document is a 'Other', not a '" in element(answer, "Message")


RULE = "<LifecycleConfiguration><Rule><ID>r</ID>%s<Status>Enabled</Status>%s</Rule></LifecycleConfiguration>"


@pytest.mark.parametrize("path,body,stranger", [
    ("?lifecycle", RULE % ("<Filter><Prefx>logs/</Prefx></Filter>", "<Expiration><Days>1</Days></Expiration>"), "Prefx"),
    ("?lifecycle", RULE % ("<Filter/>", "<Expiration><Days>1</Days><Days2>1</Days2></Expiration>"), "Days2"),
    ("?publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcl>true</BlockPublicAcl>"
     "</PublicAccessBlockConfiguration>", "BlockPublicAcl"),
    ("?notification", "<NotificationConfiguration><QueueConfigurations/></NotificationConfiguration>",
     "QueueConfigurations"),
    ("?tagging", "<Tagging><TagSet><Tags><Key>a</Key><Value>b</Value></Tags></TagSet></Tagging>", "Tags"),
    ("/k?tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value><More/></Tag></TagSet></Tagging>", "More"),
])
def test_an_element_that_is_unknown_is_not_passed_over(server, bucket, path, body, stranger):
    answer = ask(server, "PUT", f"/{bucket}{path}", checked(body.encode()), body.encode())
    assert code(answer) == (400, "MalformedXML")
    assert f"'{stranger}' is not an element of" in element(answer, "Message")


def test_a_misspelt_version_deletes_nothing(server, bucket):
    body = b"<Delete><Object><Key>k</Key><VersionID>1</VersionID></Object></Delete>"
    assert code(ask(server, "POST", f"/{bucket}?delete", checked(body), body)) == (400, "MalformedXML")
    assert ask(server, "HEAD", f"/{bucket}/k").status == 200


def document_of(shape, name):
    """One with every element that the model has."""
    kind = shape.type_name
    if kind == "list":
        inner = shape.member.serialization.get("name", "member")
        return (document_of(shape.member, name) if shape.serialization.get("flattened")
                else f"<{name}>{document_of(shape.member, inner)}</{name}>")
    if kind == "structure":
        members = "".join(document_of(member, member.serialization.get("name", key))
                          for key, member in shape.members.items() if not member.serialization.get("xmlAttribute"))
        return f"<{name}>{members}</{name}>"
    texts = {"integer": "1", "long": "1", "boolean": "true", "timestamp": "2030-01-01T00:00:00Z"}
    return f"<{name}>{texts.get(kind, getattr(shape, 'enum', None) and shape.enum[0] or 'x')}</{name}>"


def settings_of_the_model():
    model = botocore.session.get_session().get_service_model("s3")
    for name in model.operation_names:
        operation = model.operation_model(name)
        payload = operation.input_shape and operation.input_shape.serialization.get("payload")
        shape = operation.input_shape.members[payload] if payload else None
        if shape is not None and shape.type_name == "structure" and name != "CreateBucket" and not operation.deprecated:
            yield pytest.param(operation, shape, id=name)


def target_of(operation, bucket):
    path = operation.http["requestUri"].replace("{Bucket}", bucket).replace("{Key+}", "k").split("{")[0]
    needed = [m.serialization["name"] for m in map(operation.input_shape.members.get, operation.input_shape.required_members)
              if m.serialization.get("location") == "querystring"]
    return path + "".join(f"{'&' if '?' in path else '?'}{name}=x" for name in needed)


@pytest.mark.parametrize("operation,shape", settings_of_the_model())
def test_what_the_model_has_is_an_element(server, locked, operation, shape):
    body = document_of(shape, shape.serialization.get("name", shape.name)).encode()
    answer = ask(server, operation.http["method"], target_of(operation, locked), checked(body), body)
    assert b"is not an element of" not in answer.body and b"The document is a" not in answer.body


# Structures that are refused as a whole, whatever is in them.
OPAQUE = {"LoggingEnabled", "CloudFunctionConfiguration", "Transition", "NoncurrentVersionTransition"}


def twice_of(shape, name):
    """All documents with one element twice that the model has no list of, and which that is."""
    if shape.type_name == "list":
        inner = shape.member.serialization.get("name", "member")
        flat = shape.serialization.get("flattened")
        for document, twice in twice_of(shape.member, name if flat else inner):
            yield (document, twice) if flat else (f"<{name}>{document}</{name}>", twice)
    if shape.type_name != "structure":
        return
    members = {member.serialization.get("name", key): member for key, member in shape.members.items()
               if not member.serialization.get("xmlAttribute")}
    for key, member in members.items():
        rest = "".join(document_of(m, k) for k, m in members.items() if k != key)
        once = document_of(member, key)
        if not member.serialization.get("flattened"):
            yield f"<{name}>{once}{rest}{once}</{name}>", key
        for document, twice in twice_of(member, key) if key not in OPAQUE else ():
            yield f"<{name}>{rest}{document}</{name}>", twice


@pytest.mark.parametrize("operation,shape", settings_of_the_model())
def test_what_the_model_has_once_is_not_twice(server, locked, operation, shape):
    target = target_of(operation, locked)
    root = shape.serialization.get("name", shape.name)
    if ask(server, operation.http["method"], target).status == 501:
        return  # the operation as such
    for document, twice in twice_of(shape, root):
        answer = ask(server, operation.http["method"], target, checked(document.encode()), document.encode())
        assert (*code(answer), element(answer, "Message").split(" in ")[0]) == (
            400, "MalformedXML", f"'{twice}' is more than once"), document


def test_a_part_says_each_thing_once(server, bucket):
    upload = element(ask(server, "POST", f"/{bucket}/m?uploads"), "UploadId")
    complete = lambda body: ask(server, "POST", f"/{bucket}/m?uploadId={upload}", {}, body.encode())
    part = "<PartNumber>1</PartNumber><ETag>a</ETag>"
    for body, says in ((f"<Part>{part}<ETag>b</ETag></Part>", "'ETag' is more than once in 'Part'."),
                       (f"<Part>{part}<Etag>b</Etag></Part>", "'Etag' is not an element of 'Part'.")):
        answer = complete(f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>")
        assert (*code(answer), element(answer, "Message")) == (400, "MalformedXML", says)
    answer = complete(f"<Complete><Part>{part}</Part></Complete>")
    assert (*code(answer), element(answer, "Message")) == (
        400, "MalformedXML", "The document is a 'Complete', not a 'CompleteMultipartUpload'.")


# ---- object lock


def test_an_object_that_was_never_held_has_no_legal_hold(server, locked):
    assert ask(server, "PUT", f"/{locked}/never", {}, b"x").status == 200
    assert code(ask(server, "GET", f"/{locked}/never?legal-hold")) == (404, "NoSuchObjectLockConfiguration")
    assert "x-amz-object-lock-legal-hold" not in ask(server, "HEAD", f"/{locked}/never").headers


def test_a_bucket_that_retains_by_default_wants_a_digest_of_all_that_it_gets(server):
    name = "refusals-retain-" + uuid.uuid4().hex[:12]
    assert ask(server, "PUT", f"/{name}", {"x-amz-bucket-object-lock-enabled": "true"}).status == 200
    rule = (b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
            b"<Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>")
    assert ask(server, "PUT", f"/{name}?object-lock", checked(rule), rule).status == 200
    says = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {} requests with Object Lock parameters"
    bare = ask(server, "PUT", f"/{name}/k", {}, b"x")
    assert (*code(bare), element(bare, "Message")) == (400, "InvalidRequest", says.format("Object"))
    assert ask(server, "HEAD", f"/{name}/k").status == 404
    assert ask(server, "PUT", f"/{name}/k", checked(b"x"), b"x").status == 200
    assert ask(server, "PUT", f"/{name}/copy", {"x-amz-copy-source": f"/{name}/k"}).status == 200
    upload = element(ask(server, "POST", f"/{name}/m?uploads"), "UploadId")
    bare = ask(server, "PUT", f"/{name}/m?partNumber=1&uploadId={upload}", {}, b"x")
    assert (*code(bare), element(bare, "Message")) == (400, "InvalidRequest", says.format("Part"))
    sha = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    assert ask(server, "PUT", f"/{name}/m?partNumber=1&uploadId={upload}", {"x-amz-checksum-sha256": sha}, b"x").status == 200
    for key in ("k", "copy"):
        assert ask(server, "HEAD", f"/{name}/{key}").headers["x-amz-object-lock-mode"] == "GOVERNANCE"


# ---- paths


def test_a_plus_in_a_path_is_a_blank(server, bucket):
    """Recorded from S3: it signs `/a+b` as `/a%20b`, whatever the client made of it."""
    assert ask(server, "PUT", f"/{bucket}/a%20b", {}, b"blank").status == 200
    assert ask(server, "PUT", f"/{bucket}/a%2Bb", {}, b"plus").status == 200
    unlike = raw.s3_request(server, "GET", f"/{bucket}/a%2Bb").replace(b"/a%2Bb", b"/a+b", 1)
    like = raw.s3_request(server, "GET", f"/{bucket}/a%20b").replace(b"/a%20b", b"/a+b", 1)
    client = raw.Raw(server)
    client.send(like)
    assert client.read().body == b"blank"
    client.send(unlike)
    refused = client.read()
    assert code(refused) == (403, "SignatureDoesNotMatch") and f"/{bucket}/a%20b" in refused.text
    client.close()
    assert ask(server, "GET", f"/{bucket}/a%2Bb").body == b"plus"


# ---- buckets


@pytest.mark.parametrize("headers,status,error,elements", [
    ({"x-amz-acl": "public-read"}, 400, "InvalidBucketAclWithObjectOwnership", {}),
    ({"x-amz-acl": "authenticated-read"}, 400, "InvalidBucketAclWithObjectOwnership", {}),
    ({"x-amz-grant-read": "id=abc"}, 400, "InvalidBucketAclWithObjectOwnership", {}),
    ({"x-amz-acl": "wrong"}, 400, "InvalidArgument", {"ArgumentName": "x-amz-acl", "ArgumentValue": "wrong"}),
    ({"x-amz-object-ownership": "Wrong"}, 400, "InvalidArgument",
     {"ArgumentName": "x-amz-object-ownership", "ArgumentValue": "Wrong", "Message": "Invalid x-amz-object-ownership header: Wrong"}),
    ({"x-amz-object-ownership": "ObjectWriter"}, 501, "NotImplemented", {}),
    ({"x-amz-bucket-object-lock-enabled": "wrong"}, 400, "InvalidArgument",
     {"ArgumentName": "x-amz-bucket-object-lock-enabled", "ArgumentValue": "wrong"}),
])
def test_buckets_that_are_not_made(server, headers, status, error, elements):
    name = "refusals-none-" + uuid.uuid4().hex[:12]
    answer = ask(server, "PUT", f"/{name}", headers)
    assert code(answer) == (status, error)
    for element_name, value in elements.items():
        assert element(answer, element_name) == value
    assert ask(server, "HEAD", f"/{name}").status == 404


def test_a_bucket_with_what_new_ones_have(server):
    name = "refusals-new-" + uuid.uuid4().hex[:12]
    body = (b"<CreateBucketConfiguration><Tags><Tag><Key>team</Key><Value>shop</Value></Tag></Tags></CreateBucketConfiguration>")
    headers = {"x-amz-acl": "private", "x-amz-object-ownership": "BucketOwnerEnforced", "x-amz-bucket-object-lock-enabled": "False"}
    assert ask(server, "PUT", f"/{name}", headers, body).status == 200
    assert "<Key>team</Key><Value>shop</Value>" in ask(server, "GET", f"/{name}?tagging").text
    assert ask(server, "PUT", f"/{name}").status == 200
    assert "<Key>team</Key>" in ask(server, "GET", f"/{name}?tagging").text


@pytest.mark.parametrize("name", ["xn--shop", "sthree-shop", "amzn-s3-demo-shop", "shop-s3alias", "shop--ol-s3", "shop.mrap", "shop--x-s3",
                                  "shop--table-s3"])
def test_names_that_aws_keeps_for_itself(server, name):
    assert code(ask(server, "PUT", f"/{name}")) == (400, "InvalidBucketName")


@pytest.mark.parametrize("tags,message", [
    ([("aws:x", "v")], "System tags cannot be added/updated by requester"),
    ([("k" * 129, "v")], "The TagKey you have provided is invalid"),
    ([("a!", "v")], "The TagKey you have provided is invalid"),
    ([("k", "v" * 257)], "The TagValue you have provided is invalid"),
])
def test_tags_that_a_bucket_does_not_get(server, bucket, tags, message):
    body = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in tags)
    body = f"<Tagging><TagSet>{body}</TagSet></Tagging>".encode()
    answer = ask(server, "PUT", f"/{bucket}?tagging", checked(body), body)
    assert (*code(answer), element(answer, "Message")) == (400, "InvalidTag", message)


def test_uploads_under_way_do_not_keep_a_bucket(server):
    name = "refusals-uploads-" + uuid.uuid4().hex[:12]
    ask(server, "PUT", f"/{name}")
    uploads = [element(ask(server, "POST", f"/{name}/{key}?uploads"), "UploadId") for key in ("a", "b")]
    assert ask(server, "PUT", f"/{name}/a?partNumber=1&uploadId={uploads[0]}", {}, b"x" * 100000).status == 200
    assert ask(server, "DELETE", f"/{name}").status == 204
    assert ask(server, "PUT", f"/{name}").status == 200
    assert "<Upload>" not in ask(server, "GET", f"/{name}?uploads").text


def test_the_expected_owner_is_an_account(server, bucket):
    answer = ask(server, "GET", f"/{bucket}/k", {"x-amz-expected-bucket-owner": "me"})
    assert code(answer) == (400, "InvalidBucketOwnerAWSAccountID")
    assert code(ask(server, "GET", f"/{bucket}/k", {"x-amz-expected-bucket-owner": "999999999999"})) == (403, "AccessDenied")


# ---- copies and deletions


def test_a_copy_has_no_body(server, bucket):
    upload = element(ask(server, "POST", f"/{bucket}/m?uploads"), "UploadId")
    for path in ("copied", f"m?partNumber=1&uploadId={upload}"):
        answer = ask(server, "PUT", f"/{bucket}/{path}", {"x-amz-copy-source": f"/{bucket}/k"}, b"body")
        assert code(answer) == (400, "InvalidRequest") and "must not include a non-empty body" in answer.text
    assert ask(server, "HEAD", f"/{bucket}/copied").status == 404


@pytest.mark.parametrize("header,value", [("x-amz-if-match-size", "3"), ("x-amz-if-match-last-modified-time", "Mon, 01 Jan 2024 00:00:00 GMT")])
def test_a_condition_of_directory_buckets_deletes_nothing(server, bucket, header, value):
    answer = ask(server, "DELETE", f"/{bucket}/k", {header: value})
    assert (*code(answer), element(answer, "Header")) == (501, "NotImplemented", header)
    assert ask(server, "GET", f"/{bucket}/k").body == b"hello"


def test_a_condition_of_directory_buckets_aborts_nothing(server, bucket):
    upload = element(ask(server, "POST", f"/{bucket}/m?uploads"), "UploadId")
    header = {"x-amz-if-match-initiated-time": "Mon, 01 Jan 2024 00:00:00 GMT"}
    assert code(ask(server, "DELETE", f"/{bucket}/m?uploadId={upload}", header)) == (501, "NotImplemented")
    assert ask(server, "DELETE", f"/{bucket}/m?uploadId={upload}").status == 204


def test_a_copys_source_is_at_most_5_gib(server, bucket):
    """One of more would take a while to make: the database is told that it is."""
    assert ask(server, "PUT", f"/{bucket}/large", {}, b"x").status == 200
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "slipway.db")) as database, database:
        database.execute("UPDATE s3_object SET size = ? WHERE bucket = ? AND key = 'large'", ((5 << 30) + 1, bucket))
    server.start()
    answer = ask(server, "PUT", f"/{bucket}/copied", {"x-amz-copy-source": f"/{bucket}/large"})
    assert (*code(answer), element(answer, "Message")) == (
        400, "InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")


def test_an_error_says_each_thing_once(server, bucket):
    answer = ask(server, "PUT", f"/{bucket}/m?partNumber=1&uploadId=none", {}, b"x")
    assert code(answer) == (404, "NoSuchUpload") and answer.text.count("<UploadId>") == 1
    answer = ask(server, "PUT", f"/{bucket}/m?partNumber=0&uploadId=none", {}, b"x")
    assert code(answer) == (400, "InvalidArgument") and "<UploadId>" not in answer.text


# ---- uploads: recorded from S3 by those who compared it with a server of theirs


def test_an_upload_is_not_put(server, bucket):
    answer = ask(server, "PUT", f"/{bucket}/m?uploadId=some", {}, b"x")
    assert (*code(answer), element(answer, "Method"), element(answer, "ResourceType")) == (405, "MethodNotAllowed", "PUT", "UPLOAD")
    assert answer.headers["Allow"] == "DELETE, POST, GET"
    assert ask(server, "HEAD", f"/{bucket}/m").status == 404


def test_a_part_without_its_upload(server, bucket):
    answer = ask(server, "PUT", f"/{bucket}/m?partNumber=3", {}, b"x")
    assert (*code(answer), element(answer, "ArgumentName"), element(answer, "ArgumentValue")) == (
        400, "InvalidArgument", "partNumber", "partNumber")


def test_what_a_completion_says_besides_its_parts(server, bucket):
    upload = element(ask(server, "POST", f"/{bucket}/m?uploads"), "UploadId")
    etag = ask(server, "PUT", f"/{bucket}/m?partNumber=1&uploadId={upload}", {}, b"x").headers["ETag"]
    body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>".encode()
    complete = lambda headers, id=upload: ask(server, "POST", f"/{bucket}/m?uploadId={id}", headers, body)
    answer = complete({"x-amz-mp-object-size": "size"})
    assert (*code(answer), element(answer, "Message")) == (400, "InvalidRequest", "Value for x-amz-mp-object-size header is invalid: 'size'")
    assert code(complete({"x-amz-copy-source": f"/{bucket}/k"})) == (400, "InvalidArgument")
    answer = complete({}, "")
    assert (*code(answer), element(answer, "UploadId")) == (404, "NoSuchUpload", "")
    assert element(answer, "Message") == (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
    assert ask(server, "DELETE", f"/{bucket}/m?uploadId={upload}").status == 204


def test_the_last_page_of_uploads_says_where_it_ends(server):
    name = "refusals-pages-" + uuid.uuid4().hex[:12]
    ask(server, "PUT", f"/{name}")
    assert "<NextKeyMarker>" not in ask(server, "GET", f"/{name}?uploads").text
    upload = element(ask(server, "POST", f"/{name}/m?uploads"), "UploadId")
    answer = ask(server, "GET", f"/{name}?uploads")
    assert [element(answer, n) for n in ("IsTruncated", "NextKeyMarker", "NextUploadIdMarker")] == ["false", "m", upload]
    answer = ask(server, "GET", f"/{name}?uploads&upload-id-marker=wrong")
    assert element(answer, "UploadIdMarker") == "" and element(answer, "Key") == "m"
    answer = ask(server, "GET", f"/{name}?uploads&key-marker=m&upload-id-marker=wrong")
    assert (*code(answer), element(answer, "Message")) == (400, "InvalidArgument", "Invalid uploadId marker")


# ---- requests as such


def test_a_payload_of_no_form_that_there_is(server, bucket):
    client = raw.Raw(server)
    client.send(re.sub(rb"(?i)(x-amz-content-sha256: )\w+", rb"\1gibberish", raw.s3_request(server, "GET", f"/{bucket}/k")))
    answer = client.read()
    client.close()
    assert (*code(answer), element(answer, "ArgumentName"), element(answer, "ArgumentValue")) == (
        400, "InvalidArgument", "x-amz-content-sha256", "gibberish")
    assert element(answer, "Message").startswith("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, ")


def test_regions_of_buckets(server):
    answer = ask(server, "GET", "/?bucket-region=abc")
    assert (*code(answer), element(answer, "ArgumentName"), element(answer, "Message")) == (
        400, "InvalidArgument", "bucket-region", "Argument value abc is not a valid AWS Region")
    for region in ("us-gov-west-1", "ap-southeast-5"):
        answer = ask(server, "GET", f"/?bucket-region={region}")
        assert answer.status == 200 and "<Bucket>" not in answer.text
    assert "<Bucket>" in ask(server, "GET", "/?bucket-region=us-east-1").text


def test_locks_where_there_are_none(server, bucket):
    until = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "2050-01-01T00:00:00Z"}
    for answer in (ask(server, "PUT", f"/{bucket}/l", {**checked(b"x"), **until}, b"x"), ask(server, "POST", f"/{bucket}/l?uploads", until),
                   ask(server, "PUT", f"/{bucket}/l", {**until, "x-amz-copy-source": f"/{bucket}/k"})):
        assert (*code(answer), element(answer, "Message")) == (400, "InvalidRequest", "Bucket is missing ObjectLockConfiguration")
    answer = ask(server, "GET", f"/{bucket}/k?retention")
    assert (*code(answer), element(answer, "Message")) == (400, "InvalidRequest", "Bucket is missing Object Lock Configuration")


def test_a_buckets_region_is_told_to_who_may_not_see_it(server, bucket):
    client = raw.Raw(server)
    unsigned = client.ask("HEAD", f"/{bucket}")
    client.close()
    other = ask(server, "HEAD", f"/{bucket}", {"x-amz-expected-bucket-owner": "999999999999"})
    assert [(a.status, a.headers["x-amz-bucket-region"]) for a in (unsigned, other)] == [(403, "us-east-1")] * 2
    assert "x-amz-bucket-region" not in ask(server, "HEAD", "/refusals-nobody-s").headers


# ---- what S3 has since 2026, and Slipway has not: it must not be taken for something else


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_annotations_leave_the_object_alone(server, bucket, method):
    answer = ask(server, method, f"/{bucket}/k?annotation&annotationName=note", {}, b"note" if method == "PUT" else b"")
    assert code(answer) == (501, "NotImplemented")
    assert ask(server, "GET", f"/{bucket}/k").body == b"hello"


@pytest.mark.parametrize("header,value", [("x-amz-object-lock-event-hold", "ON"), ("x-amz-object-lock-event-hold-duration-days", "1"),
                                          ("x-amz-object-lock-event-hold-duration-years", "1"), ("x-amz-write-offset-bytes", "5")])
def test_headers_that_ask_for_what_there_is_not(server, locked, header, value):
    for answer in (ask(server, "PUT", f"/{locked}/new", {**checked(b"x"), header: value}, b"x"),
                   ask(server, "POST", f"/{locked}/new?uploads", {header: value}), ):
        assert (*code(answer), element(answer, "Header")) == (501, "NotImplemented", header)
    assert ask(server, "HEAD", f"/{locked}/new").status == 404


def test_event_holds_in_documents(server, locked):
    assert ask(server, "PUT", f"/{locked}/held", {}, b"x").status == 200
    for body in (b"<Retention><EventHold>ON</EventHold></Retention>",
                 b"<Retention><EventHoldDuration><Days>1</Days></EventHoldDuration></Retention>"):
        assert code(ask(server, "PUT", f"/{locked}/held?retention", checked(body), body)) == (501, "NotImplemented")
    for inner in (b"<DefaultEventHold><Days>1</Days></DefaultEventHold>",
                  b"<Mode>GOVERNANCE</Mode><Days>1</Days><DefaultEventHold><Days>1</Days></DefaultEventHold>"):
        body = (b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>" + inner
                + b"</DefaultRetention></Rule></ObjectLockConfiguration>")
        assert code(ask(server, "PUT", f"/{locked}?object-lock", checked(body), body)) == (501, "NotImplemented")
    assert "<Rule>" not in ask(server, "GET", f"/{locked}?object-lock").text


def test_a_name_of_an_accounts_own(server):
    name = "refusals-own-" + uuid.uuid4().hex[:12]
    assert code(ask(server, "PUT", f"/{name}", {"x-amz-bucket-namespace": "account-regional"})) == (501, "NotImplemented")
    assert ask(server, "PUT", f"/{name}", {"x-amz-bucket-namespace": "global"}).status == 200


@pytest.mark.parametrize("place,message", [
    ("elsewhere", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."),
    ("/" + "p" * 2048, "The length of website redirect location cannot exceed 2,048 characters."),
])
def test_places_that_no_object_redirects_to(server, bucket, place, message):
    headers = {"x-amz-website-redirect-location": place}
    for answer in (ask(server, "PUT", f"/{bucket}/r", headers, b"x"), ask(server, "POST", f"/{bucket}/r?uploads", headers),
                   ask(server, "PUT", f"/{bucket}/r", {**headers, "x-amz-copy-source": f"/{bucket}/k"})):
        assert (*code(answer), element(answer, "Message")) == (400, "InvalidRedirectLocation", message)
