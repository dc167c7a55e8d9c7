"""The launcher's edges: what it refuses, records and never does twice."""
import json
import os
import signal
import threading
import time
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError

TEAM = "555555555555"
CATALOG = """
environments:
  dev: {account: "222222222222"}
rules:
  - {name: broken, app: broken, template: broken, environments: [dev]}
  - {name: unwritten, app: unwritten, template: unwritten, environments: [dev]}
  - {name: needy, app: needy, template: needy, environments: [dev]}
  - {name: failing, app: failing, template: failing, environments: [dev]}
  - {name: plain, app: plain, template: plain, environments: [dev]}
  - {name: following, app: following, template: following, environments: [dev]}
  - {name: guarded, app: guarded, template: plain, environments: [dev], protected: true}
"""
NEEDY = """
Parameters:
  AppName: {Type: String}
  Missing: {Type: String}
Resources:
  Q: {Type: AWS::SQS::Queue}
"""


def wait_for(look, seconds=30):
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


# The bucket is another's: its creation fails, and taking the stack down must leave it alone.
FAILING = """
Resources:
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: artifacts}}
"""
PLAIN = """
Parameters: {Suffix: {Type: String}}
Resources:
  Kept: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: !Sub "kept-${Suffix}"}}
  Gone: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "gone-${Suffix}"}}
"""


# Leaves PollForSourceChanges out: each put starts the pipeline by itself, once there is one.
FOLLOWING = """
Parameters: {ArtifactBucket: {Type: String}, ArtifactKey: {Type: String}}
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: following
      RoleArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/slipway-deploy"
      PipelineType: V2
      ExecutionMode: PARALLEL
      ArtifactStore: {Type: S3, Location: slipway-pipeline-store}
      Stages:
        - Name: Source
          Actions:
            - Name: Artifact
              ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: "1"}
              Configuration: {S3Bucket: !Ref ArtifactBucket, S3ObjectKey: !Ref ArtifactKey}
              OutputArtifacts: [{Name: App}]
        - Name: Ask
          Actions: [{Name: Ask, ActionTypeId: {Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}}]
"""


class Launcher:
    def __init__(self, house):
        self.s3 = house.client("s3", profile="shared-services")
        self.logs = house.client("logs", profile="shared-services")
        self.sqs = house.client("sqs", profile="shared-services")
        self.team = house.client("s3", profile="shop-team")
        wait_for(lambda: self.group_exists())

    def group_exists(self):
        return self.logs.describe_log_groups(logGroupNamePrefix="/slipway/launcher")["logGroups"]

    def push(self, app, branch="main", body=b"not empty"):
        key = f"{TEAM}/{app}/{branch}/latest.zip"
        self.team.put_object(Bucket="artifacts", Key=key, Body=body)
        return key

    def records(self, **wanted):
        events = self.logs.filter_log_events(logGroupName="/slipway/launcher")["events"]
        records = [json.loads(event["message"]) for event in events]
        return [r for r in records if all(r.get(k) == v for k, v in wanted.items())]

    def record(self, **wanted):
        return wait_for(lambda: self.records(**wanted))[0]

    def buried(self):
        """Bodies in the dead-letter queue, taken out."""
        url = self.sqs.get_queue_url(QueueName="slipway-artifact-events-dlq")["QueueUrl"]
        bodies = []
        while True:
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return bodies
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def await_buried(self, text):
        return wait_for(lambda: any(text in body for body in self.buried()))


@pytest.fixture(scope="module")
def launcher(house):
    made = Launcher(house)
    made.s3.put_object(Bucket="slipway-catalog", Key="catalog.yaml", Body=CATALOG.encode())
    made.s3.put_object(Bucket="slipway-catalog", Key="templates/broken.yaml", Body=b"Resources: [")
    made.s3.put_object(Bucket="slipway-catalog", Key="templates/needy.yaml", Body=NEEDY.encode())
    made.s3.put_object(Bucket="slipway-catalog", Key="templates/failing.yaml", Body=FAILING.encode())
    made.s3.put_object(Bucket="slipway-catalog", Key="templates/plain.yaml", Body=PLAIN.encode())
    made.s3.put_object(Bucket="slipway-catalog", Key="templates/following.yaml", Body=FOLLOWING.encode())
    made.codepipeline = house.client("codepipeline", profile="shared-services")
    made.stacks = house.client("cloudformation", profile="shared-services")
    return made


def test_only_the_central_team_changes_the_catalog(house, launcher, tmp_path):
    """Who can, decides what is released where, and into whose account."""
    for profile in ("shop-team", "dev"):
        other = house.client("s3", profile=profile)
        for call, more in ((other.put_object, {"Body": b"rules: []"}), (other.get_object, {}), (other.delete_object, {})):
            with pytest.raises(ClientError, match="AccessDenied"):
                call(Bucket="slipway-catalog", Key="catalog.yaml", **more)
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    refused = house.slipway("catalog", "apply", tmp_path / "catalog.yaml", profile="dev", check=False)
    assert refused.returncode != 0 and "AccessDenied" in refused.stderr
    assert launcher.s3.get_object(Bucket="slipway-catalog", Key="catalog.yaml")["Body"].read().decode() == CATALOG


def test_an_account_delivers_below_its_own_prefix_alone(house, launcher, tmp_path):
    key = launcher.push("nobody-knows", branch="own")
    created = json.loads(house.slipway("account", "create", "666666666666", "--name", "blog-team", "--json"))
    made = created.get("AccessKey", created)
    keys = made["AccessKeyId"], made["SecretAccessKey"]
    blog = house.client("s3", keys=keys)  # an account of later
    for other in (blog, house.client("s3", profile="dev")):
        for call, more in ((other.put_object, {"Body": b"PK"}), (other.create_multipart_upload, {}), (other.get_object, {}),
                           (other.delete_object, {})):
            with pytest.raises(ClientError, match="AccessDenied"):
                call(Bucket="artifacts", Key=key, **more)
        with pytest.raises(ClientError, match="AccessDenied"):
            other.list_objects_v2(Bucket="artifacts", Prefix=f"{TEAM}/")
    own = "666666666666/nobody-knows/main/latest.zip"
    upload = blog.create_multipart_upload(Bucket="artifacts", Key=own)["UploadId"]
    part = blog.upload_part(Bucket="artifacts", Key=own, UploadId=upload, PartNumber=1, Body=b"bytes")["ETag"]
    blog.complete_multipart_upload(Bucket="artifacts", Key=own, UploadId=upload,
                                   MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert blog.get_object(Bucket="artifacts", Key=own)["Body"].read() == b"bytes"
    for prefix in ("666666666666/", "666666666666"):
        assert [o["Key"] for o in blog.list_objects_v2(Bucket="artifacts", Prefix=prefix)["Contents"]] == [own]
    version = blog.head_object(Bucket="artifacts", Key=own)["VersionId"]
    assert blog.get_object_tagging(Bucket="artifacts", Key=own, VersionId=version)["TagSet"] == []
    assert launcher.record(key=own)["account"] == "666666666666"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("index.html", "hello")
    refused = house.slipway("push", tmp_path / "a.zip", "--app", "nobody-knows", "--account", TEAM, profile="staging", check=False)
    assert refused.returncode != 0 and "AccessDenied" in refused.stderr
    for profile in ("shop-team", "shared-services"):
        house.slipway("push", tmp_path / "a.zip", "--app", "nobody-knows", "--account", TEAM, profile=profile)


def test_a_policy_of_the_operators_stays(new_server):
    running = new_server(workers=True)
    s3 = running.client("s3", profile="shared-services")

    def policy(bucket):
        try:
            return json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        except ClientError:
            return None

    wait_for(lambda: policy("slipway-catalog") and policy("artifacts"))
    own = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": TEAM}, "Action": "s3:PutObject",
                                                   "Resource": f"arn:aws:s3:::artifacts/{TEAM}/shop/*"}]}
    s3.put_bucket_policy(Bucket="artifacts", Policy=json.dumps(own))
    s3.delete_bucket_policy(Bucket="slipway-catalog")
    running.stop()
    running.start()
    wait_for(lambda: policy("slipway-catalog"))  # which comes after the other bucket's
    assert policy("artifacts") == own


def test_what_passes_through_the_store_is_the_central_teams_alone(launcher, house):
    launcher.s3.put_object(Bucket="slipway-pipeline-store", Key="shop/a", Body=b"bytes")
    dev = house.client("s3", profile="dev")
    for call, more in ((dev.get_object, {}), (dev.put_object, {"Body": b"other"}), (dev.delete_object, {})):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(Bucket="slipway-pipeline-store", Key="shop/a", **more)
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.list_objects_v2(Bucket="slipway-pipeline-store")


QUEUE_ARN = "arn:aws:sqs:us-east-1:111111111111:slipway-artifact-events"


def test_no_other_bucket_fills_the_launchers_queue(launcher, house):
    """Not one of another account's, nor of the central team's own."""
    for profile in ("dev", "shared-services"):
        s3, bucket = house.client("s3", profile=profile), "not-artifacts-" + profile
        told = {"QueueConfigurations": [{"QueueArn": QUEUE_ARN, "Events": ["s3:ObjectCreated:*"]}]}
        s3.create_bucket(Bucket=bucket)
        with pytest.raises(ClientError, match="Unable to validate the following destination configurations"):
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told, SkipDestinationValidation=True)
        s3.put_object(Bucket=bucket, Key=f"{TEAM}/nobody-knows/elsewhere/latest.zip", Body=b"not empty")
    after = launcher.push("nobody-knows", "after")
    assert launcher.record(key=after)["event"] == "no-rule"
    assert launcher.records(key=f"{TEAM}/nobody-knows/elsewhere/latest.zip") == []
    dev = house.client("sqs", profile="dev")
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.send_message(QueueUrl=house.endpoint + "/111111111111/slipway-artifact-events", MessageBody="{}")


def test_an_event_of_another_bucket_releases_nothing(launcher):
    key = f"{TEAM}/nobody-knows/other/latest.zip"
    url = launcher.sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]
    launcher.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "not-artifacts"}, "object": {"key": key, "versionId": "v"}}}]}))
    record = launcher.record(key=key)
    assert record["event"] == "bad-bucket" and "not-artifacts" in record["message"]


def test_the_launchers_queue_gets_a_policy_unless_it_has_one(new_server):
    running = new_server(workers=True)
    sqs = running.client("sqs", profile="shared-services")

    def policy():
        try:
            url = sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]
            return json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
        except (ClientError, KeyError):
            return None

    def put(text):
        url = sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})

    [statement] = wait_for(policy)["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"} and statement["Resource"] == QUEUE_ARN
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::artifacts"},
                                      "StringEquals": {"aws:SourceAccount": "111111111111"}}
    put("")  # as before there were policies
    running.stop()
    running.start()
    assert wait_for(policy)["Statement"] == [statement]
    own = {"Version": "2012-10-17", "Statement": [{**statement, "Sid": "Mine"}]}
    put(json.dumps(own))
    running.stop()
    running.start()
    again = Launcher(running)
    again.record(key=again.push("nobody-knows"))  # which it takes once all is set up
    assert policy() == own


def test_a_key_without_a_rule_is_recorded_and_buried_and_kept(launcher):
    key = launcher.push("nobody-knows")
    record = launcher.record(key=key)
    assert record["event"] == "no-rule" and record["level"] == "error"
    assert "nobody-knows" in record["message"] and record["todo"]
    launcher.await_buried("nobody-knows")
    assert launcher.team.get_object(Bucket="artifacts", Key=key)["Body"].read() == b"not empty"


@pytest.mark.parametrize("key", ["latest.zip", "x/y/z/latest.zip", f"{TEAM}/app/main/other.zip",
                                 f"{TEAM}/app/../latest.zip", f"{TEAM}/app//latest.zip"])
def test_other_keys_are_recorded_and_buried(launcher, key):
    launcher.s3.put_object(Bucket="artifacts", Key=key, Body=b"x")
    assert launcher.record(key=key)["event"] == "bad-key"


def test_a_branch_may_have_slashes_and_odd_characters(launcher):
    key = launcher.push("nobody-knows", branch="feature/a+b=c/ü")
    assert launcher.record(key=key)["branch"] == "feature/a+b=c/ü"


def test_a_broken_template_says_why(launcher):
    key = launcher.push("broken")
    record = launcher.record(key=key)
    assert record["event"] == "template-failed" and "cannot be read" in record["message"]


def test_a_missing_template_says_which(launcher):
    key = launcher.push("unwritten")
    record = launcher.record(key=key)
    assert record["event"] == "template-failed" and "templates/unwritten.yaml" in record["message"]


def test_a_parameter_that_nobody_gives_is_named(launcher):
    key = launcher.push("needy")
    record = launcher.record(key=key)
    assert record["event"] == "template-failed" and "Missing" in record["message"]


def test_a_template_that_fails_says_the_first_failure_and_its_teardown_harms_nobody(launcher):
    key = launcher.push("failing")
    record = launcher.record(key=key)
    assert record["event"] == "template-failed"
    assert "ROLLBACK_COMPLETE" in record["message"] and "B (AWS::S3::Bucket)" in record["message"]
    launcher.push("failing", body=b"")
    launcher.record(key=key, event="torn-down")
    versions = launcher.s3.list_object_versions(Bucket="artifacts", Prefix=key)["Versions"]
    assert sorted(version["Size"] for version in versions) == [0, len(b"not empty")]


def test_a_teardown_empties_what_it_deletes_and_keeps_what_is_retained(launcher):
    key = launcher.push("plain", branch="feature/x")
    record = launcher.record(key=key)
    assert "no resource of type AWS::CodePipeline::Pipeline" in record["message"]
    suffix = record["stack"].removeprefix("release-plain-")
    for name in ("kept", "gone"):
        launcher.s3.put_object(Bucket=f"{name}-{suffix}", Key="a+b c\x01", Body=b"1")
    launcher.push("plain", branch="feature/x", body=b"")
    launcher.record(key=key, event="torn-down")
    with pytest.raises(launcher.stacks.exceptions.ClientError, match="does not exist"):
        launcher.stacks.describe_stacks(StackName=record["stack"])
    names = [bucket["Name"] for bucket in launcher.s3.list_buckets()["Buckets"]]
    assert f"kept-{suffix}" in names and f"gone-{suffix}" not in names
    assert launcher.s3.get_object(Bucket=f"kept-{suffix}", Key="a+b c\x01")["Body"].read() == b"1"


def test_a_pipeline_that_follows_its_object_itself_is_not_started_twice(launcher):
    for count in 1, 2, 3:
        key = launcher.push("following", body=b"%d" % count)
        wait_for(lambda: len(launcher.records(key=key, event="started")) == count)
    versions = [v["VersionId"] for v in launcher.s3.list_object_versions(Bucket="artifacts", Prefix=key)["Versions"]]
    started = launcher.codepipeline.list_pipeline_executions(pipelineName="following")["pipelineExecutionSummaries"]
    assert [e["sourceRevisions"][0]["revisionId"] for e in started] == versions and len(versions) == 3
    assert [e["trigger"]["triggerType"] for e in started] == ["PollForSourceChanges"] * 2 + ["StartPipelineExecution"]
    known = {r["executionId"] for r in launcher.records(key=key, event="started")}
    assert known == {e["pipelineExecutionId"] for e in started}


def test_an_application_of_several_accounts_is_asked_for_by_account(house, launcher):
    launcher.push("plain", branch="of-many")
    launcher.s3.put_object(Bucket="artifacts", Key="222222222222/plain/of-many/latest.zip", Body=b"not empty")
    said = "say which with --account: 222222222222, 555555555555\n"
    wait_for(lambda: said in house.slipway("approve", "plain", "of-many", check=False).stderr)


def test_a_protected_branch_is_not_torn_down(launcher):
    key = launcher.push("guarded", body=b"")
    record = launcher.record(key=key)
    assert record["event"] == "refused" and "protects" in record["message"]


@pytest.mark.parametrize("body", ["", "no json", "{}", "[]", '{"Records": [{"eventName": "ObjectCreated:Put"}]}'])
def test_a_message_that_is_no_event_is_buried(launcher, body):
    url = launcher.sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]
    text = (body or " ") + " " * (1 + uuid.uuid4().int % 50)
    before = len(launcher.records(event="bad-message"))
    launcher.sqs.send_message(QueueUrl=url, MessageBody=text)
    wait_for(lambda: len(launcher.records(event="bad-message")) > before)


def test_the_queue_is_empty_when_all_is_done(launcher):
    url = launcher.sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]

    def left():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = launcher.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)
    wait_for(lambda: left() == 0)


TIMED = """
Description: "%s"
Parameters: {ArtifactBucket: {Type: String}, ArtifactKey: {Type: String}, Round: {Type: String}, Suffix: {Type: String}}
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: !Sub "timed-${Suffix}"
      RoleArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/slipway-deploy"
      PipelineType: V2
      ExecutionMode: PARALLEL
      ArtifactStore: {Type: S3, Location: slipway-pipeline-store}
      Stages:
        - Name: Source
          Actions:
            - Name: Artifact
              ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: "1"}
              Configuration: {S3Bucket: !Ref ArtifactBucket, S3ObjectKey: !Ref ArtifactKey, PollForSourceChanges: "false"}
              OutputArtifacts: [{Name: App}]
        - Name: Ask
          Actions:
            - Name: Ask
              ActionTypeId: {Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}
              Configuration: {CustomData: !Ref Round}
"""


def govern(launcher, template, number):
    """A catalog whose rule for "timed" names that template and passes the number."""
    rule = f'  - {{name: timed, app: timed, template: {template}, environments: [dev], parameters: {{Round: "{number}"}}}}\n'
    launcher.s3.put_object(Bucket="slipway-catalog", Key="catalog.yaml", Body=(CATALOG + rule).encode())


def started(launcher, key, version):
    """The record of that artifact's version, and the number that its execution's pipeline was made with."""
    record = launcher.record(key=key, versionId=version, event="started")
    run = launcher.codepipeline.get_pipeline_execution(pipelineName=record["pipeline"],
                                                       pipelineExecutionId=record["executionId"])["pipelineExecution"]
    pipeline = launcher.codepipeline.get_pipeline(name=record["pipeline"], version=run["pipelineVersion"])["pipeline"]
    return record, pipeline["stages"][1]["actions"][0]["configuration"]["CustomData"]


def put_timed(launcher, branch, body):
    key = f"{TEAM}/timed/{branch}/latest.zip"
    return key, launcher.team.put_object(Bucket="artifacts", Key=key, Body=body)["VersionId"]


@pytest.mark.parametrize("changes", ["parameters", "template", "both"])
def test_what_was_put_before_the_push_governs_it(launcher, changes):
    """What the launcher has kept, and guessed by it what to look at, is never what it goes by."""
    names = ["timed-a", "timed-b"] if changes == "both" else ["timed-a"]
    for name in names:
        launcher.s3.put_object(Bucket="slipway-catalog", Key=f"templates/{name}.yaml", Body=(TIMED % "first").encode())
    for number in range(6):
        name = names[number % len(names)]
        if changes != "parameters":
            launcher.s3.put_object(Bucket="slipway-catalog", Key=f"templates/{name}.yaml",
                                   Body=(TIMED % f"{changes} {number}").encode())
        if changes != "template" or number == 0:
            govern(launcher, name, number)
        key, version = put_timed(launcher, changes, f"{changes} {number}")
        record, number_of = started(launcher, key, version)
        stack = launcher.stacks.describe_stacks(StackName=record["stack"])["Stacks"][0]
        assert number_of == ("0" if changes == "template" else str(number))
        assert stack["Description"] == ("first" if changes == "parameters" else f"{changes} {number}")


def test_pushes_amid_changes_are_governed_by_one_of_their_time(launcher):
    """The rule's number grows all the while: each push starts with one between those before it and after its start."""
    launcher.s3.put_object(Bucket="slipway-catalog", Key="templates/timed-a.yaml", Body=(TIMED % "amid").encode())
    govern(launcher, "timed-a", 0)
    numbers, stop = [0], threading.Event()

    def change():
        while not stop.is_set():
            govern(launcher, "timed-a", numbers[-1] + 1)
            numbers.append(numbers[-1] + 1)
    changer = threading.Thread(target=change)
    changer.start()
    try:
        for i in range(15):
            before = numbers[-1]
            key, version = put_timed(launcher, "amid", f"amid {i}")
            number = int(started(launcher, key, version)[1])
            assert before <= number <= numbers[-1] + 1
    finally:
        stop.set()
        changer.join()


def test_a_launcher_killed_right_after_a_start_starts_nothing_twice(launcher, house):
    """It has started the execution, and neither recorded it nor deleted the message: both follow when that comes again."""
    launcher.s3.put_object(Bucket="slipway-catalog", Key="templates/timed-a.yaml", Body=(TIMED % "killed").encode())
    govern(launcher, "timed-a", 1)
    branches = [f"killed-{i}" for i in range(4)]
    first = [started(launcher, *put_timed(launcher, branch, "first"))[0] for branch in branches]
    again, killed = [], set()
    for branch, record in zip(branches, first):
        pid = wait_for(lambda: {house.workers().get("launcher 111111111111")} - killed - {None}).pop()
        killed.add(pid)
        again.append(put_timed(launcher, branch, "again"))
        while len(launcher.codepipeline.list_pipeline_executions(pipelineName=record["pipeline"])
                  ["pipelineExecutionSummaries"]) == 1:
            pass  # without a pause: the message is deleted soon
        os.kill(pid, signal.SIGKILL)
    for (key, version), record in zip(again, first):
        launcher.record(key=key, versionId=version, event="started")
        runs = launcher.codepipeline.list_pipeline_executions(pipelineName=record["pipeline"])
        assert [r["sourceRevisions"][0]["revisionId"] for r in runs["pipelineExecutionSummaries"]].count(version) == 1
    url = launcher.sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]

    def nothing_left():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = launcher.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return all(found[name] == "0" for name in names)
    wait_for(nothing_left)
