"""Topics and subscriptions through boto3 and the AWS CLI: every operation, its documented errors, pages, filters,
envelopes and their signatures."""
import base64
import json
import subprocess
import uuid

import pytest
import urllib3
from botocore.exceptions import ClientError

from sns import ACCOUNT, Refused, call, deliveries
from queues import arn_of, let_in

DEAD = "arn:aws:sqs:us-east-1:222222222222:gone"


@pytest.fixture(scope="module")
def sns(server):
    return server.client("sns", profile="dev")


@pytest.fixture(scope="module")
def sqs(server):
    return server.client("sqs", profile="dev")


def fresh(kind="t"):
    return f"{kind}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def topic(sns):
    return sns.create_topic(Name=fresh())["TopicArn"]


def make_queue(sqs, lets_in=None):
    """Its policy lets in a topic of another account."""
    url = sqs.create_queue(QueueName=fresh("q"))["QueueUrl"]
    if lets_in:
        let_in(sqs, url, "sns.amazonaws.com", ArnEquals={"aws:SourceArn": lets_in})
    return url, arn_of(sqs, url)


def bodies(sqs, url):
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return got.get("Messages", [])


def error_of(method, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        method(*args, **kwargs)
    return caught.value.response["Error"]["Code"]


def subscribe(sns, topic, arn, **attributes):
    return sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True,
                         Attributes=attributes)["SubscriptionArn"]


# ---- topics

def test_create_topic_is_idempotent_by_attributes_and_tags(sns):
    name, tags = fresh(), [{"Key": "team", "Value": "shop"}]
    arn = sns.create_topic(Name=name, Attributes={"DisplayName": "Shop"}, Tags=tags)["TopicArn"]
    assert arn == f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}"
    assert sns.create_topic(Name=name)["TopicArn"] == arn
    assert sns.create_topic(Name=name, Attributes={"DisplayName": "Shop"}, Tags=tags)["TopicArn"] == arn
    assert error_of(sns.create_topic, Name=name, Attributes={"DisplayName": "Other"}) == "InvalidParameter"
    assert error_of(sns.create_topic, Name=name, Tags=[{"Key": "team", "Value": "x"}]) == "InvalidParameter"


@pytest.mark.parametrize("name", ["", "has space", "x" * 257, "a.fifo", "a:b"])
def test_create_topic_refuses_bad_names(sns, name):
    assert error_of(sns.create_topic, Name=name) == "InvalidParameter"


@pytest.mark.parametrize("attributes", [
    {"Unknown": "1"}, {"DisplayName": "x" * 101}, {"DisplayName": "a\nb"}, {"Policy": "no json"},
    {"SignatureVersion": "3"}, {"FifoTopic": "true"}, {"KmsMasterKeyId": "alias/x"}, {"TracingConfig": "Active"},
    {"DeliveryPolicy": "{}"}, {"DeliveryPolicy": '{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":0}}}'},
    {"DeliveryPolicy": '{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":30,"maxDelayTarget":20}}}'},
    {"DeliveryPolicy": '{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}'},
    {"DeliveryPolicy": '{"http":{"defaultHealthyRetryPolicy":{"numRetries":1,"numNoDelayRetries":2}}}'},
    {"DeliveryPolicy": '{"http":{"defaultHealthyRetryPolicy":{"backoffFunction":"cubic"}}}'},
    {"DeliveryPolicy": '{"http":{"defaultHealthyRetryPolicy":{"numRetries":100,"minDelayTarget":60,"maxDelayTarget":60}}}'},
    {"DeliveryPolicy": '{"http":{"defaultRequestPolicy":{"headerContentType":"image/png"}}}'}])
def test_topic_attributes_are_checked(sns, attributes):
    assert error_of(sns.create_topic, Name=fresh(), Attributes=attributes) == "InvalidParameter"


def test_topic_attributes_are_set_shown_and_reset(sns, topic):
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert shown["Owner"] == ACCOUNT and shown["TopicArn"] == topic and shown["SubscriptionsConfirmed"] == "0"
    assert json.loads(shown["Policy"])["Statement"][0]["Resource"] == topic
    retries = json.loads(shown["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]
    assert (retries["numRetries"], retries["minDelayTarget"], retries["backoffFunction"]) == (3, 20, "linear")
    policy = json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 5, "minDelayTarget": 1}}})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=policy)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Releases")
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert shown["DisplayName"] == "Releases" and shown["DeliveryPolicy"] == policy
    assert json.loads(shown["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 5
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == ""
    assert error_of(sns.set_topic_attributes, TopicArn=topic, AttributeName="No", AttributeValue="1") == "InvalidParameter"


def test_missing_foreign_and_malformed_topics(sns, server):
    missing = f"arn:aws:sns:us-east-1:{ACCOUNT}:nowhere"
    foreign = server.client("sns", profile="prod").create_topic(Name="theirs")["TopicArn"]
    for method, more in ((sns.get_topic_attributes, {}), (sns.publish, {"Message": "m"}),
                         (sns.list_subscriptions_by_topic, {})):
        assert error_of(method, TopicArn=missing, **more) == "NotFound"
        assert error_of(method, TopicArn=foreign, **more) == "AuthorizationError"
        assert error_of(method, TopicArn="arn:aws:sqs:us-east-1:1:x", **more) == "InvalidParameter"
    sns.delete_topic(TopicArn=missing)
    assert error_of(sns.delete_topic, TopicArn=foreign) == "AuthorizationError"


def test_delete_topic_takes_its_subscriptions(sns, sqs, topic):
    _, arn = make_queue(sqs)
    subscription = subscribe(sns, topic, arn)
    sns.delete_topic(TopicArn=topic)
    assert error_of(sns.get_subscription_attributes, SubscriptionArn=subscription) == "NotFound"
    assert error_of(sns.get_topic_attributes, TopicArn=topic) == "NotFound"


def test_topics_and_subscriptions_come_in_pages_of_100(server):
    sns, sqs = server.client("sns", profile="staging"), server.client("sqs", profile="staging")
    names = sorted(f"page-{i:03}" for i in range(103))
    for name in names:
        sns.create_topic(Name=name)
    first = sns.list_topics()
    assert len(first["Topics"]) == 100
    rest = sns.list_topics(NextToken=first["NextToken"])
    assert "NextToken" not in rest
    assert [t["TopicArn"].split(":")[-1] for t in first["Topics"] + rest["Topics"]] == names
    topic = first["Topics"][0]["TopicArn"]
    for i in range(102):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=f"a{i}@example.com")
    for pages in (sns.get_paginator("list_subscriptions").paginate(),
                  sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)):
        sizes = [len(page["Subscriptions"]) for page in pages]
        assert sizes == [100, 2]
    assert sqs.list_queues().get("QueueUrls") is None


def test_tags(sns, topic):
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "2"}])
    tags = {t["Key"]: t["Value"] for t in sns.list_tags_for_resource(ResourceArn=topic)["Tags"]}
    assert tags == {"a": "2", "b": ""}
    sns.untag_resource(ResourceArn=topic, TagKeys=["a", "absent"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": ""}]
    many = [{"Key": f"k{i}", "Value": "v"} for i in range(50)]
    assert error_of(sns.tag_resource, ResourceArn=topic, Tags=many) == "TagLimitExceeded"
    assert error_of(sns.tag_resource, ResourceArn=topic, Tags=[{"Key": "aws:x", "Value": ""}]) == "InvalidParameter"
    assert error_of(sns.list_tags_for_resource, ResourceArn=topic + "x") == "ResourceNotFound"


# ---- subscriptions

@pytest.mark.parametrize("protocol,endpoint", [
    ("sms", "+123"), ("lambda", "arn:aws:lambda:us-east-1:1:function:f"), ("http", "https://example.com"),
    ("https", "http://example.com"), ("http", "http://"), ("email", "nobody"), ("email-json", "a@b@c"),
    ("email", "a@b\nBcc: x@y"), ("sqs", "https://queue"), ("sqs", "arn:aws:sns:us-east-1:222222222222:t")])
def test_subscribe_checks_protocol_and_endpoint(sns, topic, protocol, endpoint):
    assert error_of(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint) == "InvalidParameter"


@pytest.mark.parametrize("attributes", [
    {"Unknown": "1"}, {"RawMessageDelivery": "maybe"}, {"FilterPolicyScope": "Both"}, {"FilterPolicy": "{"},
    {"FilterPolicy": '{"a":"b"}'}, {"FilterPolicy": '{"a":[{"unknown":1}]}'}, {"FilterPolicy": '{"a":[{"numeric":["~",1]}]}'},
    {"FilterPolicy": '{"a":{"b":["c"]}}'}, {"FilterPolicy": json.dumps({k: [1] for k in "abcdef"})},
    {"FilterPolicy": json.dumps({"a": list(range(151))})}, {"RedrivePolicy": "x"},
    {"RedrivePolicy": '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:444444444444:q"}'},
    {"DeliveryPolicy": '{"healthyRetryPolicy":{"numRetries":-1}}'},
    {"DeliveryPolicy": '{"throttlePolicy":{"maxReceivesPerSecond":0}}'}])
def test_subscription_attributes_are_checked(sns, topic, attributes):
    assert error_of(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=DEAD,
                    Attributes=attributes) == "InvalidParameter"


def test_a_topic_has_at_most_200_filter_policies(server):
    sns = server.client("sns", profile="prod")
    topic = sns.create_topic(Name=fresh())["TopicArn"]
    policy = {"FilterPolicy": '{"a":["b"]}'}
    for i in range(200):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=f"a{i}@example.com", Attributes=policy)
    more = {"TopicArn": topic, "Protocol": "email", "Endpoint": "last@example.com"}
    assert error_of(sns.subscribe, **more, Attributes=policy) == "FilterPolicyLimitExceeded"
    sns.subscribe(**more)


def test_own_queue_is_confirmed_at_once_and_the_same_again_is_the_same(sns, sqs, topic):
    _, arn = make_queue(sqs)
    subscription = subscribe(sns, topic, arn, RawMessageDelivery="true")
    assert subscription.startswith(topic + ":")
    assert subscribe(sns, topic, arn, RawMessageDelivery="true") == subscription
    assert error_of(subscribe, sns, topic, arn, RawMessageDelivery="false") == "InvalidParameter"
    shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert shown["PendingConfirmation"] == "false" and shown["ConfirmationWasAuthenticated"] == "true"
    assert (shown["Protocol"], shown["Endpoint"], shown["Owner"]) == ("sqs", arn, ACCOUNT)
    assert shown["RawMessageDelivery"] == "true"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == [
        {"SubscriptionArn": subscription, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": arn, "TopicArn": topic}]


def test_subscription_attributes_are_set_and_unset(sns, sqs, topic):
    _, arn = make_queue(sqs)
    subscription = subscribe(sns, topic, arn)
    policy = '{"a":["b"]}'
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=policy)
    shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert shown["FilterPolicy"] == policy and shown["FilterPolicyScope"] == "MessageAttributes"
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue="")
    assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert error_of(sns.set_subscription_attributes, SubscriptionArn=subscription, AttributeName="Endpoint",
                    AttributeValue="x") == "InvalidParameter"
    gone = topic + ":" + str(uuid.uuid4())
    assert error_of(sns.set_subscription_attributes, SubscriptionArn=gone, AttributeName="FilterPolicy",
                    AttributeValue="") == "NotFound"
    assert error_of(sns.get_subscription_attributes, SubscriptionArn="pending") == "InvalidParameter"


def test_unsubscribe(sns, sqs, topic, server):
    url, arn = make_queue(sqs)
    subscription = subscribe(sns, topic, arn)
    assert error_of(server.client("sns", profile="prod").unsubscribe, SubscriptionArn=subscription) == "AuthorizationError"
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.unsubscribe(SubscriptionArn=subscription)
    assert error_of(sns.unsubscribe, SubscriptionArn="PendingConfirmation") == "InvalidParameter"
    sns.publish(TopicArn=topic, Message="to nobody")
    assert bodies(sqs, url) == []
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsDeleted"] == "1"


def test_foreign_queue_is_asked_and_confirms_by_token(sns, server, topic):
    theirs = server.client("sqs", profile="prod")
    url, arn = make_queue(theirs, lets_in=topic)
    answer = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert answer["SubscriptionArn"] == "pending confirmation"
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [s["SubscriptionArn"] for s in listed] == ["PendingConfirmation"]
    sns.publish(TopicArn=topic, Message="too early")
    [asked] = [json.loads(m["Body"]) for m in bodies(theirs, url)]
    assert asked["Type"] == "SubscriptionConfirmation" and asked["TopicArn"] == topic
    assert error_of(sns.confirm_subscription, TopicArn=topic, Token="f" * 64) == "InvalidParameter"
    arn = server.client("sns", profile="prod").confirm_subscription(
        TopicArn=topic, Token=asked["Token"], AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="now")
    [message] = [json.loads(m["Body"]) for m in bodies(theirs, url)]
    assert message["Message"] == "now"
    refused = urllib3.PoolManager().request("GET", message["UnsubscribeURL"])
    assert refused.status == 403 and b"AuthorizationError" in refused.data
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"


def test_links_of_messages_work_unsigned(sns, server, topic):
    theirs, http = server.client("sqs", profile="prod"), urllib3.PoolManager()
    url, arn = make_queue(theirs, lets_in=topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    [asked] = [json.loads(m["Body"]) for m in bodies(theirs, url)]
    assert http.request("GET", asked["SubscribeURL"]).status == 200
    sns.publish(TopicArn=topic, Message="one")
    [message] = [json.loads(m["Body"]) for m in bodies(theirs, url)]
    assert http.request("GET", message["UnsubscribeURL"]).status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    [ended] = [json.loads(m["Body"]) for m in bodies(theirs, url)]
    assert ended["Type"] == "UnsubscribeConfirmation"
    assert http.request("GET", ended["SubscribeURL"]).status == 200
    sns.publish(TopicArn=topic, Message="two")
    assert [json.loads(m["Body"])["Message"] for m in bodies(theirs, url)] == ["two"]
    assert http.request("GET", server.endpoint + "/?Action=ListTopics").status == 403


# ---- messages

def verified(message, fields, folder):
    """As "Verifying the signatures of Amazon SNS messages" says."""
    (folder / "cert.pem").write_bytes(urllib3.PoolManager().request("GET", message["SigningCertURL"]).data)
    (folder / "signature").write_bytes(base64.b64decode(message["Signature"]))
    text = "".join(f"{name}\n{message[name]}\n" for name in fields if name in message)
    key = subprocess.run(["openssl", "x509", "-in", folder / "cert.pem", "-pubkey", "-noout"], capture_output=True, check=True)
    (folder / "key.pem").write_bytes(key.stdout)
    digest = {"1": "-sha1", "2": "-sha256"}[message["SignatureVersion"]]
    return subprocess.run(["openssl", "dgst", digest, "-verify", folder / "key.pem", "-signature", folder / "signature"],
                          input=text.encode(), capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("version", ["1", "2"])
def test_notification_has_the_documented_form_and_signature(sns, sqs, topic, version, tmp_path):
    url, arn = make_queue(sqs)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue=version)
    subscription = subscribe(sns, topic, arn)
    sent = sns.publish(TopicArn=topic, Message="Ümläut & <tags>\nline", Subject="News", MessageAttributes={
        "n": {"DataType": "Number", "StringValue": "7"}, "b": {"DataType": "Binary", "BinaryValue": b"\0\1"}})
    [message] = [json.loads(m["Body"]) for m in bodies(sqs, url)]
    assert message["Type"] == "Notification" and message["MessageId"] == sent["MessageId"]
    assert message["Message"] == "Ümläut & <tags>\nline" and message["Subject"] == "News"
    assert message["SignatureVersion"] == version and message["SigningCertURL"].endswith(".pem")
    assert subscription.split(":")[-1] in message["UnsubscribeURL"]
    assert message["MessageAttributes"] == {"n": {"Type": "Number", "Value": "7"},
                                            "b": {"Type": "Binary", "Value": "AAE="}}
    fields = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    assert verified(message, fields, tmp_path)
    message["Message"] += "!"
    assert not verified(message, fields, tmp_path)


def test_confirmation_is_signed(sns, server, topic, tmp_path):
    theirs = server.client("sqs", profile="prod")
    url, arn = make_queue(theirs, lets_in=topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    [asked] = [json.loads(m["Body"]) for m in bodies(theirs, url)]
    assert verified(asked, ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"), tmp_path)


def test_raw_delivery_to_a_queue_carries_attributes(sns, sqs, topic):
    url, arn = make_queue(sqs)
    subscribe(sns, topic, arn, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="plain", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
    [message] = bodies(sqs, url)
    assert message["Body"] == "plain"
    assert message["MessageAttributes"] == {"k": {"DataType": "String", "StringValue": "v"}}


def test_message_structure_json_gives_each_protocol_its_text(sns, sqs, topic):
    url, arn = make_queue(sqs)
    subscribe(sns, topic, arn)
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "d", "sqs": "for queues"}))
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "d", "http": "h"}))
    assert {json.loads(m["Body"])["Message"] for m in bodies(sqs, url)} == {"for queues", "d"}
    assert error_of(sns.publish, TopicArn=topic, MessageStructure="json", Message='{"sqs":"x"}') == "InvalidParameter"
    assert error_of(sns.publish, TopicArn=topic, MessageStructure="json", Message="{") == "InvalidParameter"


@pytest.mark.parametrize("members,code", [
    ({"Message": ""}, "InvalidParameter"), ({"Message": "x" * 262145}, "InvalidParameter"),
    ({"Message": "m", "Subject": ""}, "InvalidParameter"), ({"Message": "m", "Subject": "x" * 101}, "InvalidParameter"),
    ({"Message": "m", "Subject": "a\nb"}, "InvalidParameter"), ({"Message": "m", "Subject": "ü"}, "InvalidParameter"),
    ({"Message": "m", "MessageGroupId": "g"}, "InvalidParameter"),
    ({"Message": "m", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}}, "ParameterValueInvalid"),
    ({"Message": "m", "MessageAttributes": {"a": {"DataType": "Odd", "StringValue": "x"}}}, "ParameterValueInvalid"),
    ({"Message": "m", "MessageAttributes": {".a": {"DataType": "String", "StringValue": "x"}}}, "ParameterValueInvalid"),
    ({"Message": "m", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}}, "ParameterValueInvalid"),
    ({"Message": "m", "MessageAttributes": {"a": {"DataType": "String.Array", "StringValue": "x"}}}, "ParameterValueInvalid")])
def test_publish_checks_the_message(sns, topic, members, code):
    assert error_of(sns.publish, TopicArn=topic, **members) == code


def test_publish_needs_a_topic(sns):
    assert error_of(sns.publish, Message="m") == "InvalidParameter"
    assert error_of(sns.publish, Message="m", PhoneNumber="+1") == "InvalidParameter"


def test_publish_batch_reports_each_entry(sns, sqs, topic):
    url, arn = make_queue(sqs)
    subscribe(sns, topic, arn, RawMessageDelivery="true")
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "a", "Message": "one"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "three"}])
    assert [e["Id"] for e in answer["Successful"]] == ["a", "c"]
    assert [(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]] == [("b", "InvalidParameter", True)]
    assert {m["Body"] for m in bodies(sqs, url)} == {"one", "three"}


@pytest.mark.parametrize("entries,code", [
    ([], "EmptyBatchRequest"), ([{"Id": str(i), "Message": "m"} for i in range(11)], "TooManyEntriesInBatchRequest"),
    ([{"Id": "a", "Message": "m"}] * 2, "BatchEntryIdsNotDistinct"), ([{"Id": "a b", "Message": "m"}], "InvalidBatchEntryId"),
    ([{"Id": str(i), "Message": "x" * 100000} for i in range(3)], "BatchRequestTooLong")])
def test_publish_batch_refuses(sns, topic, entries, code):
    assert error_of(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == code


def test_filter_policies_choose_by_attributes_and_by_body(sns, sqs, topic):
    by_attributes, first = make_queue(sqs)
    by_body, second = make_queue(sqs)
    subscribe(sns, topic, first, RawMessageDelivery="true",
              FilterPolicy=json.dumps({"stage": ["prod", {"prefix": "eu-"}], "size": [{"numeric": [">", 5]}]}))
    subscribe(sns, topic, second, RawMessageDelivery="true", FilterPolicyScope="MessageBody",
              FilterPolicy=json.dumps({"approval": {"stage": [{"anything-but": ["dev"]}]}}))

    def publish(stage, size):
        sns.publish(TopicArn=topic, Message=json.dumps({"approval": {"stage": stage}, "size": size}), MessageAttributes={
            "stage": {"DataType": "String", "StringValue": stage}, "size": {"DataType": "Number", "StringValue": str(size)}})
    for stage, size in (("prod", 6), ("prod", 5), ("eu-west", 5.5), ("dev", 9)):
        publish(stage, size)

    def seen(url):
        got = [json.loads(m["Body"]) for m in bodies(sqs, url)]
        return sorted((g["approval"]["stage"], g["size"]) for g in got)
    assert seen(by_attributes) == [("eu-west", 5.5), ("prod", 6)]
    assert seen(by_body) == [("eu-west", 5.5), ("prod", 5), ("prod", 6)]


# ---- deliveries

def test_deliveries_to_queues_are_on_record_and_dead_letters_reach_their_queue(sns, sqs, topic, server):
    _, arn = make_queue(sqs)
    dead_url, dead = make_queue(sqs)
    subscribe(sns, topic, arn)
    subscribe(sns, topic, DEAD, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
    sent = sns.publish(TopicArn=topic, Message="m")["MessageId"]
    rows = {d["Endpoint"]: d for d in deliveries(server, TopicArn=topic)}
    assert rows[arn]["State"] == "delivered" and rows[arn]["MessageId"] == sent
    assert rows[DEAD]["State"] == "dead" and "does not exist" in rows[DEAD]["LastError"]
    assert rows[DEAD]["DeadLetterQueueArn"] == dead
    assert [json.loads(m["Body"])["MessageId"] for m in bodies(sqs, dead_url)] == [sent]
    assert [d["State"] for d in deliveries(server, TopicArn=topic, State="dead")] == ["dead"]


def test_leases_are_of_one_courier_and_stale_results_change_nothing(sns, server, topic):
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")

    def mine(leased):
        return [d for d in leased if d["TopicArn"] == topic]

    def drain(worker, **more):
        found = []
        while page := call(server, "PollForDeliveries", WorkerId=worker, MaxBatchSize=50, **more):
            found, more = found + page, {}
        return mine(found)
    [leased] = drain("one")
    assert leased["Protocol"] == "email" and leased["MessageType"] == "SubscriptionConfirmation"
    assert json.loads(base64.b64decode(leased["Body"]))["TopicArn"] == topic
    assert drain("two") == []
    [again] = drain("two", SuccessorOf="one")
    assert again["DeliveryId"] == leased["DeliveryId"]
    with pytest.raises(Refused) as stale:
        call(server, "PutDeliveryResult", DeliveryId=leased["DeliveryId"], Nonce=leased["Nonce"], Result="Delivered")
    assert stale.value.code == "InvalidNonce"
    call(server, "PutDeliveryResult", DeliveryId=again["DeliveryId"], Nonce=again["Nonce"], Result="Refused",
         StatusCode=550, Message="no such mailbox")
    [dead] = deliveries(server, TopicArn=topic)
    assert (dead["State"], dead["LastStatusCode"], dead["LastError"]) == ("dead", "550", "no such mailbox")
    call(server, "RetryDelivery", "dev", DeliveryId=dead["DeliveryId"])
    with pytest.raises(Refused) as twice:
        call(server, "RetryDelivery", "dev", DeliveryId=dead["DeliveryId"])
    assert twice.value.code == "InvalidState"
    sns.delete_topic(TopicArn=topic)
    [ended] = deliveries(server, TopicArn=topic)
    assert ended["State"] == "dead" and ended["LastError"] == "The topic was deleted."


def test_an_endpoint_that_takes_its_time_holds_up_no_other(sns, server, topic):
    other = sns.create_topic(Name="other-" + uuid.uuid4().hex[:8])["TopicArn"]
    for at, address in ((topic, "slow@example.com"), (other, "quick@example.com")):
        sns.subscribe(TopicArn=at, Protocol="email", Endpoint=address)

    def ask(count=50):
        return [d for d in call(server, "PollForDeliveries", WorkerId="patient", MaxBatchSize=count)
                if d["TopicArn"] in (topic, other)]

    def end(delivery):
        call(server, "PutDeliveryResult", DeliveryId=delivery["DeliveryId"], Nonce=delivery["Nonce"], Result="Delivered")
    for delivery in ask():
        token = json.loads(base64.b64decode(delivery["Body"]))["Token"]
        sns.confirm_subscription(TopicArn=delivery["TopicArn"], Token=token)
        end(delivery)
    for number in range(5):
        sns.publish(TopicArn=topic, Message=str(number))
    sns.publish(TopicArn=other, Message="soon")
    leased = ask()
    assert [d["TopicArn"] for d in leased] == [topic, topic, other]
    assert ask() == []
    end(leased[0])
    [third] = ask()
    assert third["TopicArn"] == topic and third["DeliveryId"] not in [d["DeliveryId"] for d in leased]
    sns.delete_topic(TopicArn=topic)


def test_couriers_are_run_by_shared_services_alone(server):
    for operation, members in (("PollForDeliveries", {"WorkerId": "w"}),
                               ("PutDeliveryResult", {"DeliveryId": "1", "Nonce": "n", "Result": "Delivered"})):
        with pytest.raises(Refused) as refused:
            call(server, operation, "dev", **members)
        assert refused.value.code == "AuthorizationError"


def test_aws_cli(server):
    topic = json.loads(server.aws("sns", "create-topic", "--name", "by-cli", "--tags", "Key=a,Value=b"))["TopicArn"]
    url = json.loads(server.aws("sqs", "create-queue", "--queue-name", "by-cli"))["QueueUrl"]
    arn = server.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    server.aws("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", arn,
               "--attributes", "RawMessageDelivery=true")
    server.aws("sns", "publish", "--topic-arn", topic, "--message", "from the shell", "--message-attributes",
               '{"k":{"DataType":"String","StringValue":"v"}}')
    assert [m["Body"] for m in bodies(server.client("sqs"), url)] == ["from the shell"]
    shown = json.loads(server.aws("sns", "get-topic-attributes", "--topic-arn", topic))["Attributes"]
    assert shown["SubscriptionsConfirmed"] == "1"
    wrong = server.aws("sns", "get-topic-attributes", "--topic-arn", topic + "x", check=False)
    assert wrong.returncode != 0 and "NotFound" in wrong.stderr
