"""An approval that begins tells the topic of its NotificationArn, in the documented form; the token of the message
approves. A topic that is not there holds nothing up."""
import email
import email.policy
import json
import re
import subprocess
import uuid

import pytest
import urllib3

from running import binary
from pipelines import ACCOUNT, SHA256, Worker, action, approval, declaration, until
from sns import MailSink, Webhook, call, deliveries


@pytest.fixture(scope="module")
def sns(server):
    return server.client("sns")


@pytest.fixture
def queue(server, sns):
    """A topic and the URL of a queue that hears it."""
    sqs = server.client("sqs")
    topic = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
    url = sqs.create_queue(QueueName="q-" + uuid.uuid4().hex[:8])["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url


def asking(topic, **more):
    made = approval("Ask")
    made["configuration"] = {"NotificationArn": topic, **more}
    return made


def begin(codepipeline, worker, *stages, **more):
    """The pipeline's name and its execution, waiting after its source."""
    made = declaration(*stages, **more)
    worker.call("CreatePipeline", pipeline=made)
    execution = codepipeline.start_pipeline_execution(name=made["name"])["pipelineExecutionId"]
    worker.do("Artifact")
    return made["name"], execution


def heard(server, url):
    return [json.loads(m["Body"]) for m in server.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]


def history(server, name):
    return [(e["what"], e.get("why")) for e in Worker(server).call("ListPipelineHistory", pipelineName=name)["events"]
            if e["what"].startswith("notification")]


def status(codepipeline, name, execution):
    return codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)["pipelineExecution"]["status"]


def test_message_has_the_documented_form_and_its_token_approves(server, codepipeline, worker, queue):
    topic, url = queue
    name, execution = begin(codepipeline, worker, [asking(
        topic, CustomData="Look at #{codepipeline.PipelineExecutionId}", ExternalEntityLink="http://example.com")])
    [message] = heard(server, url)
    assert message["TopicArn"] == topic
    assert message["Subject"] == f"APPROVAL NEEDED: AWS CodePipeline {name} for action Ask"
    said = json.loads(message["Message"])
    asked = said["approval"]
    assert said["region"] == "us-east-1" and name in said["consoleLink"]
    assert (asked["pipelineName"], asked["stageName"], asked["actionName"]) == (name, "S1", "Ask")
    assert asked["customData"] == f"Look at {execution}" and asked["externalEntityLink"] == "http://example.com"
    assert asked["approvalReviewLink"].endswith(f"/{name}/S1/Ask/approve/{asked['token']}")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", asked["expires"])
    assert said["slipway"]["pipelineExecutionId"] == execution and said["slipway"]["account"] == ACCOUNT
    assert said["slipway"]["artifacts"][0]["sha256"] == SHA256
    assert history(server, name) == [("notification-published", topic)]
    codepipeline.put_approval_result(pipelineName=name, stageName="S1", actionName="Ask", token=asked["token"],
                               result={"summary": "by the message's token", "status": "Approved"})
    assert status(codepipeline, name, execution) == "Succeeded"
    assert heard(server, url) == []


def test_each_asking_is_told_once(server, codepipeline, worker, queue):
    topic, url = queue
    name, execution = begin(codepipeline, worker, [asking(topic)])
    first = json.loads(heard(server, url)[0]["Message"])["approval"]["token"]
    codepipeline.put_approval_result(pipelineName=name, stageName="S1", actionName="Ask", token=first,
                               result={"summary": "no", "status": "Rejected"})
    codepipeline.retry_stage_execution(pipelineName=name, stageName="S1", pipelineExecutionId=execution,
                                 retryMode="FAILED_ACTIONS")
    [again] = heard(server, url)
    assert json.loads(again["Message"])["approval"]["token"] != first


@pytest.mark.parametrize("arn,why", [
    (f"arn:aws:sns:us-east-1:{ACCOUNT}:nowhere", "Topic does not exist"),
    ("arn:aws:sns:us-east-1:#{variables.Whose}:theirs", "belongs to another account"),
    ("#{codepipeline.PipelineExecutionId}", "is no topic's ARN")])
def test_a_topic_that_cannot_be_told_holds_nothing_up(server, codepipeline, worker, arn, why):
    name, execution = begin(codepipeline, worker, [asking(arn)], variables=[{"name": "Whose", "defaultValue": "444444444444"}])
    [(what, said)] = history(server, name)
    assert what == "notification-failed" and why in said
    token = codepipeline.get_pipeline_state(name=name)["stageStates"][1]["actionStates"][0]["latestExecution"]["token"]
    codepipeline.put_approval_result(pipelineName=name, stageName="S1", actionName="Ask", token=token,
                               result={"summary": "all the same", "status": "Approved"})
    assert status(codepipeline, name, execution) == "Succeeded"


def test_a_topic_that_is_not_there_is_named_in_the_history(server, codepipeline, worker):
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:nowhere"
    name, _ = begin(codepipeline, worker, [asking(topic)])
    assert history(server, name) == [("notification-failed", f"{topic}: Topic does not exist")]


def test_a_topic_that_nobody_listens_to_is_told_in_the_history(server, codepipeline, worker):
    topic = server.client("sns").create_topic(Name=f"t-{uuid.uuid4().hex[:8]}")["TopicArn"]
    name, _ = begin(codepipeline, worker, [asking(topic)])
    assert history(server, name) == [("notification-failed", f"Nobody has confirmed a subscription to the topic {topic}.")]


def test_approval_without_a_topic_tells_nobody(server, codepipeline, worker):
    name, _ = begin(codepipeline, worker, [approval("Ask")])
    assert history(server, name) == []


@pytest.fixture
def post(new_server):
    """A server whose courier alone runs, its mail sink and a webhook that fails twice before it works."""
    sink, hook = MailSink(), Webhook(200, 500, 503)
    running = new_server()
    courier = subprocess.Popen([binary(), "courier"], env={
        **running.aws_environment("shared-services"), "AWS_ENDPOINT_URL": running.endpoint, "SLIPWAY_SMTP_URL": sink.url,
        "SLIPWAY_SMTP_FROM": "slipway@example.com"})
    yield running, sink, hook
    courier.terminate()
    courier.wait(20)
    hook.close()
    sink.close()


def test_an_approval_reaches_webhook_and_mailbox_and_is_given_by_what_they_got(post):
    server, sink, hook = post
    sns, codepipeline, http = server.client("sns"), server.client("codepipeline"), urllib3.PoolManager()
    topic = sns.create_topic(Name="approvals", Attributes={"DisplayName": "Releases", "DeliveryPolicy": json.dumps(
        {"http": {"defaultHealthyRetryPolicy": {"numRetries": 3, "numNoDelayRetries": 3}}})})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="lead@example.com")
    http.request("GET", hook.messages(1)[0]["SubscribeURL"])
    asked = sink.await_mails(1)[0][2]
    asked = email.message_from_bytes(asked, policy=email.policy.default).get_content()
    http.request("GET", re.search(r"http://\S+ConfirmSubscription\S+", asked).group(0))

    worker = Worker(server)
    first = action("Change", configuration={"ActionMode": "CHANGE_SET_REPLACE", "StackName": "s", "ChangeSetName": "c",
                                            "TemplatePath": "App::template.yaml", "RoleArn": "arn:aws:iam::222222222222:role/r"},
                   inputs=["App"])
    second = asking(topic, CustomData="Please look")
    second["runOrder"] = 2
    name, execution = begin(codepipeline, worker, [first, second])
    [job] = worker.take("Change")
    worker.succeed(job, executionDetails={"summary": "Add: 1", "externalExecutionId": "arn:change-set"})

    message = hook.messages(4)[-1]  # the confirmation, two failures, the one that worked
    said = json.loads(message["Message"])
    assert said["slipway"]["changes"] == [{"actionName": "Change", "changeSet": "arn:change-set", "summary": "Add: 1"}]
    assert said["slipway"]["artifacts"][0]["sha256"] == SHA256
    mail = email.message_from_bytes(sink.await_mails(2)[1][2], policy=email.policy.default)
    text = mail.get_content()
    assert mail["Subject"].startswith(f"APPROVAL NEEDED: AWS CodePipeline {name}"[:60]) and "Please look" in text
    assert SHA256 in text and said["approval"]["token"] in text and "Add: 1" in text
    until(lambda: [d for d in deliveries(server, TopicArn=topic, State="delivered")
                   if d["Attempts"] == "3" and d["Protocol"] == "http"], "the webhook's third try is on record")

    given = re.search(r"--token (\S+)", text).group(1)
    codepipeline.put_approval_result(pipelineName=name, stageName="S1", actionName="Ask", token=given,
                               result={"summary": "by mail", "status": "Approved"})
    assert status(codepipeline, name, execution) == "Succeeded"
    assert call(server, "ListDeliveries", State="dead") == []
