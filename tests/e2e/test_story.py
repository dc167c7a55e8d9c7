"""The main job, on real input: deliver, promote, approve, update, take down, refuse."""
import hashlib
import json
import subprocess

import pytest

from running import ROOT, binary
from story import artifact, deployed, prepare, push, stacks, status, suffix, until


@pytest.fixture(scope="module")
def ready(house):
    prepare(house)
    return house


def release(house, tmp_path, content, branch="main"):
    """Pushes and brings it to prod; gives the artifact's version id."""
    version = push(house, tmp_path, content, branch)
    house.slipway("watch", "shop", branch, "--version", version, "--until-approval")
    house.slipway("approve", "shop", branch, "--message", "looks right")
    house.slipway("watch", "shop", branch, "--version", version)
    return version


def test_main_is_promoted_after_an_approval(ready, tmp_path):
    content, path = artifact("1.0.0"), tmp_path / "shop.zip"
    path.write_bytes(content)
    pushed = ready.slipway("push", path, "--app", "shop", "--profile", "shop-team", "--summary", "First basket\n\n(#12)\n", "--json")
    version = json.loads(pushed)["versionId"]
    shown = ready.slipway("watch", "shop", "main", "--version", version, "--until-approval")
    assert "waits for approval" in shown
    assert [deployed(ready, e, "main") for e in ("dev", "staging", "prod")] == ["1.0.0", "1.0.0", None]
    cells = status(ready, "shop", "main")["releases"][0]["environments"]
    assert [cells[e]["version"] for e in ("Dev", "Staging", "Prod")] == [version, version, ""]
    assert cells["Prod"]["state"] == "waits for approval"
    approval = ready.slipway("approve", "shop", "main", "--message", "read the notes")
    assert f"sha256  {hashlib.sha256(content).hexdigest()}" in approval
    assert "by arn:aws:iam::111111111111:" in approval and "read the notes" in approval
    assert "says    First basket  (#12)\n" in approval and "change     CreateChangeSet:" in approval
    ready.slipway("watch", "shop", "main", "--version", version)
    assert deployed(ready, "prod", "main") == "1.0.0"
    row = status(ready, "shop", "main")["releases"][0]
    assert {name: cell["version"] for name, cell in row["environments"].items()} == dict.fromkeys(
        ("Dev", "Staging", "Prod"), version)


def test_who_approved_what_is_on_record(ready):
    client = ready.client("codepipeline", profile="shared-services")
    pipeline = status(ready, "shop", "main")["releases"][0]["pipeline"]
    details = client.list_action_executions(pipelineName=pipeline)["actionExecutionDetails"]
    approval = next(d for d in details if d["actionName"] == "Approve")
    assert approval["status"] == "Succeeded"
    assert "arn:aws:iam::111111111111:" in str(approval["output"]) + str(
        client.get_pipeline_state(name=pipeline)["stageStates"])


def test_second_push_updates_every_environment(ready, tmp_path):
    release(ready, tmp_path, artifact("1.1.0"))
    assert [deployed(ready, e, "main") for e in ("dev", "staging", "prod")] == ["1.1.0"] * 3


def test_failed_smoke_test_stops_before_staging(ready, tmp_path):
    before = deployed(ready, "staging", "main"), deployed(ready, "prod", "main")
    version = push(ready, tmp_path, artifact("1.2.0", **{"site/index.html": "<h1>Oops</h1>"}), "main")
    watched = ready.slipway("watch", "shop", "main", "--version", version, check=False)
    assert watched.returncode == 1
    assert "the front page has no headline" in watched.stdout
    assert deployed(ready, "dev", "main") == "1.2.0"
    assert (deployed(ready, "staging", "main"), deployed(ready, "prod", "main")) == before
    assert "the front page has no headline" in ready.slipway("logs", "shop", "main", "--stage", "dev")
    assert status(ready, "shop", "main")["releases"][0]["environments"]["Dev"]["state"] == "failed"


def test_rejected_version_stays_out_of_prod(ready, tmp_path):
    version = push(ready, tmp_path, artifact("1.3.0"), "main")
    ready.slipway("watch", "shop", "main", "--version", version, "--until-approval")
    for named in (("shop", "main"), (f"shop-{suffix('main')}",)):
        said = ready.slipway("explain", *named)
        assert "in stage Prod" in said and "waits for an approval" in said and "then the execution stops" in said
    assert "rejected" in ready.slipway("reject", "shop", "main", "--message", "not on a Friday")
    watched = ready.slipway("watch", "shop", "main", "--version", version, check=False)
    assert watched.returncode == 1 and "not on a Friday" in watched.stdout
    said = ready.slipway("explain", "shop", "main")
    assert "is under way" in said and "  Failed at " in said and "not on a Friday" in said
    told = ready.slipway("history", "shop", "main", "--last", "50")
    assert "rejected" in told and "Prod/Approve  by arn:aws:" in told and "not on a Friday" in told
    assert ready.slipway("history", "nobody", check=False).returncode == 3
    assert json.loads(ready.slipway("explain", "shop", "main", "--json"))["executions"] == []
    assert deployed(ready, "prod", "main") == "1.1.0"


def test_what_there_is_not_is_said_with_what_to_name_instead(ready):
    for command, hint in (("status", "`slipway status` lists what is"), ("history", "name APP BRANCH"), ("explain", "name APP BRANCH")):
        refused = ready.slipway(command, "nobody", check=False)
        assert refused.returncode == 3 and hint in refused.stderr, command


def test_an_execution_is_named_by_what_the_history_shows_of_it(ready):
    told = ready.slipway("history", "shop", "main")
    short = next(line.split()[1] for line in told.splitlines() if " rejected " in line)
    assert len(short) == 8
    only = ready.slipway("history", "shop", "main", "--execution", short)
    assert " rejected " in only and {line.split()[1] for line in only.splitlines()} == {short}
    assert "version 1.3.0 is live" in ready.slipway("logs", "shop", "main", "--execution", short)
    refused = ready.slipway("logs", "shop", "main", "--execution", "ffffffff", check=False)
    assert refused.returncode == 3 and "has no execution ffffffff" in refused.stderr


def test_completion_knows_applications_and_branches(ready):
    def complete(*words):
        script = ROOT / "src" / "cli" / "slipway.bash"
        line = " ".join(f"'{w}'" for w in (binary(), *words))
        run = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _slipway; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", run], capture_output=True, text=True, check=True, env={
            **ready.aws_environment("shared-services"), "AWS_ENDPOINT_URL": ready.endpoint}).stdout.split()

    assert complete("explain", "s") == ["shop"] and complete("approve", "shop", "m") == ["main"]
    assert complete("explain", "nobody", "") == []


def test_rollback_brings_the_version_before_back_to_one_environment(ready):
    assert "would roll back Prod" in ready.slipway("rollback", "shop", "main", "Prod", "--dry-run")
    assert deployed(ready, "prod", "main") == "1.1.0"
    before = status(ready, "shop", "main")["releases"][0]["environments"]
    ready.slipway("rollback", "shop", "main", "Prod")
    ready.slipway("watch", "shop", "main", "--until-approval")
    ready.slipway("approve", "shop", "main", "--message", "back to what worked")
    ready.slipway("watch", "shop", "main")
    assert deployed(ready, "prod", "main") == "1.0.0"
    assert deployed(ready, "staging", "main") == "1.3.0"
    cells = status(ready, "shop", "main")["releases"][0]["environments"]
    assert cells["Staging"] == before["Staging"] and cells["Prod"]["version"] != before["Prod"]["version"]
    ready.slipway("rollback", "shop", "main", "Prod", "--to", before["Prod"]["version"][-8:])
    ready.slipway("watch", "shop", "main", "--until-approval")
    refused = ready.slipway("rollback", "shop", "main", "Prod", check=False)
    assert refused.returncode != 0 and "is running execution" in refused.stderr
    ready.slipway("approve", "shop", "main")
    ready.slipway("watch", "shop", "main")
    assert deployed(ready, "prod", "main") == "1.1.0"
    refused = ready.slipway("rollback", "shop", "main", "Nowhere", check=False)
    assert refused.returncode == 3 and "no stage Nowhere" in refused.stderr


def test_feature_branch_has_its_own_environment_until_it_is_taken_down(ready, tmp_path):
    version = push(ready, tmp_path, artifact("2.0.0"), "feature/login")
    ready.slipway("watch", "shop", "feature/login", "--version", version)
    assert deployed(ready, "dev", "feature/login") == "2.0.0"
    assert f"shop-{suffix('feature/login')}" in stacks(ready, "dev")
    push(ready, tmp_path, b"", "feature/login")
    until(lambda: not status(ready, "shop", "feature/login")["releases"], "the release stack is gone")
    assert deployed(ready, "dev", "feature/login") is None
    assert f"shop-{suffix('feature/login')}" not in stacks(ready, "dev")
    pipelines = ready.client("codepipeline", profile="shared-services").list_pipelines()["pipelines"]
    assert [p["name"] for p in pipelines if "login" in p["name"]] == []
    assert deployed(ready, "dev", "main") is not None


def test_status_finds_what_is_deployed_behind_a_long_row_of_failures(ready, tmp_path):
    branch = "feature/failing"
    good = push(ready, tmp_path, artifact("1"), branch)
    ready.slipway("watch", "shop", branch, "--version", good)
    bad = push(ready, tmp_path, artifact("2", **{"template.yaml": "Resources: {}\n"}), branch)
    ready.slipway("watch", "shop", branch, "--version", bad, check=False)
    pipelines = ready.client("codepipeline", profile="shared-services")
    name = f"shop-{suffix(branch)}"
    for _ in range(100):  # more than a page, of executions and of actions
        execution = pipelines.start_pipeline_execution(name=name)["pipelineExecutionId"]
        until(lambda: pipelines.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)[
            "pipelineExecution"]["status"] == "Failed", "the execution has failed")
    cell = status(ready, "shop", branch)["releases"][0]["environments"]["Dev"]
    assert (cell["version"], cell["state"], cell["stateVersion"]) == (good, "failed", bad)
    assert "Succeeded" in ready.slipway("watch", "shop", branch, "--version", good)


def test_what_is_no_artifact_is_not_pushed(ready, tmp_path):
    """Text, a zip cut short, nothing at all: each is told before anything is put."""
    team, file = {"profile": "shop-team", "check": False}, tmp_path / "latest.zip"
    for content, status_expected, told in ((b"not a zip", 4, "it is not a zip archive"), (artifact("1")[:-30], 4, "zip archive"),
                                           (b"", 4, "slipway teardown shop unmade")):
        file.write_bytes(content)
        refused = ready.slipway("push", str(file), "--app", "shop", "--branch", "unmade", **team)
        assert (refused.returncode, refused.stdout) == (status_expected, "") and told in refused.stderr
    assert ready.slipway("push", str(tmp_path / "gone.zip"), "--app", "shop", **team).returncode == 3
    folder = ready.slipway("push", str(tmp_path), "--app", "shop", **team)
    assert folder.returncode == 4 and f"{tmp_path} is a folder" in folder.stderr
    keys = ready.client("s3", profile="shared-services").list_object_versions(Bucket="artifacts", Prefix="555555555555/shop/unmade/")
    assert "Versions" not in keys


def test_branches_that_look_alike_do_not_meet(ready, tmp_path):
    for branch, version in (("feature/a-b", "1"), ("feature/a/b", "2")):
        ready.slipway("watch", "shop", branch, "--version", push(ready, tmp_path, artifact(version), branch))
    assert (deployed(ready, "dev", "feature/a-b"), deployed(ready, "dev", "feature/a/b")) == ("1", "2")
    assert suffix("feature/a-b") != suffix("feature/a/b")


def test_protected_branch_is_not_taken_down(ready, tmp_path):
    push(ready, tmp_path, b"", "main")
    refused = until(lambda: [p for p in status(ready)["problems"] if p["event"] == "refused"], "the refusal is on record")
    assert refused[0]["branch"] == "main" and "protects this branch" in refused[0]["message"]
    assert deployed(ready, "prod", "main") == "1.1.0"
    told = ready.slipway("teardown", "shop", "main", "--yes", "--wait", "20", check=False)
    assert told.returncode == 4 and "protects this branch" in told.stdout


def test_key_without_a_rule_is_reported_and_kept(ready, tmp_path):
    push(ready, tmp_path, artifact("1"), "experiment")
    problem = until(lambda: [p for p in status(ready)["problems"] if p.get("branch") == "experiment"], "it is reported")
    assert problem[0]["event"] == "no-rule" and problem[0]["todo"]
    until(lambda: status(ready)["deadLetters"] >= 1, "the event is in the dead-letter queue")
    team = ready.client("s3", profile="shop-team")
    assert team.head_object(Bucket="artifacts", Key="555555555555/shop/experiment/latest.zip")["ContentLength"] > 0


def test_account_made_at_run_time_gets_its_anchor(ready):
    ready.slipway("account", "create", "666666666666", "--name", "blog-team")
    until(lambda: "anchor 666666666666" in ready.workers(), "its anchor runs")
    imported = ready.slipway("account", "create", "777777777777", "--name", "wiki-team", "--access-key-id",
                             "AKIAWIKITEAM00000001", input="a-secret-of-forty-characters-0123456789ab\n")
    assert "777777777777" in imported
    client = ready.client("sts", keys=("AKIAWIKITEAM00000001", "a-secret-of-forty-characters-0123456789ab"))
    assert client.get_caller_identity()["Account"] == "777777777777"


def test_a_frozen_stage_is_held_in_the_status(ready, tmp_path):
    release(ready, tmp_path, artifact("1.3.5"))
    version = push(ready, tmp_path, artifact("1.3.6"), "main")
    ready.slipway("watch", "shop", "main", "--version", version, "--until-approval")
    ready.slipway("freeze", "night", "--reason", "at night nothing moves", "--environments", "prod")
    ready.slipway("approve", "shop", "main")
    assert status(ready, "shop", "main")["releases"][0]["environments"]["Prod"]["state"] == "held"
    assert "at night nothing moves" in ready.slipway("explain", "shop", "main")
    ready.slipway("thaw", "night")
    ready.slipway("watch", "shop", "main", "--version", version)
    assert deployed(ready, "prod", "main") == "1.3.6"
