"""Checksums of objects and parts: by header and behind the body, verified, kept and given back; and Content-MD5."""
import base64
import ctypes
import hashlib
import os
import uuid

import pytest

from chunks import SIGNED_TRAILER, UNSIGNED_TRAILER, Upload
from rest import ask, code, element

PART = 5 << 20
POLYNOMIALS = {"CRC32": (0xEDB88320, 32), "CRC32C": (0x82F63B78, 32), "CRC64NVME": (0x9A6C9329AC4BC9B5, 64)}
SHAS = ["SHA1", "SHA256", "SHA512", "MD5"]
XXHASHES = ["XXHASH64", "XXHASH3", "XXHASH128"]
ALGORITHMS = [*POLYNOMIALS, *SHAS, *XXHASHES]
TABLES = {}


def crc_table(name):
    if name not in TABLES:
        table = []
        for value in range(256):
            for _ in range(8):
                value = value >> 1 ^ (POLYNOMIALS[name][0] if value & 1 else 0)
            table.append(value)
        TABLES[name] = table
    return TABLES[name]


class Halves(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def xxhash(name, data):
    library = ctypes.CDLL("libxxhash.so.0")
    long = ctypes.c_ulonglong
    if name == "XXHASH128":
        library.XXH3_128bits.restype = Halves
        halves = library.XXH3_128bits(data, ctypes.c_size_t(len(data)))
        return halves.high.to_bytes(8, "big") + halves.low.to_bytes(8, "big")
    function, seed = (library.XXH64, [long(0)]) if name == "XXHASH64" else (library.XXH3_64bits, [])
    function.restype = ctypes.c_uint64
    return function(data, ctypes.c_size_t(len(data)), *seed).to_bytes(8, "big")


def digest(name, data):
    if name in XXHASHES:
        return xxhash(name, data)
    if name not in POLYNOMIALS:
        return hashlib.new(name.lower(), data).digest()
    bits, table = POLYNOMIALS[name][1], crc_table(name)
    value = (1 << bits) - 1
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return (value ^ (1 << bits) - 1).to_bytes(bits // 8, "big")


def text(name, data):
    return base64.b64encode(digest(name, data)).decode()


def header(name):
    return "x-amz-checksum-" + name.lower()


@pytest.fixture(scope="module")
def bucket(s3):
    name = "checksums-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def target(bucket):
    return f"/{bucket}/{uuid.uuid4().hex}"


def checksums(answer):
    return {k.lower(): v for k, v in answer.headers.items() if k.lower().startswith("x-amz-checksum-")}


BODIES = [b"", b"123456789", os.urandom(33333), os.urandom(70001)]


@pytest.mark.parametrize("body", BODIES, ids=map(len, BODIES))
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_checksum_in_a_header(server, target, name, body):
    kept = {header(name): text(name, body), "x-amz-checksum-type": "FULL_OBJECT"}
    put = ask(server, "PUT", target, {header(name): text(name, body)}, body)
    assert (put.status, checksums(put)) == (200, kept)
    for method in ("GET", "HEAD"):
        assert checksums(ask(server, method, target, {"x-amz-checksum-mode": "ENABLED"})) == kept
        assert checksums(ask(server, method, target)) == {}
    assert checksums(ask(server, "GET", target, {"x-amz-checksum-mode": "ENABLED", "Range": "bytes=0-3"})) == {}


@pytest.mark.parametrize("form", [SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_checksum_behind_the_body(server, target, name, form):
    chunks = [os.urandom(9000), b"tail"]
    whole = b"".join(chunks)
    put = Upload(server, target, form, chunks, [(header(name), text(name, whole))],
                 {"x-amz-sdk-checksum-algorithm": name}).send()
    assert (put.status, checksums(put)[header(name)]) == (200, text(name, whole))
    assert checksums(ask(server, "HEAD", target, {"x-amz-checksum-mode": "ENABLED"}))[header(name)] == text(name, whole)


@pytest.mark.parametrize("form", [None, SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_wrong_checksum_stores_nothing(server, target, name, form):
    wrong = text(name, b"another body")
    answer = (Upload(server, target, form, [b"body"], [(header(name), wrong)]).send() if form else
              ask(server, "PUT", target, {header(name): wrong}, b"body"))
    assert code(answer) == (400, "BadDigest")
    assert f"The {name} you specified did not match the calculated checksum." in answer.text
    assert ask(server, "HEAD", target).status == 404


def test_every_object_has_a_checksum(server, target):
    put = ask(server, "PUT", target, {}, b"body")
    assert checksums(put) == {"x-amz-checksum-crc64nvme": text("CRC64NVME", b"body"), "x-amz-checksum-type": "FULL_OBJECT"}
    assert checksums(ask(server, "HEAD", target, {"x-amz-checksum-mode": "ENABLED"})) == checksums(put)


@pytest.mark.parametrize("headers,message", [
    ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": text("SHA1", b"body")},
     "Expecting a single x-amz-checksum- header"),
    ({"x-amz-checksum-crc32": "???"}, "Value for x-amz-checksum-crc32 header is invalid."),
    ({"x-amz-checksum-sha256": "AAAAAA=="}, "Value for x-amz-checksum-sha256 header is invalid."),
    ({"x-amz-sdk-checksum-algorithm": "CRC32"}, "no corresponding x-amz-checksum-*"),
    ({"x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-crc32c": text("CRC32C", b"body")},
     "Value for x-amz-sdk-checksum-algorithm header is invalid."),
])
def test_contradictory_checksums(server, target, headers, message):
    answer = ask(server, "PUT", target, headers, b"body")
    assert code(answer) == (400, "InvalidRequest") and message in answer.text


def test_a_trailer_that_is_no_checksum(server, target):
    answer = Upload(server, target, UNSIGNED_TRAILER, [b"x"], [("x-amz-checksum-sha10", "x")]).send()
    assert code(answer) == (400, "InvalidRequest")
    assert "The value specified in the x-amz-trailer header is not supported" in answer.text


def test_content_md5(server, target):
    md5 = base64.b64encode(hashlib.md5(b"body").digest()).decode()
    assert ask(server, "PUT", target, {"Content-MD5": md5}, b"body").status == 200
    assert code(ask(server, "PUT", target, {"Content-MD5": md5}, b"other")) == (400, "BadDigest")
    for bad in ("bm9wZQ==", "x", ""):
        assert code(ask(server, "PUT", target, {"Content-MD5": bad}, b"body")) == (400, "InvalidDigest")


# ---- multipart


def begin(server, target, **headers):
    answer = ask(server, "POST", target + "?uploads=", {k.replace("_", "-"): v for k, v in headers.items()})
    return answer, element(answer, "UploadId")


def put_part(server, target, upload, number, body, headers=()):
    return ask(server, "PUT", f"{target}?partNumber={number}&uploadId={upload}", headers, body)


def complete(server, target, upload, parts, headers=()):
    """Parts: (number, ETag, {element: checksum})."""
    body = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag>"
                   + "".join(f"<{k}>{v}</{k}>" for k, v in sums.items()) + "</Part>" for n, etag, sums in parts)
    return ask(server, "POST", f"{target}?uploadId={upload}", headers,
               f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode())


BYTES = [os.urandom(1000) * (PART // 1000 + 1), b"tail" * 1000]


@pytest.mark.parametrize("name", ["CRC32", "CRC32C", *SHAS, *XXHASHES])
def test_a_composite_checksum(server, target, name):
    begun, upload = begin(server, target, x_amz_checksum_algorithm=name)
    assert (begun.headers["x-amz-checksum-algorithm"], begun.headers["x-amz-checksum-type"]) == (name, "COMPOSITE")
    short = [BYTES[0][:PART], b"tail"] if name.startswith("CRC") else BYTES
    sums = [text(name, body) for body in short]
    answers = [put_part(server, target, upload, i, body, {header(name): sums[i - 1]}) for i, body in enumerate(short, 1)]
    assert [a.headers[header(name)] for a in answers] == sums
    listed = ask(server, "GET", f"{target}?uploadId={upload}")
    assert (element(listed, "Checksum" + name), element(listed, "ChecksumAlgorithm")) == (sums[0], name)
    parts = [(i, a.headers["ETag"], {"Checksum" + name: sums[i - 1]}) for i, a in enumerate(answers, 1)]
    missing = complete(server, target, upload, [parts[0], (2, parts[1][1], {})])
    assert code(missing) == (400, "InvalidRequest") and "It was missing for part 2 in the request" in missing.text
    wrong = complete(server, target, upload, [parts[0], (2, parts[1][1], {"Checksum" + name: sums[0]})])
    assert code(wrong) == (400, "InvalidPart")
    mode = complete(server, target, upload, parts, {"x-amz-checksum-type": "FULL_OBJECT"})
    assert code(mode) == (400, "InvalidRequest")
    composite = base64.b64encode(digest(name, b"".join(digest(name, body) for body in short))).decode()
    bad = complete(server, target, upload, parts, {header(name): sums[0]})
    assert code(bad) == (400, "BadDigest")
    done = complete(server, target, upload, parts, {header(name): composite + "-2", "x-amz-checksum-type": "COMPOSITE"})
    assert (element(done, "Checksum" + name), element(done, "ChecksumType")) == (composite + "-2", "COMPOSITE")
    head = ask(server, "HEAD", target, {"x-amz-checksum-mode": "ENABLED"})
    assert checksums(head) == {header(name): composite + "-2", "x-amz-checksum-type": "COMPOSITE"}
    second = ask(server, "GET", target + "?partNumber=2", {"x-amz-checksum-mode": "ENABLED"})
    assert (second.status, second.body, second.headers[header(name)]) == (206, short[1], sums[1])
    shown = ask(server, "GET", target + "?attributes", {"x-amz-object-attributes": "Checksum,ObjectParts"})
    assert (element(shown, "Checksum" + name), element(shown, "ChecksumType")) == (composite, "COMPOSITE")
    assert element(shown, "PartsCount") == "2" and f"<Size>{len(short[1])}</Size><Checksum{name}>{sums[1]}</" in shown.text


@pytest.mark.parametrize("name,declared", [("CRC32", True), ("CRC32C", True), ("CRC64NVME", True), ("CRC64NVME", False)])
def test_a_full_object_checksum_of_a_multipart_object(server, target, name, declared):
    asked = {"x_amz_checksum_algorithm": name} if declared else {}
    if declared and name != "CRC64NVME":
        asked["x_amz_checksum_type"] = "FULL_OBJECT"
    _, upload = begin(server, target, **asked)
    bodies = [b"ab" * (PART // 2), b"tail"]
    answers = [put_part(server, target, upload, i, body) for i, body in enumerate(bodies, 1)]
    assert answers[1].headers.get(header(name)) == (text(name, b"tail") if declared else None)
    parts = [(i, a.headers["ETag"], {}) for i, a in enumerate(answers, 1)]
    whole = text(name, b"".join(bodies))
    assert code(complete(server, target, upload, parts, {header(name): text(name, b"")})) == (400, "BadDigest")
    done = complete(server, target, upload, parts, {header(name): whole, "x-amz-checksum-type": "FULL_OBJECT"})
    assert (element(done, "Checksum" + name), element(done, "ChecksumType")) == (whole, "FULL_OBJECT")
    assert checksums(ask(server, "HEAD", target, {"x-amz-checksum-mode": "ENABLED"}))[header(name)] == whole
    assert checksums(ask(server, "HEAD", target + "?partNumber=2", {"x-amz-checksum-mode": "ENABLED"})) == {}
    shown = ask(server, "GET", target + "?attributes", {"x-amz-object-attributes": "ObjectParts"})
    assert element(shown, "PartsCount") == "2" and "<Part>" not in shown.text


@pytest.mark.parametrize("asked,message", [
    ({"x_amz_checksum_algorithm": "SHA256", "x_amz_checksum_type": "FULL_OBJECT"},
     "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."),
    ({"x_amz_checksum_algorithm": "CRC64NVME", "x_amz_checksum_type": "COMPOSITE"},
     "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."),
    *(({"x_amz_checksum_algorithm": name, "x_amz_checksum_type": "FULL_OBJECT"},
       f"The FULL_OBJECT checksum type cannot be used with the {name.lower()} checksum algorithm.") for name in
      ("SHA512", "MD5", *XXHASHES)),
    ({"x_amz_checksum_type": "COMPOSITE"}, "can only be used with the x-amz-checksum-algorithm header"),
    ({"x_amz_checksum_algorithm": "CRC32", "x_amz_checksum_type": "SOME"}, "x-amz-checksum-type header is invalid"),
    ({"x_amz_checksum_algorithm": "MD4"}, "Checksum algorithm provided is unsupported"),
])
def test_uploads_with_an_impossible_checksum(server, target, asked, message):
    answer, _ = begin(server, target, **asked)
    assert code(answer) == (400, "InvalidRequest") and message in answer.text


def test_a_part_has_the_checksum_that_its_upload_declared(server, target):
    _, upload = begin(server, target, x_amz_checksum_algorithm="SHA256")
    for headers, actual in (({}, "null"), ({"x-amz-checksum-crc32": text("CRC32", b"x")}, "crc32")):
        answer = put_part(server, target, upload, 1, b"x", headers)
        assert code(answer) == (400, "InvalidRequest")
        assert f"expected checksum Type: sha256, actual checksum Type: {actual}" in answer.text
    assert code(put_part(server, target, upload, 1, b"x", {"x-amz-checksum-sha256": text("SHA256", b"y")})) == (400, "BadDigest")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_part_of_an_upload_that_declared_nothing(server, target, name):
    """Its checksum is checked and told; newer algorithms' of the whole are refused, since nothing could check them."""
    _, upload = begin(server, target)
    header = f"x-amz-checksum-{name.lower()}"
    answer = put_part(server, target, upload, 1, b"x", {header: text(name, b"x")})
    assert (answer.status, answer.headers[header]) == (200, text(name, b"x"))
    whole = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{answer.headers['ETag']}</ETag></Part></CompleteMultipartUpload>"
    answer = ask(server, "POST", f"{target}?uploadId={upload}", {header: text(name, b"x")}, whole.encode())
    if name in ("SHA512", "MD5", *XXHASHES):
        assert code(answer) == (400, "InvalidRequest")
        assert f"expected checksum Type: null, actual checksum Type: {name.lower()}" in answer.text
    else:
        assert answer.status == 200 and b"CompleteMultipartUploadResult" in answer.body


# ---- copies


@pytest.mark.parametrize("wanted", ALGORITHMS)
def test_a_copy_has_the_checksum_that_is_asked_for(server, bucket, target, wanted):
    body = os.urandom(70000)
    ask(server, "PUT", target, {"x-amz-checksum-crc32": text("CRC32", body)}, body)
    copied = ask(server, "PUT", target + "-copy", {"x-amz-copy-source": target, "x-amz-checksum-algorithm": wanted})
    assert (element(copied, "Checksum" + wanted), element(copied, "ChecksumType")) == (text(wanted, body), "FULL_OBJECT")
    assert checksums(ask(server, "HEAD", target + "-copy", {"x-amz-checksum-mode": "ENABLED"}))[header(wanted)] == text(
        wanted, body)


def test_a_copy_of_a_multipart_object_is_an_object_like_any_other(server, target):
    _, upload = begin(server, target, x_amz_checksum_algorithm="SHA256")
    answer = put_part(server, target, upload, 1, b"body", {"x-amz-checksum-sha256": text("SHA256", b"body")})
    complete(server, target, upload, [(1, answer.headers["ETag"], {"ChecksumSHA256": text("SHA256", b"body")})])
    copied = ask(server, "PUT", target + "-copy", {"x-amz-copy-source": target})
    assert element(copied, "ETag") == '"%s"' % hashlib.md5(b"body").hexdigest()
    assert (element(copied, "ChecksumSHA256"), element(copied, "ChecksumType")) == (text("SHA256", b"body"), "FULL_OBJECT")
    head = ask(server, "HEAD", target + "-copy?partNumber=1")
    assert (head.status, head.headers["ETag"]) == (206, element(copied, "ETag")) and "x-amz-mp-parts-count" not in head.headers
