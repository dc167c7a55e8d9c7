"""Queue policies: who may do what with a queue, and whose events it takes."""
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from queues import arn_of, let_in, put_policy, statement

DEV, STAGING, PROD = "222222222222", "333333333333", "444444444444"
ALL_CREATED = ["s3:ObjectCreated:*"]


@pytest.fixture(scope="module")
def sqs(server):
    return server.client("sqs", profile="dev")


@pytest.fixture(scope="module")
def other(server):
    return server.client("sqs", profile="staging")


@pytest.fixture
def queue(sqs):
    url = sqs.create_queue(QueueName="q-" + uuid.uuid4().hex[:12])["QueueUrl"]
    yield url
    put_policy(sqs, url)
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def arn(sqs, queue):
    return arn_of(sqs, queue)


def answer(call, **kwargs):
    """("ok", ""), or the error's code and words."""
    try:
        call(**kwargs)
        return "ok", ""
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]


def code_of(call, **kwargs):
    return answer(call, **kwargs)[0]


def policy_of(sqs, url):
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    return json.loads(attributes["Policy"]) if "Policy" in attributes else None


def bodies(sqs, url):
    return [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]


def keys(sqs, url):
    return [b["Records"][0]["s3"]["object"]["key"] for b in bodies(sqs, url) if "Records" in b]


def notify(s3, bucket, arn, **more):
    return s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ALL_CREATED}]}, **more)


# ---- requests

def test_another_account_needs_the_policy(sqs, other, queue, arn, server):
    code, words = answer(other.send_message, QueueUrl=queue, MessageBody="x")
    assert code == "AccessDenied"
    assert words == (f"User: arn:aws:iam::{STAGING}:root is not authorized to perform: sqs:sendmessage on resource: {arn} "
                     "because no resource-based policy allows the sqs:sendmessage action")
    put_policy(sqs, queue, statement(arn, principal={"AWS": STAGING}, action=["sqs:SendMessage", "sqs:ReceiveMessage"]))
    assert code_of(other.send_message, QueueUrl=queue, MessageBody="x") == "ok"
    assert code_of(other.send_message_batch, QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "y"}]) == "ok"
    message = other.receive_message(QueueUrl=queue)["Messages"][0]
    assert code_of(other.delete_message, QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"]) == "AccessDenied"
    assert code_of(other.purge_queue, QueueUrl=queue) == "AccessDenied"
    third = server.client("sqs", profile="prod")
    assert code_of(third.send_message, QueueUrl=queue, MessageBody="x") == "AccessDenied"
    gone = queue.replace("/q-", "/no-")
    assert code_of(other.send_message, QueueUrl=gone, MessageBody="x") == "AWS.SimpleQueueService.NonExistentQueue"


def test_what_is_the_owners_alone_is_no_policys_to_give(sqs, other, queue, arn):
    put_policy(sqs, queue, statement(arn, principal={"AWS": STAGING}, action="sqs:*"))
    assert code_of(other.purge_queue, QueueUrl=queue) == "ok"
    assert code_of(other.get_queue_attributes, QueueUrl=queue, AttributeNames=["All"]) == "ok"
    for call, more in ((other.delete_queue, {}), (other.set_queue_attributes, {"Attributes": {"DelaySeconds": "1"}}),
                       (other.add_permission, {"Label": "l", "AWSAccountIds": [STAGING], "Actions": ["*"]}),
                       (other.remove_permission, {"Label": "l"})):
        assert code_of(call, QueueUrl=queue, **more) == "AccessDenied", call


def test_the_url_of_another_accounts_queue(sqs, other, queue, arn):
    name = queue.rsplit("/", 1)[1]
    asked = {"QueueName": name, "QueueOwnerAWSAccountId": DEV}
    assert code_of(other.get_queue_url, QueueName=name) == "AWS.SimpleQueueService.NonExistentQueue"
    assert code_of(other.get_queue_url, **asked) == "AWS.SimpleQueueService.NonExistentQueue"
    put_policy(sqs, queue, statement(arn, principal={"AWS": STAGING}, action="sqs:GetQueueUrl"))
    assert other.get_queue_url(**asked)["QueueUrl"] == queue
    assert sqs.get_queue_url(**asked)["QueueUrl"] == queue


def test_a_denial_wins(sqs, other, queue, arn):
    put_policy(sqs, queue, statement(arn, principal={"AWS": STAGING}),
               statement(arn, "Deny", principal={"AWS": [STAGING, DEV]}))
    for client, account in ((sqs, DEV), (other, STAGING)):
        code, words = answer(client.send_message, QueueUrl=queue, MessageBody="x")
        assert code == "AccessDenied"
        assert words == (f"User: arn:aws:iam::{account}:root is not authorized to perform: sqs:sendmessage on resource: "
                         f"{arn} with an explicit deny in a resource-based policy")
    assert code_of(sqs.receive_message, QueueUrl=queue) == "ok"


def test_the_owner_does_not_lock_itself_out(sqs, queue, arn):
    put_policy(sqs, queue, statement(arn, "Deny", action="sqs:*"))
    assert code_of(sqs.receive_message, QueueUrl=queue) == "AccessDenied"
    assert policy_of(sqs, queue)["Statement"][0]["Effect"] == "Deny"
    put_policy(sqs, queue)
    assert policy_of(sqs, queue) is None
    assert code_of(sqs.receive_message, QueueUrl=queue) == "ok"


def test_a_user_of_the_own_account_needs_no_policy(sqs, server, queue, arn):
    name = "u-" + uuid.uuid4().hex[:8]
    iam = server.client("iam", profile="dev")
    user = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = server.client("sqs", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    put_policy(sqs, queue, statement(arn, principal={"AWS": STAGING}))
    assert code_of(client.send_message, QueueUrl=queue, MessageBody="x") == "ok"
    put_policy(sqs, queue, statement(arn, "Deny", principal={"AWS": user}, action="sqs:*"))
    assert code_of(client.send_message, QueueUrl=queue, MessageBody="x") == "AccessDenied"
    assert code_of(client.set_queue_attributes, QueueUrl=queue, Attributes={"Policy": ""}) == "AccessDenied"
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x") == "ok"


@pytest.mark.parametrize("condition, may", [
    ({"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}, True),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
    ({"Bool": {"aws:SecureTransport": "false"}}, True),
    ({"Bool": {"aws:SecureTransport": "true"}}, False),
    ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, True),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-another000"}}, False),
    ({"StringEquals": {"aws:PrincipalAccount": STAGING}}, True),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, False),
    ({"StringEquals": {"aws:SourceAccount": STAGING}}, False),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
])
def test_conditions(sqs, other, queue, arn, condition, may):
    put_policy(sqs, queue, statement(arn, Condition=condition))
    assert code_of(other.send_message, QueueUrl=queue, MessageBody="x") == ("ok" if may else "AccessDenied")


# ---- the attribute

def test_the_policy_is_given_back_as_it_was_set(sqs, queue, arn):
    text = json.dumps({"Version": "2012-10-17", "Id": "mine", "Statement": [statement(arn)]}, indent=1)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": text})
    assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["Policy"] == text
    name = queue.rsplit("/", 1)[1]
    assert code_of(sqs.create_queue, QueueName=name, Attributes={"Policy": text}) == "ok"
    assert code_of(sqs.create_queue, QueueName=name, Attributes={"Policy": text.replace("mine", "yours")}) == "QueueAlreadyExists"


def good():
    return {"Version": "2012-10-17", "Statement": [statement("arn:aws:sqs:us-east-1:222222222222:q")]}


def with_statement(**members):
    policy = good()
    for name, value in members.items():
        if value is None:
            policy["Statement"][0].pop(name)
        else:
            policy["Statement"][0][name] = value
    return policy


@pytest.mark.parametrize("policy", [
    "no json", "[]", "{}", {**good(), "Statement": []}, {**good(), "Version": "2013-01-01"},
    with_statement(Effect="allow"), with_statement(Principal=None), with_statement(Action=None), with_statement(Resource=None),
    with_statement(Action="s3:GetObject"), with_statement(Action=[]), with_statement(Principal={"AWS": "somebody"}),
    with_statement(Principal={"Nobody": "*"}), with_statement(Condition={"StringAlike": {"aws:SourceArn": "x"}}),
    with_statement(Condition={"StringEquals": {"s3:prefix": "x"}}), with_statement(Resource=[7]),
    with_statement(Effect="Deny", Action="sqs:SendMesage"), with_statement(Action="sqs:"), with_statement(Action="sqs:Sent*"),
    with_statement(Action=["sqs:SendMessage", "sqs:Receive"]),
])
def test_a_policy_that_is_none_is_refused(sqs, queue, policy):
    text = policy if isinstance(policy, str) else json.dumps(policy)
    wanted = ("InvalidAttributeValue", "Invalid value for the parameter Policy.")
    assert answer(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"Policy": text}) == wanted
    assert answer(sqs.create_queue, QueueName="never", Attributes={"Policy": text}) == wanted
    assert code_of(sqs.get_queue_url, QueueName="never") == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize("action", ["*", "sqs:*", "SQS:SendMessage", "sqs:sendmessage", "sqs:Send*", "sqs:*Message", "sqs:SendMessageBatch",
                                    "sqs:TagQueue", ["sqs:Get*", "sqs:List?ueues"]])
def test_actions_are_named_in_any_case_and_by_patterns(sqs, queue, action):
    text = json.dumps(with_statement(Action=action))
    assert code_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"Policy": text}) == "ok"


@pytest.mark.parametrize("policy, words", [
    (with_statement(Action=["sqs:" + "?" * i + "*" for i in range(10)]),
     "10 actions were found in a statement from the submitted policy, max allowed is 7"),
    ({**good(), "Id": "x" * 8192}, "Submitted policy is over max allowed size."),
    ({**good(), "Statement": [statement("*")] * 21}, "21 statements were found in the submitted policy, max allowed is 20"),
    (with_statement(Principal={"AWS": [STAGING] * 51}), "51 principals were found in the submitted policy, max allowed is 50"),
    (with_statement(Condition={"StringEquals": {f"aws:PrincipalTag/{i}": "x" for i in range(11)}}),
     "11 conditions were found in the submitted policy, max allowed is 10"),
])
def test_a_policy_has_limits(sqs, queue, policy, words):
    assert answer(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"Policy": json.dumps(policy)}) == ("OverLimit", words)


# ---- AddPermission, RemovePermission

def test_permissions_edit_the_policy(sqs, other, queue, arn, server):
    sqs.add_permission(QueueUrl=queue, Label="send", AWSAccountIds=[STAGING], Actions=["SendMessage"])
    assert policy_of(sqs, queue) == {
        "Version": "2008-10-17", "Id": arn + "/SQSDefaultPolicy", "Statement": [
            {"Sid": "send", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{STAGING}:root"},
             "Action": "SQS:SendMessage", "Resource": arn}]}
    assert code_of(other.send_message, QueueUrl=queue, MessageBody="x") == "ok"
    sqs.add_permission(QueueUrl=queue, Label="both", AWSAccountIds=[STAGING, PROD], Actions=["ReceiveMessage", "GetQueueUrl"])
    added = policy_of(sqs, queue)["Statement"][1]
    assert added["Principal"]["AWS"] == [f"arn:aws:iam::{a}:root" for a in (STAGING, PROD)]
    assert added["Action"] == ["SQS:ReceiveMessage", "SQS:GetQueueUrl"]
    assert code_of(server.client("sqs", profile="prod").receive_message, QueueUrl=queue) == "ok"
    sqs.remove_permission(QueueUrl=queue, Label="send")
    assert [s["Sid"] for s in policy_of(sqs, queue)["Statement"]] == ["both"]
    assert code_of(other.send_message, QueueUrl=queue, MessageBody="x") == "AccessDenied"
    sqs.remove_permission(QueueUrl=queue, Label="both")
    assert policy_of(sqs, queue) is None


def test_permissions_keep_a_policy_of_ones_own(sqs, queue, arn):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(
        {"Version": "2012-10-17", "Id": "mine", "Statement": {**statement(arn), "Sid": "one"}})})
    sqs.add_permission(QueueUrl=queue, Label="two", AWSAccountIds=[STAGING], Actions=["*"])
    policy = policy_of(sqs, queue)
    assert policy["Id"] == "mine" and [s["Sid"] for s in policy["Statement"]] == ["one", "two"]
    assert policy["Statement"][1]["Action"] == "SQS:*"


@pytest.mark.parametrize("change, code, words", [
    ({"Label": "there"}, "InvalidParameterValue", "Value there for parameter Label is invalid. Reason: Already exists."),
    ({"Label": "a b"}, "InvalidParameterValue", "Value a b for parameter Label is invalid. Reason: Can only include "
     "alphanumeric characters, hyphens, or underscores. 1 to 80 in length."),
    ({"Label": "x" * 81}, "InvalidParameterValue", None),
    ({"Actions": ["SendMessage"] * 8}, "OverLimit", "8 Actions were found, maximum allowed is 7."),
    ({"Actions": []}, "MissingParameter", "The request must contain the parameter Actions."),
    ({"AWSAccountIds": []}, "MissingParameter", "The request must contain the parameter AWSAccountIds."),
    ({"Actions": ["DeleteQueue"]}, "InvalidParameterValue", "Value SQS:DeleteQueue for parameter ActionName is invalid. "
     "Reason: Only the queue owner is allowed to invoke this action."),
    ({"Actions": ["SendMessageBatch"]}, "InvalidParameterValue", "Value SQS:SendMessageBatch for parameter ActionName is "
     "invalid. Reason: Please refer to the appropriate WSDL for a list of valid actions."),
    ({"AWSAccountIds": ["nobody"]}, "InvalidParameterValue",
     "Value [nobody] for parameter PrincipalId is invalid. Reason: Unable to verify."),
    ({"AWSAccountIds": [STAGING, "999999999999"]}, "InvalidParameterValue",
     "Value [999999999999] for parameter PrincipalId is invalid. Reason: Unable to verify."),
])
def test_add_permission_refuses(sqs, queue, change, code, words):
    sqs.add_permission(QueueUrl=queue, Label="there", AWSAccountIds=[STAGING], Actions=["SendMessage"])
    before = policy_of(sqs, queue)
    asked = {"Label": "more", "AWSAccountIds": [STAGING], "Actions": ["SendMessage"], **change}
    got = answer(sqs.add_permission, QueueUrl=queue, **asked)
    assert got[0] == code and words in (None, got[1])
    assert policy_of(sqs, queue) == before


def test_remove_permission_refuses_a_label_that_is_not_there(sqs, queue):
    wanted = ("InvalidParameterValue", "Value none for parameter Label is invalid. Reason: can't find label on existing policy.")
    assert answer(sqs.remove_permission, QueueUrl=queue, Label="none") == wanted
    sqs.add_permission(QueueUrl=queue, Label="there", AWSAccountIds=[STAGING], Actions=["SendMessage"])
    assert answer(sqs.remove_permission, QueueUrl=queue, Label="none") == wanted


def test_at_most_twenty_permissions(sqs, queue):
    for i in range(20):
        sqs.add_permission(QueueUrl=queue, Label=f"l{i}", AWSAccountIds=[STAGING], Actions=["SendMessage"])
    assert code_of(sqs.add_permission, QueueUrl=queue, Label="more", AWSAccountIds=[STAGING], Actions=["*"]) == "OverLimit"


# ---- events of buckets

@pytest.fixture
def foreign(server):
    """A bucket of another account's."""
    s3, name = server.client("s3", profile="staging"), "foreign-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return s3, name


def test_another_accounts_bucket_sends_nothing_unless_the_policy_lets_it(sqs, queue, arn, foreign):
    s3, bucket = foreign
    code, words = answer(notify, s3=s3, bucket=bucket, arn=arn)
    assert code == "InvalidArgument" and words.startswith(f"Unable to validate the following destination configurations: {arn}.")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    notify(s3, bucket, arn, SkipDestinationValidation=True)
    s3.put_object(Bucket=bucket, Key="dropped", Body=b"x")
    assert bodies(sqs, queue) == []
    let_in(sqs, queue, StringEquals={"aws:SourceAccount": STAGING}, ArnLike={"aws:SourceArn": f"arn:aws:s3:::{bucket}"})
    notify(s3, bucket, arn)
    s3.put_object(Bucket=bucket, Key="taken", Body=b"x")
    assert keys(sqs, queue) == ["taken"]


@pytest.mark.parametrize("condition, may", [
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:{bucket}"}}, True),
    ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::{bucket}"}}, True),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::another"}}, False),
    ({"StringEquals": {"aws:SourceAccount": STAGING}}, True),
    ({"StringEquals": {"aws:SourceAccount": DEV}}, False),
    ({"Bool": {"aws:SecureTransport": "true"}}, True),
    ({"StringEquals": {"aws:PrincipalServiceName": "s3.amazonaws.com"}}, True),
    ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, False),
    ({"StringLike": {"aws:SourceOrgID": "o-*"}}, True),
])
def test_conditions_of_buckets(sqs, queue, arn, foreign, condition, may):
    s3, bucket = foreign
    text = json.dumps(condition).replace("{bucket}", bucket)
    put_policy(sqs, queue, statement(arn, principal={"Service": "s3.amazonaws.com"}, Condition=json.loads(text)))
    assert code_of(notify, s3=s3, bucket=bucket, arn=arn) == ("ok" if may else "InvalidArgument")


@pytest.mark.parametrize("principal, may", [("*", True), ({"AWS": "*"}, True), ({"AWS": STAGING}, False),
                                            ({"Service": "sns.amazonaws.com"}, False),
                                            ({"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]}, True)])
def test_principals_that_are_s3(sqs, queue, arn, foreign, principal, may):
    put_policy(sqs, queue, statement(arn, principal=principal))
    assert code_of(notify, s3=foreign[0], bucket=foreign[1], arn=arn) == ("ok" if may else "InvalidArgument")


def test_a_denial_refuses_events(sqs, queue, arn, foreign):
    s3, bucket = foreign
    put_policy(sqs, queue, statement(arn))
    notify(s3, bucket, arn)
    put_policy(sqs, queue, statement(arn), statement(arn, "Deny", principal={"Service": "s3.amazonaws.com"}))
    sqs.purge_queue(QueueUrl=queue)
    s3.put_object(Bucket=bucket, Key="dropped", Body=b"x")
    assert bodies(sqs, queue) == []


def test_a_new_destination_of_the_own_account_needs_a_policy_too(sqs, s3, bucket, queue, arn):
    assert code_of(notify, s3=s3, bucket=bucket, arn=arn) == "InvalidArgument"
    let_in(sqs, queue)
    notify(s3, bucket, arn)
    assert [b["Event"] for b in bodies(sqs, queue)] == ["s3:TestEvent"]


def test_a_destination_from_before_policies_goes_on(sqs, s3, bucket, queue, arn):
    """A queue of the bucket's account that has no policy takes what is sent to it: so do configurations that are there."""
    notify(s3, bucket, arn, SkipDestinationValidation=True)
    s3.put_object(Bucket=bucket, Key="taken", Body=b"x")
    assert keys(sqs, queue) == ["taken"]
    notify(s3, bucket, arn)
    put_policy(sqs, queue, statement(arn, principal={"AWS": STAGING}))
    sqs.purge_queue(QueueUrl=queue)
    s3.put_object(Bucket=bucket, Key="dropped", Body=b"x")
    assert bodies(sqs, queue) == []
    assert code_of(notify, s3=s3, bucket=bucket, arn=arn) == "InvalidArgument"


def test_what_is_refused_is_told_in_the_log(server, sqs, queue, arn, foreign):
    s3, bucket = foreign
    notify(s3, bucket, arn, SkipDestinationValidation=True)
    for i in range(3):
        s3.put_object(Bucket=bucket, Key=f"dropped/{i}", Body=b"x")
    lines = [line for line in server.log().splitlines() if " refuses it, as its policy" in line]
    assert 1 <= len(lines) <= 3, "once a minute is enough, though each test here has some refused"


# ---- topics

def test_a_topic_of_another_account_needs_the_policy(sqs, queue, arn, server):
    sns = server.client("sns", profile="staging")
    topic = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert bodies(sqs, queue) == [], "not even the question"
    let_in(sqs, queue, "sns.amazonaws.com", ArnEquals={"aws:SourceArn": topic})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    question = bodies(sqs, queue)[0]
    assert question["Type"] == "SubscriptionConfirmation"
    sns.confirm_subscription(TopicArn=topic, Token=question["Token"])
    sns.publish(TopicArn=topic, Message="hello")
    assert [b["Message"] for b in bodies(sqs, queue)] == ["hello"]
    let_in(sqs, queue, "sns.amazonaws.com", ArnEquals={"aws:SourceArn": topic + "2"})
    sns.publish(TopicArn=topic, Message="dropped")
    assert bodies(sqs, queue) == []


def test_a_topic_of_the_own_account_obeys_a_policy_that_is_there(sqs, queue, arn, server):
    sns = server.client("sns", profile="dev")
    topic = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    assert [b["Message"] for b in bodies(sqs, queue)] == ["hello"]
    let_in(sqs, queue, "s3.amazonaws.com")
    sns.publish(TopicArn=topic, Message="dropped")
    assert bodies(sqs, queue) == []
    let_in(sqs, queue, "sns.amazonaws.com")
    sns.publish(TopicArn=topic, Message="again")
    assert [b["Message"] for b in bodies(sqs, queue)] == ["again"]
