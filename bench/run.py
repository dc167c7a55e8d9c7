"""The benchmarks: `python3 bench/run.py --build BUILD [--rounds N] [--only PART,PART] [--json FILE]`.

Prints a table and writes JSON. Every comparison is interleaved in one run and told as the median of its rounds, since
the machine is noisy: read the ratios. Nothing passes or fails here.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import buildbot
import ceph
import objects
import processes
import pushes
import queue_bench
import turns
from servers import Slipway


def bench_objects(args, work):
    """Puts and gets beside nginx and s3rver, and the aims."""
    yield from objects.bench(args, work)


def bench_many(args, work):
    yield from objects.bench_many(args, work)
    yield from objects.bench_uploads(args, work)


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


RUNS, WARM_RUNS = 1400, 700
IDLE_S = 3


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
    """From a push to the job and the process that it sets going, by a launcher and anchors as they always run, then by an
    anchor without a sandbox."""
    for sandbox in (True, False):
        server = Slipway(args.build, work / ("push" if sandbox else "push-open"), workers=True, sandbox=sandbox)
        try:
            yield from pushes.bench(args.build, server, sandbox)
        finally:
            server.stop()


def bench_engine(args, work):
    """Durable actions a second of the pipeline engine, against a job table in PostgreSQL."""
    yield from queue_bench.bench(args, work)


def bench_processes(args, work):
    """Executions a second with a process each, in a sandbox and without one."""
    for sandbox, compared in ((True, ("processes", "bubblewrap", processes.WALLS)),
                              (False, ("processes, no sandbox", "true", processes.TRUE))):
        server = Slipway(args.build, work / ("processes" if sandbox else "processes-open"), workers=True, sandbox=sandbox)
        try:
            yield from processes.bench(args, server, pushes.artifact(), *compared)
        finally:
            server.stop()


def bench_memory(args, work):
    """Of the server with all its workers: idle, and what RUNS executions with a process each add to what the first
    WARM_RUNS took, whose caches stay."""
    server = Slipway(args.build, work / "memory", workers=True)
    try:
        callers, sizes = processes.prepare(server, pushes.artifact()), []
        for runs in (0, WARM_RUNS, RUNS):
            for _ in range(runs // processes.EXECUTIONS):
                processes.executions_per_s(callers)
            time.sleep(IDLE_S)
            sizes.append(server.memory_mib())
            if not runs:
                written = server.memory_mib("Pss_Anon")
        idle, warm, after = sizes
        yield {"bench": "memory", "processes": len(server.processes()), "idle_mib": round(idle, 1),
               "of_it_written_mib": round(written, 1), f"after_{WARM_RUNS}_mib": round(warm, 1), f"{RUNS}_more_mib": round(after - warm, 1)}
    finally:
        server.stop()


def bench_turns(args, work):
    """From a result to the next job at a waiting worker, over HTTP."""
    server = Slipway(args.build, work / "turns")
    try:
        yield from turns.bench(server, pushes.quantiles)
    finally:
        server.stop()


def bench_buildbot(args, work):
    """From a trigger to its process, and builds a second, beside Buildbot."""
    yield from buildbot.bench(args, work, pushes.artifact())


def bench_ceph(args, work):
    yield from ceph.bench(args, work)


PARTS = {"db": bench_db, "engine": bench_engine, "objects": bench_objects, "many": bench_many, "start": bench_start,
         "resume": bench_resume, "push": bench_push, "processes": bench_processes, "memory": bench_memory,
         "turns": bench_turns, "buildbot": bench_buildbot}
OPT_IN = {"ceph": bench_ceph}


def show(row):
    if "servers" in row:
        unit = "MB/s" if row["figure"] == "mb_per_s" else "/s"
        for name, figures in row["servers"].items():
            print(f"{row['case']:<14} {row['connections']:>3} conn   {name:<8} {figures[row['figure']]:>9.1f} {unit:<4} "
                  f"p50 {figures['p50_ms']:>8.2f} ms  p99 {figures['p99_ms']:>8.2f} ms  "
                  f"{figures['cpu_us']:>9.0f} us CPU", flush=True)
    elif "pushes" in row:
        times = "   ".join(f"{kind} p50 {row[kind]['p50_ms']:>7.1f} ms p99 {row[kind]['p99_ms']:>7.1f} ms"
                           for kind in ("offered", "running", "program", "done") if kind in row)
        alone = f"   alone p50 {row['alone_p50_ms']:>7.1f} ms" if "alone_p50_ms" in row else ""
        print(f"{row['bench']:<24} {row['pushes']:>4} pushes   {times}{alone}", flush=True)
    else:
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ms", type=int, default=1000, help="milliseconds a round")
    parser.add_argument("--pipelines", type=int, default=10000)
    parser.add_argument("--keys", type=int, nargs="+", default=[objects.LISTED], help="objects of the part `many`")
    parser.add_argument("--only", default=",".join(PARTS),
                        help=f"parts: {', '.join(PARTS)}; only when asked for: {', '.join(OPT_IN)}")
    parser.add_argument("--json", type=Path, help="default: BUILD/bench.json")
    parser.add_argument("--disk", help="folder whose disk is measured (default: the temporary folder)")
    args = parser.parse_args()
    args.build = args.build.resolve()
    rows, failed = [], []
    with tempfile.TemporaryDirectory(prefix="slipway-bench-", dir=args.disk) as folder:
        for part in args.only.split(","):
            try:
                for row in (PARTS | OPT_IN)[part](args, Path(folder)):
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
