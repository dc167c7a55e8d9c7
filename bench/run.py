"""The benchmarks: `python3 bench/run.py --build BUILD [--rounds N] [--only PART,PART] [--json FILE]`.

Prints a table and writes JSON. Every comparison is interleaved in one run and told as the median of its rounds, since
the machine is noisy: read the ratios. Nothing passes or fails here.
"""

import argparse
import configparser
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

import processes
import pushes
import queue_bench
import turns

NGINX = """
{user} daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_processes 2;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 10000000; client_max_body_size 1g;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 127.0.0.1:{port}; root {dir}/root;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; client_body_buffer_size 16k; }} }}
}}
"""


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, what, seconds=30):
    """Polls a condition that only another process can make true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.001)


class Slipway:
    def __init__(self, build, data, workers=False):
        self.data, port_file = Path(data), Path(data).with_suffix(".port")
        port_file.unlink(missing_ok=True)
        argv = [str(build / "slipway"), "serve", "--data", str(data), "--port", "0", "--listen", "127.0.0.1",
                "--port-file", str(port_file)] + ([] if workers else ["--no-workers"])
        started = time.monotonic()
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: port_file.exists() and port_file.read_text().strip(), "slipway serve")
        self.started_ms = (time.monotonic() - started) * 1000
        self.port = int(port_file.read_text())
        keys = configparser.ConfigParser()
        keys.read(self.data / "credentials")
        self.keys = dict(keys["shared-services"])

    def client(self, service):
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1",
                            aws_access_key_id=self.keys["aws_access_key_id"],
                            aws_secret_access_key=self.keys["aws_secret_access_key"],
                            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}))

    def rss_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def env(self):
        return dict(os.environ, AWS_ACCESS_KEY_ID=self.keys["aws_access_key_id"],
                    AWS_SECRET_ACCESS_KEY=self.keys["aws_secret_access_key"])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Nginx:
    def __init__(self, folder):
        folder = Path(folder)
        (folder / "root").mkdir(parents=True)
        self.port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(dir=folder, port=self.port, user="user root;" if os.getuid() == 0 else ""))
        binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self.process = subprocess.Popen([binary, "-p", str(folder), "-c", str(folder / "nginx.conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: (folder / "nginx.pid").exists() and (folder / "nginx.pid").read_text().strip(), "nginx")

    def env(self):
        return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def load(build, server, method, path, size, connections, ms):
    argv = [str(build / "bench" / "load"), "127.0.0.1", str(server.port), method, path, str(size), str(connections),
            str(ms)]
    done = subprocess.run(argv, env=server.env(), capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    if result["errors"]:
        raise RuntimeError(f"{method} {path}: {result['errors']} requests failed")
    return result


def medians(rounds):
    return {key: round(statistics.median(r[key] for r in rounds), 3) for key in rounds[0]}


def bench_objects(args, work):
    """Puts and gets of 4 KiB and 64 MiB: durable and signed by Slipway, neither by nginx, on one disk."""
    slipway, nginx = Slipway(args.build, work / "objects"), Nginx(work / "nginx")
    try:
        slipway.client("s3").create_bucket(Bucket="bench")
        cases = [("put 4 KiB", "PUT", 4096, n, "/bench/small-") for n in (1, 8, 64)]
        cases += [("get 4 KiB", "GET", 4096, n, "/bench/small-0-0") for n in (1, 8, 64)]
        cases += [("put 64 MiB", "PUT", 64 << 20, 1, "/bench/large-"), ("get 64 MiB", "GET", 64 << 20, 1, "/bench/large-0-0")]
        for title, method, size, connections, path in cases:
            ours, theirs = [], []
            for _ in range(args.rounds):
                ours.append(load(args.build, slipway, method, path, size, connections, args.ms))
                theirs.append(load(args.build, nginx, method, path, size, connections, args.ms))
            figure = "mb_per_s" if size > 4096 else "per_s"
            ratios = [a[figure] / b[figure] for a, b in zip(ours, theirs)]
            yield {"bench": title, "connections": connections, "slipway": medians(ours), "nginx": medians(theirs),
                   "figure": figure, "ratio": round(statistics.median(ratios), 3)}
    finally:
        slipway.stop()
        nginx.stop()


def bench_db(args, work):
    """Durable commits a second of db/, by 1, 8 and 64 callers."""
    done = subprocess.run([str(args.build / "bench" / "db_bench"), str(work), str(args.rounds), str(args.ms)],
                          capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        yield json.loads(line)


def declaration(number, role):
    return {"name": f"bench-{number}", "roleArn": role, "version": 1,
            "artifactStore": {"type": "S3", "location": "slipway-pipeline-store"},
            "stages": [
                {"name": "Source", "actions": [{
                    "name": "Source", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
                    "configuration": {"S3Bucket": "bench", "S3ObjectKey": f"{number}.zip"},
                    "outputArtifacts": [{"name": "App"}]}]},
                {"name": "Approve", "actions": [{
                    "name": "Approve",
                    "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"}}]}]}


def bench_start(args, work):
    """From the process's start to the first answer, and its memory, with 0 and 10,000 pipelines."""
    data = work / "start"
    for pipelines in (0, args.pipelines):
        if pipelines:
            server = Slipway(args.build, data)
            client, role = server.client("codepipeline"), "arn:aws:iam::111111111111:role/slipway-deploy"
            try:
                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(lambda n: client.create_pipeline(pipeline=declaration(n, role)), range(pipelines)))
            finally:
                server.stop()
        times, sizes = [], []
        for _ in range(args.rounds):
            server = Slipway(args.build, data)
            times.append(server.started_ms)
            sizes.append(server.rss_mib())
            server.stop()
        yield {"bench": "start-up", "pipelines": pipelines, "serving_ms": round(statistics.median(times), 1),
               "rss_mib": round(statistics.median(sizes), 1)}


def in_flight(client, pipelines):
    """Makes pipelines and starts an execution of each: so many jobs wait."""
    role = "arn:aws:iam::111111111111:role/slipway-deploy"

    def one(n):
        client.create_pipeline(pipeline=declaration(n, role))
        client.start_pipeline_execution(name=f"bench-{n}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(pipelines)))


def timed_ms(call, *arguments, **members):
    start = time.perf_counter()
    call(*arguments, **members)
    return (time.perf_counter() - start) * 1000


def bench_resume(args, work):
    """With an execution of every pipeline in flight: reading them, and from a kill -9 to serving and handing out jobs."""
    server = Slipway(args.build, work / "resume")
    try:
        in_flight(server.client("codepipeline"), args.pipelines)
        serving, reads = [], {"list_pipelines": [], "get_pipeline_state": []}
        for _ in range(args.rounds):
            server.kill()
            server = Slipway(args.build, work / "resume")
            serving.append(server.started_ms)
            client = server.client("codepipeline")
            client.list_pipelines(maxResults=1)  # a connection, the signer's tables
            reads["list_pipelines"].append(timed_ms(client.list_pipelines, maxResults=100))
            reads["get_pipeline_state"].append(timed_ms(client.get_pipeline_state, name="bench-0"))
        yield {"bench": "resume", "in_flight": args.pipelines, "serving_ms_after_kill": round(statistics.median(serving), 1),
               "rss_mib": round(server.rss_mib(), 1),
               **{f"{name}_ms": round(statistics.median(times), 2) for name, times in reads.items()}}
    finally:
        server.stop()


def bench_push(args, work):
    """From a push to the job and the process that it sets going, by a launcher and anchors as they always run."""
    server = Slipway(args.build, work / "push", workers=True)
    try:
        yield from pushes.bench(args.build, server)
    finally:
        server.stop()


def bench_engine(args, work):
    """Durable actions a second of the pipeline engine, against a job table in PostgreSQL."""
    yield from queue_bench.bench(args, work)


def bench_processes(args, work):
    """Executions a second with a sandboxed process each."""
    server = Slipway(args.build, work / "processes", workers=True)
    try:
        yield from processes.bench(args, server, pushes.artifact())
    finally:
        server.stop()


def bench_turns(args, work):
    """From a result to the next job at a waiting worker, over HTTP."""
    server = Slipway(args.build, work / "turns")
    try:
        yield from turns.bench(server, pushes.quantiles)
    finally:
        server.stop()


PARTS = {"db": bench_db, "engine": bench_engine, "objects": bench_objects, "start": bench_start, "resume": bench_resume, "push": bench_push, "processes": bench_processes, "turns": bench_turns}


def show(row):
    if "ratio" in row:
        ours, theirs = row["slipway"], row["nginx"]
        unit = "MB/s" if row["figure"] == "mb_per_s" else "/s"
        print(f"{row['bench']:<12} {row['connections']:>3} conn   slipway {ours[row['figure']]:>9.1f} {unit:<4} "
              f"p50 {ours['p50_ms']:>8.2f} ms p99 {ours['p99_ms']:>8.2f} ms   nginx {theirs[row['figure']]:>9.1f} {unit:<4} "
              f"ratio {row['ratio']:.2f}", flush=True)
    elif "pushes" in row:
        times = "   ".join(f"{kind} p50 {row[kind]['p50_ms']:>7.1f} ms p99 {row[kind]['p99_ms']:>7.1f} ms"
                           for kind in ("offered", "running", "done") if kind in row)
        print(f"{row['bench']:<16} {row['pushes']:>4} pushes   {times}", flush=True)
    else:
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ms", type=int, default=1000, help="milliseconds a round")
    parser.add_argument("--pipelines", type=int, default=10000)
    parser.add_argument("--only", default=",".join(PARTS), help="parts: " + ", ".join(PARTS))
    parser.add_argument("--json", type=Path, help="default: BUILD/bench.json")
    parser.add_argument("--disk", help="folder whose disk is measured (default: the temporary folder)")
    args = parser.parse_args()
    args.build = args.build.resolve()
    rows, failed = [], []
    with tempfile.TemporaryDirectory(prefix="slipway-bench-", dir=args.disk) as folder:
        for part in args.only.split(","):
            try:
                for row in PARTS[part](args, Path(folder)):
                    rows.append(row)
                    show(row)
            except Exception as error:  # a part that cannot run is told, and the others still run
                failed.append({"part": part, "error": str(error)})
                print(f"{part}: NOT MEASURED: {error}", flush=True)
    out = args.json or args.build / "bench.json"
    out.write_text(json.dumps({"time": datetime.datetime.now(datetime.timezone.utc).isoformat(), "cpus": os.cpu_count(),
                               "kernel": platform.release(), "rows": rows, "not_measured": failed}, indent=2) + "\n")
    print(f"JSON: {out}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
