"""Answers that begin before their end is known (tests/sdk/test_s3_late.py), by AWS's SDK for JavaScript."""
import json
import sqlite3

import sdk_run

PART = bytes(5 << 20)


def begin(s3, key):
    names = {"Bucket": "late", "Key": key}
    names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**names, PartNumber=n, Body=body)["ETag"]} for n, body in ((1, PART), (2, b"x"))]
    return {**names, "MultipartUpload": {"Parts": parts}}


def test_completions_whose_answers_come_late(new_server):
    server = new_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="late")
    uploads = [begin(s3, key) for key in ("whole", "doomed")]
    server.kill()
    server.start()
    holder = sqlite3.connect(server.data / "slipway.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    node = sdk_run.start("late.mjs", server, SLIPWAY_UPLOADS=json.dumps(uploads))
    begun = [json.loads(node.stdout.readline()) for _ in uploads]
    assert sorted(b["begun"] for b in begun) == ["doomed", "whole"]
    assert all(b["headers"]["transfer-encoding"] == "chunked" for b in begun)
    holder.execute("DELETE FROM s3_part WHERE number = 2 AND upload = ?", (uploads[1]["UploadId"],))
    holder.execute("COMMIT")
    holder.close()
    ended = {e["ended"]: e["result"] for e in map(json.loads, node.communicate(timeout=60)[0].splitlines())}
    assert ended["whole"]["ETag"].endswith('-2"') and ended["doomed"] == {"error": "InvalidPart"}
    assert s3.get_object(Bucket="late", Key="whole")["Body"].read() == PART + b"x"
