"""AWS's SDK for JavaScript: fetched once, and a program's cases run by one Node."""
import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).parent
MODULES = HERE / "node_modules"


def install():
    """`npm ci`, unless what is there is of this lockfile."""
    lock, stamp = (HERE / "package-lock.json").read_text(), MODULES / ".installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=HERE, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 0, f"npm ci: {done.stdout}{done.stderr}"
    stamp.write_text(lock)


def cases(program):
    return re.findall(r'^test\("([^"]+)"', (HERE / program).read_text(), re.MULTILINE)


def start(program, server, **environment):
    """Node with the program, running."""
    install()
    key, secret = server.keys()
    return subprocess.Popen(["node", program], cwd=HERE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={
        "PATH": "/usr/local/bin:/usr/bin:/bin", "SLIPWAY_ENDPOINT": server.endpoint, "SLIPWAY_KEY": key,
        "SLIPWAY_SECRET": secret, **environment})


def run(program, server):
    """The error of each case, None where there was none."""
    node = start(program, server)
    out, log = node.communicate(timeout=120)
    assert node.returncode == 0, out + log
    return {r["name"]: r["error"] for r in map(json.loads, out.splitlines())}
