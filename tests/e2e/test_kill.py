"""`kill -9` of the server, of an anchor, of the launcher, at seeded random moments of a rollout: the execution
completes, no effect is applied twice, no event is lost."""
import os
import random
import signal
import subprocess
import time

import pytest

from story import artifact, deployed, prepare, push, status, suffix, until

BRANCH = "feature/kill"
MOMENTS = 30
ROLLOUT_S = 0.4


@pytest.fixture(scope="module")
def ready(house):
    prepare(house)
    house.rollouts = 0
    return house


def child(house, command, account):
    """The pid of a supervised process."""
    listed = subprocess.run(["ps", "eww", "-o", "pid=,args=", "--ppid", str(house.process.pid)], capture_output=True,
                            text=True, check=True).stdout
    for line in listed.splitlines():
        if f" {command} " in line and f"SLIPWAY_ACCOUNT={account}" in line:
            return int(line.split()[0])
    return None


def kill(house, target):
    if target == "server":
        house.kill()
        house.start()
        return
    accounts = {"launcher": "111111111111", "anchor-shared": "111111111111", "anchor-dev": "222222222222"}
    pid = child(house, target.split("-")[0], accounts[target])
    if pid:  # it may be between an earlier kill and its next start
        os.kill(pid, signal.SIGKILL)


def settled(house, version):
    """The rollout's execution, once it has succeeded."""
    watched = house.slipway("watch", "shop", BRANCH, "--version", version, "--timeout", "60", check=False)
    assert watched.returncode == 0, watched.stdout + watched.stderr + house.log()[-3000:]
    return watched.stdout


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_rollout_survives(ready, tmp_path, seed):
    house = ready
    dice = random.Random(seed)
    target = ("server", "anchor-dev", "launcher", "server", "anchor-shared", "launcher")[seed % 6]
    content = artifact(f"1.0.{seed}")
    version = push(house, tmp_path, content, BRANCH)
    house.rollouts += 1
    time.sleep(dice.random() * ROLLOUT_S)  # the moment
    kill(house, target)
    settled(house, version)

    assert deployed(house, "dev", BRANCH) == f"1.0.{seed}"
    client = house.client("codepipeline", profile="shared-services")
    pipeline = status(house, "shop", BRANCH)["releases"][0]["pipeline"]
    executions = [e for page in client.get_paginator("list_pipeline_executions").paginate(pipelineName=pipeline)
                  for e in page["pipelineExecutionSummaries"]]
    assert len(executions) == house.rollouts, "one execution for each artifact"
    assert {e["status"] for e in executions} == {"Succeeded"}
    latest = executions[0]["pipelineExecutionId"]
    details = client.list_action_executions(pipelineName=pipeline, filter={"pipelineExecutionId": latest})
    actions = [d["actionName"] for d in details["actionExecutionDetails"]]
    assert sorted(actions) == ["Artifact", "CreateChangeSet", "DeploySite", "ExecuteChangeSet", "SmokeTest"]
    # The stack sets this parameter once for each rollout: a change set executed twice would count twice.
    parameter = house.client("ssm", profile="dev").get_parameter(Name=f"/shop/{suffix(BRANCH)}/release")["Parameter"]
    assert (parameter["Value"], parameter["Version"]) == (version, house.rollouts)


def test_nothing_is_left_in_the_queues(ready):
    assert status(ready)["deadLetters"] == 0
    sqs = ready.client("sqs", profile="shared-services")
    url = sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    until(lambda: set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"},
          "every event is worked off")
