"""What errors and answers say besides their code, as AWS's do: which argument, which condition, which version, which region.
Sources: S3 API reference, "Error responses"; answers that users of S3 have recorded."""
import base64
import hashlib
import re
import urllib.parse

import pytest

import raw
from rest import ask, code, element


@pytest.fixture(scope="module")
def bucket(server):
    ask(server, "PUT", "/answers")
    ask(server, "PUT", "/answers?versioning", body=b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    ask(server, "PUT", "/answers/k", body=b"hello")
    return "answers"


def says(server, answer, **elements):
    for name, value in elements.items():
        assert element(answer, name) == value, answer.text


# method, target, headers; status, code, elements
ERRORS = [
    ("PUT", "/k", {"Content-MD5": "AAAA"}, 400, "InvalidDigest", {"Content-MD5": "AAAA"}),
    # the expected digest is hex, the calculated one base64: recorded from S3
    ("PUT", "/k", {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, 400, "BadDigest",
     {"ExpectedDigest": "d41d8cd98f00b204e9800998ecf8427e", "CalculatedDigest": base64.b64encode(hashlib.md5(b"x").digest()).decode()}),
    ("POST", "?delete", {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, 400, "BadDigest",
     {"ExpectedDigest": "d41d8cd98f00b204e9800998ecf8427e"}),
    ("PUT", "/" + "k" * 1025, {}, 400, "KeyTooLongError", {"Size": "1025", "MaxSizeAllowed": "1024"}),
    ("PUT", "/k", {"x-amz-meta-a": "b" * 2048}, 400, "MetadataTooLarge", {"Size": "2049", "MaxSizeAllowed": "2048"}),
    ("PUT", "/k", {"Content-Disposition": "d" * 2048}, 400, "MetadataTooLarge", {"MaxSizeAllowed": "2048"}),
    ("POST", "/k?uploads", {"Cache-Control": "d" * 2048}, 400, "MetadataTooLarge", {"MaxSizeAllowed": "2048"}),
    ("PUT", "/k", {"If-Match": "*"}, 501, "NotImplemented", {"Header": "If-Match"}),
    ("PUT", "/k", {"x-amz-rename-source": "/answers/o"}, 501, "NotImplemented", {"Header": "x-amz-rename-source"}),
    ("PUT", "/k", {"x-amz-tagging": "a%3F=b"}, 400, "InvalidTag", {"TagKey": "a?"}),
    ("PUT", "/k", {"x-amz-tagging": "a=b%3F"}, 400, "InvalidTag", {"TagKey": "a", "TagValue": "b?"}),
    ("GET", "/k?uploads", {}, 400, "InvalidRequest", {"Message": "Key is not expected for the GET method ?uploads subresource"}),
    ("GET", "/k?versions", {}, 400, "InvalidRequest", {"Message": "There is no such thing as the ?versions sub-resource for a key"}),
    ("GET", "/k", {"x-amz-copy-source": "/answers/k"}, 400, "InvalidArgument", {"ArgumentName": "x-amz-copy-source"}),
    ("DELETE", "/k", {"x-amz-copy-source": "/answers/k"}, 400, "InvalidArgument", {"ArgumentName": "x-amz-copy-source"}),
    ("PUT", "/k?partNumber=1", {}, 400, "InvalidArgument", {"ArgumentName": "partNumber", "ArgumentValue": "partNumber"}),
    ("PUT", "/k", {"x-amz-checksum-sha512": "AAAA"}, 400, "InvalidRequest", {"Message": "Value for x-amz-checksum-sha512 header is invalid."}),
    ("GET", "?list-type=2&max-keys=x", {}, 400, "InvalidArgument", {"ArgumentName": "max-keys", "ArgumentValue": "x"}),
    ("GET", "?max-keys=-1", {}, 400, "InvalidArgument", {"ArgumentName": "max-keys", "ArgumentValue": "-1"}),
    ("GET", "?encoding-type=foo", {}, 400, "InvalidArgument", {"ArgumentName": "encoding-type", "ArgumentValue": "foo"}),
    ("GET", "?list-type=2&continuation-token=?", {}, 400, "InvalidArgument", {"ArgumentName": "continuation-token"}),
    ("GET", "/k?versionId=", {}, 400, "InvalidArgument", {"ArgumentName": "versionId", "ArgumentValue": ""}),
    ("GET", "/k?versionId=abc", {}, 400, "InvalidArgument", {"ArgumentName": "versionId", "ArgumentValue": "abc"}),
    ("DELETE", "/k?versionId=abc", {}, 400, "InvalidArgument", {"ArgumentName": "versionId", "ArgumentValue": "abc"}),
    ("GET", "/k?versionId=KC0WuaPTHv7At3olS.BPuH.weAJqMkKJ", {}, 404, "NoSuchVersion",
     {"VersionId": "KC0WuaPTHv7At3olS.BPuH.weAJqMkKJ"}),
    ("GET", "/k?partNumber=0", {}, 400, "InvalidArgument", {"ArgumentName": "partNumber", "ArgumentValue": "0"}),
    ("GET", "/k?partNumber=2", {}, 416, "InvalidPartNumber", {"ActualPartCount": "1", "PartNumberRequested": "2"}),
    ("GET", "/k", {"Range": "bytes=5-"}, 416, "InvalidRange", {"RangeRequested": "bytes=5-", "ActualObjectSize": "5"}),
    ("GET", "/k", {"If-Match": "x"}, 412, "PreconditionFailed", {"Condition": "If-Match"}),
    ("PUT", "/k", {"If-Match": "x"}, 412, "PreconditionFailed", {"Condition": "If-Match"}),
    ("PUT", "/k", {"If-None-Match": "*"}, 412, "PreconditionFailed", {"Condition": "If-None-Match"}),
    ("PUT", "/k", {"If-None-Match": "x"}, 501, "NotImplemented", {"Header": "If-None-Match"}),
    ("PUT", "/k", {"If-None-Match": "*", "If-Match": "x"}, 501, "NotImplemented", {}),
    ("PUT", "/c", {"x-amz-copy-source": "/answers/k", "x-amz-copy-source-if-match": "x"}, 412, "PreconditionFailed",
     {"Condition": "x-amz-copy-source-If-Match"}),
    ("PUT", "/c", {"x-amz-copy-source": "/answers/none"}, 404, "NoSuchKey", {"BucketName": "answers", "Key": "none"}),
    ("PUT", "/c", {"x-amz-copy-source": "/nobody-s/none"}, 404, "NoSuchBucket", {"BucketName": "nobody-s"}),
    ("PUT", "/c", {"x-amz-copy-source": "/answers/k?versionId=abc"}, 400, "InvalidArgument", {"ArgumentName": "versionId"}),
    ("PUT", "/k?partNumber=1&uploadId=none", {}, 404, "NoSuchUpload", {"UploadId": "none"}),
    ("PUT", "/k?versionId=null", {}, 400, "InvalidArgument", {"ArgumentName": "versionId", "ArgumentValue": "null"}),
    ("PUT", "?publicAccessBlock", {}, 400, "MalformedXML", {}),
    ("PUT", "/k", {"x-amz-storage-class": "GLACIER"}, 400, "InvalidStorageClass", {"StorageClassRequested": "GLACIER"}),
    ("PUT", "/k", {"x-amz-acl": "privatee"}, 400, "InvalidArgument", {"ArgumentName": "x-amz-acl", "ArgumentValue": "privatee"}),
    ("PUT", "/k", {"x-amz-sdk-checksum-algorithm": "FOO"}, 400, "InvalidRequest", {}),
    ("PUT", "/k", {"x-amz-object-lock-legal-hold": "wrong"}, 400, "InvalidArgument",
     {"ArgumentName": "x-amz-object-lock-legal-hold", "ArgumentValue": "wrong"}),
    ("GET", "/k?attributes", {"x-amz-object-attributes": "ETags"}, 400, "InvalidArgument",
     {"ArgumentName": "x-amz-object-attributes", "ArgumentValue": "ETags"}),
]


def body_of(method, path, headers):
    if path == "?publicAccessBlock":
        return b"<PublicAccessBlockConfiguration/>"
    if path == "?delete":
        return b"<Delete><Object><Key>none</Key></Object></Delete>"
    return b"x" if method == "PUT" and "x-amz-copy-source" not in headers else b""


@pytest.mark.parametrize("method,path,headers,status,error,elements", ERRORS)
def test_errors_say_what_they_are_about(server, bucket, method, path, headers, status, error, elements):
    answer = ask(server, method, f"/{bucket}{path}", headers, body_of(method, path, headers))
    assert code(answer) == (status, error), answer.text
    says(server, answer, **elements)


@pytest.mark.parametrize("method,target,body", [
    ("POST", "?delete", b"<Delete><Object><Key>none</Key></Object></Delete>"),
    ("PUT", "?tagging", b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
    ("PUT", "?cors", b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"
                     b"</CORSConfiguration>"),
    ("PUT", "?lifecycle", b"<LifecycleConfiguration><Rule><Status>Disabled</Status><Filter><Prefix>x</Prefix></Filter>"
                          b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"),
    ("PUT", "?object-lock", b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"),
    ("PUT", "/k?retention", b"<Retention/>"),
    ("PUT", "/k?legal-hold", b"<LegalHold><Status>OFF</Status></LegalHold>"),
])
def test_bodies_whose_checksum_must_be_said(server, bucket, method, target, body):
    answer = ask(server, method, f"/{bucket}{target}", {}, body)
    assert code(answer) == (400, "InvalidRequest")
    says(server, answer, Message="Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    for name, digest in (("Content-MD5", hashlib.md5(body)), ("x-amz-checksum-sha256", hashlib.sha256(body))):
        answer = ask(server, method, f"/{bucket}{target}", {name: base64.b64encode(digest.digest()).decode()}, body)
        assert answer.status in (200, 204) or "Missing required header" not in answer.text


def test_a_body_that_is_too_large_is_told_before_it_is_sent(server, bucket):
    client = raw.Raw(server)
    headers = raw.signed(server, "s3", "PUT", f"/{bucket}/k", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    client.send(raw.request("PUT", f"/{bucket}/k", headers, length=(5 << 30) + 1))
    answer = client.read()
    client.close()
    assert code(answer) == (400, "EntityTooLarge")
    says(server, answer, ProposedSize=str((5 << 30) + 1), MaxSizeAllowed=str(5 << 30))


def test_a_body_that_was_not_signed_is_told_with_both_digests(server, bucket):
    client = raw.Raw(server)
    answer = client.ask("PUT", f"/{bucket}/k", raw.signed(server, "s3", "PUT", f"/{bucket}/k", body=b"a"), b"b")
    client.close()
    assert code(answer) == (400, "XAmzContentSHA256Mismatch")
    says(server, answer, ClientComputedContentSHA256=hashlib.sha256(b"a").hexdigest(),
         S3ComputedContentSHA256=hashlib.sha256(b"b").hexdigest())


CLASS = "x-amz-storage-class"


@pytest.mark.parametrize("of", ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "REDUCED_REDUNDANCY", "INTELLIGENT_TIERING", "GLACIER_IR"])
def test_a_class_is_told_wherever_the_object_is(server, bucket, of):
    """Reads have no header for STANDARD; listings and attributes always have an element."""
    told = None if of == "STANDARD" else of
    assert ask(server, "PUT", f"/{bucket}/class", {CLASS: of}, b"x").status == 200
    for method in ("HEAD", "GET"):
        assert ask(server, method, f"/{bucket}/class").headers[CLASS] == told
    for listing in ("?prefix=class", "?list-type=2&prefix=class", "?versions&prefix=class"):
        assert element(ask(server, "GET", f"/{bucket}{listing}"), "StorageClass") == of
    attributes = ask(server, "GET", f"/{bucket}/class?attributes", {"x-amz-object-attributes": "StorageClass"})
    assert element(attributes, "StorageClass") == of


def test_a_copy_has_the_class_that_is_said_not_its_sources(server, bucket):
    ask(server, "PUT", f"/{bucket}/class", {CLASS: "STANDARD_IA", "x-amz-meta-a": "b"}, b"x")
    source = {"x-amz-copy-source": f"/{bucket}/class"}
    ask(server, "PUT", f"/{bucket}/copy", source)
    assert ask(server, "HEAD", f"/{bucket}/copy").headers[CLASS] is None
    ask(server, "PUT", f"/{bucket}/copy", {**source, CLASS: "ONEZONE_IA"})
    assert ask(server, "HEAD", f"/{bucket}/copy").headers[CLASS] == "ONEZONE_IA"
    assert code(ask(server, "PUT", f"/{bucket}/copy", {**source, CLASS: "NONE"})) == (400, "InvalidStorageClass")
    assert code(ask(server, "PUT", f"/{bucket}/class", source)) == (400, "InvalidRequest")
    for itself in ({CLASS: "GLACIER_IR"}, {CLASS: "STANDARD"}, {"x-amz-website-redirect-location": "/there"}):
        assert ask(server, "PUT", f"/{bucket}/class", {**source, **itself}).status == 200
        head = ask(server, "HEAD", f"/{bucket}/class").headers
        assert head["x-amz-meta-a"] == "b"
        assert head[CLASS] == (None if itself.get(CLASS) == "STANDARD" else itself.get(CLASS))
    assert head["x-amz-website-redirect-location"] == "/there"
    ask(server, "PUT", f"/{bucket}/copy", source)  # a redirect is an object's own
    assert ask(server, "HEAD", f"/{bucket}/copy").headers["x-amz-website-redirect-location"] is None


def test_an_upload_has_its_class_and_who_began_it(server, bucket):
    made = ask(server, "POST", f"/{bucket}/up?uploads", {CLASS: "STANDARD_IA"})
    upload = element(made, "UploadId")
    put = ask(server, "PUT", f"/{bucket}/up?partNumber=1&uploadId={upload}", body=b"x")
    for listing in (f"/up?uploadId={upload}", "?uploads&prefix=up"):
        answer = ask(server, "GET", f"/{bucket}{listing}")
        assert element(answer, "StorageClass") == "STANDARD_IA"
        assert element(answer, "Initiator") == element(answer, "Owner") and "<ID>" in element(answer, "Owner")
    listed = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{put.headers['ETag']}</ETag></Part></CompleteMultipartUpload>"
    assert ask(server, "POST", f"/{bucket}/up?uploadId={upload}", body=listed.encode()).status == 200
    assert ask(server, "HEAD", f"/{bucket}/up").headers[CLASS] == "STANDARD_IA"


def test_a_user_who_began_an_upload_is_told_by_arn(server, bucket):
    iam = server.client("iam")
    user = iam.create_user(UserName="builder")["User"]
    key = iam.create_access_key(UserName="builder")["AccessKey"]
    s3 = server.client("s3", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="theirs")["UploadId"]
    parts = s3.list_parts(Bucket=bucket, Key="theirs", UploadId=upload)
    assert parts["Initiator"] == {"ID": user["Arn"]} != parts["Owner"]
    assert s3.list_multipart_uploads(Bucket=bucket, Prefix="theirs")["Uploads"][0]["Initiator"] == {"ID": user["Arn"]}


def test_a_delete_marker_says_that_it_is_one(server, bucket):
    ask(server, "PUT", f"/{bucket}/marked", body=b"x")
    marker = ask(server, "DELETE", f"/{bucket}/marked").headers["x-amz-version-id"]
    answer = ask(server, "GET", f"/{bucket}/marked?versionId={marker}")
    assert code(answer) == (405, "MethodNotAllowed")
    says(server, answer, Method="GET", ResourceType="DeleteMarker")
    assert answer.headers["x-amz-delete-marker"] == "true" and answer.headers["Allow"] == "DELETE"
    assert answer.headers["Last-Modified"]


def test_deletions_tell_of_each_version_that_is_none(server, bucket):
    body = b"<Delete><Object><Key>k</Key><VersionId>abc</VersionId></Object><Object><Key>none</Key></Object></Delete>"
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    answer = ask(server, "POST", f"/{bucket}?delete", {"Content-MD5": md5}, body)
    assert re.search("<Error><Key>k</Key><VersionId>abc</VersionId><Code>NoSuchVersion</Code>", answer.text), answer.text
    assert "<Deleted><Key>none</Key>" in answer.text


def test_only_a_wrong_signature_is_explained(server, bucket):
    """Also where a key is signed in another spelling than S3's own."""
    ask(server, "PUT", f"/{bucket}/a%20b(c)", body=b"x")
    answer = ask(server, "GET", f"/{bucket}/a%20b(c)", {"Range": "bytes=9-"})
    assert code(answer) == (416, "InvalidRange") and "CanonicalRequest" not in answer.text
    headers = raw.signed(server, "s3", "GET", f"/{bucket}/k")
    headers["Authorization"] = headers["Authorization"][:-4] + "0000"
    client = raw.Raw(server)
    wrong = client.ask("GET", f"/{bucket}/k", headers)
    client.close()
    assert code(wrong) == (403, "SignatureDoesNotMatch")
    for name in ("StringToSign", "CanonicalRequest"):
        spelt = bytes.fromhex(element(wrong, name + "Bytes")).decode()
        assert spelt == element(wrong, name)


@pytest.mark.parametrize("signing,status,error,elements", [
    ({"region": "eu-west-1"}, 400, "AuthorizationHeaderMalformed", {"Region": "us-east-1"}),
    ({"keys": ("AKIAABCDEFGHIJKLMNOP", "x")}, 403, "InvalidAccessKeyId", {"AWSAccessKeyId": "AKIAABCDEFGHIJKLMNOP"}),
    ({"at": -3600}, 403, "RequestTimeTooSkewed", {"MaxAllowedSkewMilliseconds": "900000"}),
])
def test_refused_signatures_say_what_would_be_right(server, bucket, signing, status, error, elements):
    client = raw.Raw(server)
    answer = client.ask("GET", f"/{bucket}/k", raw.signed(server, "s3", "GET", f"/{bucket}/k", **signing))
    client.close()
    assert code(answer) == (status, error)
    says(server, answer, **elements)
    assert error != "RequestTimeTooSkewed" or element(answer, "ServerTime") > element(answer, "RequestTime")


@pytest.mark.parametrize("presign_s", [None, 100])
def test_headers_that_were_not_signed_are_named(server, bucket, presign_s):
    """Else whoever has a link could make a copy of it, or lock what is put."""
    signed = raw.signed(server, "s3", "PUT", f"/{bucket}/k", presign_s=presign_s)
    target, headers = signed if presign_s else (f"/{bucket}/k", signed)
    client = raw.Raw(server)
    answer = client.ask("PUT", target, {**headers, "x-amz-copy-source": f"/{bucket}/k", "X-Amz-Meta-A": "b"})
    client.close()
    assert code(answer) == (403, "AccessDenied")
    says(server, answer, HeadersNotSigned="x-amz-copy-source, x-amz-meta-a",
         Message="There were headers present in the request which were not signed")


def test_an_expired_link_says_since_when(server, bucket):
    target, headers = raw.signed(server, "s3", "GET", f"/{bucket}/k", presign_s=1, at=-100)
    client = raw.Raw(server)
    answer = client.ask("GET", target, headers)
    client.close()
    assert code(answer) == (403, "AccessDenied")
    assert element(answer, "Expires") < element(answer, "ServerTime")


@pytest.mark.parametrize("change,error,says", [
    (("X-Amz-Expires=100", "X-Amz-Expires=604801"), "AuthorizationQueryParametersError", "less than a week"),
    (("X-Amz-Expires=100", "X-Amz-Expires=-1"), "AuthorizationQueryParametersError", "non-negative"),
    (("X-Amz-Expires=100", "X-Amz-Expires=soon"), "AuthorizationQueryParametersError", "should be a number"),
    (("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), "AuthorizationQueryParametersError", "requires the X-Amz-Algorithm"),
])
def test_links_that_cannot_be_read_say_what_is_wrong(server, bucket, change, error, says):
    target, headers = raw.signed(server, "s3", "GET", f"/{bucket}/k", presign_s=100)
    client = raw.Raw(server)
    answer = client.ask("GET", target.replace(*change), headers)
    client.close()
    assert code(answer) == (400, error) and says in element(answer, "Message")


@pytest.mark.parametrize("query,authorization,says", [
    (False, "Basic YWJj", "Unsupported Authorization Type"),
    (True, "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0", "Only one auth mechanism"),
])
def test_ways_to_authenticate_that_there_are_not(server, bucket, query, authorization, says):
    target, headers = raw.signed(server, "s3", "GET", f"/{bucket}/k", presign_s=100) if query else (f"/{bucket}/k", {})
    client = raw.Raw(server)
    answer = client.ask("GET", target, {**headers, "Authorization": authorization})
    client.close()
    assert code(answer) == (400, "InvalidArgument") and says in element(answer, "Message")
    assert (element(answer, "ArgumentName"), element(answer, "ArgumentValue")) == ("Authorization", authorization)


def test_a_part_that_is_not_there_is_named(server, bucket):
    upload = element(ask(server, "POST", f"/{bucket}/parts?uploads"), "UploadId")
    listed = b'<CompleteMultipartUpload><Part><PartNumber>7</PartNumber><ETag>"gibberish"</ETag></Part></CompleteMultipartUpload>'
    answer = ask(server, "POST", f"/{bucket}/parts?uploadId={upload}", body=listed)
    assert code(answer) == (400, "InvalidPart")
    says(server, answer, UploadId=upload, PartNumber="7", ETag="gibberish")


def test_keys_are_encoded_as_clients_decode_them(server, bucket):
    """A blank is `+`, as recorded from S3: only so a key with a blank and one with a plus are told apart by who decodes either."""
    spelt = {"odd/a b": "odd/a+b", "odd/a+b": "odd/a%2Bb", "odd/100%": "odd/100%25", "odd/(3)*~'": "odd/%283%29*%7E%27",
             "odd/x y/한": "odd/x+y/%ED%95%9C", "odd/&<=:,@": "odd/%26%3C%3D%3A%2C%40"}
    for key in spelt:
        ask(server, "PUT", f"/{bucket}/{urllib.parse.quote(key)}", body=b"x")
    answer = ask(server, "GET", f"/{bucket}?list-type=2&encoding-type=url&prefix=odd/&start-after=odd/%20")
    assert re.findall("<Key>(.*?)</Key>", answer.text) == [spelt[key] for key in sorted(spelt, key=str.encode)]
    assert element(answer, "StartAfter") == "odd/+" and element(answer, "EncodingType") == "url"
    assert [urllib.parse.unquote_plus(key) for key in re.findall("<Key>(.*?)</Key>", answer.text)] == sorted(spelt, key=str.encode)
    rolled = ask(server, "GET", f"/{bucket}?encoding-type=url&delimiter=/&prefix=odd/x%20")
    assert re.findall("<Prefix>(.*?)</Prefix>", rolled.text) == ["odd/x+", "odd/x+y/"] and element(rolled, "Delimiter") == "/"


def test_keys_that_xml_cannot_carry_are_references(server, bucket):
    """As recorded from S3 (&#x8;, &#x1b;): who wants to read them asks for encoding-type=url, as AWS's clients in Python do."""
    ask(server, "PUT", f"/{bucket}/ctl/a%01b%EF%BF%BE", body=b"x")
    upload = ask(server, "POST", f"/{bucket}/ctl/%1Bup?uploads")
    assert "<Key>ctl/&#x1b;up</Key>" in upload.text
    assert "<Key>ctl/&#x1b;up</Key>" in ask(server, "GET", f"/{bucket}/ctl/%1Bup?uploadId={element(upload, 'UploadId')}").text
    for query in ("list-type=2", "versions", "marker="):
        assert "<Key>ctl/a&#x1;b&#xfffe;</Key>" in ask(server, "GET", f"/{bucket}?{query}&prefix=ctl/").text
        listed = ask(server, "GET", f"/{bucket}?{query}&prefix=ctl/&encoding-type=url").text
        assert "<Key>ctl/a%01b%EF%BF%BE</Key>" in listed
    assert "<Prefix>ctl/a&#x1;</Prefix>" in ask(server, "GET", f"/{bucket}?list-type=2&prefix=ctl/&delimiter=%01").text
    body = b"<Delete><Object><Key>ctl/a&#x1;b</Key></Object></Delete>"
    assert code(ask(server, "POST", f"/{bucket}?delete", {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}, body)) == (400, "MalformedXML")
    assert "<Key>ctl/a\N{REPLACEMENT CHARACTER}b</Key>" in ask(server, "GET", f"/{bucket}/ctl/a%01b").text  # an error is read by all


def test_an_empty_value_of_metadata_is_kept(server, bucket):
    empty = {"x-amz-meta-a": "", "x-amz-meta-b": "b", "Cache-Control": "", "Content-Type": ""}
    assert ask(server, "PUT", f"/{bucket}/empty", empty, b"x").status == 200
    for method in ("GET", "HEAD"):
        answer = ask(server, method, f"/{bucket}/empty")
        assert (answer.status, answer.headers["x-amz-meta-a"], answer.headers["x-amz-meta-b"]) == (200, "", "b")
        assert answer.headers["Content-Type"] == "binary/octet-stream" and "Cache-Control" not in answer.headers


def test_metadata_beyond_ascii_is_told_by_rfc_2047(server, bucket):
    """The example of the user guide, "Working with object metadata": the bytes of a header are taken for ISO 8859-1."""
    target, headers = raw.signed(server, "s3", "PUT", f"/{bucket}/words?x-amz-meta-nonascii=" + urllib.parse.quote("ÄMÄZÕÑ S3"), presign_s=60)
    client = raw.Raw(server)
    assert client.ask("PUT", target, headers).status == 200
    client.close()
    assert ask(server, "HEAD", f"/{bucket}/words").headers["x-amz-meta-nonascii"] == "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="


def test_headers_that_the_query_says(server, bucket):
    ask(server, "PUT", f"/{bucket}/said", {"Content-Language": "en"}, b"x")
    said = lambda value: ask(server, "GET", f"/{bucket}/said?response-content-language={value}")
    assert said("").headers["Content-Language"] == "en"
    assert said("caf%C3%A9").headers["Content-Language"] == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    for value, text in (("%E6%96%87", "\N{CJK UNIFIED IDEOGRAPH-6587}"), ("a%0D%0AX-Evil:%201", "a&#13;\nX-Evil: 1"), ("a%E9", "a\ufffd")):
        answer = said(value)
        assert code(answer) == (400, "InvalidArgument")
        says(server, answer, ArgumentName="response-content-language", ArgumentValue=text,
             Message="Header value cannot be represented using ISO-8859-1.")


def test_arguments_that_are_none_are_told(server, bucket):
    source = f"/{bucket}/k"
    for method, target, headers, name, value in (
            ("GET", f"/{bucket}?list-type=1", {}, "list-type", "1"),
            ("PUT", f"/{bucket}/c", {"x-amz-copy-source": source, "x-amz-metadata-directive": "MERGE"}, "x-amz-metadata-directive", "MERGE"),
            ("PUT", f"/{bucket}/c", {"x-amz-copy-source": source, "x-amz-tagging-directive": "copy"}, "x-amz-tagging-directive", "copy"),
            ("PUT", f"/{bucket}/c", {"x-amz-copy-source": f"/{bucket}"}, "x-amz-copy-source", f"/{bucket}")):
        answer = ask(server, method, target, headers)
        assert code(answer) == (400, "InvalidArgument")
        says(server, answer, ArgumentName=name, ArgumentValue=value)


def test_locations_have_the_whole_key_encoded(server, bucket):
    """Slashes too, as recorded from S3."""
    upload = element(ask(server, "POST", f"/{bucket}/a%20b/c%2Bd?uploads"), "UploadId")
    etag = ask(server, "PUT", f"/{bucket}/a%20b/c%2Bd?partNumber=1&uploadId={upload}", body=b"x").headers["ETag"]
    listed = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    done = ask(server, "POST", f"/{bucket}/a%20b/c%2Bd?uploadId={upload}", body=listed.encode())
    assert element(done, "Location") == f"{server.endpoint}/{bucket}/a%20b%2Fc%2Bd" and element(done, "Key") == "a b/c+d"
    assert ask(server, "GET", f"/{bucket}/a%20b%2Fc%2Bd").body == b"x"


def test_buckets_tell_their_region_to_who_asks_by_a_parameter(server, bucket):
    assert element(ask(server, "GET", "/"), "BucketRegion") is None
    assert element(ask(server, "GET", f"/?prefix={bucket}"), "BucketRegion") == "us-east-1"
    assert "BucketArn" not in ask(server, "GET", f"/?prefix={bucket}").text


def test_what_has_not_changed_stays_fresh(server, bucket):
    kept = {"Cache-Control": "max-age=60", "Expires": "Thu, 01 Jan 2037 00:00:00 GMT"}
    etag = ask(server, "PUT", f"/{bucket}/fresh", kept, b"x").headers["ETag"]
    answer = ask(server, "GET", f"/{bucket}/fresh", {"If-None-Match": etag})
    assert answer.status == 304 and {name: answer.headers[name] for name in kept} == kept


def test_a_buckets_head(server, bucket):
    answer = ask(server, "HEAD", f"/{bucket}")
    assert (answer.headers["x-amz-bucket-region"], answer.headers["x-amz-access-point-alias"]) == ("us-east-1", "false")


@pytest.mark.parametrize("page", [1, 2, 3])
def test_pages_of_versions_go_on_where_the_last_version_of_a_page_is_gone(server, page):
    """Who empties a bucket deletes each page before it asks for the next."""
    name = f"emptied-{page}"
    ask(server, "PUT", f"/{name}")
    expected = 0
    for key, times in (("a", 1), ("b", 4), ("c", 2)):
        ask(server, "PUT", f"/{name}/{key}", {}, b"null")
    ask(server, "PUT", f"/{name}?versioning", body=b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    for key, times in (("a", 1), ("b", 4), ("c", 2)):
        for _ in range(times):
            ask(server, "PUT", f"/{name}/{key}", {}, b"x")
        ask(server, "DELETE", f"/{name}/{key}")
        expected += times + 2
    seen, query = [], ""
    while query is not None:
        answer = ask(server, "GET", f"/{name}?versions&max-keys={page}{query}")
        found = re.findall("<Key>(.)</Key><VersionId>(.*?)</VersionId>", answer.text)
        seen += found
        for key, version in found:
            assert ask(server, "DELETE", f"/{name}/{key}?versionId={version}").status == 204
        marker, version = element(answer, "NextKeyMarker"), element(answer, "NextVersionIdMarker")
        query = f"&key-marker={marker}&version-id-marker={version}" if marker else None
    assert len(set(seen)) == expected
    assert ask(server, "DELETE", f"/{name}").status == 204


def test_a_version_id_marker_is_a_version_id(server, bucket):
    answer = ask(server, "GET", f"/{bucket}?versions&key-marker=k&version-id-marker=bad")
    assert code(answer) == (400, "InvalidArgument")
    says(server, answer, ArgumentName="version-id-marker", ArgumentValue="bad", Message="Invalid version id specified")


def test_every_answer_tells_the_same_time(server, bucket):
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="times/k", Body=b"x")
    copied = s3.copy_object(Bucket=bucket, Key="times/copy", CopySource=f"{bucket}/times/k")["CopyObjectResult"]["LastModified"]
    heads = {key: s3.head_object(Bucket=bucket, Key=key)["LastModified"] for key in ("times/copy", "times/k")}
    for answer, member in ((s3.list_objects_v2, "Contents"), (s3.list_object_versions, "Versions")):
        assert {one["Key"]: one["LastModified"] for one in answer(Bucket=bucket, Prefix="times/")[member]} == heads
    assert copied == heads["times/copy"]
    upload = {"Bucket": bucket, "Key": "times/up", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="times/up")["UploadId"]}
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    times = [s3.list_parts(**upload)["Parts"][0]["LastModified"],
             s3.list_multipart_uploads(Bucket=bucket, Prefix="times/")["Uploads"][0]["Initiated"],
             *(one["CreationDate"] for one in s3.list_buckets()["Buckets"])]
    assert {time.microsecond for time in times} == {0}
