"""Build projects and builds, by boto3 and the AWS CLI; the worker's two extensions by signed requests."""
import json
import threading
import time
import uuid

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ACCOUNT = "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/slipway-deploy"
INLINE = "version: 0.2\nphases:\n  build:\n    commands: [true]\n"
LEASE_MS = 10000


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.code = body["__type"].split("#")[-1]


class Worker:
    """Speaks the two extensions that boto3 does not know."""

    def __init__(self, server, profile):
        self.endpoint = server.endpoint
        self.credentials = Credentials(*server.keys(profile))
        self.http = urllib3.PoolManager()

    def call(self, operation, headers=None, **members):
        request = AWSRequest("POST", self.endpoint + "/", data=json.dumps(members), headers={
            "X-Amz-Target": "CodeBuild_20161006." + operation, "Content-Type": "application/x-amz-json-1.1",
            **(headers or {})})
        SigV4Auth(self.credentials, "codebuild", "us-east-1").add_auth(request)
        answer = self.http.request("POST", request.url, body=request.data, headers=dict(request.headers), retries=False)
        body = json.loads(answer.data or b"{}")
        if answer.status != 200:
            raise Refused(answer.status, body)
        return body

    def poll(self, wait_ms=0, most=1):
        return self.call("PollForBuilds", workerId="test", waitMs=wait_ms, maxBatchSize=most)["builds"]

    def take(self, build_id):
        """Leases until it has this build; others that wait are ended."""
        while True:
            for work in self.poll(most=50):
                if work["id"] == build_id:
                    return work
                self.update(work, buildStatus="FAILED")

    def update(self, work, **members):
        return self.call("UpdateBuild", id=work["id"], nonce=work["nonce"], **members)


@pytest.fixture
def codebuild(server):
    return server.client("codebuild", profile="dev", parameter_validation=False)  # the server is to refuse


@pytest.fixture
def worker(server):
    return Worker(server, "dev")


@pytest.fixture
def project(codebuild):
    return codebuild.create_project(**settings())["project"]["name"]


def settings(**changes):
    return {"name": "p" + uuid.uuid4().hex[:12],
            "source": {"type": "NO_SOURCE", "buildspec": INLINE},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {"type": "LINUX_CONTAINER", "image": "debian:12", "computeType": "BUILD_GENERAL1_SMALL",
                            "environmentVariables": [{"name": "A", "value": "1"}]},
            "serviceRole": ROLE, **changes}


def code_of(call, *arguments, **members):
    with pytest.raises((ClientError, Refused)) as caught:
        call(*arguments, **members)
    return caught.value.code if isinstance(caught.value, Refused) else caught.value.response["Error"]["Code"]


def test_project_is_made_shown_changed_and_deleted(codebuild):
    asked = settings(description="one", tags=[{"key": "team", "value": "shop"}])
    made = codebuild.create_project(**asked)["project"]
    name = asked["name"]
    assert made["arn"] == f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/{name}"
    assert made["source"] == asked["source"] and made["environment"] == asked["environment"]
    assert (made["timeoutInMinutes"], made["queuedTimeoutInMinutes"]) == (60, 480)
    assert abs(made["created"].timestamp() - time.time()) < 60
    changed = codebuild.update_project(name=name, timeoutInMinutes=5)["project"]
    assert (changed["timeoutInMinutes"], changed["description"]) == (5, "one")
    found = codebuild.batch_get_projects(names=[name, "nobody", made["arn"]])
    assert [p["name"] for p in found["projects"]] == [name, name]
    assert found["projectsNotFound"] == ["nobody"]
    codebuild.delete_project(name=name)
    codebuild.delete_project(name=name)
    assert codebuild.batch_get_projects(names=[name])["projects"] == []


def test_project_is_refused_where_the_api_refuses(codebuild, worker, project):
    create = codebuild.create_project
    assert code_of(create, **settings(name=project)) == "ResourceAlreadyExistsException"
    assert code_of(codebuild.update_project, name="nobody") == "ResourceNotFoundException"
    for wrong in ({"name": "-x"}, {"name": "a b"}, {"serviceRole": "arn:aws:iam::999999999999:role/x"},
                  {"serviceRole": "x"}, {"source": {"type": "NO_SOURCE"}}, {"source": {"type": "SVN"}},
                  {"source": {"type": "S3", "location": "no-key"}}, {"artifacts": {"type": "S3"}},
                  {"source": {"type": "CODEPIPELINE"}}, {"timeoutInMinutes": 4}, {"timeoutInMinutes": 9999},
                  {"secondarySources": [{"type": "S3", "location": "a/b", "sourceIdentifier": "x"}]}):
        assert code_of(create, **settings(**wrong)) == "InvalidInputException", wrong
    for newer in ({"autoRetryLimit": 1}, {"environment": {**settings()["environment"], "fleet": {"fleetArn": "arn:x"}}}):
        with pytest.raises(Refused, match="is not supported by Slipway") as refused:  # Debian's boto3 does not know them
            worker.call("CreateProject", **{**settings(), **newer})
        assert refused.value.code == "InvalidInputException"
    unchanged = codebuild.batch_get_projects(names=[project])["projects"][0]
    assert code_of(codebuild.update_project, name=project, serviceRole="x") == "InvalidInputException"
    assert codebuild.batch_get_projects(names=[project])["projects"][0] == unchanged


def test_projects_page_in_every_order(server):
    codebuild = server.client("codebuild", profile="prod")
    role = ROLE.replace(ACCOUNT, "444444444444")
    names = [f"n{i:03}" for i in range(103)]
    for name in reversed(names):
        codebuild.create_project(**settings(name=name, serviceRole=role))
    for by, order, expected in (("NAME", "ASCENDING", names), ("NAME", "DESCENDING", names[::-1])):
        pages = list(codebuild.get_paginator("list_projects").paginate(sortBy=by, sortOrder=order))
        assert [len(p["projects"]) for p in pages] == [100, 3]
        assert [n for p in pages for n in p["projects"]] == expected
    by_time = [n for p in codebuild.get_paginator("list_projects").paginate(sortBy="CREATED_TIME") for n in p["projects"]]
    assert sorted(by_time) == names and by_time[0] > by_time[-1]
    assert code_of(codebuild.list_projects, nextToken="zz") == "InvalidInputException"
    assert code_of(codebuild.list_projects, sortBy="SIZE") == "InvalidInputException"


def test_build_is_run_by_a_worker(codebuild, worker, project):
    build = codebuild.start_build(projectName=project, environmentVariablesOverride=[{"name": "B", "value": "2"}])["build"]
    assert (build["buildStatus"], build["currentPhase"], build["buildComplete"]) == ("IN_PROGRESS", "QUEUED", False)
    assert build["buildNumber"] == 1 and build["initiator"] == "root"
    work = worker.take(build["id"])
    assert work["buildspec"] == {"type": "INLINE", "text": INLINE}
    assert [(v["name"], v["value"], v["type"]) for v in work["environment"]["environmentVariables"]] == [
        ("A", "1", "PLAINTEXT"), ("B", "2", "PLAINTEXT")]
    assert work["logs"] == {"status": "ENABLED", "groupName": f"/aws/codebuild/{project}",
                            "streamName": build["id"].split(":")[1]}
    assert (work["leaseMs"], work["attempt"]) == (LEASE_MS, 1)
    assert 59 * 60000 < work["timeoutMs"] <= 60 * 60000
    assert worker.update(work, currentPhase="BUILD")["cancelled"] is False
    worker.update(work, phases=[{"phaseType": "BUILD", "phaseStatus": "FAILED",
                                 "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 1"}]}])
    worker.update(work, buildStatus="FAILED")
    assert worker.update(work, buildStatus="SUCCEEDED")["cancelled"] is True
    done = codebuild.batch_get_builds(ids=[build["id"], "nobody:1"])
    assert done["buildsNotFound"] == ["nobody:1"]
    shown = done["builds"][0]
    assert (shown["buildStatus"], shown["currentPhase"], shown["buildComplete"]) == ("FAILED", "COMPLETED", True)
    assert [p["phaseType"] for p in shown["phases"]] == ["SUBMITTED", "QUEUED", "PROVISIONING", "BUILD", "COMPLETED"]
    assert shown["phases"][3]["phaseStatus"] == "FAILED"
    assert shown["phases"][3]["contexts"][0]["message"] == "exit status 1"
    assert shown["endTime"] >= shown["startTime"]


def test_builds_of_s3_sources_say_where_their_bytes_are(codebuild, worker):
    name = codebuild.create_project(**settings(
        source={"type": "S3", "location": "in/app/source.zip"},
        artifacts={"type": "S3", "location": "out", "path": "p", "name": "n.zip", "packaging": "ZIP"}))["project"]["name"]
    build = codebuild.start_build(projectName=name, sourceVersion="v1", buildspecOverride="ci/spec.yml")["build"]
    assert build["artifacts"]["location"] == "arn:aws:s3:::out/p/n.zip"
    work = worker.take(build["id"])
    assert work["s3Source"] == {"bucket": "in", "key": "app/source.zip", "versionId": "v1"}
    assert work["artifacts"] == {"type": "S3", "packaging": "ZIP", "bucket": "out", "key": "p/n.zip"}
    assert work["buildspec"] == {"type": "FILE", "path": "ci/spec.yml"}
    worker.update(work, buildStatus="SUCCEEDED", artifacts={"location": "arn:aws:s3:::out/p/n.zip", "sha256sum": "ab"})
    assert codebuild.batch_get_builds(ids=[build["id"]])["builds"][0]["artifacts"]["sha256sum"] == "ab"


def test_start_is_refused_where_the_api_refuses(codebuild, project):
    start = codebuild.start_build
    assert code_of(start, projectName="nobody") == "ResourceNotFoundException"
    for wrong in ({"sourceTypeOverride": "GITHUB"}, {"sourceTypeOverride": "S3", "sourceLocationOverride": "x"},
                  {"timeoutInMinutesOverride": 1}, {"computeTypeOverride": "HUGE"}, {"idempotencyToken": "x" * 200},
                  {"debugSessionEnabled": True}, {"secondarySourcesOverride": [{"type": "S3", "location": "a/b"}]}):
        assert code_of(start, projectName=project, **wrong) == "InvalidInputException", wrong
    assert codebuild.list_builds_for_project(projectName=project)["ids"] == []
    started = codebuild.start_build(projectName=project, debugSessionEnabled=False, secondarySourcesOverride=[])
    codebuild.stop_build(id=started["build"]["id"])


def test_limit_of_concurrent_builds(codebuild, worker):
    name = codebuild.create_project(**settings(concurrentBuildLimit=1))["project"]["name"]
    first = codebuild.start_build(projectName=name)["build"]["id"]
    assert code_of(codebuild.start_build, projectName=name) == "AccountLimitExceededException"
    codebuild.stop_build(id=first)
    codebuild.stop_build(id=codebuild.start_build(projectName=name)["build"]["id"])


def test_token_starts_one_build(codebuild, project):
    once = codebuild.start_build(projectName=project, idempotencyToken="t" + project)["build"]["id"]
    assert codebuild.start_build(projectName=project, idempotencyToken="t" + project)["build"]["id"] == once
    assert code_of(codebuild.start_build, projectName=project, idempotencyToken="t" + project,
                   sourceVersion="other") == "InvalidInputException"
    assert codebuild.list_builds_for_project(projectName=project)["ids"] == [once]


def test_stopped_build_tells_its_worker_and_can_be_retried(codebuild, worker, project):
    build = codebuild.start_build(projectName=project)["build"]["id"]
    work = worker.take(build)
    assert code_of(codebuild.retry_build, id=build) == "InvalidInputException"
    assert codebuild.stop_build(id=build)["build"]["buildStatus"] == "STOPPED"
    assert worker.update(work)["cancelled"] is True
    assert code_of(codebuild.stop_build, id="nobody:1") == "ResourceNotFoundException"
    again = codebuild.retry_build(id=build)["build"]
    assert again["id"] != build and again["buildNumber"] == 2
    assert code_of(codebuild.retry_build, id="nobody:1") == "ResourceNotFoundException"
    codebuild.stop_build(id=again["id"])


def test_released_build_goes_to_the_next_worker_and_old_nonces_are_refused(codebuild, worker, project):
    build = codebuild.start_build(projectName=project)["build"]["id"]
    first = worker.take(build)
    worker.update(first, release=True)
    second = worker.take(build)
    assert second["nonce"] != first["nonce"]
    assert code_of(worker.update, first, buildStatus="SUCCEEDED") == "InvalidNonceException"
    worker.update(second, buildStatus="SUCCEEDED")
    assert codebuild.batch_get_builds(ids=[build])["builds"][0]["buildStatus"] == "SUCCEEDED"


def test_successor_takes_at_once_what_its_predecessor_held(codebuild, worker, project):
    build_id = codebuild.start_build(projectName=project)["build"]["id"]
    first = worker.take(build_id)
    assert worker.call("PollForBuilds", workerId="next", successorOf=["somebody else"])["builds"] == []
    second = worker.call("PollForBuilds", workerId="next", successorOf=["test"])["builds"][0]
    assert (second["id"], second["attempt"]) == (build_id, 2) and second["nonce"] != first["nonce"]
    assert code_of(worker.update, first, buildStatus="SUCCEEDED") == "InvalidNonceException"
    worker.update(second, buildStatus="SUCCEEDED")


def test_who_starts_a_build_may_take_it_at_once(codebuild, worker, project):
    start = lambda who, **more: worker.call("StartBuild", {"X-Slipway-Lease": who}, projectName=project, **more)
    answer = start("me", idempotencyToken="l" + project)
    build, work = answer["build"], answer["lease"]
    assert work["id"] == build["id"] and work["attempt"] == 1 and work["leaseMs"] == LEASE_MS and work["nonce"]
    assert [p["phaseType"] for p in build["phases"]] == ["SUBMITTED", "QUEUED", "PROVISIONING"]
    assert build["id"] not in [w["id"] for w in worker.poll(most=50)]
    assert "lease" not in start("me", idempotencyToken="l" + project)  # held: by its nonce alone it is reported
    worker.update(work, release=True)
    again = start("another", idempotencyToken="l" + project)["lease"]
    assert again["id"] == work["id"] and again["nonce"] != work["nonce"]
    assert code_of(worker.update, work, buildStatus="SUCCEEDED") == "InvalidNonceException"
    worker.update(again, buildStatus="SUCCEEDED")
    ended = start("me", idempotencyToken="l" + project)
    assert "lease" not in ended and ended["build"]["buildStatus"] == "SUCCEEDED"
    assert "lease" not in worker.call("StartBuild", projectName=project)
    assert code_of(start, "x" * 129) == "InvalidInputException"


def test_last_report_carries_lines_and_brings_the_build(server, codebuild, worker, project):
    logs = server.client("logs", profile="dev")
    work = worker.call("StartBuild", {"X-Slipway-Lease": "me"}, projectName=project)["lease"]
    place = {"logGroupName": work["logs"]["groupName"], "logStreamName": work["logs"]["streamName"]}
    logs.delete_log_stream(**place)  # is made again
    now = int(time.time() * 1000)
    lines = [{"timestamp": now, "message": "one"}, {"timestamp": now + 1, "message": "two"}]
    assert code_of(worker.update, work, logEvents=[{"timestamp": now, "message": ""}]) == "InvalidInputException"
    answer = worker.update(work, buildStatus="FAILED", logEvents=lines, showBuild=True)
    assert answer["cancelled"] is False and answer["build"]["buildStatus"] == "FAILED"
    worker.update(work, buildStatus="FAILED", logEvents=lines)  # the answer to the first may have been lost
    read = logs.get_log_events(**place, startFromHead=True)["events"]
    assert [(e["timestamp"], e["message"]) for e in read] == [(line["timestamp"], line["message"]) for line in lines]


def test_bad_reports_change_nothing(codebuild, worker, project):
    build = codebuild.start_build(projectName=project)["build"]["id"]
    work = worker.take(build)
    assert code_of(worker.update, work, buildStatus="FINE") == "InvalidInputException"
    assert code_of(worker.update, work, phases=[{"phaseType": "NAP"}]) == "InvalidInputException"
    assert code_of(worker.update, work, currentPhase="COMPLETED") == "InvalidInputException"
    assert code_of(worker.call, "UpdateBuild", id="nobody:1", nonce="x") == "ResourceNotFoundException"
    assert code_of(worker.call, "PollForBuilds") == "InvalidInputException"
    assert codebuild.batch_get_builds(ids=[build])["builds"][0]["currentPhase"] == "PROVISIONING"
    codebuild.stop_build(id=build)


def in_thread(run):
    """Runs it beside the test; calling the result gives what it returned and how long it took."""
    done = {}

    def timed():
        start = time.monotonic()
        done["answer"] = run()
        done["seconds"] = time.monotonic() - start

    thread = threading.Thread(target=timed)
    thread.start()

    def result():
        thread.join(60)
        assert not thread.is_alive()
        return done["answer"], done["seconds"]

    return result


def test_waiting_worker_is_woken_by_the_start(codebuild, worker, project):
    while worker.poll(most=50):
        pass
    waiting = in_thread(lambda: worker.poll(wait_ms=30000))
    build = codebuild.start_build(projectName=project)["build"]["id"]
    works, seconds = waiting()
    assert [w["id"] for w in works] == [build] and seconds < 10
    worker.update(works[0], buildStatus="SUCCEEDED")
    assert worker.poll(wait_ms=1) == []


def test_watcher_is_woken_by_the_end_and_not_kept_by_an_ended_build(codebuild, worker, project):
    build = codebuild.start_build(projectName=project)["build"]["id"]
    work = worker.take(build)
    watch = lambda: worker.call("BatchGetBuilds", ids=[build], headers={"X-Slipway-Wait": "30000"})["builds"][0]
    waiting = in_thread(watch)
    worker.update(work, buildStatus="SUCCEEDED")
    shown, seconds = waiting()
    assert shown["buildStatus"] == "SUCCEEDED" and seconds < 10
    shown, seconds = in_thread(watch)()
    assert shown["buildComplete"] and seconds < 10


def test_builds_page_newest_first(server):
    codebuild = server.client("codebuild", profile="shop-team")
    name = codebuild.create_project(**settings(serviceRole=ROLE.replace(ACCOUNT, "555555555555")))["project"]["name"]
    ids = [codebuild.start_build(projectName=name)["build"]["id"] for _ in range(102)]
    pages = list(codebuild.get_paginator("list_builds_for_project").paginate(projectName=name))
    assert [len(p["ids"]) for p in pages] == [100, 2]
    assert [i for p in pages for i in p["ids"]] == ids[::-1]
    ascending = codebuild.get_paginator("list_builds_for_project").paginate(projectName=name, sortOrder="ASCENDING")
    assert [i for p in ascending for i in p["ids"]] == ids
    everything = [i for p in codebuild.get_paginator("list_builds").paginate() for i in p["ids"]]
    assert sorted(everything) == sorted(ids)
    assert code_of(codebuild.list_builds_for_project, projectName="nobody") == "ResourceNotFoundException"
    assert code_of(codebuild.list_builds, nextToken="zz") == "InvalidInputException"


def test_accounts_do_not_see_each_other(server, codebuild, project):
    build = codebuild.start_build(projectName=project)["build"]["id"]
    other = server.client("codebuild", profile="staging")
    assert other.batch_get_projects(names=[project])["projects"] == []
    assert other.batch_get_builds(ids=[build])["builds"] == []
    assert code_of(other.start_build, projectName=project) == "ResourceNotFoundException"
    assert code_of(other.stop_build, id=build) == "ResourceNotFoundException"
    assert Worker(server, "staging").poll(most=50) == []
    codebuild.stop_build(id=build)


def test_the_aws_cli(server):
    name = "cli" + uuid.uuid4().hex[:8]
    made = json.loads(server.aws("codebuild", "create-project", "--cli-input-json", json.dumps(settings(name=name))))
    assert made["project"]["name"] == name
    assert name in json.loads(server.aws("codebuild", "list-projects"))["projects"]
    build = json.loads(server.aws("codebuild", "start-build", "--project-name", name))["build"]["id"]
    shown = json.loads(server.aws("codebuild", "batch-get-builds", "--ids", build))["builds"][0]
    assert shown["projectName"] == name
    stopped = json.loads(server.aws("codebuild", "stop-build", "--id", build))["build"]
    assert stopped["buildStatus"] == "STOPPED"
    refused = server.aws("codebuild", "create-webhook", "--project-name", name, check=False)
    assert refused.returncode != 0 and "not supported by Slipway" in refused.stderr
    server.aws("codebuild", "delete-project", "--name", name)
