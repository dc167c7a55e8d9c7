"""wire/sigv4.c against botocore's own signers, in both directions, on generated requests."""

import datetime
import hashlib
import json
import os
import random
import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import raw

TOP = Path(__file__).resolve().parents[2]
CHECK = Path(os.environ.get("SIGV4_CHECK", TOP / "build" / "tests" / "unit" / "wire" / "sigv4_check"))
NOW = datetime.datetime(2026, 11, 23, 9, 15, 0)
NOW_MS = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(autouse=True)
def frozen():
    with raw.clock_stopped(NOW):
        yield


@pytest.fixture(scope="module")
def check():
    process = subprocess.Popen([str(CHECK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(**line):
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "sigv4_check ended"
        return json.loads(answer)

    yield ask
    process.stdin.close()
    assert process.wait(timeout=10) == 0


WORDS = ["a", "Zz", "0", "shop", "latest.zip", "feature/login", "a b", "a+b", "ä", "日本", "~x", "-._~", "%", "&=?",
         "(1)", "'q'", "!*", ";", "@:", "$,", "[x]", "a//b", ".", "..", "./x", "x/../y", "emoji-\U0001f680", "\"", "\\",
         "^`{|}", "<>", "", " ", "  two  ", "#"]


def path_of(rng, encode):
    segments = [encode(rng.choice(WORDS)) for _ in range(rng.randint(0, 4))]
    return "/" + "/".join(segments)


def query_of(rng):
    """A raw query: encoded pairs in any order, names twice, values empty or absent."""
    pairs = []
    for _ in range(rng.randint(0, 5)):
        name = quote(rng.choice([w for w in WORDS if w.strip()]), safe="-_.~")
        value = quote(rng.choice(WORDS), safe="-_.~")
        pairs.append(rng.choice([f"{name}={value}", f"{name}=", name]))
    if pairs and rng.random() < 0.3:
        pairs.append(pairs[0].split("=")[0] + "=again")
    return "&".join(pairs)


def headers_of(rng):
    pool = [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AmazonSQS.SendMessage"),
            ("x-amz-meta-note", "  inner   blanks \t here "), ("X-AMZ-Meta-Empty", ""), ("User-Agent", "boto/1"),
            ("x-amz-meta-uni", "grün"), ("If-None-Match", "*"), ("Range", "bytes=0-9"), ("X-Custom", "a;b=c, d"),
            ("Expect", "100-continue"), ("Cache-Control", "no-cache")]
    return rng.sample(pool, rng.randint(0, 6))


def generated(seed, s3):
    rng = random.Random(seed)
    encode = (lambda w: quote(w, safe="/-_.~")) if rng.random() < 0.8 else (lambda w: quote(w, safe="/-_.~!*'()$,:@"))
    path, query = path_of(rng, encode), query_of(rng)
    url = f"http://127.0.0.1:{rng.choice([80, 8080, 9000])}{path}" + ("?" + query if query else "")
    body = rng.choice([b"", b"{}", os.urandom(64), "Action=X&Version=1".encode()])
    request = AWSRequest(method=rng.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]), url=url, data=body)
    for name, value in headers_of(rng):
        request.headers[name] = value
    token = rng.choice([None, "token/with+chars=="])
    service = "s3" if s3 else rng.choice(["sqs", "sts", "codepipeline", "cloudformation"])
    return request, Credentials(KEY, SECRET, token), service, body


def on_wire(request, body):
    """What an HTTP client sends of the signed request."""
    parts = urlsplit(request.url)
    headers = [[k, v if isinstance(v, str) else v.decode()] for k, v in request.headers.items()]
    headers.append(["Host", parts.netloc[:-3] if parts.netloc.endswith(":80") else parts.netloc])
    return {"op": "verify", "method": request.method, "path": parts.path, "query": parts.query, "headers": headers,
            "payload_hash": hashlib.sha256(body).hexdigest(), "secret": SECRET, "now_ms": NOW_MS}


def tampered(rng, line):
    """The same request with one thing changed that its signature covers."""
    changed = json.loads(json.dumps(line))
    which = rng.choice(["method", "path", "query", "header", "secret", "added"])
    if which == "method":
        changed["method"] = "PATCH"
    elif which == "path":
        changed["path"] += "x"
    elif which == "query":
        changed["query"] += ("&" if changed["query"] else "") + "extra=1"
    elif which == "header":
        for pair in changed["headers"]:
            if pair[0].lower() == "host":
                pair[1] += ".evil"
    elif which == "secret":
        changed["secret"] += "x"
    else:
        changed["headers"].append(["x-amz-acl", "public-read"])
    return which, changed


@pytest.mark.parametrize("s3", [True, False], ids=["S3SigV4Auth", "SigV4Auth"])
def test_requests_signed_by_header_verify_and_tampered_ones_do_not(check, s3):
    signer = botocore.auth.S3SigV4Auth if s3 else botocore.auth.SigV4Auth
    for seed in range(300):
        request, credentials, service, body = generated(seed, s3)
        signer(credentials, service, "us-east-1").add_auth(request)
        line = on_wire(request, body)
        answer = check(**line)
        assert answer["verdict"] == "ok", (seed, request.url, answer["canonical"])
        assert answer["access_key_id"] == KEY
        assert answer["session_token"] == (credentials.token or "")
        which, changed = tampered(random.Random(seed), line)
        assert check(**changed)["verdict"] == ("uncovered" if which == "added" else "mismatch"), (seed, which)


@pytest.mark.parametrize("s3", [True, False], ids=["S3SigV4QueryAuth", "SigV4QueryAuth"])
def test_presigned_requests_verify_until_they_expire_and_tampered_ones_do_not(check, s3):
    signer = botocore.auth.S3SigV4QueryAuth if s3 else botocore.auth.SigV4QueryAuth
    for seed in range(200):
        request, credentials, service, _ = generated(1000 + seed, s3)
        request.data = b""
        for name in list(request.headers):
            del request.headers[name]
        signer(credentials, service, "us-east-1", expires=600).add_auth(request)
        line = on_wire(request, b"")
        line["payload_hash"] = "UNSIGNED-PAYLOAD" if s3 else EMPTY
        answer = check(**line)
        assert answer["verdict"] == "ok", (seed, request.url, answer["canonical"])
        assert answer["session_token"] == (credentials.token or "")
        assert check(**dict(line, now_ms=NOW_MS + 600_000))["verdict"] == "ok"
        assert check(**dict(line, now_ms=NOW_MS + 600_001))["verdict"] == "expired"
        assert check(**dict(line, now_ms=NOW_MS - 15 * 60_000 - 1))["verdict"] == "skewed"
        which, changed = tampered(random.Random(seed), line)
        assert check(**changed)["verdict"] == ("uncovered" if which == "added" else "mismatch"), seed


def test_our_signer_gives_botocores_signature(check):
    for seed in range(200):
        s3 = seed % 2 == 0
        request, credentials, service, body = generated(2000 + seed, s3)
        for name in ("User-Agent", "Expect"):  # botocore does not sign these; our client does not send them
            del request.headers[name]
        signer = botocore.auth.S3SigV4Auth if s3 else botocore.auth.SigV4Auth
        signer(credentials, service, "eu-west-1").add_auth(request)
        line = on_wire(request, body)
        theirs = request.headers["Authorization"]
        headers = [pair for pair in line["headers"] if pair[0] != "Authorization"]
        answer = check(**dict(line, op="sign", headers=headers, access_key_id=KEY, region="eu-west-1", service=service))
        assert answer["result"] == theirs, (seed, request.url)


def test_our_presigned_query_verifies(check):
    for seed in range(100):
        request, credentials, service, _ = generated(3000 + seed, True)
        parts = urlsplit(request.url)
        headers = [["host", parts.netloc]]
        asked = {"method": request.method, "path": parts.path, "headers": headers, "secret": SECRET, "now_ms": NOW_MS}
        query = check(op="presign", query=parts.query, access_key_id=KEY, token=credentials.token, region="us-east-1",
                      service=service, expires_s=60, **asked)["result"]
        verify = dict(asked, op="verify", query=query, payload_hash="UNSIGNED-PAYLOAD")
        assert check(**verify)["verdict"] == "ok", seed
        assert check(**dict(verify, now_ms=NOW_MS + 60_001))["verdict"] == "expired"
        assert check(**dict(verify, path=parts.path + "x"))["verdict"] == "mismatch"


def test_the_clock_may_be_a_quarter_of_an_hour_off_and_no_more(check):
    request, credentials, service, body = generated(1, True)
    botocore.auth.S3SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    line = on_wire(request, body)
    for off, verdict in [(0, "ok"), (900_000, "ok"), (-900_000, "ok"), (900_001, "skewed"), (-900_001, "skewed")]:
        assert check(**dict(line, now_ms=NOW_MS + off))["verdict"] == verdict, off


def test_a_request_signed_with_a_date_header_verifies(check):
    request, credentials, service, body = generated(7, True)
    request.headers["Date"] = "set by the signer"
    botocore.auth.S3SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    assert "X-Amz-Date" not in request.headers
    assert check(**on_wire(request, body))["verdict"] == "ok"


def test_what_cannot_be_read_is_malformed_and_what_is_not_signed_is_none(check):
    request, credentials, service, body = generated(3, True)
    botocore.auth.S3SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    line = on_wire(request, body)
    good = request.headers["Authorization"]

    def with_authorization(value):
        headers = [pair for pair in line["headers"] if pair[0] != "Authorization"]
        if value is not None:
            headers.append(["Authorization", value])
        return check(**dict(line, headers=headers))["verdict"]

    assert with_authorization(good) == "ok"
    assert with_authorization(good.replace(", ", ",")) == "ok"
    assert with_authorization(None) == "none"
    for bad in ["", "Basic dTpw", "AWS AKID:c2ln", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x",
                good.replace("aws4_request", "aws4"), good.replace("/20261123/", "/20261122/"), good + "0", good[:-1],
                good + ", Signature=" + "0" * 64, good.replace("host", "Host"), good.replace("SHA256", "SHA512"),
                good.replace(";", ";;", 1)]:
        assert with_authorization(bad) == "malformed", bad
    both = dict(line, query="X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + "0" * 64)
    assert check(**both)["verdict"] == "malformed"
