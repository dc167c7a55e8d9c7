"""A refusal rests on what another has changed: it is answered no sooner than that change is on the disk."""
import concurrent.futures
import fcntl
import pathlib
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from running import Server, binary

HELD_SYNC = pathlib.Path(binary()).resolve().parent / "tests" / "wire" / "held_sync.so"
TOO_EARLY_S = 0.3
SOON_S = 10


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A server, and the open file whose lock holds its syncs back."""
    lock = tmp_path_factory.mktemp("held") / "sync"
    lock.touch()
    running = Server(environment={"LD_PRELOAD": str(HELD_SYNC), "HELD_SYNC": str(lock)})
    with open(lock) as file:
        yield running, file
    running.close()


def twice(call, **arguments):
    return [lambda: call(**arguments)] * 2


def make_bucket(server, name):
    ours, theirs = (server.client("s3", profile=profile) for profile in ("dev", "staging"))
    return [lambda: ours.create_bucket(Bucket=name), lambda: theirs.create_bucket(Bucket=name)]


def make_own_bucket(server, name):
    """Told as made, again: that too is for the disk to say."""
    return twice(server.client("s3").create_bucket, Bucket=name)


def drop_bucket(server, name):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    return twice(s3.delete_bucket, Bucket=name)


def put_where_nothing_is(server, name):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    s3.meta.events.register("before-sign.s3", lambda request, **_: request.headers.add_header("If-None-Match", "*"))
    return twice(s3.put_object, Bucket=name, Key="k", Body=b"x")


def abort(server, name):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    return twice(s3.abort_multipart_upload, Bucket=name, Key="k", UploadId=upload)


def make_user(server, name):
    return twice(server.client("iam").create_user, UserName=name)


def make_queue(server, name):
    create = server.client("sqs").create_queue
    return [lambda: create(QueueName=name, Attributes={"DelaySeconds": "1"}),
            lambda: create(QueueName=name, Attributes={"DelaySeconds": "2"})]


def make_parameter(server, name):
    return twice(server.client("ssm").put_parameter, Name=name, Value="x", Type="String")


def look_at_a_stack(server, name):
    """What a look sees is for the disk to say, too: that the stack is being updated."""
    stacks = server.client("cloudformation")
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": %d}}}}'
    stacks.create_stack(StackName=name, TemplateBody=template % 1)
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.05})

    def look():
        until = time.monotonic() + SOON_S
        while time.monotonic() < until and stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE":
            pass

    return [lambda: stacks.update_stack(StackName=name, TemplateBody=template % 2), look]


PAIRS = [(make_bucket, 1), (make_own_bucket, 0), (drop_bucket, 1), (put_where_nothing_is, 1), (abort, 1), (make_user, 1),
         (make_queue, 1), (make_parameter, 1), (look_at_a_stack, 0)]


@pytest.mark.parametrize("pair,refusals", PAIRS, ids=lambda value: getattr(value, "__name__", ""))
def test_neither_of_two_is_answered_before_the_disk_has_it(held, pair, refusals):
    server, lock = held
    calls = pair(server, "b-" + uuid.uuid4().hex[:16])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            asked = [pool.submit(call) for call in calls]
            early, _ = concurrent.futures.wait(asked, TOO_EARLY_S, concurrent.futures.FIRST_COMPLETED)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
        refused = [error for error in (one.exception() for one in asked) if error]
    assert not early, "answered before the disk had it"
    assert len(refused) == refusals and all(isinstance(error, ClientError) for error in refused), refused
    assert all(error.response["ResponseMetadata"]["HTTPStatusCode"] < 500 for error in refused)
