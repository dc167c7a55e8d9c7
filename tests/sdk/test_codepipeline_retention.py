"""`slipway serve --retain`: what ended long ago goes by itself; what is shown and what could come back stays."""
import pytest

from running import Server
from pipelines import Worker, action, declaration, until


@pytest.fixture(scope="module")
def short():
    running = Server("--retain", "1s")
    yield running
    running.stop()


def test_old_executions_go_and_the_last_that_succeeded_stays(short):
    pipelines, worker = short.client("codepipeline", profile="dev"), Worker(short)
    made = declaration([action("Deploy")])
    pipelines.create_pipeline(pipeline=made)
    name = made["name"]

    def run(good):
        execution = pipelines.start_pipeline_execution(name=name)["pipelineExecutionId"]
        worker.do("Artifact")
        job = worker.take("Deploy")[0]
        worker.succeed(job) if good else worker.fail(job)
        return execution

    def left():
        return [e["pipelineExecutionId"] for e in
                pipelines.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]]
    gone = [run(True)]
    good = run(True)
    gone.append(run(False))
    last = run(False)
    until(lambda: left() == [last, good], "only the newest and the last good one are left")
    assert {a["pipelineExecutionId"] for a in pipelines.list_action_executions(pipelineName=name)[
        "actionExecutionDetails"]} == {last, good}
    for execution in gone:
        with pytest.raises(pipelines.exceptions.PipelineExecutionNotFoundException):
            pipelines.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
    # what stays can come back
    worker.call("RollbackStage", pipelineName=name, stageName="S1", targetPipelineExecutionId=good)
    worker.do("Deploy")
    until(lambda: not [e for e in worker.call("ListPipelineHistory", pipelineName=name)["events"]
                       if e["what"] == "created"], "the history of that time went too")


def test_without_it_all_is_kept(server):
    pipelines, worker = server.client("codepipeline", profile="dev"), Worker(server)
    made = declaration([action("Deploy")])
    pipelines.create_pipeline(pipeline=made)
    for _ in range(3):
        pipelines.start_pipeline_execution(name=made["name"])
        worker.fail(worker.take("Artifact")[0])
    assert len(pipelines.list_pipeline_executions(pipelineName=made["name"])["pipelineExecutionSummaries"]) == 3


def test_a_bad_duration_is_refused():
    with pytest.raises(RuntimeError, match="not a value for --retain"):
        Server("--retain", "soon")
