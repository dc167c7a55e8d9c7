"""The pipeline engine's durable actions against the job table that one would otherwise keep in PostgreSQL: jobs taken by
FOR UPDATE SKIP LOCKED, eight workers each, on one disk, in turns; and against graphile-worker, a queue that keeps such a
table."""
import contextlib
import json
import os
import pwd
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from servers import free_port, install_npm

WORKERS = 8
JOBS = 5000  # that wait at any time

TABLE = """
CREATE TABLE job (id BIGSERIAL PRIMARY KEY, status TEXT NOT NULL, worker INTEGER, data TEXT NOT NULL);
CREATE INDEX job_offer ON job (id) WHERE status = 'Queued';
INSERT INTO job (status, data) SELECT 'Queued', repeat('x', 500) FROM generate_series(1, %d);
""" % JOBS

# one job: taken (a transaction), and reported, which offers the next (another)
WORK = r"""
BEGIN;
UPDATE job SET status = 'InProgress', worker = :client_id WHERE id = (
  SELECT id FROM job WHERE status = 'Queued' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id \gset
COMMIT;
BEGIN;
UPDATE job SET status = 'Succeeded' WHERE id = :id;
INSERT INTO job (status, data) VALUES ('Queued', repeat('y', 500));
COMMIT;
"""


# the same with the next taken by the transaction that reports the one before; -D id=0 starts it
WORK_JOINED = r"""
BEGIN;
UPDATE job SET status = 'Succeeded' WHERE id = :id;
INSERT INTO job (status, data) VALUES ('Queued', repeat('y', 500));
UPDATE job SET status = 'InProgress', worker = :client_id WHERE id = (
  SELECT id FROM job WHERE status = 'Queued' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id \gset
COMMIT;
"""


class Postgres:
    """A cluster of its own with PostgreSQL's own settings, as a user who is not root: it refuses root."""

    def __init__(self, folder):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            raise RuntimeError("PostgreSQL is not installed: `make bench` installs it")
        self.bin, self.folder, self.port = found[-1].parent, Path(folder), free_port()
        self.folder.mkdir()
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            for parent in list(self.folder.parents)[:-1]:
                parent.chmod(parent.stat().st_mode | 0o011) if parent.stat().st_uid == 0 and parent != Path("/") else None
        self.run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "bench")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o",
                 f"-p {self.port} -k {self.folder} -c listen_addresses=''", "start")
        (self.folder / "table.sql").write_text(TABLE)
        (self.folder / "work.sql").write_text(WORK)
        (self.folder / "joined.sql").write_text(WORK_JOINED)
        self.run("psql", *self.where(), "-q", "-f", str(self.folder / "table.sql"))

    def where(self):
        return ["-h", str(self.folder), "-p", str(self.port), "-U", "bench", "-d", "postgres"]

    def run(self, program, *arguments):
        argv = [str(self.bin / program), *arguments]
        if os.getuid() == 0:
            argv = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *argv]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=self.folder)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return done.stdout

    def jobs_per_s(self, ms, script):
        where = self.where()
        said = self.run("pgbench", *where[:6], "-n", "-M", "prepared", "-c", str(WORKERS), "-j", "2", "-T",
                        str(max(1, round(ms / 1000))), "-D", "id=0", "-f", str(self.folder / script), "postgres")
        return float(re.search(r"tps = ([0-9.]+) \(without", said).group(1))

    def graphile_jobs_per_s(self, ms):
        done = subprocess.run(["node", "graphile.mjs", f"postgres://bench@localhost:{self.port}/postgres?host={self.folder}", str(ms)],
                              capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
        return json.loads(done.stdout)["jobs_per_s"]

    def stop(self):
        with contextlib.suppress(RuntimeError):
            self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")


def engine(build, work, pipelines, ms):
    with tempfile.TemporaryDirectory(dir=work) as folder:
        done = subprocess.run([str(build / "bench" / "engine_bench"), folder, str(pipelines), "1", str(ms)],
                              capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def row(pipelines, ours, theirs):
    """Medians, of each way of working against the table worked in the same way."""
    told = {"bench": "engine", "pipelines": pipelines, "workers": WORKERS}
    for way, key in (("", "actions_per_s"), ("joined_", "joined_actions_per_s")):
        rates, jobs = [o[key] for o in ours], [t[key] for t in theirs]
        told |= {key: round(statistics.median(rates)),
                 f"{way}transitions_per_s": round(3 * statistics.median(rates)),  # taken, ended, the next offered
                 f"{way}cpu_us_per_action": round(statistics.median(o[f"{way}cpu_us_per_action"] for o in ours)),
                 f"{way}postgres_jobs_per_s": round(statistics.median(jobs)),
                 f"{way}ratio_to_postgres": round(statistics.median(a / b for a, b in zip(rates, jobs)), 2)}
    graphile = [t["graphile"] for t in theirs]
    told["graphile_jobs_per_s"] = round(statistics.median(graphile))
    told["ratio_to_graphile"] = round(statistics.median(o["actions_per_s"] / g for o, g in zip(ours, graphile)), 1)
    return told


def bench(args, work):
    """Rows: the engine with 10 and with 10,000 pipelines, the job table and graphile-worker."""
    install_npm()
    postgres = Postgres(work / "postgres")
    try:
        sizes = (10, args.pipelines)
        ours, theirs = {n: [] for n in sizes}, []
        for _ in range(args.rounds):
            for n in sizes:
                ours[n].append(engine(args.build, work, n, args.ms))
            os.sync()  # as engine_bench does before it measures
            theirs.append({"actions_per_s": postgres.jobs_per_s(args.ms, "work.sql"),
                           "joined_actions_per_s": postgres.jobs_per_s(args.ms, "joined.sql"),
                           "graphile": postgres.graphile_jobs_per_s(args.ms)})
        for n in sizes:
            yield row(n, ours[n], theirs)
    finally:
        postgres.stop()
