"""Exact requests over a socket, signed by botocore's own signers."""
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import time
from unittest import mock

import botocore.auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.json()["__type"].split("#")[-1]

    @property
    def text(self):
        return self.body.decode()


class Raw:
    """One connection. Requests are sent as they are given."""

    def __init__(self, server, timeout=20, tls=None):
        self.server = server
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, head=False):
        """The next answer; None when the server has closed."""
        line = self.file.readline()
        if not line:
            return None
        status = int(line.split()[1])
        headers = http.client.parse_headers(self.file)
        if head or status in (204, 304):
            return Answer(status, headers, b"")
        return Answer(status, headers, self.file.read(int(headers["Content-Length"])))

    def ask(self, method, target, headers=(), body=b""):
        self.send(request(method, target, headers, body))
        return self.read(head=method == "HEAD")


class QuickSigner:
    """Signs S3 requests whose body's digest is not said: botocore's signer takes longer than the server's answer."""

    HEADERS = "host;x-amz-content-sha256;x-amz-date"

    def __init__(self, server, profile="dev"):
        self.key, self.secret = server.keys(profile)
        self.host, self.until = f"127.0.0.1:{server.port}", 0.0

    def begin(self):
        """A date's signing key, for a while."""
        self.until = time.monotonic() + 60
        self.at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.at[:8]}/us-east-1/s3/aws4_request"
        signing = ("AWS4" + self.secret).encode()
        for word in self.scope.split("/"):
            signing = hmac.digest(signing, word.encode(), "sha256")
        self.signing = signing

    def request(self, method, path, query, body=b""):
        """`query` is sorted and encoded as it is signed."""
        if time.monotonic() > self.until:
            self.begin()
        canonical = (f"{method}\n{path}\n{query}\nhost:{self.host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{self.at}\n\n"
                     f"{self.HEADERS}\nUNSIGNED-PAYLOAD")
        text = f"AWS4-HMAC-SHA256\n{self.at}\n{self.scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self.signing, text.encode(), "sha256").hex()
        return (f"{method} {path}?{query} HTTP/1.1\r\nHost: {self.host}\r\nX-Amz-Content-SHA256: UNSIGNED-PAYLOAD\r\n"
                f"X-Amz-Date: {self.at}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={self.key}/{self.scope}, "
                f"SignedHeaders={self.HEADERS}, Signature={signature}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def request(method, target, headers=(), body=b"", length=None):
    fields = dict(headers)
    fields.setdefault("Host", "127.0.0.1")
    if body or method in ("POST", "PUT"):
        fields.setdefault("Content-Length", str(len(body) if length is None else length))
    lines = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def signed(server, service, method, target, headers=(), body=b"", profile="dev", keys=None, token=None,
           region="us-east-1", at=None, presign_s=None):
    """Headers (or with presign_s the target) of the request, signed."""
    key, secret = keys or server.keys(profile)
    asked = AWSRequest(method, f"http://127.0.0.1:{server.port}{target}", headers=dict(headers), data=body)
    asked.headers["Host"] = f"127.0.0.1:{server.port}"
    credentials = Credentials(key, secret, token)
    if presign_s:
        signer = S3SigV4QueryAuth(credentials, service, region, expires=presign_s)
    else:
        signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, region)
    with clock(at):
        signer.add_auth(asked)
    if presign_s:
        return asked.url[len(f"http://127.0.0.1:{server.port}"):], {"Host": asked.headers["Host"]}
    return dict(asked.headers.items())


def clock(at):
    """botocore's clock, moved by seconds; unless it is moved, threads may sign at once."""
    if not at:
        return contextlib.nullcontext()
    return clock_stopped(datetime.datetime.utcnow() + datetime.timedelta(seconds=at))


def clock_stopped(now):
    """botocore's clock at a moment of UTC, whichever of its versions asks."""
    if hasattr(botocore.auth, "get_current_datetime"):
        return mock.patch("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: now)
    moved = mock.Mock(wraps=datetime.datetime)
    moved.utcnow.return_value = now
    moved.strptime = datetime.datetime.strptime
    return mock.patch("botocore.auth.datetime.datetime", moved)


def json_request(server, target, body, service="sqs", version="1.0", headers=(), **signing):
    fields = {"X-Amz-Target": target, "Content-Type": f"application/x-amz-json-{version}", **dict(headers)}
    return request("POST", "/", signed(server, service, "POST", "/", fields, body, **signing), body)


def form_request(server, body, service="sts", **signing):
    fields = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return request("POST", "/", signed(server, service, "POST", "/", fields, body, **signing), body)


def s3_request(server, method, target, body=b"", headers=(), **signing):
    return request(method, target, signed(server, "s3", method, target, headers, body, **signing), body)


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
