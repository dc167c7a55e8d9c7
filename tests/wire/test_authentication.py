"""Who signed a request: refused in the protocol's own shape, and never half."""
import re

import pytest
from raw import Raw, form_request, json_request, request, s3_request, signed, tls_context

IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"


@pytest.fixture
def raw(server):
    connection = Raw(server)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def bucket(server):
    server.client("s3").create_bucket(Bucket="auth-bucket")
    server.client("s3").put_object(Bucket="auth-bucket", Key="k", Body=b"value")
    return "auth-bucket"


def code_of(answer):
    return re.search("<Code>(.*?)</Code>", answer.text)[1]


def results(server, raw, bucket, **signing):
    """(status, code) for JSON, Query and S3 of one way of signing."""
    raw.send(json_request(server, "AmazonSQS.ListQueues", b"{}", **signing))
    answer = raw.read()
    found = [(answer.status, answer.type)]
    for sent in (form_request(server, IDENTITY, **signing), s3_request(server, "GET", f"/{bucket}/k", **signing)):
        raw.send(sent)
        answer = raw.read()
        found.append((answer.status, code_of(answer)))
    return found


def test_unsigned(raw, bucket):
    answer = raw.ask("POST", "/", {"X-Amz-Target": "AmazonSQS.ListQueues"}, b"{}")
    assert (answer.status, answer.type) == (400, "MissingAuthenticationTokenException")
    answer = raw.ask("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, IDENTITY)
    assert (answer.status, code_of(answer)) == (403, "MissingAuthenticationToken")
    answer = raw.ask("GET", f"/{bucket}/k")
    assert (answer.status, code_of(answer)) == (403, "AccessDenied")


def test_unknown_key(server, raw, bucket):
    assert results(server, raw, bucket, keys=("AKIANOBODYNOBODYNOBO", "secret")) == [
        (400, "UnrecognizedClientException"), (403, "InvalidClientTokenId"), (403, "InvalidAccessKeyId")]


def test_wrong_secret(server, raw, bucket):
    assert results(server, raw, bucket, keys=(server.keys()[0], "wrong")) == [
        (400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch"), (403, "SignatureDoesNotMatch")]


@pytest.mark.parametrize("seconds", [-16 * 60, 16 * 60])
def test_skewed_clock(server, raw, bucket, seconds):
    assert results(server, raw, bucket, at=seconds) == [
        (400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch"), (403, "RequestTimeTooSkewed")]


@pytest.mark.parametrize("seconds", [-14 * 60, 14 * 60])
def test_clock_within_the_limit(server, raw, seconds):
    raw.send(form_request(server, IDENTITY, at=seconds))
    assert raw.read().status == 200


def test_wrong_region(server, raw, bucket):
    assert results(server, raw, bucket, region="eu-west-1") == [
        (400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch"), (400, "AuthorizationHeaderMalformed")]


def test_signed_for_another_service(server, raw):
    raw.send(json_request(server, "AmazonSQS.ListQueues", b"{}", service="logs"))
    answer = raw.read()
    assert answer.type == "InvalidSignatureException"
    assert "correct service: 'sqs'" in answer.json()["message"]


@pytest.mark.parametrize("value", ["AWS4-HMAC-SHA256", "Basic dTpw", "AWS4-HMAC-SHA256 Credential=a, Signature=b",
                                   "AWS4-HMAC-SHA256 " + "x" * 5000])
def test_unreadable_authorization(server, raw, value):
    answer = raw.ask("POST", "/", {"X-Amz-Target": "AmazonSQS.ListQueues", "Authorization": value}, b"{}")
    assert answer.status == 400
    assert answer.type in ("IncompleteSignatureException", "MissingAuthenticationTokenException")


def test_changed_body(server, raw, bucket):
    headers = signed(server, "sts", "POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, IDENTITY)
    raw.send(request("POST", "/", headers, IDENTITY.replace(b"Get", b"Got")))
    assert code_of(raw.read()) == "SignatureDoesNotMatch"
    raw.send(request("PUT", f"/{bucket}/changed", signed(server, "s3", "PUT", f"/{bucket}/changed", (), b"aaaa"),
                     b"bbbb"))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (400, "XAmzContentSHA256Mismatch")
    raw.send(s3_request(server, "GET", f"/{bucket}/changed"))
    assert raw.read().status == 404


def test_large_changed_body_leaves_nothing(server, raw, bucket):
    body = b"a" * 3_000_000
    headers = signed(server, "s3", "PUT", f"/{bucket}/large", (), body)
    raw.send(request("PUT", f"/{bucket}/large", headers, body[:-1] + b"b"))
    assert code_of(raw.read()) == "XAmzContentSHA256Mismatch"
    raw.send(s3_request(server, "GET", f"/{bucket}/large"))
    assert raw.read().status == 404


def test_changed_path_query_and_header(server, raw, bucket):
    headers = signed(server, "s3", "GET", f"/{bucket}/k", {"x-amz-meta-a": "1"})
    for target, changed in ((f"/{bucket}/other", headers), (f"/{bucket}/k?versionId=1", headers),
                            (f"/{bucket}/k", {**headers, "x-amz-meta-a": "2"})):
        raw.send(request("GET", target, changed))
        answer = raw.read()
        assert (answer.status, code_of(answer)) == (403, "SignatureDoesNotMatch")
        assert "<StringToSign>AWS4-HMAC-SHA256" in answer.text and "<CanonicalRequest>GET" in answer.text


def test_unsigned_payload_only_for_s3(server, raw, bucket):
    headers = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    raw.send(s3_request(server, "PUT", f"/{bucket}/unsigned", b"any", headers))
    assert raw.read().status == 200
    fields = {**headers, "X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
    raw.send(request("POST", "/", signed(server, "sqs", "POST", "/", fields, b"{}"), b"{}"))
    assert raw.read().type == "InvalidSignatureException"


def test_payload_hash_that_is_none(server, raw, bucket):
    headers = signed(server, "s3", "PUT", f"/{bucket}/k2", (), b"x")
    headers["X-Amz-Content-SHA256"] = "nonsense"
    raw.send(request("PUT", f"/{bucket}/k2", headers, b"x"))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (400, "InvalidArgument")


def test_presigned(server, raw, bucket):
    target, headers = signed(server, "s3", "GET", f"/{bucket}/k", presign_s=60)
    raw.send(request("GET", target, headers))
    assert raw.read().body == b"value"
    raw.send(request("GET", target.replace("/k?", "/l?"), headers))
    assert code_of(raw.read()) == "SignatureDoesNotMatch"
    raw.send(request("PUT", target, headers, b"x"))
    assert code_of(raw.read()) == "SignatureDoesNotMatch"


def test_presigned_expired(server, raw, bucket):
    target, headers = signed(server, "s3", "GET", f"/{bucket}/k", presign_s=60, at=-3600)
    raw.send(request("GET", target, headers))
    answer = raw.read()
    assert (answer.status, code_of(answer)) == (403, "AccessDenied")
    assert "Request has expired" in answer.text


def test_servers_clock_can_be_set(new_server):
    server = new_server(environment={"SLIPWAY_TEST_CLOCK_OFFSET_MS": str(3600 * 1000)})
    raw = Raw(server)
    raw.send(form_request(server, IDENTITY))
    assert "Signature" in code_of(raw.read())
    raw.send(form_request(server, IDENTITY, at=3600))
    assert raw.read().status == 200
    raw.close()


def test_tls(new_server, tmp_path):
    import subprocess
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=localhost"], check=True,
                   capture_output=True)
    server = new_server("--tls-cert", str(cert), "--tls-key", str(key))
    raw = Raw(server, tls=tls_context())
    raw.send(form_request(server, IDENTITY))
    assert raw.read().status == 200
    raw.close()
    refused = Raw(server, tls=tls_context())  # a long body: it is read, and answered in the end
    refused.send(request("PUT", "/bucket/k", length=8 << 20))
    refused.send(bytes(8 << 20))
    assert refused.read().status == 404  # no such bucket
    refused.close()
    for size in (19000, 22000, 24000, 26000):
        long = Raw(server, timeout=5, tls=tls_context())
        long.send(b"GET /bucket/k HTTP/1.1\r\nHost: h\r\nX-Long: " + b"a" * size + b"\r\n\r\n")
        assert int(long.file.readline().split()[1]) == (404 if size == 19000 else 431)
        long.close()
    for _ in range(20):
        endless = Raw(server, timeout=5, tls=tls_context())  # a coding that is unknown: where its body ends, nobody knows
        endless.send(b"PUT /bucket/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\nabc")
        answer = endless.read()
        assert (answer.status, answer.headers["Connection"], endless.read()) == (501, "close", None)
        endless.close()


def test_ipv6_on_the_same_port(server):
    import socket
    with socket.create_connection(("::1", server.port), timeout=5) as connection:
        connection.sendall(form_request(server, IDENTITY))
        assert connection.recv(12) == b"HTTP/1.1 200"
