"""Queues through boto3 (Query protocol) and the AWS CLI: every operation, its documented errors, long polls."""
import hashlib
import json
import threading
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from queues import arn_of

MESSAGE_MAX = 1 << 20


@pytest.fixture(scope="module")
def sqs(server):
    return server.client("sqs", profile="dev")


@pytest.fixture
def queue(sqs):
    url = sqs.create_queue(QueueName="q-" + uuid.uuid4().hex[:12])["QueueUrl"]
    yield url
    try:
        sqs.delete_queue(QueueUrl=url)
    except ClientError:
        pass


def code_of(call, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response["Error"]["Code"]


def receive(sqs, url, **kwargs):
    return sqs.receive_message(QueueUrl=url, **kwargs).get("Messages", [])


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def test_create_queue_is_idempotent_and_url_has_account_and_name(sqs, server):
    name = "same-" + uuid.uuid4().hex[:8]
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    assert url == f"{server.endpoint}/222222222222/{name}"
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"})["QueueUrl"] == url
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    assert code_of(sqs.create_queue, QueueName=name, Attributes={"VisibilityTimeout": "6"}) == "QueueAlreadyExists"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url


@pytest.mark.parametrize("name", ["", "has space", "x" * 81, "slash/name"])
def test_create_queue_refuses_bad_names(sqs, name):
    assert code_of(sqs.create_queue, QueueName=name) == "InvalidParameterValue"


def test_fifo_queues_are_refused_clearly(sqs):
    assert "UnsupportedOperation" in code_of(sqs.create_queue, QueueName="a.fifo")


def test_get_queue_url_of_a_missing_queue(sqs):
    assert code_of(sqs.get_queue_url, QueueName="nothing-here") == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_queue_of_another_account_is_denied(sqs, server, queue):
    other = server.client("sqs", profile="staging")
    assert code_of(other.send_message, QueueUrl=queue, MessageBody="x") == "AccessDenied"


def test_list_queues_by_prefix_in_pages(sqs):
    prefix = "page-" + uuid.uuid4().hex[:6] + "-"
    urls = [sqs.create_queue(QueueName=f"{prefix}{i}")["QueueUrl"] for i in range(5)]
    pages = list(sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [len(p.get("QueueUrls", [])) for p in pages] == [2, 2, 1]
    assert [u for p in pages for u in p["QueueUrls"]] == urls
    assert sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == urls
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="no-such-prefix")
    assert code_of(sqs.list_queues, MaxResults=1001) == "InvalidParameterValue"


def test_send_receive_delete(sqs, queue):
    sent = sqs.send_message(QueueUrl=queue, MessageBody="hällo <&> ☃")
    assert sent["MD5OfMessageBody"] == md5("hällo <&> ☃")
    [message] = receive(sqs, queue, AttributeNames=["All"])
    assert message["Body"] == "hällo <&> ☃"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    attributes = message["Attributes"]
    assert attributes["ApproximateReceiveCount"] == "1"
    assert abs(int(attributes["SentTimestamp"]) / 1000 - time.time()) < 60
    assert int(attributes["ApproximateFirstReceiveTimestamp"]) >= int(attributes["SentTimestamp"])
    assert attributes["SenderId"]
    assert receive(sqs, queue) == []
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_only_attributes_asked_for_are_given(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    [message] = receive(sqs, queue, AttributeNames=["SentTimestamp"], VisibilityTimeout=0)
    assert list(message["Attributes"]) == ["SentTimestamp"]
    [message] = receive(sqs, queue)
    assert "Attributes" not in message


def attribute_digest(attributes):
    digest = hashlib.md5()
    sized = lambda b: len(b).to_bytes(4, "big") + b
    for name in sorted(attributes):
        value = attributes[name]
        digest.update(sized(name.encode()) + sized(value["DataType"].encode()))
        if value["DataType"].startswith("Binary"):
            digest.update(b"\x02" + sized(value["BinaryValue"]))
        else:
            digest.update(b"\x01" + sized(value["StringValue"].encode()))
    return digest.hexdigest()


def test_message_attributes_and_their_digest(sqs, queue):
    attributes = {
        "colour": {"DataType": "String", "StringValue": "grün"},
        "count": {"DataType": "Number", "StringValue": "42"},
        "raw.bytes": {"DataType": "Binary.png", "BinaryValue": b"\x00\x01\xff"},
    }
    sent = sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == attribute_digest(attributes)
    [message] = receive(sqs, queue, MessageAttributeNames=["All"], VisibilityTimeout=0)
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    [message] = receive(sqs, queue, MessageAttributeNames=["raw.*", "count"], VisibilityTimeout=0)
    assert set(message["MessageAttributes"]) == {"raw.bytes", "count"}
    [message] = receive(sqs, queue, VisibilityTimeout=0)
    assert "MessageAttributes" not in message and "MD5OfMessageAttributes" not in message


@pytest.mark.parametrize("attributes", [
    {"a": {"DataType": "Strange", "StringValue": "x"}},
    {"a": {"DataType": "String", "StringValue": ""}},
    {"a..b": {"DataType": "String", "StringValue": "x"}},
    {"a": {"DataType": "Number.int", "StringValue": "one"}},
    {"a": {"DataType": "Number", "StringValue": "nan"}},
    {f"n{i}": {"DataType": "String", "StringValue": "x"} for i in range(11)},
])
def test_bad_message_attributes(sqs, queue, attributes):
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x",
                   MessageAttributes=attributes) == "InvalidParameterValue"
    assert receive(sqs, queue) == []


def test_send_message_limits(sqs, queue):
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="") == "MissingParameter"
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x" * (MESSAGE_MAX + 1)) == "InvalidParameterValue"
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x", DelaySeconds=901) == "InvalidParameterValue"
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x", DelaySeconds=-1) == "InvalidParameterValue"
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="bad \x01 byte") == "InvalidMessageContents"
    sqs.send_message(QueueUrl=queue, MessageBody="\n" * MESSAGE_MAX)
    [message] = receive(sqs, queue)
    assert message["Body"] == "\n" * MESSAGE_MAX


def test_attributes_count_towards_a_messages_size(sqs, queue):
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x" * (MESSAGE_MAX - 7),
                   MessageAttributes=attributes) == "InvalidParameterValue"
    sqs.send_message(QueueUrl=queue, MessageBody="x" * (MESSAGE_MAX - 8), MessageAttributes=attributes)
    binary = {"k": {"DataType": "Binary", "BinaryValue": b"v" * 100}}  # 1 + 6 + 100
    sqs.send_message(QueueUrl=queue, MessageBody="x" * (MESSAGE_MAX - 107), MessageAttributes=binary)
    assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x" * (MESSAGE_MAX - 106),
                   MessageAttributes=binary) == "InvalidParameterValue"


def test_a_queues_own_limit_is_honoured_in_batches_too(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "fits", "MessageBody": "x" * 1024},
                                                           {"Id": "long", "MessageBody": "x" * 1025}])
    assert [s["Id"] for s in sent["Successful"]] == ["fits"]
    assert [(f["Id"], f["Code"]) for f in sent["Failed"]] == [("long", "InvalidParameterValue")]
    for size in ("1023", str(MESSAGE_MAX + 1)):
        assert code_of(sqs.set_queue_attributes, QueueUrl=queue,
                       Attributes={"MaximumMessageSize": size}) == "InvalidAttributeValue"


def test_large_messages_come_a_few_at_a_time(sqs, queue):
    sent = [sqs.send_message(QueueUrl=queue, MessageBody=str(i) * MESSAGE_MAX)["MessageId"] for i in range(3)]
    heavy = {"k": {"DataType": "String", "StringValue": "v" * (MESSAGE_MAX - 100)}}
    sent += [sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=heavy)["MessageId"] for _ in range(6)]
    got = []
    while len(got) < len(sent):
        messages = receive(sqs, queue, MaxNumberOfMessages=10)
        assert 1 <= len(messages) <= 3
        got += [m["MessageId"] for m in messages]
    assert sorted(got) == sorted(sent)


def test_operations_on_a_missing_queue(sqs, queue):
    missing = queue + "-gone"
    no_queue = "AWS.SimpleQueueService.NonExistentQueue"
    assert code_of(sqs.send_message, QueueUrl=missing, MessageBody="x") == no_queue
    assert code_of(sqs.receive_message, QueueUrl=missing) == no_queue
    assert code_of(sqs.delete_message, QueueUrl=missing, ReceiptHandle="x") == no_queue
    assert code_of(sqs.delete_queue, QueueUrl=missing) == no_queue
    assert code_of(sqs.purge_queue, QueueUrl=missing) == no_queue
    assert code_of(sqs.get_queue_attributes, QueueUrl=missing, AttributeNames=["All"]) == no_queue
    assert code_of(sqs.set_queue_attributes, QueueUrl=missing, Attributes={"DelaySeconds": "1"}) == no_queue
    assert code_of(sqs.change_message_visibility, QueueUrl=missing, ReceiptHandle="x",
                   VisibilityTimeout=1) == no_queue


def test_receive_message_limits(sqs, queue):
    for arguments in ({"MaxNumberOfMessages": 0}, {"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": 21},
                      {"VisibilityTimeout": 43201}):
        assert code_of(sqs.receive_message, QueueUrl=queue, **arguments) == "InvalidParameterValue"


def test_max_number_of_messages_in_order(sqs, queue):
    for i in range(12):
        sqs.send_message(QueueUrl=queue, MessageBody=str(i))
    first = receive(sqs, queue, MaxNumberOfMessages=10)
    assert [m["Body"] for m in first] == [str(i) for i in range(10)]
    assert [m["Body"] for m in receive(sqs, queue, MaxNumberOfMessages=10)] == ["10", "11"]


def test_visibility_timeout_and_stale_handles(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    [first] = receive(sqs, queue, VisibilityTimeout=1)
    [second] = receive(sqs, queue, WaitTimeSeconds=5, AttributeNames=["All"])
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"])  # stale: deletes nothing
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    [third] = receive(sqs, queue)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=third["ReceiptHandle"])
    assert code_of(sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle=third["ReceiptHandle"],
                   VisibilityTimeout=1) == "AWS.SimpleQueueService.MessageNotInflight"


def test_bad_receipt_handles(sqs, queue):
    assert code_of(sqs.delete_message, QueueUrl=queue, ReceiptHandle="nonsense") == "ReceiptHandleIsInvalid"
    assert code_of(sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle="bm9uc2Vuc2U=",
                   VisibilityTimeout=1) == "ReceiptHandleIsInvalid"
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    [message] = receive(sqs, queue)
    assert code_of(sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"],
                   VisibilityTimeout=43201) == "InvalidParameterValue"


def test_delay_seconds(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=1)
    assert receive(sqs, queue) == []
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesDelayed"] == "1"
    started = time.monotonic()
    [message] = receive(sqs, queue, WaitTimeSeconds=10)
    assert message["Body"] == "late"
    assert time.monotonic() - started < 5


def test_long_poll_is_woken_by_the_send(sqs, server, queue):
    got = []
    poller = threading.Thread(
        target=lambda: got.append((receive(server.client("sqs", profile="dev"), queue, WaitTimeSeconds=20),
                                   time.monotonic())))
    poller.start()
    deadline = time.monotonic() + 1.0
    poller.join(timeout=deadline - time.monotonic())
    assert poller.is_alive()
    sent = time.monotonic()
    sqs.send_message(QueueUrl=queue, MessageBody="now")
    poller.join(timeout=15)
    assert got and got[0][0][0]["Body"] == "now"
    assert got[0][1] - sent < 5


def test_long_poll_ends_empty_in_time(sqs, queue):
    started = time.monotonic()
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    assert 0.9 < time.monotonic() - started < 8


def test_dead_letter_queue_after_max_receives(sqs, queue):
    dead = sqs.create_queue(QueueName="dead-" + uuid.uuid4().hex[:8])["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})})
    sent = sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(2):
        assert len(receive(sqs, queue, VisibilityTimeout=0)) == 1
    assert receive(sqs, queue, VisibilityTimeout=0) == []
    [message] = receive(sqs, dead, AttributeNames=["All"], WaitTimeSeconds=1)
    assert message["MessageId"] == sent["MessageId"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"].endswith(queue.rsplit("/", 1)[1])


@pytest.mark.parametrize("policy", [
    "not json",
    json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:222222222222:missing", "maxReceiveCount": 1}),
    json.dumps({"deadLetterTargetArn": "arn:aws:s3:::b", "maxReceiveCount": 1}),
    json.dumps({"maxReceiveCount": 1}),
])
def test_bad_redrive_policy(sqs, queue, policy):
    assert code_of(sqs.set_queue_attributes, QueueUrl=queue,
                   Attributes={"RedrivePolicy": policy}) == "InvalidParameterValue"


def dead_letters_to(arn):
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})}


@pytest.mark.parametrize("policy", ["no json", "[]", {}, {"redrivePermission": "some"}, {"redrivePermission": "byQueue"},
                                    {"redrivePermission": "byQueue", "sourceQueueArns": ["x"]},
                                    {"redrivePermission": "denyAll", "sourceQueueArns": ["arn:aws:sqs:us-east-1:222222222222:q"]}])
def test_bad_redrive_allow_policy(sqs, queue, policy):
    text = policy if isinstance(policy, str) else json.dumps(policy)
    assert code_of(sqs.set_queue_attributes, QueueUrl=queue,
                   Attributes={"RedriveAllowPolicy": text}) == "InvalidParameterValue"


def test_a_dead_letter_queue_says_whose_it_is(sqs, queue):
    dead = sqs.create_queue(QueueName="dead-" + uuid.uuid4().hex[:10])["QueueUrl"]
    to_it, own = dead_letters_to(arn_of(sqs, dead)), arn_of(sqs, queue)

    def allowed(**policy):
        sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(policy) if policy else ""})
        try:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes=to_it)
            return True
        except ClientError as error:
            assert "RedriveAllowPolicy" in str(error)
            return False

    assert allowed() and allowed(redrivePermission="allowAll") and not allowed(redrivePermission="denyAll")
    assert allowed(redrivePermission="byQueue", sourceQueueArns=[own + "2", own])
    assert not allowed(redrivePermission="byQueue", sourceQueueArns=[own + "2"])


def test_the_sources_of_a_dead_letter_queue(sqs, queue):
    name = "sources-" + uuid.uuid4().hex[:10]
    dead = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert not sqs.list_dead_letter_source_queues(QueueUrl=dead).get("queueUrls")
    sources = [sqs.create_queue(QueueName=f"{name}-{i}", Attributes=dead_letters_to(arn_of(sqs, dead)))["QueueUrl"] for i in range(3)]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=dead_letters_to(arn_of(sqs, sources[0])))
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == sources
    first = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2)
    assert first["queueUrls"] == sources[:2]
    rest = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2, NextToken=first["NextToken"])
    assert rest["queueUrls"] == sources[2:] and "NextToken" not in rest


def test_tags(sqs, queue):
    tags = lambda url: sqs.list_queue_tags(QueueUrl=url).get("Tags")
    assert tags(queue) is None
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "shop", "stage": "dev"})
    sqs.tag_queue(QueueUrl=queue, Tags={"stage": "prod", "empty": ""})
    assert tags(queue) == {"team": "shop", "stage": "prod", "empty": ""}
    sqs.untag_queue(QueueUrl=queue, TagKeys=["team", "never", "empty"])
    assert tags(queue) == {"stage": "prod"}
    sqs.untag_queue(QueueUrl=queue, TagKeys=["stage"])
    assert tags(queue) is None
    for bad in ({"": "v"}, {"k" * 129: "v"}, {"k": "v" * 257}, {"aws:k": "v"}, {f"k{i}": "v" for i in range(51)}):
        assert code_of(sqs.tag_queue, QueueUrl=queue, Tags=bad) == "InvalidParameterValue"
    assert code_of(sqs.tag_queue, QueueUrl=queue, Tags={}) == "MissingParameter"
    name = "tagged-" + uuid.uuid4().hex[:10]
    assert code_of(sqs.create_queue, QueueName=name, tags={"aws:k": "v"}) == "InvalidParameterValue"
    made = sqs.create_queue(QueueName=name, tags={"a": "b"})["QueueUrl"]
    assert tags(made) == {"a": "b"}
    sqs.create_queue(QueueName=name, tags={"c": "d"})
    assert tags(made) == {"a": "b"}


def test_what_a_message_carries_beside(sqs, queue):
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="tenant-1", MessageSystemAttributes=trace)
    assert sent["MD5OfMessageSystemAttributes"] == attribute_digest(trace)
    [message] = receive(sqs, queue, AttributeNames=["MessageGroupId", "AWSTraceHeader"])
    assert message["Attributes"] == {"MessageGroupId": "tenant-1", "AWSTraceHeader": trace["AWSTraceHeader"]["StringValue"]}
    for bad in ({"MessageGroupId": "a b"}, {"MessageGroupId": "g" * 129}, {"MessageDeduplicationId": "d"},
                {"MessageSystemAttributes": {"Other": trace["AWSTraceHeader"]}},
                {"MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "Number", "StringValue": "1"}}}):
        assert code_of(sqs.send_message, QueueUrl=queue, MessageBody="x", **bad) == "InvalidParameterValue"


def test_queue_attributes(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "7", "DelaySeconds": "0"})
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "7"
    assert attributes["MessageRetentionPeriod"] == "345600"
    assert attributes["MaximumMessageSize"] == str(MESSAGE_MAX)
    assert attributes["QueueArn"] == "arn:aws:sqs:us-east-1:222222222222:" + queue.rsplit("/", 1)[1]
    only = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert only == {"VisibilityTimeout": "7"}
    assert code_of(sqs.get_queue_attributes, QueueUrl=queue, AttributeNames=["Nope"]) == "InvalidAttributeName"
    assert code_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"Nope": "1"}) == "InvalidAttributeName"
    assert code_of(sqs.set_queue_attributes, QueueUrl=queue,
                   Attributes={"VisibilityTimeout": "43201"}) == "InvalidAttributeValue"
    assert code_of(sqs.set_queue_attributes, QueueUrl=queue,
                   Attributes={"VisibilityTimeout": "soon"}) == "InvalidAttributeValue"
    assert code_of(sqs.set_queue_attributes, QueueUrl=queue,
                   Attributes={"SqsManagedSseEnabled": "yes"}) == "InvalidAttributeValue"


def test_batches(sqs, queue):
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": "a", "MessageBody": "1"},
        {"Id": "b", "MessageBody": "x", "DelaySeconds": 901},
        {"Id": "c", "MessageBody": "2"},
    ])
    assert [s["Id"] for s in sent["Successful"]] == ["a", "c"]
    [failed] = sent["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("b", "InvalidParameterValue", True)
    assert sent["Successful"][0]["MD5OfMessageBody"] == md5("1")
    messages = receive(sqs, queue, MaxNumberOfMessages=10)
    changed = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[
        {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 0} for i, m in enumerate(messages)])
    assert len(changed["Successful"]) == 2
    messages = receive(sqs, queue, MaxNumberOfMessages=10)
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=[
        {"Id": "0", "ReceiptHandle": messages[0]["ReceiptHandle"]},
        {"Id": "1", "ReceiptHandle": "garbage"}])
    assert [d["Id"] for d in deleted["Successful"]] == ["0"]
    assert deleted["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"


def test_batch_errors(sqs, queue):
    prefix = "AWS.SimpleQueueService."
    one = {"Id": "a", "MessageBody": "x"}
    send = lambda entries: code_of(sqs.send_message_batch, QueueUrl=queue, Entries=entries)
    assert send([]) == prefix + "EmptyBatchRequest"
    assert send([dict(one, Id=str(i)) for i in range(11)]) == prefix + "TooManyEntriesInBatchRequest"
    assert send([one, one]) == prefix + "BatchEntryIdsNotDistinct"
    assert send([dict(one, Id="not ok!")]) == prefix + "InvalidBatchEntryId"
    assert send([dict(one, Id=str(i), MessageBody="x" * (MESSAGE_MAX // 2 + 1)) for i in range(2)]) == prefix + "BatchRequestTooLong"
    heavy = {"k": {"DataType": "String", "StringValue": "v" * (MESSAGE_MAX // 2)}}
    assert send([dict(one, Id=str(i), MessageAttributes=heavy) for i in range(2)]) == prefix + "BatchRequestTooLong"
    assert receive(sqs, queue) == []


def test_purge_queue(sqs, queue):
    for i in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=str(i))
    sqs.purge_queue(QueueUrl=queue)
    assert receive(sqs, queue) == []
    assert code_of(sqs.purge_queue, QueueUrl=queue) == "AWS.SimpleQueueService.PurgeQueueInProgress"


def test_delete_queue(sqs):
    name = "short-lived-" + uuid.uuid4().hex[:8]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.delete_queue(QueueUrl=url)
    assert code_of(sqs.get_queue_url, QueueName=name) == "AWS.SimpleQueueService.NonExistentQueue"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert receive(sqs, url) == []


def test_concurrent_receivers_never_share_a_message(sqs, server, queue):
    for start in range(0, 40, 10):
        sqs.send_message_batch(QueueUrl=queue, Entries=[
            {"Id": str(i), "MessageBody": str(i)} for i in range(start, start + 10)])
    got, lock = [], threading.Lock()

    def drain():
        mine = server.client("sqs", profile="dev")
        while True:
            messages = receive(mine, queue, MaxNumberOfMessages=3)
            if not messages:
                return
            with lock:
                got.extend(m["Body"] for m in messages)

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(got, key=int) == [str(i) for i in range(40)]


def test_aws_cli(server):
    name = "cli-" + uuid.uuid4().hex[:8]
    run = lambda *a: server.aws("sqs", *a, "--output", "json", profile="dev")
    url = json.loads(run("create-queue", "--queue-name", name))["QueueUrl"]
    run("send-message", "--queue-url", url, "--message-body", "from the cli")
    [message] = json.loads(run("receive-message", "--queue-url", url))["Messages"]
    assert message["Body"] == "from the cli"
    run("delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
    run("delete-queue", "--queue-url", url)
