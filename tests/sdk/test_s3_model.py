"""Random operations of several clients at once, against a model of S3 that fits on a page, with kill -9 in between.

Each client has keys of its own in buckets that all share, so that it knows what must be there: the model of a key is its
versions, newest first. What was under way when the server was killed has happened wholly or not at all; after the start
the client looks which. S3_MODEL_SEED and S3_MODEL_SECONDS repeat a run, or make it longer.
"""
import hashlib
import os
import random
import threading
import time
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import (ClientError, ConnectionClosedError, EndpointConnectionError, HTTPClientError,
                                 ReadTimeoutError)

from running import Server

SEED = int(os.environ.get("S3_MODEL_SEED", "20"))
SECONDS = float(os.environ.get("S3_MODEL_SECONDS", "5"))
CLIENTS = 4
KILL_EVERY_S = 1.2
BUCKETS = {"model-never": None, "model-enabled": "Enabled", "model-suspended": "Suspended"}
GONE = (ConnectionClosedError, EndpointConnectionError, HTTPClientError, ReadTimeoutError)
PART = 5 << 20


@dataclass
class Version:
    body: bytes = b""
    marker: bool = False
    tags: tuple = ()
    meta: str = ""
    parts: int = 0
    id: str = ""  # "" until the server has said it

    def shape(self):
        return self.marker, self.tags, self.meta, self.etag()

    def etag(self):
        if self.marker:
            return ""
        if self.parts:
            pieces = [self.body[i:i + PART] for i in range(0, len(self.body), PART)] or [b""]
            digest = hashlib.md5(b"".join(hashlib.md5(piece).digest() for piece in pieces)).hexdigest()
            return f'"{digest}-{self.parts}"'
        return f'"{hashlib.md5(self.body).hexdigest()}"'


def put(versions, versioning, new):
    """What is there after a put, or after a deletion without a version id (a marker)."""
    if versioning is None:
        return [] if new.marker else [new]
    if versioning == "Suspended":
        return [new] + [v for v in versions if v.id != "null"]
    return [new] + versions


def current(versions):
    return versions[0] if versions and not versions[0].marker else None


class Mismatch(AssertionError):
    pass


@dataclass
class Client:
    number: int
    s3: object
    choice: random.Random
    model: dict = field(default_factory=dict)  # (bucket, key): [Version]
    done: int = 0
    headers: dict = field(default_factory=dict)  # of the next PutObject, which this boto3 may not know

    def __post_init__(self):
        self.s3.meta.events.register("before-call.s3.PutObject", lambda params, **_: params["headers"].update(self.headers))

    def key(self):
        names = ["plain", "with space", "a/b/c", "ä+%2F", "dots/../dots", "dash-"]
        return f"{self.number}/{self.choice.choice(names)}"

    def body(self):
        size = self.choice.choice([0, 1, 100, 5_000, 65_536, 65_537, 200_000])
        return self.choice.randbytes(size)

    # ---- one operation: what it is to do to the model, and the call

    def attempt(self, bucket, key, after, call):
        """Makes the call; what is there then is `after`. A call that was cut off did all of it or nothing."""
        try:
            answer = call()
        except GONE:
            return self.recover(bucket, key, after)
        if after and not after[0].id and not after[0].marker:
            after[0].id = answer.get("VersionId", "null")
        elif after and not after[0].id:
            after[0].id = answer["VersionId"]
        self.model[bucket, key] = after

    def recover(self, bucket, key, after):
        before = self.model.get((bucket, key), [])
        found = self.look(bucket, key)
        shapes = [shape for shape, _ in found]
        for candidate in (after, before):
            if [v.shape() for v in candidate] == shapes:
                for version, (_, version_id) in zip(candidate, found):
                    version.id = version_id
                self.model[bucket, key] = candidate
                return
        raise Mismatch(f"{bucket}/{key}: neither what it was nor what it was to be: {shapes}")

    def look(self, bucket, key):
        while True:
            try:
                return self.look_once(bucket, key)
            except GONE:
                time.sleep(0.02)

    def look_once(self, bucket, key):
        """[(shape, version id)] of what is there."""
        listed = self.s3.list_object_versions(Bucket=bucket, Prefix=key)
        rows = [v | {"marker": False} for v in listed.get("Versions", [])]
        rows += [v | {"marker": True} for v in listed.get("DeleteMarkers", [])]
        rows = [v for v in rows if v["Key"] == key]
        mine = {v.id: i for i, v in enumerate(self.model.get((bucket, key), []))}
        # newest first: what the model does not know is newer than what it knows
        rows.sort(key=lambda v: (v["IsLatest"] is False, mine.get(v["VersionId"], -1)))
        shapes = []
        for row in rows:
            if row["marker"]:
                shapes.append(((True, (), "", ""), row["VersionId"]))
                continue
            names = {"Bucket": bucket, "Key": key, "VersionId": row["VersionId"]}
            head = self.s3.head_object(**names)
            tags = tuple(sorted((t["Key"], t["Value"]) for t in self.s3.get_object_tagging(**names)["TagSet"]))
            shapes.append(((False, tags, head["Metadata"].get("m", ""), row["ETag"]), row["VersionId"]))
        return shapes

    def expect_error(self, code, call):
        try:
            call()
        except GONE:
            return
        except ClientError as error:
            if error.response["Error"]["Code"] not in code:
                raise Mismatch(f"{error} instead of {code}") from error
            return
        raise Mismatch(f"no error instead of {code}")

    # ---- the operations

    def op_put(self, bucket, key, versions):
        new = Version(self.body(), meta=self.choice.choice(["", "some"]))
        more = {"Metadata": {"m": new.meta}} if new.meta else {}
        if self.choice.random() < 0.3:
            new.tags, more["Tagging"] = (("t", "1"),), "t=1"
        call = lambda: self.s3.put_object(Bucket=bucket, Key=key, Body=new.body, **more)
        self.attempt(bucket, key, put(versions, BUCKETS[bucket], new), call)

    def op_put_if(self, bucket, key, versions):
        new, now = Version(self.body()), current(versions)
        condition, holds = self.choice.choice([
            ({"If-None-Match": "*"}, now is None),
            ({"If-Match": now.etag() if now else '"0"'}, now is not None),
            ({"If-Match": '"' + "0" * 32 + '"'}, False)])
        call = lambda: self.s3.put_object(Bucket=bucket, Key=key, Body=new.body)
        self.headers = condition
        try:
            if holds:
                self.attempt(bucket, key, put(versions, BUCKETS[bucket], new), call)
            else:
                self.expect_error(["PreconditionFailed", "NoSuchKey"], call)
        finally:
            self.headers = {}

    def op_get(self, bucket, key, versions):
        now = current(versions)
        call = lambda: self.s3.get_object(Bucket=bucket, Key=key)
        if not now:
            return self.expect_error(["NoSuchKey"], call)
        try:
            answer = call()
            body = answer["Body"].read()
        except GONE:
            return
        if body != now.body or answer["ETag"] != now.etag() or answer["Metadata"].get("m", "") != now.meta:
            raise Mismatch(f"{bucket}/{key}: {len(body)} other bytes than the {len(now.body)} that were put")
        if answer.get("TagCount", 0) != len(now.tags):
            raise Mismatch(f"{bucket}/{key}: TagCount {answer.get('TagCount')}")

    def op_get_range(self, bucket, key, versions):
        now = current(versions)
        if not now or not now.body:
            return
        first = self.choice.randrange(len(now.body))
        last = self.choice.randrange(first, len(now.body) + 10)
        try:
            body = self.s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")["Body"].read()
        except GONE:
            return
        if body != now.body[first:last + 1]:
            raise Mismatch(f"{bucket}/{key}: bytes {first}-{last}")

    def op_get_version(self, bucket, key, versions):
        kept = [v for v in versions if not v.marker]
        if not kept:
            return
        version = self.choice.choice(kept)
        try:
            body = self.s3.get_object(Bucket=bucket, Key=key, VersionId=version.id)["Body"].read()
        except GONE:
            return
        if body != version.body:
            raise Mismatch(f"{bucket}/{key}: version {version.id}")

    def op_delete(self, bucket, key, versions):
        new = Version(marker=True, id="null" if BUCKETS[bucket] == "Suspended" else "")
        self.attempt(bucket, key, put(versions, BUCKETS[bucket], new),
                     lambda: self.s3.delete_object(Bucket=bucket, Key=key))

    def op_delete_version(self, bucket, key, versions):
        if not versions:
            return
        gone = self.choice.choice(versions)
        self.attempt(bucket, key, [v for v in versions if v is not gone],
                     lambda: self.s3.delete_object(Bucket=bucket, Key=key, VersionId=gone.id))

    def op_copy(self, bucket, key, versions):
        now, target = current(versions), self.key()
        call = lambda: self.s3.copy_object(Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": key})
        if not now:
            return self.expect_error(["NoSuchKey"], call)
        if target == key:
            return self.expect_error(["InvalidRequest"], call)
        new = Version(now.body, tags=now.tags, meta=now.meta)
        self.attempt(bucket, target, put(self.model.get((bucket, target), []), BUCKETS[bucket], new), call)

    def op_tag(self, bucket, key, versions):
        now = current(versions)
        value = str(self.choice.randrange(3))
        call = lambda: self.s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": [{"Key": "t", "Value": value}]})
        if not now:
            return self.expect_error(["NoSuchKey", "MethodNotAllowed"], call)
        after = [Version(now.body, tags=(("t", value),), meta=now.meta, parts=now.parts, id=now.id)] + versions[1:]
        self.attempt(bucket, key, after, call)

    def op_multipart(self, bucket, key, versions):
        body = self.choice.randbytes(PART) + self.choice.randbytes(self.choice.randrange(1, 1000))
        names = {"Bucket": bucket, "Key": key}
        try:
            names["UploadId"] = self.s3.create_multipart_upload(**names)["UploadId"]
            parts = [{"PartNumber": n, "ETag": self.s3.upload_part(**names, PartNumber=n, Body=piece)["ETag"]}
                     for n, piece in ((2, body[PART:]), (1, body[:PART]))]
            if self.choice.random() < 0.3:
                self.s3.abort_multipart_upload(**names)
                return
        except GONE:
            return
        self.attempt(bucket, key, put(versions, BUCKETS[bucket], Version(body, parts=2)),
                     lambda: self.s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts[::-1]}))

    def op_list(self, bucket, _key, _versions):
        try:
            listed = [o for page in self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=f"{self.number}/", PaginationConfig={"PageSize": 2}) for o in page.get("Contents", [])]
        except GONE:
            return
        expected = {key: current(versions) for (b, key), versions in self.model.items() if b == bucket and current(versions)}
        if [(o["Key"], o["Size"], o["ETag"]) for o in listed] != [
                (key, len(v.body), v.etag()) for key, v in sorted(expected.items(), key=lambda item: item[0].encode())]:
            raise Mismatch(f"{bucket}: listed {[o['Key'] for o in listed]} instead of {sorted(expected)}")

    def op_list_versions(self, bucket, _key, _versions):
        try:
            listed = self.s3.list_object_versions(Bucket=bucket, Prefix=f"{self.number}/")
        except GONE:
            return
        found = sorted((v["Key"], v["VersionId"]) for kind in ("Versions", "DeleteMarkers") for v in listed.get(kind, []))
        expected = sorted((key, v.id) for (b, key), versions in self.model.items() if b == bucket for v in versions)
        if found != expected:
            raise Mismatch(f"{bucket}: versions {found} instead of {expected}")

    def step(self):
        operations = [self.op_put] * 4 + [self.op_put_if] * 2 + [self.op_get] * 4 + [
            self.op_get_range, self.op_get_version, self.op_delete, self.op_delete, self.op_delete_version, self.op_copy,
            self.op_tag, self.op_list, self.op_list_versions] + [self.op_multipart] * (self.choice.random() < 0.15)
        bucket, key = self.choice.choice(list(BUCKETS)), self.key()
        self.choice.choice(operations)(bucket, key, list(self.model.get((bucket, key), [])))
        self.done += 1

    def check_all(self):
        for (bucket, key), versions in self.model.items():
            if [shape for shape, _ in self.look_once(bucket, key)] != [v.shape() for v in versions]:
                raise Mismatch(f"{bucket}/{key}: not what the model has")
            self.op_get(bucket, key, versions)


@pytest.fixture(params=["plain", "encrypted"])
def killable(request, tmp_path):
    key = tmp_path / "key"
    key.write_text(os.urandom(32).hex())
    key.chmod(0o600)
    server = Server(*(["--encryption-key", str(key)] if request.param == "encrypted" else []))
    yield server
    server.close()


def test_several_clients_and_kills(killable):
    s3 = killable.client("s3")
    for name, versioning in BUCKETS.items():
        s3.create_bucket(Bucket=name)
        if versioning:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning})
    clients = [Client(n, killable.client("s3", connect_timeout=2, read_timeout=20), random.Random(f"{SEED}/{n}"))
               for n in range(CLIENTS)]
    until, failed = time.monotonic() + SECONDS, []

    def work(client):
        while time.monotonic() < until and not failed:
            try:
                client.step()
            except BaseException as error:  # told by the test, not by the thread
                failed.append((client.number, client.done, error))

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    while time.monotonic() < until - KILL_EVERY_S and not failed:
        time.sleep(KILL_EVERY_S)
        killable.kill()
        killable.start()
    for thread in threads:
        thread.join()
    assert not failed, f"S3_MODEL_SEED={SEED}: client {failed[0][0]}, step {failed[0][1]}: {failed[0][2]!r}"
    for client in clients:
        client.check_all()
    assert all(client.done > 20 for client in clients), [client.done for client in clients]
