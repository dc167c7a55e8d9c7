"""A message is given to a receiver once that it was sent is on the disk. That it was received need not be: it comes again."""
import concurrent.futures
import contextlib
import fcntl
import json
import pathlib
import uuid

import botocore.exceptions
import pytest

from running import Server, binary

HELD_SYNC = pathlib.Path(binary()).resolve().parent / "tests" / "wire" / "held_sync.so"
TOO_EARLY_S = 0.3
SOON_S = 10
TRIES = 20  # all that is written is moved now and then, which holds everybody up


@pytest.fixture()
def server(tmp_path):
    lock = tmp_path / "sync"
    lock.touch()
    running = Server(environment={"LD_PRELOAD": str(HELD_SYNC), "HELD_SYNC": str(lock)})
    running.lock = lock
    yield running
    running.close()


@contextlib.contextmanager
def syncs_held(server):
    with open(server.lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_queue(server):
    return server.client("sqs").create_queue(QueueName="q-" + uuid.uuid4().hex[:8])["QueueUrl"]


def receive(server, queue, wait_s=0):
    return server.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=wait_s).get("Messages", [])


def send(server, queue):
    server.client("sqs").send_message(QueueUrl=queue, MessageBody="sent")


def notify(server, queue):
    """The object is put, and its event sent by the same transaction, when what is returned is called."""
    s3, sqs = server.client("s3"), server.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]})})
    s3.create_bucket(Bucket="events")
    s3.put_bucket_notification_configuration(Bucket="events", NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    receive(server, queue)  # of the test event
    return lambda: s3.put_object(Bucket="events", Key="k", Body=b"x")


def bury(server, queue):
    """A message is moved to the queue, its dead letters', by a receive from another."""
    sqs = server.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    other = make_queue(server)
    sqs.set_queue_attributes(QueueUrl=other, Attributes={
        "VisibilityTimeout": "0", "RedrivePolicy": '{"deadLetterTargetArn": "%s", "maxReceiveCount": "1"}' % arn})
    sqs.send_message(QueueUrl=other, MessageBody="sent")
    assert receive(server, other)
    return lambda: receive(server, other)


WAYS = [lambda server, queue: lambda: send(server, queue), notify, bury]


@pytest.mark.parametrize("way", WAYS, ids=["sent", "of_an_object", "dead"])
def test_no_message_is_received_before_that_it_was_sent_is_on_the_disk(server, way):
    queue = make_queue(server)
    make = way(server, queue)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with syncs_held(server):
            received = pool.submit(receive, server, queue, 20)
            made = pool.submit(make)
            early, _ = concurrent.futures.wait([received, made], TOO_EARLY_S, concurrent.futures.FIRST_COMPLETED)
        assert not early, "answered before the disk had it"
        assert len(received.result(SOON_S)) == 1
        made.result(SOON_S)


@pytest.mark.parametrize("way", WAYS, ids=["sent", "of_an_object", "dead"])
def test_a_message_whose_sending_fails_on_the_disk_is_not_received(server, way):
    queue = make_queue(server)
    make = way(server, queue)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with syncs_held(server):
            received = pool.submit(receive, server, queue, 3)
            made = pool.submit(make)
            concurrent.futures.wait([received, made], TOO_EARLY_S)
            server.lock.write_text("1")
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            made.result(SOON_S)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        failed = received.exception(SOON_S)
        assert failed or received.result() == []
    assert server.lock.read_text() == ""
    make()  # the same server goes on
    assert len(receive(server, queue, SOON_S)) == 1


def kill_while_received(server, queue):
    """A message that was received, when the server was killed before the disk had anything of that; None: not so soon. The
    disk is busy with another's object meanwhile, which is not what the receiver has to wait for."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="others")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with syncs_held(server):
            other = pool.submit(s3.put_object, Bucket="others", Key="k", Body=b"x")
            concurrent.futures.wait([other], TOO_EARLY_S / 6)
            received = pool.submit(receive, server, queue)
            concurrent.futures.wait([received], TOO_EARLY_S)
            message = received.result()[0] if received.done() else None
            server.kill()
        assert other.exception(SOON_S)
    server.start()
    return message


def test_a_message_whose_receipt_was_lost_comes_again(server):
    queue = make_queue(server)
    send(server, queue)
    lost = next(filter(None, (kill_while_received(server, queue) for _ in range(TRIES))))
    sqs = server.client("sqs")
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=lost["ReceiptHandle"])  # of another receive by now: nothing is deleted
    [again] = receive(server, queue)
    assert again["MessageId"] == lost["MessageId"] and again["Body"] == "sent"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
    server.kill()
    server.start()
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})
    assert receive(server, queue) == []


def test_a_receipt_is_on_the_disk_with_whatever_is_done_by_it(server):
    queue = make_queue(server)
    send(server, queue)
    sqs = server.client("sqs")
    [message] = receive(server, queue)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=1000)
    server.kill()
    server.start()
    assert receive(server, queue) == []
    sqs = server.client("sqs")
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    [again] = receive(server, queue)
    assert again["MessageId"] == message["MessageId"] and again["ReceiptHandle"] != message["ReceiptHandle"]
