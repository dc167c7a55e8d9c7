"""A real server for tests: `slipway serve` on a free port with fresh data, and its clients."""
import configparser
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import boto3
from botocore.config import Config

# For the settings of a client whose requests have no checksum but that which is asked for.
NO_DEFAULT_CHECKSUMS = ({"request_checksum_calculation": "when_required"}
                        if "request_checksum_calculation" in Config.OPTION_DEFAULTS else {})
ROOT = pathlib.Path(__file__).resolve().parent.parent
AWS_CLI = "/usr/bin/aws"
START_S = 20
STOP_S = 30


def binary():
    given = os.environ.get("SLIPWAY_BIN")
    place = pathlib.Path(given) if given else ROOT / "build" / "slipway"
    if not place.exists():
        raise FileNotFoundError(f"{place} is missing: build it, or set SLIPWAY_BIN")
    return str(place)


def without_aws():
    """The environment without what the user of this machine has set for AWS's clients."""
    return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}


def crew_of(server_pid):
    """The pid of the process below which a server's workers run, and what runs there: {"anchor 222222222222": pid}."""
    crew, found = None, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except OSError:
            continue
        if words[1:2] == ["run-workers"] and parent == server_pid:
            crew = int(pid)
        elif {"--cache-dir", "--exit-with-parent"} <= set(words) and words[words.index("--exit-with-parent") + 1] == str(parent):
            account = words[words.index("--cache-dir") + 1].rsplit("/", 1)[1]
            found[f"{words[1]} {account}", parent] = int(pid)
    return crew, {name: pid for (name, parent), pid in found.items() if parent == crew}


class Server:
    """One `slipway serve`. Keep it: it can be killed and started again on the same data and port."""

    def __init__(self, *options, environment=None, workers=False, before=None, limits=None):
        """`before` gets the data folder before the first start; `limits` are resource limits of the server's process."""
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        if before:
            before(self.data)
        self.log_path = os.path.join(self.data, "server.log")
        self.options = list(options) + ([] if workers else ["--no-workers"])
        self.environment = dict(environment or {})
        self.limits = dict(limits or {})
        self.port = 0
        self.process = None
        self.start()

    def start(self):
        port_file = os.path.join(self.data, "port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--data", self.data, "--port", str(self.port), "--port-file", port_file,
                 *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**without_aws(), **self.environment},
                preexec_fn=self.confine if self.limits else None)
        until = time.monotonic() + START_S
        while not (os.path.exists(port_file) and open(port_file).read().endswith("\n")):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("slipway serve did not start:\n" + self.log())
            time.sleep(0.01)
        self.port = int(open(port_file).read())

    def confine(self):
        for what, most in self.limits.items():
            resource.setrlimit(what, (most, most))

    @property
    def endpoint(self):
        scheme = "https" if "--tls-cert" in self.options else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def certificate(self):
        """The certificate's file, with TLS; else None."""
        return self.options[self.options.index("--tls-cert") + 1] if "--tls-cert" in self.options else None

    def log(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")

    def kill(self):
        """As a power cut: no handler of the server runs."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)

    def stop(self):
        """As an operator: SIGTERM; gives the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def crew(self):
        return crew_of(self.process.pid)

    def workers(self):
        return self.crew()[1]

    def close(self):
        try:
            self.stop()
        finally:
            if self.process.poll() is None:
                self.kill()
            shutil.rmtree(self.data, ignore_errors=True)

    def keys(self, profile="dev"):
        """Access key id and secret of a profile in DATA/credentials."""
        credentials = configparser.ConfigParser()
        credentials.read(os.path.join(self.data, "credentials"))
        return credentials[profile]["aws_access_key_id"], credentials[profile]["aws_secret_access_key"]

    def client(self, service, profile="dev", *, keys=None, token=None, **config):
        """A boto3 client; `keys` (and `token`) instead of a profile's."""
        key, secret = keys or self.keys(profile)
        settings = {"retries": {"max_attempts": 0}, "s3": {"addressing_style": "path"}, **config}
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=key,
                            aws_secret_access_key=secret, aws_session_token=token, config=Config(**settings),
                            verify=self.certificate)

    def aws_environment(self, profile):
        clean = without_aws()
        if self.certificate:
            clean["AWS_CA_BUNDLE"] = self.certificate
        return {**clean, "AWS_SHARED_CREDENTIALS_FILE": os.path.join(self.data, "credentials"),
                "AWS_CONFIG_FILE": os.path.join(self.data, "config"), "AWS_PROFILE": profile,
                "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"}

    def aws_popen(self, *arguments, profile="dev"):
        """The AWS CLI, running."""
        return subprocess.Popen([AWS_CLI, "--endpoint-url", self.endpoint, *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.aws_environment(profile))

    def aws(self, *arguments, profile="dev", check=True, input=None):
        """The AWS CLI's standard output; with check=False the finished process."""
        done = subprocess.run([AWS_CLI, "--endpoint-url", self.endpoint, *arguments], capture_output=True, text=True,
                              input=input, env=self.aws_environment(profile), timeout=120)
        if not check:
            return done
        assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def slipway_popen(self, *arguments, profile="shared-services"):
        """`slipway ARGUMENTS` against this server, running."""
        return subprocess.Popen([binary(), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                env={**self.aws_environment(profile), "AWS_ENDPOINT_URL": self.endpoint})

    def slipway(self, *arguments, profile="shared-services", check=True, input=None, environment=None):
        """`slipway ARGUMENTS` against this server: standard output, or the finished process with check=False."""
        done = subprocess.run([binary(), *arguments], capture_output=True, text=True, input=input, timeout=120,
                              env={**(environment or self.aws_environment(profile)),
                                   "AWS_ENDPOINT_URL": self.endpoint})
        if not check:
            return done
        assert done.returncode == 0, f"slipway {' '.join(arguments)}: {done.stderr}"
        return done.stdout
