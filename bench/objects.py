"""Objects: Slipway beside nginx and s3rver on one disk, driven alike by bench/load, round by round.

Slipway's requests are signed and verified, its puts are on the disk when they are answered; nginx does neither, s3rver
looks at signatures and syncs nothing. Bodies differ from each other. CPU is that of the server's processes.
"""
import hashlib
import json
import mmap
import os
import statistics
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from servers import Nginx, S3rver, Slipway

MIB = 1 << 20
LISTED = 100_000
AGAIN = 16  # keys of a connection that delivers again and again


def load(build, server, method, path, size, connections, ms, keys=None):
    argv = [str(build / "bench" / "load"), "127.0.0.1", str(server.port), method, path, str(size), str(connections),
            str(ms)] + ([str(keys)] if keys else [])
    before = server.cpu_s()
    done = subprocess.run(argv, env=server.env(), capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    if result["errors"]:
        raise RuntimeError(f"{server.name}: {method} {path}: {result['errors']} requests failed")
    result["cpu_us"] = (server.cpu_s() - before) * 1e6 / max(result["requests"], 1)
    return result


def medians(rounds):
    return {key: round(statistics.median(r[key] for r in rounds), 3) for key in rounds[0]}


def measure(args, servers, title, method, size, connections, path, keys=None):
    """One case, its rounds interleaved."""
    rounds = {server.name: [] for server in servers}
    for number in range(args.rounds if size < 1 << 30 else 1):
        for server in servers:
            rounds[server.name].append(load(args.build, server, method, path.format(number), size, connections, args.ms,
                                             keys))
    return {"bench": "objects", "case": title, "connections": connections,
            "figure": "mb_per_s" if size >= MIB else "per_s",
            "servers": {name: medians(results) for name, results in rounds.items()}}


def mix(args, servers, title, size, connections):
    """As many connections put as get at the same time. CPU is the server's, by all requests of both."""
    rounds = {server.name: {"put": [], "get": []} for server in servers}
    for number in range(args.rounds):
        for server in servers:
            with ThreadPoolExecutor(2) as pool:
                at_once = {"put": pool.submit(load, args.build, server, "PUT", f"/bench/mix-{number}-", size, connections, args.ms),
                           "get": pool.submit(load, args.build, server, "GET", f"/bench/{size}-0-0-0", size, connections, args.ms)}
                for what, done in at_once.items():
                    rounds[server.name][what].append(done.result())
            put, get = (rounds[server.name][what][-1] for what in ("put", "get"))
            put["cpu_us"] = get["cpu_us"] = max(put["cpu_us"] * put["requests"], get["cpu_us"] * get["requests"]) / (
                put["requests"] + get["requests"])
    for what in ("put", "get"):
        yield {"bench": "objects", "case": f"{title}: {what}", "connections": connections, "figure": "per_s",
               "servers": {name: medians(both[what]) for name, both in rounds.items()}}


def name_of(size):
    return f"{size >> 10} KiB" if size < MIB else f"{size >> 20} MiB" if size < 1 << 30 else f"{size >> 30} GiB"


def again(args, servers):
    """New bytes under keys that are there, as a well-known key gets them with each delivery; then in a bucket that keeps
    the versions, as that of the artifacts does, by the servers that can."""
    for server in servers:
        server.make_versioned("versions")
    for bucket, title in ("bench", "put 4 KiB again"), ("versions", "put 4 KiB again, versions kept"):
        for connections in (8, 64):
            path = f"/{bucket}/again-{connections}-"
            for server in servers:
                load(args.build, server, "PUT", path, 4 << 10, connections, args.ms, AGAIN)
            yield measure(args, servers, title, "PUT", 4 << 10, connections, path, AGAIN)


def transfers(args, servers, many):
    """`many`: the servers that take more than one size; large bodies are for all."""
    for size in (4 << 10, MIB):
        for connections in (1, 8, 64):
            yield measure(args, many, f"put {name_of(size)}", "PUT", size, connections, f"/bench/{size}-{{}}-")
            yield measure(args, many, f"get {name_of(size)}", "GET", size, connections, f"/bench/{size}-0-0-0")
    yield from again(args, many)
    yield from mix(args, many, "mix 4 KiB", 4 << 10, 16)
    yield measure(args, many, "put 1 MiB", "PUT", MIB, 16, "/bench/sixteen-{}-")
    for size in (64 * MIB, 1 << 30):
        yield measure(args, servers, f"put {name_of(size)}", "PUT", size, 1, f"/bench/{size}-{{}}-")
        yield measure(args, servers, f"get {name_of(size)}", "GET", size, 1, f"/bench/{size}-0-0-0")


# ---- what the machine can do

def raw_fdatasync_ms(folder):
    times, block = [], os.urandom(4096)
    with open(folder / "raw", "wb", buffering=0) as file:
        for _ in range(1000):
            started = time.perf_counter()
            os.write(file.fileno(), block)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def raw_files_mb_per_s(folder, threads=16, seconds=1.0):
    """Files of 1 MiB written past the page cache and synced, each by one write: nothing is received, nothing hashed."""
    folder.mkdir()
    until = time.perf_counter() + seconds

    def write(thread):
        block, count = mmap.mmap(-1, MIB), 0  # aligned
        while time.perf_counter() < until:
            fd = os.open(folder / f"{thread}-{count}", os.O_WRONLY | os.O_CREAT | os.O_DIRECT, 0o600)
            os.pwrite(fd, block, 0)
            os.fsync(fd)
            os.close(fd)
            count += 1
        return count
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        count = sum(pool.map(write, range(threads)))
    return count * MIB / 1e6 / (time.perf_counter() - started)


def md5_mb_per_s():
    block, started = os.urandom(64 * MIB), time.perf_counter()
    hashlib.md5(block).digest()
    return 64 * MIB / 1e6 / (time.perf_counter() - started)


# ---- many keys

def fill(args, server, count):
    """At least so many objects of 100 bytes."""
    done, number = 0, 0
    while done < count:
        done += load(args.build, server, "PUT", f"/many/{number:03}-", 100, 64, 2000)["requests"]
        number += 1
    return done


def listing(args, server):
    """A page of 1,000 keys, from amid them."""
    query = "/many?list-type=2&max-keys=1000&start-after=000-7"
    page = medians([load(args.build, server, "GET", query, 0, 1, args.ms) for _ in range(args.rounds)])
    return {"list_1000_p50_ms": page["p50_ms"], "list_1000_p99_ms": page["p99_ms"]}


def delete_thousand_ms(server):
    client, times = server.client(), []
    for _ in range(5):
        keys = [o["Key"] for o in client.list_objects_v2(Bucket="many", MaxKeys=1000)["Contents"]]
        started = time.perf_counter()
        client.delete_objects(Bucket="many", Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def bench_many(args, work):
    """Listing, deleting and starting with very many keys, and the memory for them."""
    server = Slipway(args.build, work / "many")
    try:
        server.client().create_bucket(Bucket="many")
        for wanted in args.keys:
            count = fill(args, server, wanted)
            rss = server.rss_mib()
            page = listing(args, server)
            deleting = delete_thousand_ms(server)
            serving = []
            for _ in range(args.rounds):
                server.kill()
                server = Slipway(args.build, work / "many")
                serving.append(server.started_ms)
            yield {"bench": "many keys", "keys": count, **page, "delete_1000_ms": round(deleting, 1), "rss_mib": round(rss, 1),
                   "serving_ms_after_kill": round(statistics.median(serving), 1)}
    finally:
        server.stop()


def bench_uploads(args, work):
    """Memory while 64 clients upload 64 MiB each."""
    server = Slipway(args.build, work / "uploads")
    try:
        server.client().create_bucket(Bucket="bench")
        highest, running = [0.0], threading.Event()

        def watch():
            while not running.wait(0.02):
                highest[0] = max(highest[0], server.rss_mib())
        watcher = threading.Thread(target=watch)
        watcher.start()
        result = load(args.build, server, "PUT", "/bench/", 64 * MIB, 64, 1000)
        running.set()
        watcher.join()
        yield {"bench": "64 uploads of 64 MiB", "mb_per_s": result["mb_per_s"], "highest_rss_mib": round(highest[0], 1)}
    finally:
        server.stop()


# ---- the aims

def aims(rows, fdatasync_ms, md5, raw_files):
    """What was measured of what is aimed at: [aim, measured]."""
    def of(case, connections, server, figure):
        row = next(r for r in rows if r["case"] == case and r["connections"] == connections)
        return row["servers"].get(server, {}).get(figure, float("nan"))

    def ratio(case, connections, figure, peer):
        return of(case, connections, "slipway", figure) / of(case, connections, peer, figure)

    yield "put 4 KiB at 64 connections: 3 x nginx", f"{ratio('put 4 KiB', 64, 'per_s', 'nginx'):.2f} x"
    for case in "put 4 KiB again", "put 4 KiB again, versions kept":
        yield f"{case}, at 64 connections: 3 x nginx", f"{ratio(case, 64, 'per_s', 'nginx'):.2f} x"
    yield "one connection, put 4 KiB: p50 within 3 x a raw fdatasync", (
        f"{of('put 4 KiB', 1, 'slipway', 'p50_ms') / fdatasync_ms:.2f} x of {fdatasync_ms:.3f} ms")
    yield "get 4 KiB at 64 connections: 0.5 x nginx", f"{ratio('get 4 KiB', 64, 'per_s', 'nginx'):.2f} x"
    yield "get 1 MiB at 8 connections: 0.9 x nginx", f"{ratio('get 1 MiB', 8, 'mb_per_s', 'nginx'):.2f} x"
    yield "put 1 MiB at 16 connections: the disk's own rate for such files", (
        f"{of('put 1 MiB', 16, 'slipway', 'mb_per_s') / raw_files:.2f} x of {raw_files:.0f} MB/s")
    yield "put 64 MiB in one stream: the speed of one core's MD5", (
        f"{of('put 64 MiB', 1, 'slipway', 'mb_per_s') / md5:.2f} x of {md5:.0f} MB/s")


def bench(args, work):
    servers = []
    try:
        servers.append(Slipway(args.build, work / "objects"))
        servers.append(Nginx(work / "nginx"))
        servers.append(S3rver(work / "s3rver"))
        for server in servers:
            if server.key:
                server.client().create_bucket(Bucket="bench")
        rows = []
        for row in transfers(args, servers, servers):
            rows.append(row)
            yield row
        for aim, measured in aims(rows, raw_fdatasync_ms(work), md5_mb_per_s(), raw_files_mb_per_s(work / "files")):
            yield {"bench": "aim", "aim": aim, "measured": measured}
    finally:
        for server in servers:
            server.stop()
