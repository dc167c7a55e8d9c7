"""Updates that are cancelled, undone, or stuck on their way back; lists longer than a page."""
import sqlite3
import uuid

import pytest

from pipelines import Worker, code_of
from stacks import create, parameter, refused, settled, statuses, update
from queues import event_queue


@pytest.fixture
def cf(server):
    return server.client("cloudformation", profile="dev")


@pytest.fixture
def name():
    return "s" + uuid.uuid4().hex[:10]


def chain(count, value):
    """Parameters of which each waits for the one before: an update that takes its time."""
    body = "Resources:\n"
    for i in range(count):
        body += f"  P{i}:\n    Type: AWS::SSM::Parameter\n"
        body += f"    DependsOn: P{i - 1}\n" if i else ""
        body += f"    Properties: {{Type: String, Value: {value}}}\n"
    return body


def test_a_cancelled_update_goes_back(server, cf, name):
    create(cf, name, chain(400, "one"))
    cf.update_stack(StackName=name, TemplateBody=chain(400, "two"))
    assert refused(cf.update_stack, StackName=name, TemplateBody=chain(400, "three"))[0] == "ValidationError"
    cf.cancel_update_stack(StackName=name)
    stack = settled(cf, name)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "UPDATE_ROLLBACK_IN_PROGRESS" in statuses(cf, name, name)
    pages = cf.get_paginator("list_stack_resources").paginate(StackName=name)
    rows = [r for p in pages for r in p["StackResourceSummaries"]]
    assert len(rows) == len({r["LogicalResourceId"] for r in rows}) == 400
    ssm = server.client("ssm", profile="dev")
    for row in (rows[0], rows[1], rows[-1]):
        assert ssm.get_parameter(Name=row["PhysicalResourceId"])["Parameter"]["Value"] == "one"


NOTIFIES = """
      NotificationConfiguration:
        QueueConfigurations: [{{Event: "s3:ObjectCreated:*", Queue: "{queue}"}}]"""
BAD = "  Bad: {Type: AWS::S3::Bucket, DependsOn: B, Properties: {BucketName: NOT_A_NAME}}\n"


def notifying(queue):
    return ("Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n"
            "      Tags: [{Key: k, Value: v}]" + (NOTIFIES.format(queue=queue) if queue else "") + "\n")


@pytest.fixture
def stuck(server, cf, name):
    """A stack whose rollback needs a queue that somebody else deleted."""
    sqs = server.client("sqs", profile="dev")
    url, arn = event_queue(sqs, name)
    stack_id, stack = create(cf, name, notifying(arn))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    sqs.delete_queue(QueueUrl=url)
    stack = update(cf, name, notifying(None) + BAD)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED", stack
    assert "[B]" in stack["StackStatusReason"]
    return sqs, arn


def test_a_rollback_goes_on_when_its_cause_is_mended(server, cf, name, stuck):
    sqs, arn = stuck
    assert refused(cf.update_stack, StackName=name, TemplateBody=parameter("x"))[0] == "ValidationError"
    cf.continue_update_rollback(StackName=name)
    assert settled(cf, name)["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    event_queue(sqs, name)
    cf.continue_update_rollback(StackName=name)
    assert settled(cf, name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    bucket = cf.describe_stack_resource(StackName=name, LogicalResourceId="B")["StackResourceDetail"][
        "PhysicalResourceId"]
    told = server.client("s3", profile="dev").get_bucket_notification_configuration(Bucket=bucket)
    assert [q["QueueArn"] for q in told["QueueConfigurations"]] == [arn]
    assert refused(cf.continue_update_rollback, StackName=name)[0] == "ValidationError"


def test_a_rollback_skips_what_cannot_go_back(cf, name, stuck):
    assert refused(cf.continue_update_rollback, StackName=name, ResourcesToSkip=["Nobody"])[0] == "ValidationError"
    cf.continue_update_rollback(StackName=name, ResourcesToSkip=["B"])
    assert settled(cf, name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert update(cf, name, notifying(None).replace("v}", "w}"))["StackStatus"] == "UPDATE_COMPLETE"


def pages_of(cf, operation, member, **arguments):
    pages = [p[member] for p in cf.get_paginator(operation).paginate(**arguments)]
    return len(pages), [item for page in pages for item in page]


def test_stacks_exports_and_change_sets_come_in_pages(cf, name):
    many = 101
    for i in range(many):
        cf.create_stack(StackName=f"{name}-{i}", TemplateBody=parameter("x") +
                        f"Outputs: {{O: {{Value: v, Export: {{Name: '{name}-{i}'}}}}}}\n")
        cf.create_change_set(StackName=name, ChangeSetName=f"c{i}", ChangeSetType="CREATE",
                             TemplateBody=parameter(i))
    for i in range(many):
        assert settled(cf, f"{name}-{i}")["StackStatus"] == "CREATE_COMPLETE"
    for operation, member, field in (("describe_stacks", "Stacks", "StackName"),
                                     ("list_stacks", "StackSummaries", "StackName"),
                                     ("list_exports", "Exports", "Name")):
        pages, rows = pages_of(cf, operation, member)
        ours = [r[field] for r in rows if r[field].startswith(name + "-")]
        assert pages >= 2 and sorted(ours) == sorted(f"{name}-{i}" for i in range(many)), operation
    pages, rows = pages_of(cf, "list_change_sets", "Summaries", StackName=name)
    assert pages == 2 and len({r["ChangeSetName"] for r in rows}) == many
    for operation in (cf.describe_stacks, cf.list_stacks, cf.list_exports):
        assert refused(operation, NextToken="nonsense")[0] == "ValidationError"


def test_a_template_is_bounded_in_the_request_and_in_the_bucket(server, cf, name):
    body = parameter("x") + "# " + "x" * 60000 + "\n"
    assert refused(cf.create_stack, StackName=name, TemplateBody=body)[0] == "ValidationError"
    s3 = server.client("s3", profile="dev")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="huge.yaml", Body=body.encode() * 20)
    url = f"{server.endpoint}/{name}/huge.yaml"
    assert refused(cf.create_stack, StackName=name, TemplateURL=url)[0] == "ValidationError"


def approved_by(pattern, extra=""):
    action = "{{Name: {}, ActionTypeId: {{Category: {}, Owner: AWS, Provider: {}, Version: '1'}}, {}}}"
    source = action.format("Get", "Source", "S3", "OutputArtifacts: [{Name: App}], Configuration: {S3Bucket: bucket, S3ObjectKey: k.zip}")
    ask = action.format("Ask", "Approval", "Manual", f"Configuration: {{Approvers: '{pattern}'}}")
    return f"""
Resources:
  B:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: line
      RoleArn: arn:aws:iam::222222222222:role/slipway-pipeline
      ArtifactStore: {{Type: S3, Location: store-bucket}}
      Stages: [{{Name: Source, Actions: [{source}]}}, {{Name: S1, Actions: [{ask}]}}]
{extra}"""


def declared_before(data, now, then):
    """What the database says is declared, as a release that took `then` left it."""
    with sqlite3.connect(data / "slipway.db") as database:
        for table, column in (("codepipeline_version", "declaration"), ("cloudformation_template", "body"), ("cloudformation_resource", "doc")):
            changed = database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (now, then))
            assert changed.rowcount == 1


def test_a_pipeline_goes_back_to_what_was_taken_when_it_was_declared(new_server, name):
    """Approvers that are nobody's ARN were taken by an earlier release."""
    running = new_server()
    cf, worker = running.client("cloudformation"), Worker(running)
    assert create(cf, name, approved_by("arn:aws:iam::*"))[1]["StackStatus"] == "CREATE_COMPLETE"
    running.stop()
    declared_before(running.data, "arn:aws:iam::*", "ann")
    running.start()
    before = worker.call("GetPipeline", name="line")["pipeline"]
    assert before["stages"][1]["actions"][0]["configuration"] == {"Approvers": "ann"}
    stack = update(cf, name, approved_by("*", BAD))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stack["StackStatusReason"]
    after = worker.call("GetPipeline", name="line")["pipeline"]
    assert after == {**before, "version": 3}
    # who writes back what they read is not refused; who declares another such, is
    worker.call("UpdatePipeline", pipeline=after)
    after["stages"][1]["actions"][0]["configuration"] = {"Approvers": "bob"}
    assert code_of(worker.call, "UpdatePipeline", pipeline=after) == "InvalidActionDeclarationException"
