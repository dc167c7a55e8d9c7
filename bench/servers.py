"""What the object benchmarks drive: Slipway, and what one would otherwise put in its place."""
import configparser
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import boto3
from botocore.config import Config

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
NGINX = """
{user} daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_processes 2;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 10000000; client_max_body_size 2g;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 127.0.0.1:{port}; root {dir}/root;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; client_body_buffer_size 16k; }} }}
}}
"""


def free_port():
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


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def without_aws():
    return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}


class Server:
    """A process tree that is served from; its key pair, or None."""
    key = secret = None

    def processes(self):
        """The process and its children."""
        pids, found = [self.process.pid], []
        while pids:
            pid = pids.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                pids += [int(child) for child in task.read_text().split()]
        return found

    def cpu_s(self):
        total = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS_PER_S

    def rss_mib(self):
        total = 0
        for pid in self.processes():
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        return total / 1024

    def memory_mib(self, field="Pss"):
        """Of all processes: what several share is counted once (the kernel's proportional set size). "Pss_Anon": without
        the pages of programs and libraries that lie mapped, of which there are as many as the page cache has."""
        total = 0
        for pid in self.processes():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += int(next(line for line in lines if line.startswith(f"{field}:")).split()[1])
        return total / 1024

    def client(self, service="s3", profile=None, **config):
        """With the key pair that it is driven by, or of a profile (Slipway's)."""
        pair = self.profiles[profile] if profile else {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret}
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1", **pair,
                            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, **config))

    def make_versioned(self, bucket):
        """A bucket that keeps what is put over."""
        self.client().create_bucket(Bucket=bucket)
        self.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def env(self):
        keys = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret} if self.key else {}
        return without_aws() | keys

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Slipway(Server):
    name = "slipway"

    def __init__(self, build, data, workers=False, sandbox=True):
        self.build, self.own = build, []
        self.data, port_file = Path(data), Path(data).with_suffix(".port")
        port_file.unlink(missing_ok=True)
        argv = [str(build / "slipway"), "serve", "--data", str(data), "--port", "0", "--listen", "127.0.0.1",
                "--port-file", str(port_file)] + ([] if workers and sandbox else ["--no-workers"])
        started = time.monotonic()
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: port_file.exists() and port_file.read_text().strip(), "slipway serve")
        self.started_ms = (time.monotonic() - started) * 1000
        self.port = int(port_file.read_text())
        keys = configparser.ConfigParser()
        keys.read(self.data / "credentials")
        self.profiles = {name: dict(keys[name]) for name in keys.sections()}
        self.key, self.secret = (self.profiles["shared-services"][f"aws_{name}"] for name in ("access_key_id", "secret_access_key"))
        if workers and not sandbox:
            self.start_own("launcher")
            self.start_own("anchor", "--no-sandbox", "--cache-dir", str(self.data) + "-cache")

    def start_own(self, command, *options):
        """A worker of the shared account that `serve` would start with a sandbox."""
        argv = [str(self.build / "slipway"), command, "--endpoint-url", f"http://127.0.0.1:{self.port}",
                "--exit-with-parent", str(os.getpid()), *options]
        self.own.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env()))

    def stop(self):
        for worker in self.own:
            worker.terminate()
        for worker in self.own:
            worker.wait(timeout=20)
        super().stop()


class Nginx(Server):
    """Static files by sendfile, puts by WebDAV: nothing is signed, nothing is synced."""
    name = "nginx"

    def __init__(self, folder):
        folder = Path(folder)
        (folder / "root").mkdir(parents=True)
        self.port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(dir=folder, port=self.port,
                                                        user="user root;" if os.getuid() == 0 else ""))
        binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self.process = subprocess.Popen([binary, "-p", str(folder), "-c", str(folder / "nginx.conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: (folder / "nginx.pid").exists() and (folder / "nginx.pid").read_text().strip(), "nginx")

    def make_versioned(self, bucket):
        """It keeps one."""


def install_npm():
    """The peers that are npm packages."""
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], text=True, capture_output=True,
                          cwd=Path(__file__).parent)
    if done.returncode != 0:
        raise RuntimeError(f"npm ci: {done.stdout}{done.stderr}")


class S3rver(Server):
    """An S3 server of npm's: signatures are looked at, nothing is synced."""
    name, key, secret = "s3rver", "S3RVER", "S3RVER"

    def __init__(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True)
        install_npm()
        self.port = free_port()
        self.process = subprocess.Popen([str(Path(__file__).parent / "node_modules/.bin/s3rver"), "--silent", "-d",
                                         str(folder), "-a", "127.0.0.1", "-p", str(self.port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port), "s3rver")

    def make_versioned(self, bucket):
        """It keeps one."""
        self.client().create_bucket(Bucket=bucket)
