"""What a completed multipart upload is on disk: its parts, as they came. Read across their borders, shared, damaged,
sealed, deleted while they are read, killed while they are joined."""
import concurrent.futures
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import time
import uuid

import pytest

from boto_calls import refused, until
from running import NO_DEFAULT_CHECKSUMS, binary

PART = 5 << 20
BODIES = [os.urandom(PART), os.urandom(PART + 3), os.urandom(PART), b"tail"]
WHOLE = b"".join(BODIES)


@pytest.fixture
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    return new_bucket(s3)


@pytest.fixture
def alone(new_server):
    """A server of its own, which nothing else looks at the files of."""
    running = new_server("--scrub", "0")
    running.s3 = running.client("s3")
    running.s3.create_bucket(Bucket="parts")
    return running


def new_bucket(s3):
    name = "parts-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    return name


def begin(s3, bucket, key, bodies=BODIES, **more):
    """Names of the upload, and the list that completes it."""
    names = {"Bucket": bucket, "Key": key}
    names["UploadId"] = s3.create_multipart_upload(**names, **more)["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**names, PartNumber=n, Body=body)["ETag"]}
             for n, body in enumerate(bodies, 1)]
    return names, {"Parts": parts}


def complete(s3, bucket, key, bodies=BODIES, **more):
    names, parts = begin(s3, bucket, key, bodies, **more)
    return s3.complete_multipart_upload(**names, MultipartUpload=parts)


def read(s3, bucket, key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def files(server):
    """Those that have come to their place."""
    return {p for p in (server.data / "blobs").glob("[0-9a-f][0-9a-f]/*")}


def rows(server, sql):
    """Of a server that has stopped."""
    with sqlite3.connect(server.data / "slipway.db") as database:
        return database.execute(sql).fetchall()


def damage(path):
    with open(path, "r+b") as f:
        f.seek(1000)
        byte = f.read(1)[0]
        f.seek(1000)
        f.write(bytes([byte ^ 4]))


def verify(server):
    done = server.slipway("bucket", "verify", profile="shared-services", check=False)
    return done.returncode, done.stdout


def test_completing_writes_no_file_and_deleting_leaves_none(alone):
    names, parts = begin(alone.s3, "parts", "k")
    before = {(p.name, p.stat().st_ino) for p in files(alone)}
    assert len(before) == 3
    alone.s3.complete_multipart_upload(**names, MultipartUpload=parts)
    assert {(p.name, p.stat().st_ino) for p in files(alone)} == before
    assert read(alone.s3, "parts", "k") == WHOLE
    alone.s3.copy_object(Bucket="parts", Key="copy", CopySource="parts/k")
    alone.s3.delete_object(Bucket="parts", Key="k")
    assert read(alone.s3, "parts", "copy") == WHOLE
    alone.s3.delete_object(Bucket="parts", Key="copy")
    until(lambda: not files(alone))
    alone.stop()
    for table in ("s3_blob", "s3_blob_part", "s3_doomed_list", "s3_doomed", "s3_part", "s3_upload", "s3_object_part"):
        assert rows(alone, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert rows(alone, "SELECT objects, bytes FROM s3_usage WHERE objects > 0 OR bytes > 0") == []


def check_ranges(s3, bucket, key):
    borders, at = [0], 0
    for body in BODIES:
        at += len(body)
        borders.append(at)
    asked = [(0, 0), (len(WHOLE) - 1, len(WHOLE) - 1), (0, len(WHOLE) - 1), (len(WHOLE) - 5, len(WHOLE) - 1)]
    for border in borders[1:-1]:
        asked += [(border - 1, border), (border - 1, border - 1), (border, border), (border - 70_000, border + 70_000)]
    asked += [sorted(random.sample(range(len(WHOLE)), 2)) for _ in range(10)]
    for first, last in asked:
        answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")
        assert answer["Body"].read() == WHOLE[first:last + 1], (first, last)
    for number, body in enumerate(BODIES, 1):
        assert read(s3, bucket, key, PartNumber=number) == body
    assert read(s3, bucket, key, Range="bytes=-6") == WHOLE[-6:]
    assert refused(s3.get_object, Bucket=bucket, Key=key, Range=f"bytes={len(WHOLE)}-") == ("InvalidRange", 416)
    assert hashlib.sha256(read(s3, bucket, key)).digest() == hashlib.sha256(WHOLE).digest()


def test_ranges_across_parts(s3, bucket):
    complete(s3, bucket, "k")
    check_ranges(s3, bucket, "k")


def test_ranges_across_parts_over_tls(new_server, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    s3 = new_server("--tls-cert", str(cert), "--tls-key", str(key)).client("s3")
    bucket = new_bucket(s3)
    complete(s3, bucket, "k")
    check_ranges(s3, bucket, "k")


def test_a_last_part_without_bytes(s3, bucket):
    complete(s3, bucket, "k", [BODIES[0], b""])
    assert read(s3, bucket, "k") == BODIES[0] and read(s3, bucket, "k", PartNumber=2) == b""


def test_many_readers_of_one_object(s3, bucket):
    complete(s3, bucket, "k")

    def one(_):
        first, last = sorted(random.sample(range(len(WHOLE)), 2))
        return read(s3, bucket, "k", Range=f"bytes={first}-{last}") == WHOLE[first:last + 1]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(60)))


def test_ten_thousand_parts(alone):
    """Made of the rows of two: uploading 50 GB would take minutes."""
    complete(alone.s3, "parts", "k", [BODIES[0], b"tail"])
    alone.stop()
    count, size = 10_000, 9_999 * PART + 4
    with sqlite3.connect(alone.data / "slipway.db") as database:
        [[blob, part, tail]] = database.execute(
            "SELECT a.blob, a.part, b.part FROM s3_blob_part a, s3_blob_part b WHERE a.start = 0 AND b.start > 0")
        database.execute("DELETE FROM s3_blob_part WHERE start > 0")
        database.executemany("INSERT INTO s3_blob_part VALUES (?, ?, ?)", [(blob, n * PART, part) for n in range(1, count - 1)])
        database.execute("INSERT INTO s3_blob_part VALUES (?, ?, ?)", (blob, (count - 1) * PART, tail))
        database.execute("UPDATE s3_blob SET refs = ? WHERE id = ?", (count - 1, part))
        database.execute("UPDATE s3_blob SET size = ?, parts = ? WHERE id = ?", (size, count, blob))
        database.execute("UPDATE s3_object SET size = ?", (size,))
        database.execute("UPDATE s3_usage SET bytes = ?", (size,))
    alone.start()
    s3 = alone.client("s3")
    assert read(s3, "parts", "k", Range="bytes=-5") == BODIES[0][-1:] + b"tail"
    for _ in range(50):
        border = random.randrange(1, count - 1) * PART
        assert read(s3, "parts", "k", Range=f"bytes={border - 2}-{border + 1}") == BODIES[0][-2:] + BODIES[0][:2]
    across = read(s3, "parts", "k", Range=f"bytes={3 * PART + 1}-{9 * PART}")
    assert hashlib.sha256(across).digest() == hashlib.sha256((6 * BODIES[0] + BODIES[0][:1])[1:]).digest()
    whole = s3.get_object(Bucket="parts", Key="k")
    assert whole["ContentLength"] == size and whole["Body"].read(1000) == BODIES[0][:1000]
    whole["Body"].close()
    s3.delete_object(Bucket="parts", Key="k")
    until(lambda: not files(alone))
    alone.stop()
    assert rows(alone, "SELECT count(*) FROM s3_blob_part") == rows(alone, "SELECT count(*) FROM s3_blob") == [(0,)]


# ---- the digest of the whole


def test_the_digest_is_of_what_was_completed_in_whatever_order_it_came(alone):
    plain = alone.client("s3", **NO_DEFAULT_CHECKSUMS)
    s3, orders, expected = alone.s3, [(1, 2, 3, 4), (4, 3, 2, 1), (2, 1, 4, 3), (5, 7, 9, 10), (1, 2, 4, 9)], {}
    for n, order in enumerate(orders):
        names = {"Bucket": "parts", "Key": f"k{n}"}
        names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
        bodies = [b"%d" % n + BODIES[i][1:] for i in range(3)] + [b"tail"]
        of_number = dict(zip(sorted(order), bodies))
        etags = {number: s3.upload_part(**names, PartNumber=number, Body=of_number[number])["ETag"] for number in order}
        if n % 2:  # what came first may be another in the end
            time.sleep(0.05)
            first = min(order)
            of_number[first] = b"x" + of_number[first][1:]
            etags[first] = s3.upload_part(**names, PartNumber=first, Body=of_number[first])["ETag"]
        named = sorted(order) if n != 4 else sorted(order)[:2]
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [{"PartNumber": i, "ETag": etags[i]} for i in named]})
        whole = expected[names["Key"]] = b"".join(of_number[number] for number in named)
        assert hashlib.md5(read(s3, "parts", names["Key"])).digest() == hashlib.md5(whole).digest()
        plain.put_object(Bucket="parts", Key=f"whole{n}", Body=whole)
    alone.stop()
    kept = {key: digests for key, *digests in rows(alone, "SELECT key, sha256, checksum_algorithm, checksum_value FROM s3_object")}
    for n in range(len(orders)):
        assert kept[f"k{n}"] == kept[f"whole{n}"]
        assert kept[f"k{n}"][0] == hashlib.sha256(expected[f"k{n}"]).hexdigest()


def test_more_uploads_than_digests_are_kept_of(s3, bucket):
    uploads = [begin(s3, bucket, f"k{i}", [BODIES[0][:100 + i]]) for i in range(80)]
    for i, (names, parts) in enumerate(uploads):
        s3.complete_multipart_upload(**names, MultipartUpload=parts)
        assert read(s3, bucket, f"k{i}") == BODIES[0][:100 + i]


# ---- shared


def test_equal_bytes_are_kept_once_however_they_came(alone):
    s3 = alone.s3
    complete(s3, "parts", "first")
    kept = files(alone)
    complete(s3, "parts", "same parts")
    complete(s3, "parts", "other parts", [WHOLE[:6 << 20], WHOLE[6 << 20:]])
    s3.put_object(Bucket="parts", Key="one put", Body=WHOLE)
    until(lambda: files(alone) == kept)
    for key in ("first", "same parts", "other parts", "one put"):
        assert read(s3, "parts", key) == WHOLE
        s3.delete_object(Bucket="parts", Key=key)
    until(lambda: not files(alone))
    s3.put_object(Bucket="parts", Key="one put", Body=WHOLE)
    kept = files(alone)
    complete(s3, "parts", "k")
    until(lambda: files(alone) == kept)
    s3.delete_object(Bucket="parts", Key="one put")
    assert read(s3, "parts", "k", PartNumber=2) == BODIES[1]
    complete(s3, "parts", "twice", [BODIES[0], BODIES[0], BODIES[0]])
    assert read(s3, "parts", "twice") == 3 * BODIES[0] and len(files(alone)) == 2


def test_copies_of_an_object_of_parts(s3, bucket):
    complete(s3, bucket, "k")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"}, ChecksumAlgorithm="SHA256")
    assert read(s3, bucket, "copy", Range=f"bytes={PART - 1}-{PART}") == WHOLE[PART - 1:PART + 1]
    assert s3.head_object(Bucket=bucket, Key="copy")["ETag"] == '"%s"' % hashlib.md5(WHOLE).hexdigest()
    names = {"Bucket": bucket, "Key": "again"}
    names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
    first, last = PART - 7, 2 * PART + 100
    parts = []
    for number, asked in enumerate((f"bytes={first}-{last}", f"bytes={last + 1}-{len(WHOLE) - 1}"), 1):
        done = s3.upload_part_copy(**names, PartNumber=number, CopySource={"Bucket": bucket, "Key": "k"}, CopySourceRange=asked)
        parts.append({"PartNumber": number, "ETag": done["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    assert read(s3, bucket, "again") == WHOLE[first:]


# ---- deleted while they are read


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_who_reads_an_object_gets_all_of_it(alone, how):
    bodies = [os.urandom(16 << 20) for _ in range(4)] + [b"tail"]
    complete(alone.s3, "parts", "k", bodies)
    old = files(alone)
    answer = alone.s3.get_object(Bucket="parts", Key="k")["Body"]
    begun = answer.read(100)
    if how == "deleted":
        alone.s3.delete_object(Bucket="parts", Key="k")
    else:
        complete(alone.s3, "parts", "k", [BODIES[0], b"new"])
    alone.s3.put_object(Bucket="parts", Key="another", Body=b"x" * 100_000)
    alone.s3.delete_object(Bucket="parts", Key="another")  # files go meanwhile, not those
    until(lambda: len(files(alone) - old) == (0 if how == "deleted" else 1))
    assert files(alone) >= old
    assert hashlib.sha256(begun + answer.read()).digest() == hashlib.sha256(b"".join(bodies)).digest()
    until(lambda: not files(alone) & old)


# ---- damaged


def part_file(server, size):
    [path] = [p for p in files(server) if p.stat().st_size == size]
    return path


def test_rot_in_a_part_is_found_named_and_refused(alone):
    s3 = alone.s3
    complete(s3, "parts", "k")
    s3.copy_object(Bucket="parts", Key="copy", CopySource="parts/k")
    damage(part_file(alone, PART + 3))
    status, said = verify(alone)
    assert status == 1 and "s3://parts/k" in said and "s3://parts/copy" in said
    for key in ("k", "copy"):
        assert refused(s3.get_object, Bucket="parts", Key=key) == ("InternalError", 500)
        assert refused(s3.get_object, Bucket="parts", Key=key, Range=f"bytes={PART - 1}-{PART}") == ("InternalError", 500)
    assert read(s3, "parts", "k", PartNumber=1) == BODIES[0]  # what is asked for is what was put
    assert refused(s3.copy_object, Bucket="parts", Key="new", CopySource="parts/copy") == ("InternalError", 500)


def test_a_damaged_part_is_not_completed(alone):
    names, parts = begin(alone.s3, "parts", "k")
    damage(part_file(alone, PART + 3))
    verify(alone)
    assert refused(alone.s3.complete_multipart_upload, **names, MultipartUpload=parts) == ("InternalError", 500)
    alone.s3.upload_part(**names, PartNumber=2, Body=BODIES[1])
    alone.s3.complete_multipart_upload(**names, MultipartUpload=parts)
    assert read(alone.s3, "parts", "k") == WHOLE


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_an_object_that_lacks_bytes_is_refused_before_it_begins(alone, how):
    complete(alone.s3, "parts", "k")
    path = part_file(alone, PART + 3)
    path.unlink() if how == "gone" else os.truncate(path, 100)
    assert refused(alone.s3.get_object, Bucket="parts", Key="k") == ("InternalError", 500)
    assert refused(alone.s3.get_object, Bucket="parts", Key="k", PartNumber=2) == ("InternalError", 500)


@pytest.mark.parametrize("again", [BODIES, [WHOLE[:7 << 20], WHOLE[7 << 20:]], None], ids=["parts", "other parts", "put"])
def test_the_same_bytes_heal_it_however_they_come(alone, again):
    s3 = alone.s3
    complete(s3, "parts", "k")
    damage(part_file(alone, PART + 3))
    assert verify(alone)[0] == 1
    if again:
        complete(s3, "parts", "again", again)
    else:
        s3.put_object(Bucket="parts", Key="again", Body=WHOLE)
    assert read(s3, "parts", "k") == read(s3, "parts", "again") == WHOLE
    until(lambda: len(files(alone)) == {4: 3, 2: 2}.get(len(again or []), 1))
    assert verify(alone)[0] == 0


# ---- kept elsewhere


def test_a_backup_copies_each_part_once(alone, tmp_path, new_server):
    def backup():
        return subprocess.run([binary(), "backup", tmp_path / "backup", "--data", alone.data], capture_output=True, text=True)
    names, parts = begin(alone.s3, "parts", "k")
    assert "3 of 3 large objects" in backup().stdout
    alone.s3.complete_multipart_upload(**names, MultipartUpload=parts)
    assert "0 of 3 large objects" in backup().stdout
    alone.s3.delete_object(Bucket="parts", Key="k")

    def place(data):
        shutil.rmtree(data)
        subprocess.run([binary(), "restore", tmp_path / "backup", "--data", data], check=True, capture_output=True)
    again = new_server(before=place)
    assert read(again.client("s3"), "parts", "k") == WHOLE and verify(again)[0] == 0


# ---- sealed


def test_an_upload_that_a_key_came_to(new_server, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32).hex().encode() + b"\n")
    key.chmod(0o600)
    server = new_server("--scrub", "0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="parts")
    complete(s3, "parts", "plain")
    names = {"Bucket": "parts", "Key": "k"}
    names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
    put = lambda n: {"PartNumber": n, "ETag": s3.upload_part(**names, PartNumber=n, Body=BODIES[n - 1])["ETag"]}
    parts = [put(1), put(2)]
    server.stop()
    server.options += ["--encryption-key", str(key)]
    server.start()
    s3 = server.client("s3")
    parts += [put(3), put(4)]
    done = s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    assert done["ServerSideEncryption"] == "AES256"
    sealed = complete(s3, "parts", "sealed", [WHOLE[:6 << 20], WHOLE[6 << 20:8 << 20] + WHOLE[8 << 20:], b"more"])
    assert sealed["ServerSideEncryption"] == "AES256"
    check_ranges(s3, "parts", "plain")
    check_ranges(s3, "parts", "k")
    assert read(s3, "parts", "sealed", Range=f"bytes={(6 << 20) - 70_000}-{(6 << 20) + 70_000}") == \
        WHOLE[(6 << 20) - 70_000:(6 << 20) + 70_001]
    assert read(s3, "parts", "sealed") == WHOLE + b"more"
    assert "ServerSideEncryption" not in s3.head_object(Bucket="parts", Key="plain")
    s3.delete_object(Bucket="parts", Key="plain")

    until(lambda: len(files(server)) == 3)  # of k, which was copied into one, and of sealed
    assert not [p for p in files(server) if any(body[:64] in p.read_bytes() for body in BODIES[:3])]
    assert verify(server)[0] == 0
    path = max(files(server), key=lambda p: p.stat().st_size)
    damage(path)
    assert verify(server)[0] == 1


# ---- killed


def test_a_completion_that_is_killed_is_done_or_not_begun(alone):
    names, parts = begin(alone.s3, "parts", "k")
    for attempt in range(8):
        s3 = alone.client("s3")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(s3.complete_multipart_upload, **names, MultipartUpload=parts)
            time.sleep(random.random() * 0.06)
            alone.kill()
            asked.exception()
        alone.start()
        s3 = alone.client("s3")
        if "Contents" in s3.list_objects_v2(Bucket="parts"):
            assert "Uploads" not in s3.list_multipart_uploads(Bucket="parts")
        else:
            assert len(s3.list_parts(**names)["Parts"]) == 4
    assert s3.complete_multipart_upload(**names, MultipartUpload=parts)["ETag"].endswith('-4"')
    assert read(s3, "parts", "k") == WHOLE and len(files(alone)) == 3
    s3.delete_object(Bucket="parts", Key="k")
    alone.kill()
    alone.start()
    until(lambda: not files(alone))
