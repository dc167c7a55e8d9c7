"""Requests that clients' libraries never send: the protocol's own error, nothing changed, the connection usable."""
import json
import re
import resource
import socket
import time

import pytest
from running import Server
from raw import Raw, form_request, json_request, request, s3_request, signed


@pytest.fixture
def raw(server):
    connection = Raw(server)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def bucket(server):
    server.client("s3").create_bucket(Bucket="wire-bucket")
    return "wire-bucket"


def still_usable(server, raw):
    raw.send(form_request(server, b"Action=GetCallerIdentity&Version=2011-06-15"))
    answer = raw.read()
    assert answer is not None and answer.status == 200 and "<Account>222222222222</Account>" in answer.text


# ---- JSON

BAD_JSON = [b"{", b"[]", b"{}x", b'{"QueueName": 1', b"\xff\xfe", b'{"a":"\\u0000"}', b'{"a":1,"a":2}', b"[" * 5000,
            b'{"a":' * 3000 + b"1" + b"}" * 3000]


@pytest.mark.parametrize("body", BAD_JSON, ids=range(len(BAD_JSON)))
def test_malformed_json_is_a_serialization_exception(server, raw, body):
    raw.send(json_request(server, "AmazonSQS.CreateQueue", body))
    answer = raw.read()
    assert answer.status == 400
    assert answer.type == "SerializationException"
    assert answer.headers["x-amzn-ErrorType"] == "SerializationException"
    assert answer.headers["x-amzn-RequestId"]
    still_usable(server, raw)


@pytest.mark.parametrize("value", [1, True, [], {}, 1.5], ids=str)
def test_wrong_type_is_a_serialization_exception(server, raw, value):
    raw.send(json_request(server, "AmazonSQS.CreateQueue", json.dumps({"QueueName": value}).encode()))
    answer = raw.read()
    assert (answer.status, answer.type) == (400, "SerializationException")
    assert "QueueName" in answer.json()["message"]
    still_usable(server, raw)


def test_error_names_its_query_code_for_sqs(server, raw):
    raw.send(json_request(server, "AmazonSQS.GetQueueUrl", b'{"QueueName":"none"}'))
    answer = raw.read()
    assert answer.json()["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"


def test_null_members_are_absent_ones(server, raw):
    raw.send(json_request(server, "AmazonSQS.ListQueues", b'{"QueueNamePrefix":null,"MaxResults":null}'))
    assert raw.read().status == 200


@pytest.mark.parametrize("target", ["AmazonSQS.Nothing", "AmazonSQS.", "Nobody.CreateQueue", "", "x" * 4000])
def test_unknown_target(server, raw, target):
    raw.send(json_request(server, target, b"{}"))
    answer = raw.read()
    assert (answer.status, answer.type) == (400, "UnknownOperationException")
    assert "support" in answer.json()["message"]
    still_usable(server, raw)


def test_body_over_the_bound(server, raw):
    body = b'{"QueueName":"' + b"x" * (1 << 20) + b'"}'
    raw.send(json_request(server, "AmazonSQS.CreateQueue", body))
    answer = raw.read()
    assert (answer.status, answer.type) == (413, "RequestEntityTooLargeException")
    still_usable(server, raw)


# ---- Query

def code_of(answer):
    return re.search("<Code>(.*?)</Code>", answer.text)[1]


@pytest.mark.parametrize("body,code", [
    (b"Version=2011-06-15", "InvalidAction"),
    (b"Action=Nothing&Version=2011-06-15", "InvalidAction"),
    (b"Action=GetCallerIdentity&Version=1999-01-01", "InvalidAction"),
    (b"Action=GetSessionToken&Version=2011-06-15", "InvalidAction"),
    (b"Action=GetCaller%ZZIdentity", "MalformedQueryString"),
    (b"Action=AssumeRole&Version=2011-06-15&DurationSeconds=many", "MalformedQueryString"),
    (b"Action=AssumeRole&Version=2011-06-15&RoleArn.x=1", "MalformedQueryString"),
    (b"Action=AssumeRole&Version=2011-06-15&RoleArn=%ff%fe", "MalformedQueryString"),
    (b"Action=AssumeRole&Version=2011-06-15&" + b".".join([b"a"] * 100) + b"=1", "MalformedQueryString"),
    (b"Action=AssumeRole&Version=2011-06-15", "ValidationError"),
    (b"", "InvalidAction"),
], ids=range(11))
def test_bad_forms(server, raw, body, code):
    raw.send(form_request(server, body))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (400, code)
    assert "<Type>Sender</Type>" in answer.text
    assert re.search("<RequestId>[0-9a-f-]{36}</RequestId>", answer.text)
    assert answer.headers["x-amzn-RequestId"] in answer.text
    still_usable(server, raw)


def test_validation_error_names_every_wrong_member(server, raw):
    body = b"Action=AssumeRole&Version=2011-06-15&RoleArn=x&RoleSessionName=a%20b&DurationSeconds=1"
    raw.send(form_request(server, body))
    text = raw.read().text
    assert "3 validation errors detected" in text
    assert "at &apos;roleSessionName&apos;" in text or "at 'roleSessionName'" in text
    for words in ("Member must have length greater than or equal to 20", "Member must satisfy regular expression",
                  "Member must have value greater than or equal to 900"):
        assert words in text


def test_get_with_query_is_the_same_as_a_form(server, raw):
    target = "/?Action=GetCallerIdentity&Version=2011-06-15"
    raw.send(request("GET", target, signed(server, "sts", "GET", target)))
    assert "<Account>222222222222</Account>" in raw.read().text


# ---- REST-XML

@pytest.mark.parametrize("body", [
    b"<", b"<a>", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><VersioningConfiguration>&x;"
    b"</VersioningConfiguration>", b"<a>" * 3000,
], ids=range(4))
def test_malformed_xml(server, raw, bucket, body):
    raw.send(s3_request(server, "PUT", f"/{bucket}?versioning", body))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (400, "MalformedXML")
    assert "root:" not in answer.text
    still_usable(server, raw)


def test_error_says_resource_and_ids(server, raw, bucket):
    raw.send(s3_request(server, "GET", f"/{bucket}/no/such%20key"))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (404, "NoSuchKey")
    assert f"<Resource>/{bucket}/no/such%20key</Resource>" in answer.text
    assert answer.headers["x-amz-request-id"] in answer.text
    assert answer.headers["x-amz-id-2"] in answer.text


def test_unknown_sub_resource(server, raw, bucket):
    raw.send(s3_request(server, "GET", f"/{bucket}?metadataTable"))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (501, "NotImplemented")
    assert "?metadataTable on a bucket is not supported by Slipway" in answer.text


def test_unknown_method(server, raw, bucket):
    raw.send(s3_request(server, "PATCH", f"/{bucket}"))
    assert raw.read().status == 405


def test_bad_path_escape(server, raw):
    raw.send(request("GET", "/bucket/%zz", signed(server, "s3", "GET", "/bucket/%zz")))
    assert raw.read().status == 400
    still_usable(server, raw)


def test_virtual_host_names_the_bucket(server, raw, bucket):
    server.client("s3").put_object(Bucket=bucket, Key="a/b", Body=b"here")
    for host in (f"{bucket}.localhost:{server.port}", f"{bucket}.s3.us-east-1.amazonaws.com",
                 f"{bucket}.s3.localhost"):
        asked = signed_for_host(server, host, "/a/b")
        raw.send(asked)
        assert raw.read().body == b"here", host


def signed_for_host(server, host, target):
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    asked = AWSRequest("GET", f"http://{host}{target}", headers={"Host": host})
    S3SigV4Auth(Credentials(*server.keys()), "s3", "us-east-1").add_auth(asked)
    return request("GET", target, dict(asked.headers.items()))


# ---- HTTP itself

def test_head_has_no_body(server, raw, bucket):
    raw.send(s3_request(server, "HEAD", f"/{bucket}/none"))
    assert raw.read(head=True).status == 404
    still_usable(server, raw)


def test_requests_in_a_row_without_waiting(server, raw):
    one = form_request(server, b"Action=GetCallerIdentity&Version=2011-06-15")
    bad = form_request(server, b"Action=Nothing")
    raw.send(one + bad + one + bad + one)
    assert [raw.read().status for _ in range(5)] == [200, 400, 200, 400, 200]


def test_expect_continue(server, raw, bucket):
    body = b"x" * 100000
    headers = signed(server, "s3", "PUT", f"/{bucket}/expected", {"Expect": "100-continue"}, body)
    raw.send(request("PUT", f"/{bucket}/expected", headers, b"", length=len(body)))
    assert raw.file.readline().split()[1] == b"100"
    assert raw.file.readline() == b"\r\n"
    raw.send(body)
    assert raw.read().status == 200


def test_expect_continue_refused_before_the_body(server, raw):
    raw.send(request("PUT", "/wire-bucket/refused", {"Expect": "100-continue", "Content-Length": "1000000"}))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (403, "AccessDenied")


LONG = 40 << 20


def test_a_long_body_that_is_refused_is_answered_at_once_and_read(server, raw):
    """Who looks sees the answer before it has sent anything; who does not may send all and finds it then."""
    raw.send(request("PUT", "/wire-bucket/refused", length=LONG))
    answer = raw.read()
    assert (answer.status, code_of(answer), answer.headers["Connection"]) == (403, "AccessDenied", "close")
    late = Raw(server)
    late.send(request("PUT", "/wire-bucket/refused", length=LONG))
    for _ in range(LONG >> 20):
        late.send(bytes(1 << 20))
    answer = late.read()
    assert (answer.status, code_of(answer)) == (403, "AccessDenied")
    assert late.read() is None
    late.close()


def test_headers_too_large(server):
    raw = Raw(server)
    raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
    sent = 0
    try:
        while sent < 64 << 20:  # of the 5 GiB that it would like to send
            raw.send(b"X-Long: " + b"y" * 65536 + b"\r\n")
            sent += 65536
    except OSError:
        pass
    assert sent < 64 << 20
    raw.close()
    other = Raw(server)
    still_usable(server, other)
    other.close()


def test_endless_header_line(server):
    raw = Raw(server)
    raw.send(b"GET /")
    with pytest.raises(OSError):
        for _ in range(1024):
            raw.send(b"a" * 65536)
    raw.close()


@pytest.mark.parametrize("length", ["-1", "abc", "99999999999999999999999"])
def test_content_length_that_is_no_number(server, length):
    raw = Raw(server)
    raw.send(request("POST", "/", {"Content-Length": length}, b""))
    answer = raw.read()
    assert answer is None or answer.status >= 400
    raw.close()


def test_body_shorter_than_said_changes_nothing(server, bucket):
    body = b"z" * 5000
    headers = signed(server, "s3", "PUT", f"/{bucket}/half", (), body)
    for _ in range(50):  # the end comes with the bytes, or after them
        raw = Raw(server)
        raw.send(request("PUT", f"/{bucket}/half", headers, body[:2500], length=len(body)))
        raw.socket.shutdown(socket.SHUT_WR)
        answer = raw.read()
        assert answer is None or answer.status >= 400
        raw.close()
    assert "Contents" not in server.client("s3").list_objects_v2(Bucket=bucket, Prefix="half")


def test_garbage_is_refused(server):
    raw = Raw(server)
    raw.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200 + b"\r\n\r\n")
    answer = raw.read()
    assert answer is None or answer.status == 400
    raw.close()


def test_idle_clients_give_way_when_all_connections_are_taken():
    server = Server(limits={resource.RLIMIT_NOFILE: 300})  # for some hundred connections
    try:
        idle = [Raw(server) for _ in range(100)]
        half = [Raw(server) for _ in range(40)]
        for connection in half:
            try:
                connection.send(b"GET / HTTP/1.1\r\nHost")
            except OSError:
                pass  # there was no room for it, nor anybody to go: all were young
        time.sleep(1.5)
        for _ in range(200):
            raw = Raw(server)
            still_usable(server, raw)
            raw.close()
        crowd = [Raw(server) for _ in range(60)]
        for raw in crowd:
            still_usable(server, raw)
        for connection in idle + half + crowd:
            connection.close()
    finally:
        server.close()


def test_a_stop_waits_for_nobody_who_has_not_asked():
    server = Server()
    half = [Raw(server) for _ in range(40)]
    for connection in half:
        connection.send(b"GET / HTTP/1.1\r\nHost")
    time.sleep(0.2)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 5
    for connection in half:
        connection.close()
    server.close()


@pytest.mark.parametrize("lengths, status", [((b"5", b"0"), b"400"), ((b"0", b"5"), b"400"), ((b"5", b"5"), b"404")])
def test_a_body_has_one_length(server, lengths, status):
    """Else a proxy and we might take different bytes for the next request."""
    raw = Raw(server)
    raw.send(b"PUT /b/k HTTP/1.1\r\nHost: x\r\n" + b"".join(b"Content-Length: %s\r\n" % n for n in lengths) + b"\r\nhello")
    assert raw.file.readline().split()[1] == status
    raw.close()


def test_a_body_has_a_length_or_chunks(server):
    raw = Raw(server)
    raw.send(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert raw.file.readline().split()[1] == b"400"
    raw.close()


@pytest.mark.parametrize("make", [
    lambda n: b"GET /b/k HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * n + b"\r\n\r\n",
    lambda n: b"GET /b/" + b"k" * n + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    lambda n: b"GET /b/k HTTP/1.1\r\nHost: x\r\n" + b"".join(b"h%d: 1\r\n" % i for i in range(n // 70)) + b"\r\n",
], ids=["one header", "a target", "many headers"])
def test_a_long_head_is_answered(server, make):
    """Whatever its length: there is none that closes the connection without a word."""
    statuses = []
    for size in range(14000, 27000, 250):
        connection = Raw(server)
        connection.send(make(size))
        statuses.append(int(connection.file.readline().split()[1]))
        connection.close()
    assert statuses[0] not in (414, 431) and statuses[-1] in (414, 431)
    assert set(statuses) <= {400, 403, 404, 414, 431}


def test_heads_of_too_many_pieces_are_forgotten():
    """libmicrohttpd has no memory for them, and tells nobody of their end."""
    server = Server()
    arguments = b"&".join(b"a%d=0" % n for n in range(400))
    cookies = b"; ".join(b"c%d=0" % n for n in range(400))
    for method in (b"GET", b"PUT"):
        connection = Raw(server)
        connection.send(method + b" /b/k?" + arguments + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 414 " in connection.file.readline()
        connection.close()
    for _ in range(20):
        connection = Raw(server)
        connection.send(b"GET /b/k HTTP/1.1\r\nHost: x\r\nCookie: " + cookies + b"\r\n\r\n")
        connection.file.read()
        connection.close()
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 2
    server.close()


def test_many_slow_clients_do_not_stop_others(server):
    slow = [Raw(server) for _ in range(200)]
    for connection in slow:
        connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nX-")
    started = time.monotonic()
    raw = Raw(server)
    still_usable(server, raw)
    assert time.monotonic() - started < 5
    for connection in slow + [raw]:
        connection.close()
