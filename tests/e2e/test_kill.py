"""`kill -9` of the server, of an anchor, of the launcher, at seeded random moments of a rollout through three
environments with an approval: the execution completes, no effect is applied twice, no event is lost."""
import os
import random
import signal
import threading
import time

import botocore.exceptions
import pytest

from story import ACCOUNTS, TEAM, artifact, deployed, prepare, status, suffix, until

BRANCH = "main"
MOMENTS = 30
LEASE_S = 10
TARGETS = {"server": None, "launcher": "111111111111", "anchor of shared-services": "111111111111",
           "anchor of dev": ACCOUNTS["dev"], "anchor of prod": ACCOUNTS["prod"]}
ENVIRONMENT_ACTIONS = {"CreateChangeSet", "ExecuteChangeSet", "DeploySite", "SmokeTest"}


def put(house, version):
    key = f"{TEAM}/shop/{BRANCH}/latest.zip"
    answer = house.client("s3", profile="shop-team").put_object(Bucket="artifacts", Key=key, Body=artifact(version))
    return answer["VersionId"]


def pipeline_name(house):
    found = until(lambda: [r for r in status(house, "shop", BRANCH)["releases"] if r.get("pipeline")],
                  "the launcher made the pipeline")
    return found[0]["pipeline"]


def approval_of(client, pipeline, version):
    """What waits for a person, of the execution of that artifact: (stage, action, token), or None."""
    latest = client.list_pipeline_executions(pipelineName=pipeline, maxResults=1)["pipelineExecutionSummaries"]
    if not latest or latest[0]["sourceRevisions"][0]["revisionId"] != version:
        return None
    for stage in client.get_pipeline_state(name=pipeline)["stageStates"]:
        for action in stage["actionStates"]:
            token = action.get("latestExecution", {}).get("token")
            if token:
                return stage["stageName"], action["actionName"], token
    return None


def retried(call):
    """The call's answer; None while the server is down."""
    try:
        return call()
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError):
        return None


def approve(house, pipeline, version):
    client = house.client("codepipeline", profile="shared-services")
    stage, action, token = until(lambda: retried(lambda: approval_of(client, pipeline, version)),
                                 f"the approval of {version}")
    result = {"summary": "goes on", "status": "Approved"}

    def answered():
        try:
            client.put_approval_result(pipelineName=pipeline, stageName=stage, actionName=action, result=result,
                                       token=token)
        except client.exceptions.ApprovalAlreadyCompletedException:
            pass  # the answer to our first try died with the server
        return True
    until(lambda: retried(answered), "the approval is taken")


@pytest.fixture(scope="module")
def ready(house):
    """The pipeline exists and one rollout has shown how long one takes."""
    prepare(house)
    start = time.monotonic()
    version = put(house, "0.9.0")
    house.pipeline = pipeline_name(house)
    approve(house, house.pipeline, version)
    house.slipway("watch", "shop", BRANCH, "--version", version, "--timeout", "60")
    house.rollout_s = time.monotonic() - start
    house.rollouts = 1
    return house


def child(house, command, account):
    """The pid of a supervised process."""
    return house.workers().get(f"{command} {account}")


def killer_of(house, target, moment_s):
    """A thread that kills it then; whom is found before, so that the moment is exact."""
    if target != "server":
        pid = until(lambda: child(house, target.split()[0], TARGETS[target]), f"{target} runs")
        return threading.Timer(moment_s, os.kill, (pid, signal.SIGKILL))

    def power_cut():
        house.kill()
        house.start()
    return threading.Timer(moment_s, power_cut)


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_rollout_survives(ready, seed):
    house = ready
    target = list(TARGETS)[seed % len(TARGETS)]
    # the launcher has its part at the rollout's beginning
    moment_s = random.Random(seed).random() * house.rollout_s * (0.1 if target == "launcher" else 1)
    killer = killer_of(house, target, moment_s)
    version = put(house, f"1.0.{seed}")
    house.rollouts += 1
    killer.start()
    approve(house, house.pipeline, version)
    killer.join()
    watched = house.slipway("watch", "shop", BRANCH, "--version", version, "--timeout", "60", check=False)
    assert watched.returncode == 0, watched.stdout + watched.stderr + house.log()[-3000:]
    check_effects(house, f"1.0.{seed}", version)


@pytest.mark.parametrize("target", ["anchor of dev", "anchor of prod"])
def test_rollout_survives_an_anchor_that_stands_still(ready, target):
    """Longer than its lease: what it then reports with its stale nonce is refused, or was not taken from it."""
    house = ready
    pid = until(lambda: child(house, "anchor", TARGETS[target]), f"{target} runs")
    stopper = threading.Timer(house.rollout_s * (0.3 if target == "anchor of dev" else 0.9), os.kill, (pid, signal.SIGSTOP))
    version = put(house, f"1.1.{len(target)}")
    house.rollouts += 1
    stopper.start()
    waker = threading.Timer(LEASE_S + 2, os.kill, (pid, signal.SIGCONT))
    waker.start()
    approve(house, house.pipeline, version)
    watched = house.slipway("watch", "shop", BRANCH, "--version", version, "--timeout", "60", check=False)
    waker.join()
    assert watched.returncode == 0, watched.stdout + watched.stderr + house.log()[-3000:]
    check_effects(house, f"1.1.{len(target)}", version)


def check_effects(house, shown, version):
    client = house.client("codepipeline", profile="shared-services")
    executions = [e for page in client.get_paginator("list_pipeline_executions").paginate(pipelineName=house.pipeline)
                  for e in page["pipelineExecutionSummaries"]]
    assert len(executions) == house.rollouts, "one execution for each artifact"
    assert {e["status"] for e in executions} == {"Succeeded"}
    latest = executions[0]["pipelineExecutionId"]
    details = client.list_action_executions(pipelineName=house.pipeline, filter={"pipelineExecutionId": latest})
    actions = [(d["stageName"], d["actionName"]) for d in details["actionExecutionDetails"]]
    assert len(actions) == len(set(actions)) == 2 + 3 * len(ENVIRONMENT_ACTIONS), "each action once"
    for environment in ACCOUNTS:
        assert deployed(house, environment, BRANCH) == shown
        # The stack sets this parameter once for each rollout: a change set executed twice would count twice.
        name = f"/shop/{suffix(BRANCH)}/release"
        parameter = house.client("ssm", profile=environment).get_parameter(Name=name)["Parameter"]
        assert (parameter["Value"], parameter["Version"]) == (version, house.rollouts), environment


def test_nothing_is_left_in_the_queues(ready):
    assert status(ready)["deadLetters"] == 0
    sqs = ready.client("sqs", profile="shared-services")
    url = sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    until(lambda: set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"},
          "every event is worked off")
