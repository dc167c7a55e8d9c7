"""Slipway beside Ceph's RADOS gateway: one monitor, one OSD (BlueStore in a file), one gateway, as Debian has them.

Both verify signatures and both have on the disk what they have acknowledged. Opt-in (`make bench-ceph`): Ceph brings 90
packages along and takes minutes to fill.
"""
import subprocess
import uuid
from pathlib import Path

import objects
from servers import Server, Slipway, free_port, listens, wait_until, without_aws

KEYS = 100_000
CONF = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon_port}
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 16
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data = {dir}/mon
osd data = {dir}/osd
osd objectstore = bluestore
osd class update on start = false
bluestore block size = {block}
run dir = {dir}
admin socket = {dir}/$name.asok
log file = {dir}/$name.log
pid file = {dir}/$name.pid
[client.rgw]
rgw data = {dir}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
"""


class Ceph(Server):
    name, key, secret = "ceph", "BENCH", "BENCHSECRET"

    def __init__(self, folder):
        self.folder = Path(folder)
        for part in ("mon", "osd", "rgw"):
            (self.folder / part).mkdir(parents=True)
        self.port, self.daemons, mon_port, fsid = free_port(), [], free_port(), str(uuid.uuid4())
        (self.folder / "ceph.conf").write_text(CONF.format(dir=self.folder, fsid=fsid, mon_port=mon_port, port=self.port,
                                                           block=24 << 30))
        try:
            self.start(mon_port, fsid)
        except Exception as error:
            self.stop()
            raise RuntimeError(f"{error}; {self.last_words()}") from error

    def start(self, mon_port, fsid):
        osd, mon_map = str(uuid.uuid4()), str(self.folder / "monmap")
        self.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"v1:127.0.0.1:{mon_port}", mon_map)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", mon_map)
        self.daemon("ceph-mon", "-i", "a")
        self.run("ceph", "osd", "new", osd)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.daemon("ceph-osd", "-i", "0")
        wait_until(lambda: " 1 up" in self.run("ceph", "osd", "stat"), "ceph-osd", 120)
        self.run("radosgw-admin", "user", "create", "--uid", "bench", "--display-name", "bench", "--access-key", self.key,
                 "--secret", self.secret)
        self.daemon("radosgw", "-n", "client.rgw")
        wait_until(lambda: listens(self.port), "radosgw", 60)

    def last_words(self):
        logs = sorted(self.folder.glob("*.log"))
        return "; ".join(f"{log.name}: {(log.read_text(errors='replace').splitlines() or [''])[-1]}" for log in logs)

    def environment(self):
        return without_aws() | {"CEPH_CONF": str(self.folder / "ceph.conf")}

    def run(self, *command):
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def daemon(self, *command):
        self.daemons.append(subprocess.Popen([*command, "-f"], env=self.environment(), stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL))

    def processes(self):
        return [daemon.pid for daemon in self.daemons]

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.kill()
            daemon.wait()


def aims(rows):
    def ratio(case, connections, figure):
        row = next(r for r in rows if r["case"] == case and r["connections"] == connections)
        return row["servers"]["slipway"][figure] / row["servers"]["ceph"][figure]

    yield "put 4 KiB at 64 connections: 15 x Ceph", ratio("put 4 KiB", 64, "per_s")
    yield "get 4 KiB at 64 connections: 10 x Ceph", ratio("get 4 KiB", 64, "per_s")
    yield "put 1 MiB at 16 connections: 3 x Ceph", ratio("put 1 MiB", 16, "mb_per_s")


def bench(args, work):
    servers = []
    try:
        servers.append(Slipway(args.build, work / "slipway"))
        servers.append(Ceph(work / "ceph"))
        for server in servers:
            server.client().create_bucket(Bucket="bench")
        rows = []
        for row in objects.transfers(args, servers, servers):
            rows.append(row)
            yield row
        for aim, measured in aims(rows):
            yield {"bench": "aim", "aim": aim, "measured": f"{measured:.2f} x"}
        for server in servers:
            server.client().create_bucket(Bucket="many")
            count = objects.fill(args, server, KEYS)
            yield {"bench": f"many keys {server.name}", "keys": count, **objects.listing(args, server),
                   "delete_1000_ms": round(objects.delete_thousand_ms(server), 1), "rss_mib": round(server.rss_mib(), 1)}
    finally:
        for server in servers:
            server.stop()
