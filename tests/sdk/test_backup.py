"""slipway backup and slipway restore: consistent while served, incremental, compared, safe to be cut off."""
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import uuid

import pytest

from running import binary

LARGE = 150_000


def slipway(*words):
    return subprocess.run([binary(), *map(str, words)], capture_output=True, text=True, timeout=120)


def blobs(folder):
    return {p.name: p for p in (folder / "blobs").rglob("*") if p.is_file()}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backup"


@pytest.fixture
def stored(new_server):
    """A server with large and small objects of known bytes."""
    server = new_server()
    server.objects = {"small": b"in the database", **{f"large-{i}": os.urandom(LARGE) for i in range(5)}}
    server.s3 = server.client("s3")
    server.s3.create_bucket(Bucket="kept")
    for key, body in server.objects.items():
        server.s3.put_object(Bucket="kept", Key=key, Body=body)
    return server


def served(new_server, data):
    """A server on a copy of that data folder."""
    def place(into):
        shutil.rmtree(into, ignore_errors=True)
        assert slipway("restore", data, "--data", into).returncode == 0
    return new_server(before=place)


def contents(server, bucket="kept"):
    s3 = server.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {o["Key"]: s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in listed}


def test_a_restored_backup_has_what_was_there(stored, folder, new_server):
    stored.client("ssm").put_parameter(Name="/secret", Value="hush", Type="SecureString")
    done = slipway("backup", folder, "--data", stored.data)
    assert done.returncode == 0 and "5 of 5 large objects" in done.stdout, done.stderr
    stored.s3.delete_object(Bucket="kept", Key="large-0")
    again = served(new_server, folder)
    assert contents(again) == stored.objects
    assert again.client("ssm").get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"] == "hush"
    assert {(folder / name).stat().st_mode & 0o777 for name in ("credentials", "slipway.db")} == {0o600}


def test_a_backup_without_large_objects_is_restored(folder, new_server):
    server = new_server()
    server.client("s3").create_bucket(Bucket="small")
    server.client("s3").put_object(Bucket="small", Key="k", Body=b"few bytes")
    assert slipway("backup", folder, "--data", server.data).returncode == 0
    assert contents(served(new_server, folder), "small") == {"k": b"few bytes"}


def test_the_next_backup_copies_what_is_new_and_drops_what_is_gone(stored, folder, new_server):
    assert slipway("backup", folder, "--data", stored.data).returncode == 0
    stored.objects["new"] = os.urandom(LARGE)
    stored.s3.put_object(Bucket="kept", Key="new", Body=stored.objects["new"])
    stored.s3.delete_object(Bucket="kept", Key="large-1")
    del stored.objects["large-1"]
    done = slipway("backup", folder, "--data", stored.data)
    assert "1 of 5 large objects" in done.stdout
    assert len(blobs(folder)) == 5
    assert contents(served(new_server, folder)) == stored.objects


def test_a_backup_under_load_is_whole(stored, folder, new_server):
    """Objects come, change and go while it is made: each that the copy has is readable, and one of its own times."""
    over = threading.Event()
    bodies = {}

    def change(number):
        s3, i = stored.client("s3"), 0
        while not over.is_set():
            i += 1
            key = f"w{number}-{i % 7}"
            body = f"{key} {i} ".encode() + os.urandom(LARGE)
            bodies.setdefault(key, set()).add(body)
            s3.put_object(Bucket="kept", Key=key, Body=body)
            if i % 3 == 0:
                s3.delete_object(Bucket="kept", Key=f"w{number}-{(i + 3) % 7}")
    changers = [threading.Thread(target=change, args=(n,)) for n in range(3)]
    for changer in changers:
        changer.start()
    try:
        for _ in range(3):
            done = slipway("backup", folder, "--data", stored.data)
            assert done.returncode == 0, done.stderr
    finally:
        over.set()
        for changer in changers:
            changer.join()
    found = contents(served(new_server, folder))
    assert {k: v for k, v in found.items() if k in stored.objects} == stored.objects
    assert all(body in bodies[key] for key, body in found.items() if key not in stored.objects)


def test_one_that_is_cut_off_leaves_the_one_before(stored, folder, new_server):
    assert slipway("backup", folder, "--data", stored.data).returncode == 0
    before = dict(stored.objects)
    for i in range(60):
        stored.s3.put_object(Bucket="kept", Key=f"more-{i}", Body=os.urandom(LARGE))
    for moment_ms in (0, 2, 5, 10, 20, 40):
        running = subprocess.Popen([binary(), "backup", str(folder), "--data", str(stored.data)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment_ms / 1000)
        running.send_signal(signal.SIGKILL)
        if running.wait() == 0:
            break
        with sqlite3.connect(folder / "slipway.db") as database:
            [[keys]] = database.execute("SELECT count(*) FROM s3_object")
        database.close()
        assert keys in (len(before), len(before) + 60)
        assert len(blobs(folder)) >= 5
    found = contents(served(new_server, folder))
    assert {k: v for k, v in found.items() if k in before} == before
    assert slipway("backup", folder, "--data", stored.data).returncode == 0
    assert len(blobs(folder)) == 65


def test_damage_is_told_and_the_rest_is_copied(stored, folder):
    path = sorted(blobs(stored.data).values())[0]
    path.write_bytes(b"x" * LARGE)
    done = slipway("backup", folder, "--data", stored.data)
    assert done.returncode == 1 and f"blob {path.name} is left out: it has 150000 bytes with the SHA-256" in done.stderr
    assert "4 of 5 large objects" in done.stdout and len(blobs(folder)) == 4
    path.unlink()
    done = slipway("backup", folder, "--data", stored.data)
    assert done.returncode == 1 and "it cannot be opened" in done.stderr


def test_damage_in_a_backup_is_found_when_it_is_restored(stored, folder, tmp_path):
    assert slipway("backup", folder, "--data", stored.data).returncode == 0
    path = sorted(blobs(folder).values())[0]
    body = bytearray(path.read_bytes())
    body[7] ^= 1
    path.write_bytes(body)
    done = slipway("restore", folder, "--data", tmp_path / "new")
    assert done.returncode == 1 and f"blob {path.name} is left out" in done.stderr


def test_mistakes_are_told(stored, folder, tmp_path):
    done = slipway("backup", folder, "--data", tmp_path / "nothing")
    assert done.returncode == 3 and "no slipway.db: it is no data folder" in done.stderr
    assert not folder.exists()
    done = slipway("restore", tmp_path / "nothing", "--data", tmp_path / "new")
    assert done.returncode == 3 and "it is no backup" in done.stderr
    assert slipway("backup", folder, "--data", stored.data).returncode == 0
    done = slipway("restore", folder, "--data", stored.data)
    assert done.returncode == 4 and "has a slipway.db already" in done.stderr
    assert slipway("backup").returncode == 2 and slipway("restore", "a", "b").returncode == 2
    full = pathlib.Path("/dev/full")
    assert slipway("backup", full / uuid.uuid4().hex, "--data", stored.data).returncode == 1
