"""Multipart uploads to their edges: repeated completions, copied parts, listings in pages, reads by part."""
import concurrent.futures
import hashlib
import os

import pytest

from boto_calls import refused
from rest import ask, code, element

PART = 5 << 20


def upload_parts(s3, bucket, key, bodies, **more):
    """Upload id and the list that completes it; bodies by part number."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=n, Body=body)["ETag"]}
             for n, body in bodies.items()]
    return upload, {"Parts": parts}


def test_a_completion_may_be_repeated(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    upload, parts = upload_parts(s3, bucket, "k", {1: b"a" * PART, 2: b"b"})
    complete = lambda list_: s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=list_)
    first = complete(parts)
    again = complete(parts)
    assert [again[n] for n in ("ETag", "VersionId", "Location")] == [first[n] for n in ("ETag", "VersionId", "Location")]
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1
    assert refused(complete, {"Parts": parts["Parts"][:1]}) == ("NoSuchUpload", 404)
    assert refused(s3.upload_part, Bucket=bucket, Key="k", UploadId=upload, PartNumber=3, Body=b"x") == ("NoSuchUpload", 404)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first["VersionId"])
    assert refused(complete, parts) == ("NoSuchUpload", 404)


def test_completions_at_once_make_one_object(server, s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    upload, parts = upload_parts(s3, bucket, "k", {1: os.urandom(PART), 2: os.urandom(PART)})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts)["VersionId"], range(4)))
    assert len(set(done)) == 1
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1
    assert os.listdir(os.path.join(server.data, "blobs", "incoming")) == []


def test_a_part_too_small_is_named(server, s3, bucket):
    upload, parts = upload_parts(s3, bucket, "k", {1: b"small", 2: b"last"})
    body = "".join(f"<Part><PartNumber>{p['PartNumber']}</PartNumber><ETag>{p['ETag']}</ETag></Part>" for p in parts["Parts"])
    answer = ask(server, "POST", f"/{bucket}/k?uploadId={upload}", {}, f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode())
    assert code(answer) == (400, "EntityTooSmall")
    assert [element(answer, n) for n in ("ProposedSize", "MinSizeAllowed", "PartNumber")] == ["5", str(PART), "1"]


def test_completion_under_conditions(server, s3, bucket):
    upload, parts = upload_parts(s3, bucket, "k", {1: b"new"})
    body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{parts['Parts'][0]['ETag']}</ETag></Part></CompleteMultipartUpload>"
    complete = lambda headers: ask(server, "POST", f"/{bucket}/k?uploadId={upload}", headers, body.encode())
    assert code(complete({"If-Match": '"none"'})) == (404, "NoSuchKey")
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    assert code(complete({"If-None-Match": "*"})) == (412, "PreconditionFailed")
    assert code(complete({"If-Match": '"none"'})) == (412, "PreconditionFailed")
    assert code(complete({"x-amz-mp-object-size": "4"})) == (400, "InvalidRequest")
    assert complete({"If-Match": etag, "x-amz-mp-object-size": "3"}).status == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


@pytest.mark.parametrize("before", [False, True], ids=["put since", "put before"])
@pytest.mark.parametrize("versioned", [False, True])
def test_a_deletion_since_the_uploads_begin_conflicts(server, s3, bucket, versioned, before):
    """As recorded from S3: If-None-Match does not bring back what was deleted meanwhile; a new upload may."""
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    if before:
        s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    upload, parts = upload_parts(s3, bucket, "k", {1: b"new"})
    if not before:
        s3.delete_object(Bucket=bucket, Key="k")
        s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    other, _ = upload_parts(s3, bucket, "other", {1: b"new"})
    body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{parts['Parts'][0]['ETag']}</ETag></Part></CompleteMultipartUpload>"
    complete = lambda key, upload: ask(server, "POST", f"/{bucket}/{key}?uploadId={upload}", {"If-None-Match": "*"}, body.encode())
    assert code(complete("k", upload)) == (412, "PreconditionFailed")
    s3.delete_object(Bucket=bucket, Key="k")
    answer = complete("k", upload)
    assert code(answer) == (409, "ConditionalRequestConflict")
    assert (element(answer, "Condition"), element(answer, "Key")) == ("If-None-Match", "k")
    s3.delete_object(Bucket=bucket, Key="k")
    anew, _ = upload_parts(s3, bucket, "k", {1: b"new"})
    s3.delete_object(Bucket=bucket, Key="k")
    assert complete("k", anew).status == 200 and complete("other", other).status == 200
    assert code(complete("k", upload)) == (412, "PreconditionFailed")


def test_reads_by_part(s3, bucket):
    bodies = {2: os.urandom(PART), 5: os.urandom(PART + 3), 9: b"tail"}
    upload, parts = upload_parts(s3, bucket, "k", bodies)
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts)
    start, size = 0, sum(map(len, bodies.values()))
    for number, body in bodies.items():
        got = s3.get_object(Bucket=bucket, Key="k", PartNumber=number)
        assert got["Body"].read() == body
        assert (got["PartsCount"], got["ContentLength"], got["ResponseMetadata"]["HTTPStatusCode"]) == (3, len(body), 206)
        assert got["ContentRange"] == f"bytes {start}-{start + len(body) - 1}/{size}"
        head = s3.head_object(Bucket=bucket, Key="k", PartNumber=number)
        assert (head["PartsCount"], head["ContentLength"]) == (3, len(body))
        start += len(body)
    assert refused(s3.get_object, Bucket=bucket, Key="k", PartNumber=3) == ("InvalidPartNumber", 416)
    assert refused(s3.get_object, Bucket=bucket, Key="k", PartNumber=0) == ("InvalidArgument", 400)
    assert refused(s3.get_object, Bucket=bucket, Key="k", PartNumber=2, Range="bytes=0-1") == ("InvalidRequest", 400)
    assert "PartsCount" not in s3.get_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="whole", Body=b"whole")
    got = s3.get_object(Bucket=bucket, Key="whole", PartNumber=1)
    assert (got["Body"].read(), got["ContentRange"]) == (b"whole", "bytes 0-4/5")
    assert refused(s3.get_object, Bucket=bucket, Key="whole", PartNumber=2) == ("InvalidPartNumber", 416)


def test_attributes(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello")
    got = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag", "ObjectSize", "StorageClass", "Checksum"])
    assert (got["ETag"], got["ObjectSize"], got["StorageClass"]) == (put["ETag"].strip('"'), 5, "STANDARD")
    assert "LastModified" in got and "ObjectParts" not in got
    assert refused(s3.get_object_attributes, Bucket=bucket, Key="no", ObjectAttributes=["ETag"]) == ("NoSuchKey", 404)
    assert refused(s3.get_object_attributes, Bucket=bucket, Key="k", ObjectAttributes=["Size"]) == ("InvalidArgument", 400)


def test_attributes_list_parts_in_pages(server, s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number in (1, 2, 3):
        put = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b"%d" % number * PART,
                             ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": put["ETag"], "ChecksumSHA256": put["ChecksumSHA256"]})
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    seen, marker = [], 0
    while True:
        got = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"], MaxParts=2,
                                       PartNumberMarker=marker)["ObjectParts"]
        seen += [(p["PartNumber"], p["Size"], p["ChecksumSHA256"]) for p in got["Parts"]]
        assert (got["TotalPartsCount"], got["MaxParts"]) == (3, 2)
        if not got["IsTruncated"]:
            break
        marker = got["NextPartNumberMarker"]
    assert seen == [(p["PartNumber"], PART, p["ChecksumSHA256"]) for p in parts]


# ---- copied parts


def test_parts_are_copied(s3, bucket):
    source = os.urandom(PART + 100)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    pinned = s3.put_object(Bucket=bucket, Key="src/ä b", Body=source)["VersionId"]
    s3.put_object(Bucket=bucket, Key="src/ä b", Body=b"newer")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    copy = lambda number, **more: s3.upload_part_copy(
        Bucket=bucket, Key="k", UploadId=upload, PartNumber=number,
        CopySource={"Bucket": bucket, "Key": "src/ä b", "VersionId": pinned}, **more)
    first, second = copy(1), copy(2, CopySourceRange="bytes=10-19")
    assert first["CopySourceVersionId"] == pinned
    assert first["CopyPartResult"]["ETag"] == '"%s"' % hashlib.md5(source).hexdigest()
    assert second["CopyPartResult"]["ETag"] == '"%s"' % hashlib.md5(source[10:20]).hexdigest()
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [
        {"PartNumber": n, "ETag": a["CopyPartResult"]["ETag"]} for n, a in ((1, first), (2, second))]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == source + source[10:20]


def test_a_copied_part_has_the_upload_s_checksum(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"hello")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")["UploadId"]
    part = s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1,
                               CopySource={"Bucket": bucket, "Key": "source"})["CopyPartResult"]
    assert part["ChecksumCRC32"] == "NhCmhg=="


def test_errors_of_copied_parts(s3, bucket):
    s3.put_object(Bucket=bucket, Key="small", Body=b"x" * 100)
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * (PART + 1))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    copy = lambda key="large", upload=upload, **more: refused(
        s3.upload_part_copy, Bucket=bucket, Key="k", UploadId=upload, PartNumber=1,
        CopySource={"Bucket": bucket, "Key": key}, **more)
    assert copy(upload="none") == ("NoSuchUpload", 404)
    assert copy(key="none") == ("NoSuchKey", 404)
    assert copy(key="small", CopySourceRange="bytes=0-9") == ("InvalidRequest", 400)
    for bad in (f"bytes=0-{PART + 1}", "bytes=5-", "bytes=-5", "5-6", "bytes=9-5"):
        assert copy(CopySourceRange=bad) == ("InvalidArgument", 400)
    assert copy(CopySourceIfMatch='"other"') == ("PreconditionFailed", 412)


# ---- listings


def test_uploads_are_listed_by_key_and_age(s3, bucket):
    made = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in "cbacbacba"]
    expected = sorted(made, key=lambda m: m[0])
    for size in (1, 2, 4, 1000):
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [(u["Key"], u["UploadId"]) for page in pages for u in page.get("Uploads", [])] == expected
    after = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="b")["Uploads"]
    assert {u["Key"] for u in after} == {"c"}
    ignored = s3.list_multipart_uploads(Bucket=bucket, UploadIdMarker=expected[-1][1])["Uploads"]
    assert len(ignored) == len(made)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_uploads_roll_up(s3, bucket, size):
    for key in ("a/1", "a/2", "a b", "b/1", "b/1/2", "c"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    uploads, prefixes = [], []
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Delimiter="/", EncodingType="url",
                                                                    PaginationConfig={"PageSize": size}):
        uploads += [u["Key"] for u in page.get("Uploads", [])]
        prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
    assert (uploads, prefixes) == (["a+b", "c"], ["a/", "b/"])
    page = s3.list_multipart_uploads(Bucket=bucket, Prefix="b/", Delimiter="/")
    assert [u["Key"] for u in page["Uploads"]] == ["b/1"] and page["CommonPrefixes"] == [{"Prefix": "b/1/"}]


def test_bad_arguments_of_listings(s3, server, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    for query in ("max-parts=x", "max-parts=-1", "part-number-marker=x"):
        assert code(ask(server, "GET", f"/{bucket}/k?{query}&uploadId={upload}")) == (400, "InvalidArgument")
    for query in ("max-uploads=x", "encoding-type=rot13"):
        assert code(ask(server, "GET", f"/{bucket}?{query}&uploads=")) == (400, "InvalidArgument")
