"""Jobs that are builds of CodeBuild: they come with their build, leased, and end with it, each in one step."""
import time

import pytest

from pipelines import ACCOUNT, ROLE, Worker, action, code_of, declaration

INLINE = "version: 0.2\nphases: {build: {commands: [true]}}\n"


class Builder(Worker):
    def update(self, work, **members):
        return self.call("UpdateBuild", headers={"X-Amz-Target": "CodeBuild_20161006.UpdateBuild"}, service="codebuild",
                         id=work["id"], nonce=work["nonce"], **members)

    def build_job(self, **more):
        [job] = self.poll(**{"builds": 1, **more})
        return job, job.get("build")


@pytest.fixture
def worker(server):
    return Builder(server)


@pytest.fixture
def codebuild(server):
    made = server.client("codebuild", profile="dev")
    yield made
    made.delete_project(name="here")


@pytest.fixture
def project(codebuild):
    codebuild.create_project(
        name="here", serviceRole=ROLE, artifacts={"type": "NO_ARTIFACTS"}, source={"type": "NO_SOURCE", "buildspec": INLINE},
        environment={"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"})
    return "here"


def build_action(name="Build", project="here", **more):
    return action(name, category="Test", provider="CodeBuild", inputs=["App"],
                  configuration={"ProjectName": project, **more.pop("configuration", {})}, roleArn=more.pop("role", ROLE), **more)


@pytest.fixture
def started(codepipeline, worker):
    """Starts a pipeline whose source is done; gives name and execution id."""
    names = []

    def starter(*stages):
        name = codepipeline.create_pipeline(pipeline=declaration(*stages))["pipeline"]["name"]
        names.append(name)
        run = codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
        worker.do("Artifact")
        return name, run
    yield starter
    for name in names:
        codepipeline.delete_pipeline(name=name)


def show(codebuild, work):
    return codebuild.batch_get_builds(ids=[work["id"]])["builds"][0]


def status(codepipeline, name, run):
    return codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=run)["pipelineExecution"]["status"]


def test_a_job_comes_with_its_build(worker, codebuild, project, started):
    name, _ = started([build_action()])
    job, work = worker.build_job()
    assert work["projectName"] == project and work["attempt"] == 1 and work["nonce"] and work["leaseMs"] == 10000
    assert abs(work["startTime"] - time.time()) < 60  # seconds, as PollForBuilds says it
    where = job["data"]["inputArtifacts"][0]["location"]["s3Location"]
    assert work["s3Source"] == {"bucket": where["bucketName"], "key": where["objectKey"]}
    shown = show(codebuild, work)
    assert shown["initiator"] == f"codepipeline/{name}" and shown["buildStatus"] == "IN_PROGRESS"
    assert [p["phaseType"] for p in shown["phases"]] == ["SUBMITTED", "QUEUED", "PROVISIONING"]
    worker.update(work, buildStatus="SUCCEEDED")
    worker.succeed(job)


def test_no_more_builds_come_than_are_asked_for(worker, codebuild, project, started):
    started([build_action("One"), build_action("Two"), build_action("Three"), action("Other", roleArn=ROLE)])
    jobs = worker.poll(builds=2)
    works = [j["build"] for j in jobs if "build" in j]
    assert len(jobs) == 4 and len(works) == 2 and len(codebuild.list_builds_for_project(projectName=project)["ids"]) >= 2
    assert all("build" not in j for j in jobs if j["data"]["actionTypeId"]["provider"] != "CodeBuild")
    for work in works:
        worker.update(work, buildStatus="SUCCEEDED")
    for job in jobs:
        worker.succeed(job)


@pytest.mark.parametrize("wrong", [
    {"project": "none"}, {"role": f"arn:aws:iam::{ACCOUNT}:role/none"}, {"configuration": {"BatchEnabled": "true"}},
    {"configuration": {"EnvironmentVariables": '[{"name": 7}]'}}, {"configuration": {"EnvironmentVariables": "none"}}])
def test_what_would_be_refused_is_left_to_the_worker(worker, codebuild, project, started, wrong):
    before = codebuild.list_builds()["ids"]
    started([build_action(**wrong)])
    job, work = worker.build_job()
    assert work is None and codebuild.list_builds()["ids"] == before
    worker.fail(job)


def test_a_worker_that_asks_for_none_starts_the_same_build_by_its_token(worker, codebuild, project, started):
    started([build_action()])
    job, work = worker.build_job()
    worker.update(work, release=True)
    worker.call("ReleaseJob", jobId=job["id"], nonce=job["nonce"])
    again, other = worker.build_job()
    assert again["nonce"] != job["nonce"] and other["id"] == work["id"] and other["nonce"] != work["nonce"]
    worker.call("ReleaseJob", jobId=again["id"], nonce=again["nonce"])
    held, none = worker.build_job()
    assert none is None  # somebody holds it
    assert code_of(worker.update, work) == "InvalidNonceException"
    worker.update(other, buildStatus="SUCCEEDED")
    worker.succeed(held)


def test_job_and_build_end_in_one_step_which_may_bring_the_next(worker, codepipeline, codebuild, project, started):
    name, run = started([build_action("One")], [build_action("Two")])
    job, work = worker.build_job()
    report = {"id": work["id"], "nonce": work["nonce"], "currentPhase": "FINALIZING", "buildStatus": "SUCCEEDED",
              "phases": [{"phaseType": "BUILD", "phaseStatus": "SUCCEEDED", "startTime": 1700000000.5, "endTime": 1700000001}],
              "logEvents": [{"timestamp": int(time.time() * 1000), "message": "said"}],
              "exportedEnvironmentVariables": [{"name": "A", "value": "b"}]}
    answer = worker.succeed(job, build=report, nextJobs={"workerId": worker.name, "builds": 1})
    [after] = answer["jobs"]
    shown = show(codebuild, work)
    assert shown["buildStatus"] == "SUCCEEDED" and shown["buildComplete"]
    assert shown["exportedEnvironmentVariables"] == [{"name": "A", "value": "b"}]
    [phase] = [p for p in shown["phases"] if p["phaseType"] == "BUILD"]
    assert phase["startTime"].timestamp() == 1700000000.5
    assert after["build"]["id"] != work["id"]
    worker.succeed(job, build=report)  # the answer to the first may have been lost
    last = {"id": after["build"]["id"], "nonce": after["build"]["nonce"], "buildStatus": "SUCCEEDED"}
    worker.succeed(after, build=last)
    assert status(codepipeline, name, run) == "Succeeded"


def test_a_build_that_was_stopped_ends_no_job_as_succeeded(worker, codepipeline, codebuild, project, started):
    name, run = started([build_action()])
    job, work = worker.build_job()
    report = {"id": work["id"], "nonce": work["nonce"], "buildStatus": "SUCCEEDED"}
    assert code_of(worker.succeed, job, build={**report, "nonce": "x"}) == "InvalidJobStateException"
    assert show(codebuild, work)["buildStatus"] == "IN_PROGRESS"
    codebuild.stop_build(id=work["id"])
    assert code_of(worker.succeed, job, build=report) == "InvalidJobStateException"
    assert status(codepipeline, name, run) == "InProgress"
    worker.fail(job)
    assert status(codepipeline, name, run) == "Failed"


def test_a_job_that_is_refused_leaves_its_build_as_it_is(worker, codepipeline, codebuild, project, started):
    started([build_action()])
    job, work = worker.build_job()
    report = {"id": work["id"], "nonce": work["nonce"], "buildStatus": "SUCCEEDED"}
    assert code_of(worker.succeed, {**job, "nonce": "x" * 36}, build=report) == "InvalidNonceException"
    assert show(codebuild, work)["buildStatus"] == "IN_PROGRESS"
    worker.succeed(job, build=report)
