"""Websites: what an unsigned reader of a bucket gets that is one."""
import json
import urllib.error
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def bucket(s3):
    """Everybody may read it, and may know what is not there."""
    name = "web-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    s3.delete_public_access_block(Bucket=name)
    allow(s3, name, "s3:GetObject", "s3:ListBucket")
    for key, body in (("index.html", b"home"), ("docs/index.html", b"docs"), ("error.html", b"sorry"), ("a b.html", b"ab")):
        s3.put_object(Bucket=name, Key=key, Body=body, ContentType="text/html")
    return name


def allow(s3, bucket, *actions):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": list(actions),
         "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]}))


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch(server, path, method="GET", **headers):
    """Status, headers and body; redirects are not followed."""
    request = urllib.request.Request(server.endpoint + path, method=method, headers=headers)
    try:
        with urllib.request.build_opener(Stay).open(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def website(s3, bucket, **configuration):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, **configuration})


def test_index_and_error_documents(s3, server, bucket):
    configuration = {"ErrorDocument": {"Key": "error.html"}}
    assert fetch(server, f"/{bucket}/")[1]["Content-Type"] == "application/xml"
    website(s3, bucket, **configuration)
    assert s3.get_bucket_website(Bucket=bucket)["ErrorDocument"] == {"Key": "error.html"}
    for path, body in (("", b"home"), ("index.html", b"home"), ("docs/", b"docs"), ("a%20b.html", b"ab")):
        status, headers, got = fetch(server, f"/{bucket}/{path}")
        assert (status, headers["Content-Type"], got) == (200, "text/html", body)
    status, headers, got = fetch(server, f"/{bucket}/missing.html")
    assert (status, headers["Content-Type"], got) == (404, "text/html", b"sorry")
    status, headers, got = fetch(server, f"/{bucket}/index.html", method="HEAD")
    assert (status, headers["Content-Length"], got) == (200, "4", b"")
    assert fetch(server, f"/{bucket}/index.html", Range="bytes=1-2")[::2] == (206, b"om")
    etag = fetch(server, f"/{bucket}/")[1]["ETag"]
    assert fetch(server, f"/{bucket}/", **{"If-None-Match": etag})[0] == 304
    s3.delete_bucket_website(Bucket=bucket)
    assert fetch(server, f"/{bucket}/missing.html")[1]["Content-Type"] == "application/xml"


def test_a_website_is_read_by_whom_the_policy_lets(s3, server, bucket):
    website(s3, bucket, ErrorDocument={"Key": "error.html"})
    allow(s3, bucket, "s3:GetObject")
    assert fetch(server, f"/{bucket}/missing.html")[::2] == (403, b"sorry")
    s3.delete_bucket_policy(Bucket=bucket)
    status, headers, page = fetch(server, f"/{bucket}/")
    assert (status, headers["x-amz-error-code"]) == (403, "AccessDenied") and b"<h1>403 Forbidden</h1>" in page
    assert fetch(server, f"/{bucket}/", method="HEAD")[::2] == (403, b"")


def test_the_page_of_an_error_without_a_document(s3, server, bucket):
    website(s3, bucket)
    status, headers, page = fetch(server, f"/{bucket}/%3Cscript%3E")
    assert status == 404 and headers["Content-Type"].startswith("text/html")
    assert b"<li>Code: NoSuchKey</li>" in page and b"<li>Key: &lt;script&gt;</li>" in page


def test_a_folder_without_its_slash(s3, server, bucket):
    website(s3, bucket)
    status, headers, _ = fetch(server, f"/{bucket}/docs")
    assert (status, headers["Location"]) == (302, f"/{bucket}/docs/")
    status, headers, _ = fetch(server, "/docs", Host=f"{bucket}.s3-website.localhost:{server.port}")
    assert (status, headers["Location"]) == (302, "/docs/")


def test_objects_that_are_elsewhere(s3, server, bucket):
    website(s3, bucket)
    s3.put_object(Bucket=bucket, Key="old", Body=b"", WebsiteRedirectLocation="https://example.com/new")
    status, headers, _ = fetch(server, f"/{bucket}/old")
    assert (status, headers["Location"]) == (301, "https://example.com/new")


def test_routing_rules(s3, server, bucket):
    website(s3, bucket, RoutingRules=[
        {"Condition": {"KeyPrefixEquals": "manual/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/"}},
        {"Condition": {"KeyPrefixEquals": "blog/"}, "Redirect": {
            "HostName": "blog.example.com", "Protocol": "https", "HttpRedirectCode": "307"}},
        {"Condition": {"KeyPrefixEquals": "one"}, "Redirect": {"ReplaceKeyWith": "other file"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "shop/"}, "Redirect": {
            "ReplaceKeyPrefixWith": "shop-report/"}}])
    here = f"{server.endpoint}/{bucket}"
    for path, status, location in (("manual/a.html", 301, f"{here}/docs/a.html"),
                                   ("blog/x", 307, "https://blog.example.com/blog/x"),
                                   ("one/two", 301, f"{here}/other%20file"),
                                   ("shop/missing", 301, f"{here}/shop-report/missing")):
        got, headers, _ = fetch(server, f"/{bucket}/{path}")
        assert (got, headers["Location"]) == (status, location)
    s3.put_object(Bucket=bucket, Key="shop/there", Body=b"goods")
    assert fetch(server, f"/{bucket}/shop/there")[::2] == (200, b"goods")


def test_everything_may_be_redirected(s3, server, bucket):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
        "RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}})
    for path in ("", "docs/x"):
        status, headers, _ = fetch(server, f"/{bucket}/{path}")
        assert (status, headers["Location"]) == (301, f"https://example.com/{path}")
    assert s3.get_object(Bucket=bucket, Key="index.html")["Body"].read() == b"home"


@pytest.mark.parametrize("configuration, code", [
    ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument"),
    ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument"),
    ({"ErrorDocument": {"Key": "x"}}, "InvalidArgument"),
    ({"RedirectAllRequestsTo": {"HostName": "a"}, "IndexDocument": {"Suffix": "b"}}, "InvalidRequest"),
    ({"RedirectAllRequestsTo": {"HostName": "a", "Protocol": "gopher"}}, "MalformedXML"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {}}]}, "MalformedXML"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "200"}}]}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [
        {"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [
        {"Condition": {"HttpErrorCodeReturnedEquals": "200"}, "Redirect": {"HostName": "a"}}]}, "InvalidRequest"),
])
def test_bad_configurations(s3, bucket, configuration, code):
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
    assert caught.value.response["Error"]["Code"] == code
