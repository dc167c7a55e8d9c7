"""What the end-to-end tests share: the central team's set-up, artifacts of the example shop, pushes by the AWS CLI."""
import hashlib
import io
import json
import pathlib
import re
import time
import urllib.error
import urllib.request
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
TEAM = "555555555555"
ACCOUNTS = {"dev": "222222222222", "staging": "333333333333", "prod": "444444444444"}
PATIENCE_S = 60


def until(look, what, patience_s=PATIENCE_S):
    """Looks again until it gives something true, and returns that."""
    end = time.monotonic() + patience_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"after {patience_s} s still not: {what}")
        time.sleep(0.05)


def prepare(house):
    """Catalog and release templates, as the central team puts them."""
    def applied():
        return house.slipway("catalog", "apply", EXAMPLES / "catalog.yaml", check=False).returncode == 0
    until(applied, "the launcher has made the catalog's bucket")
    for name in ("main", "feature"):
        house.slipway("template", "put", name, EXAMPLES / "templates" / f"{name}.yaml")


def artifact(version, **replaced):
    """The example shop as a zip; `replaced` gives other contents by file name ("site/index.html")."""
    out = io.BytesIO()
    files = {str(p.relative_to(EXAMPLES / "shop")): p.read_bytes()
             for p in sorted((EXAMPLES / "shop").rglob("*")) if p.is_file()}
    files["site/version.txt"] = version.encode() + b"\n"
    files.update({name: text.encode() for name, text in replaced.items()})
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def push(house, tmp_path, content, branch, app="shop"):
    """`aws s3 cp` with the team's key; gives the object's version id."""
    path = tmp_path / "latest.zip"
    path.write_bytes(content)
    key = f"{TEAM}/{app}/{branch}/latest.zip"
    house.aws("s3", "cp", str(path), f"s3://artifacts/{key}", profile="shop-team")
    return house.client("s3", profile="shop-team").head_object(Bucket="artifacts", Key=key)["VersionId"]


def suffix(branch, app="shop"):
    slug = re.sub(r"-+", "-", re.sub(r"[^a-z0-9]", "-", branch.lower())).strip("-")[:20].strip("-")
    return f"{slug}-{hashlib.sha256(f'{TEAM}/{app}/{branch}'.encode()).hexdigest()[:8]}"


def deployed(house, environment, branch, app="shop"):
    """The version that the deployed site shows, or None when there is none."""
    url = f"{house.endpoint}/{app}-{suffix(branch, app)}-{ACCOUNTS[environment]}/site/version.txt"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
        return None


def status(house, *names):
    return json.loads(house.slipway("status", *names, "--json"))


def stacks(house, environment):
    client = house.client("cloudformation", profile=environment)
    pages = client.get_paginator("describe_stacks").paginate()
    return sorted(s["StackName"] for page in pages for s in page["Stacks"])
