"""Answers that come late: after seconds S3 sends 200 and white space, and in the body what came of it, also an error.

A server that was started again has forgotten the digests of an upload's parts, so that the completion reads them; what
makes it last here is the database, which another process holds.
Source: S3 API reference, CompleteMultipartUpload, CopyObject and UploadPartCopy."""
import base64
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import time

import botocore.exceptions
import pytest

import raw
from running import Server
from test_s3_parts import WHOLE, begin, read

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Late:
    """A completion, or a copied part, over a socket: what has been answered so far."""

    def __init__(self, server, method, target, headers=(), body=b""):
        self.raw = raw.Raw(server)
        self.raw.send(raw.s3_request(server, method, target, body, dict(headers)))

    def begins(self):
        """Waits for the answer's first bytes."""
        assert self.raw.file.readline().split()[1] == b"200"
        self.headers = dict(line.decode().strip().split(": ", 1) for line in iter(self.raw.file.readline, b"\r\n"))
        assert self.headers["Transfer-Encoding"] == "chunked" and self.headers["Content-Type"] == "application/xml"
        assert self.chunk() == HEAD

    def chunk(self):
        text = self.raw.file.read(int(self.raw.file.readline(), 16)).decode()
        assert self.raw.file.readline() == b"\r\n"
        return text

    def rest(self):
        text = "".join(iter(self.chunk, ""))
        self.raw.close()
        return text.lstrip(" ")


def listed(parts):
    body = "".join(f"<Part><PartNumber>{p['PartNumber']}</PartNumber><ETag>{p['ETag']}</ETag></Part>" for p in parts["Parts"])
    return f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode()


def target(names):
    return f"/{names['Bucket']}/{names['Key']}?uploadId={names['UploadId']}"


@pytest.fixture(scope="module")
def late(request):
    """All at once, since each of them waits for seconds: five completions and a copied part."""
    server = Server("--scrub", "0")
    request.addfinalizer(server.close)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="late")
    uploads = {key: begin(s3, "late", key) for key in ("raw", "doomed", "boto", "boto-doomed", "cli", "part")}
    s3.put_bucket_versioning(Bucket="late", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="late", Key="source", Body=WHOLE)["VersionId"]
    server.kill()
    server.start()
    made = server.client("s3", retries={"max_attempts": 1})  # an error in a body is told as 500, and asked again
    seen = []
    made.meta.events.register("after-call.s3", lambda http_response, **_: seen.append(dict(http_response.headers)))
    holder = sqlite3.connect(server.data / "slipway.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    names, parts = uploads["cli"]
    cli = server.aws_popen("s3api", "complete-multipart-upload", "--debug", "--bucket", "late", "--key", "cli", "--upload-id",
                           names["UploadId"], "--multipart-upload", json.dumps(parts))
    for line in cli.stderr:
        if "Sending http request" in line:
            break
    pool = concurrent.futures.ThreadPoolExecutor()
    boto = {key: pool.submit(made.complete_multipart_upload, **uploads[key][0], MultipartUpload=uploads[key][1])
            for key in ("boto", "boto-doomed")}
    sockets = {key: Late(server, "POST", target(uploads[key][0]), body=listed(uploads[key][1])) for key in ("raw", "doomed")}
    sockets["part"] = Late(server, "PUT", target(uploads["part"][0]) + "&partNumber=5", {"x-amz-copy-source": f"late/source?versionId={version}"})
    sockets["part"].version = version
    for socket in sockets.values():
        socket.begins()
    holder.execute("DELETE FROM s3_part WHERE number = 4 AND upload IN (SELECT id FROM s3_upload WHERE key LIKE '%doomed')")
    holder.execute("COMMIT")
    holder.close()
    yield server, sockets, boto, cli, seen
    pool.shutdown()


def test_what_was_begun_goes_on_with_the_answer(late):
    server, sockets, *_ = late
    text = sockets["raw"].rest()
    assert re.match(r"<CompleteMultipartUploadResult .*<ETag>&quot;[0-9a-f]{32}-4&quot;</ETag>.*</CompleteMultipartUploadResult>$", text)
    assert read(server.client("s3"), "late", "raw") == WHOLE


def test_an_error_is_in_the_body(late):
    text = late[1]["doomed"].rest()
    assert text.startswith("<Error><Code>InvalidPart</Code>") and text.endswith("</Error>")


def test_a_copied_part_may_be_late_too(late):
    server, sockets, *_ = late
    assert sockets["part"].headers["x-amz-copy-source-version-id"] == sockets["part"].version
    text = sockets["part"].rest()
    assert re.match("<CopyPartResult .*</CopyPartResult>$", text)


def test_boto3_takes_both(late):
    server, _, boto, _, seen = late
    assert boto["boto"].result(60)["ETag"].endswith('-4"')
    assert read(server.client("s3"), "late", "boto") == WHOLE
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        boto["boto-doomed"].result(60)
    assert refused.value.response["Error"]["Code"] == "InvalidPart"
    assert "chunked" in [headers.get("Transfer-Encoding") for headers in seen]


def test_the_cli_takes_it(late):
    server, _, _, cli, _ = late
    out, log = cli.communicate(timeout=60)
    assert cli.returncode == 0 and "'Transfer-Encoding': 'chunked'" in log, log
    assert '-4\\"' in out and read(server.client("s3"), "late", "cli") == WHOLE


SIZE = 384 * 2**20


def test_a_copy_whose_source_is_read_may_be_late(new_server):
    """The server is stopped while it reads the source, until the answer is due."""
    server = new_server("--scrub", "0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="late")
    s3.put_bucket_versioning(Bucket="late", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="late", Key="source", Body=bytes(SIZE))["VersionId"]

    def has_read():
        counters = pathlib.Path(f"/proc/{server.process.pid}/io").read_text()
        return int(re.search(r"^rchar: (\d+)", counters, re.M)[1])
    before = has_read()
    copy = Late(server, "PUT", "/late/copy", {"x-amz-copy-source": f"late/source?versionId={version}", "x-amz-checksum-algorithm": "SHA1"})
    while has_read() < before + 2**20:
        pass
    os.kill(server.process.pid, signal.SIGSTOP)
    time.sleep(5.5)  # S3's patience is what is tested
    os.kill(server.process.pid, signal.SIGCONT)
    copy.begins()
    assert copy.headers["x-amz-copy-source-version-id"] == version and "x-amz-version-id" not in copy.headers
    text = copy.rest()
    digest = base64.b64encode(hashlib.sha1(bytes(SIZE)).digest()).decode()
    assert re.match("<CopyObjectResult .*</CopyObjectResult>$", text) and f"<ChecksumSHA1>{digest}</ChecksumSHA1>" in text
    assert s3.head_object(Bucket="late", Key="copy")["ContentLength"] == SIZE
