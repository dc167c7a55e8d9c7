"""Bodies in chunks, as SDKs send them: framed and signed by hand, so that every part of them can be wrong."""
import hashlib
import hmac
from unittest import mock

from botocore.auth import S3SigV4Auth

import raw

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()


class Upload:
    """One PUT. Change what is wanted, then send()."""

    def __init__(self, server, target, form, chunks, trailers=(), headers=(), length=None):
        self.server, self.target, self.form, self.chunks, self.trailers = server, target, form, list(chunks), list(trailers)
        decoded = sum(map(len, self.chunks)) if length is None else length
        self.headers = {"Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": str(decoded),
                        "x-amz-content-sha256": form, **dict(headers)}
        if self.trailers and "x-amz-trailer" not in self.headers:
            self.headers["x-amz-trailer"] = ",".join(name for name, _ in self.trailers)

    def sign(self):
        """The request's headers, signed; from here on chunks can be."""
        with mock.patch.object(S3SigV4Auth, "payload", lambda signer, request: self.form):
            self.signed = raw.signed(self.server, "s3", "PUT", self.target, self.headers)
        authorization = self.signed["Authorization"]
        self.previous = authorization.rsplit("Signature=", 1)[1]
        self.scope = authorization.split("Credential=", 1)[1].split(",", 1)[0].split("/", 1)[1]
        self.key = ("AWS4" + self.server.keys()[1]).encode()
        for part in self.scope.split("/"):
            self.key = hmac.digest(self.key, part.encode(), "sha256")

    def signature(self, algorithm, *lines):
        text = "\n".join([algorithm, self.signed["X-Amz-Date"], self.scope, self.previous, *lines])
        self.previous = hmac.new(self.key, text.encode(), "sha256").hexdigest()
        return self.previous

    def body(self):
        out = b""
        for chunk in [*self.chunks, b""]:
            out += b"%x" % len(chunk)
            if self.form != UNSIGNED_TRAILER:
                out += b";chunk-signature=" + self.signature("AWS4-HMAC-SHA256-PAYLOAD", EMPTY,
                                                             hashlib.sha256(chunk).hexdigest()).encode()
            out += b"\r\n" + (chunk + b"\r\n" if chunk else b"")
        return out + self.tail() + b"\r\n"

    def tail(self):
        out = "".join(f"{name}:{value}\r\n" for name, value in self.trailers)
        if self.form == SIGNED_TRAILER:
            text = "".join(f"{name}:{value}\n" for name, value in self.trailers)
            out += "x-amz-trailer-signature:" + self.signature(
                "AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(text.encode()).hexdigest()) + "\r\n"
        return out.encode()

    def send(self, change=lambda body: body, transfer_chunked=0):
        self.sign()
        body = change(self.body())
        client = raw.Raw(self.server)
        if transfer_chunked:
            lines = "".join(f"{k}: {v}\r\n" for k, v in {**self.signed, "Transfer-Encoding": "chunked"}.items())
            client.send(f"PUT {self.target} HTTP/1.1\r\n{lines}\r\n".encode())
            for i in range(0, len(body), transfer_chunked):
                some = body[i:i + transfer_chunked]
                client.send(b"%x\r\n%s\r\n" % (len(some), some))
            client.send(b"0\r\n\r\n")
        else:
            client.send(raw.request("PUT", self.target, self.signed, body))
        answer = client.read()
        client.close()
        return answer
