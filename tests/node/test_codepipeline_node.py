"""codepipeline by AWS's SDK for JavaScript. One run of Node does all cases (codepipeline.mjs); each is shown by its name."""
import json
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
CASES = re.findall(r'^test\("([^"]+)"', (HERE / "codepipeline.mjs").read_text(), re.MULTILINE)
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


@pytest.fixture(scope="module")
def results(server):
    install()
    key, secret = server.keys()
    done = subprocess.run(["node", "codepipeline.mjs"], cwd=HERE, text=True, capture_output=True, timeout=120, env={
        "PATH": "/usr/local/bin:/usr/bin:/bin", "SLIPWAY_ENDPOINT": server.endpoint, "SLIPWAY_KEY": key,
        "SLIPWAY_SECRET": secret})
    assert done.returncode == 0, done.stdout + done.stderr
    return {r["name"]: r["error"] for r in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", CASES)
def test_case(results, name):
    assert name in results, "it did not run"
    assert results[name] is None, results[name]
