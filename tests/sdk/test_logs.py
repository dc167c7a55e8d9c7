"""Log groups, streams and events, by boto3 and the AWS CLI."""
import threading
import time
import uuid

import pytest
from botocore.exceptions import ClientError

DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def logs(server):
    return server.client("logs", profile="dev")


@pytest.fixture
def group(logs):
    name = "/test/" + uuid.uuid4().hex
    logs.create_log_group(logGroupName=name)
    return name


@pytest.fixture
def stream(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    return "s"


def now_ms():
    return int(time.time() * 1000)


def put(logs, group, stream, *events):
    return logs.put_log_events(logGroupName=group, logStreamName=stream,
                               logEvents=[{"timestamp": t, "message": m} for t, m in events])


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def messages(answer):
    return [e["message"] for e in answer["events"]]


def test_groups_come_and_go(logs, group):
    assert code_of(logs.create_log_group, logGroupName=group) == "ResourceAlreadyExistsException"
    assert code_of(logs.create_log_group, logGroupName="a b") == "InvalidParameterException"
    listed = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [g["logGroupName"] for g in listed] == [group]
    assert listed[0]["arn"] == f"arn:aws:logs:us-east-1:222222222222:log-group:{group}:*"
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7
    assert code_of(logs.put_retention_policy, logGroupName=group, retentionInDays=8) == "InvalidParameterException"
    assert code_of(logs.put_retention_policy, logGroupName=group, retentionInDays=0) == "InvalidParameterException"
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    logs.delete_log_group(logGroupName=group)
    assert code_of(logs.delete_log_group, logGroupName=group) == "ResourceNotFoundException"
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_groups_page_by_name(logs):
    prefix = "/page/" + uuid.uuid4().hex
    names = [f"{prefix}/{i}" for i in range(5)]
    for name in names:
        logs.create_log_group(logGroupName=name)
    pages = list(logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix,
                                                                    PaginationConfig={"PageSize": 2}))
    assert [len(p["logGroups"]) for p in pages] == [2, 2, 1]
    assert [g["logGroupName"] for p in pages for g in p["logGroups"]] == names
    found = logs.describe_log_groups(logGroupNamePattern=prefix[6:20])["logGroups"]
    assert [g["logGroupName"] for g in found] == names
    assert code_of(logs.describe_log_groups, nextToken="?") == "InvalidParameterException"


def test_streams(logs, group):
    for name in ("b", "a", "c"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    assert code_of(logs.create_log_stream, logGroupName=group, logStreamName="a") == "ResourceAlreadyExistsException"
    assert code_of(logs.create_log_stream, logGroupName=group, logStreamName="a:b") == "InvalidParameterException"
    assert code_of(logs.create_log_stream, logGroupName=group + "x", logStreamName="a") == "ResourceNotFoundException"
    put(logs, group, "a", (now_ms(), "x"))
    put(logs, group, "c", (now_ms() - 5000, "y"))

    def names(**how):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 2}, **how)
        return [s["logStreamName"] for p in pages for s in p["logStreams"]]

    assert names() == ["a", "b", "c"]
    assert names(descending=True) == ["c", "b", "a"]
    assert names(orderBy="LastEventTime", descending=True) == ["a", "c", "b"]
    assert names(logStreamNamePrefix="b") == ["b"]
    assert code_of(logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime",
                   logStreamNamePrefix="a") == "InvalidParameterException"
    only = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="a")["logStreams"][0]
    assert only["firstEventTimestamp"] == only["lastEventTimestamp"] and only["storedBytes"] == 27
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    assert code_of(logs.delete_log_stream, logGroupName=group, logStreamName="a") == "ResourceNotFoundException"
    assert names() == ["b", "c"]


def test_events_are_read_in_order_of_time(logs, group, stream):
    start = now_ms() - 100
    put(logs, group, stream, *[(start + i, f"m{i}") for i in range(10)])
    get = logs.get_log_events
    who = {"logGroupName": group, "logStreamName": stream}
    assert messages(get(**who)) == [f"m{i}" for i in range(10)]
    newest = get(limit=3, **who)
    assert messages(newest) == ["m7", "m8", "m9"]
    before = get(limit=3, nextToken=newest["nextBackwardToken"], **who)
    assert messages(before) == ["m4", "m5", "m6"]
    assert messages(get(nextToken=before["nextForwardToken"], **who)) == ["m7", "m8", "m9"]
    head = get(limit=2, startFromHead=True, **who)
    assert messages(head) == ["m0", "m1"]
    window = get(startTime=start + 2, endTime=start + 5, **who)
    assert messages(window) == ["m2", "m3", "m4"]
    end = get(nextToken=newest["nextForwardToken"], **who)
    assert messages(end) == [] and end["nextForwardToken"] == newest["nextForwardToken"]
    put(logs, group, stream, (start + 50, "later"))
    assert messages(get(nextToken=end["nextForwardToken"], **who)) == ["later"]
    assert code_of(get, nextToken="x", **who) == "InvalidParameterException"
    assert code_of(get, logGroupName=group, logStreamName="none") == "ResourceNotFoundException"


def test_batches_are_checked(logs, group, stream):
    now = now_ms()

    def refused(*events):
        return code_of(logs.put_log_events, logGroupName=group, logStreamName=stream,
                       logEvents=[{"timestamp": t, "message": m} for t, m in events])

    assert refused((now, "b"), (now - 1, "a")) == "InvalidParameterException"
    assert refused((now - 2 * DAY_MS, "a"), (now, "b")) == "InvalidParameterException"
    assert refused(*[(now, "x" * 200_000)] * 6) == "InvalidParameterException"
    assert refused((now, "x" * 300_000)) == "InvalidParameterException"
    assert refused(*[(now, "x")] * 10_001) == "InvalidParameterException"
    assert messages(logs.get_log_events(logGroupName=group, logStreamName=stream)) == []
    answer = put(logs, group, stream, (now, "now"), (now + DAY_MS - 1, "tomorrow"))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    answer = put(logs, group, stream, (now - 20 * DAY_MS, "old"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert messages(logs.get_log_events(logGroupName=group, logStreamName=stream)) == ["now"]


def test_filter_across_streams(logs, group):
    start = now_ms() - 100
    for name in ("one", "two"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    put(logs, group, "one", (start, "ERROR disk full"), (start + 2, "info ok"))
    put(logs, group, "two", (start + 1, "ERROR net down"), (start + 3, "debug ok"))

    def found(**how):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **how)
        return [e["message"] for p in pages for e in p["events"]]

    everything = ["ERROR disk full", "ERROR net down", "info ok", "debug ok"]
    assert found() == everything
    assert found(PaginationConfig={"PageSize": 1}) == everything
    assert found(filterPattern="ERROR") == everything[:2]
    assert found(filterPattern="ERROR disk") == everything[:1]
    assert found(filterPattern='"net down"') == [everything[1]]
    assert found(filterPattern="ok -debug") == ["info ok"]
    assert found(filterPattern="?disk ?net") == everything[:2]
    assert found(logStreamNames=["two"]) == ["ERROR net down", "debug ok"]
    assert found(logStreamNamePrefix="on") == ["ERROR disk full", "info ok"]
    assert found(startTime=start + 2) == ["info ok", "debug ok"]
    assert found(endTime=start) == everything[:1]
    ids = [e["eventId"] for e in logs.filter_log_events(logGroupName=group)["events"]]
    assert len(set(ids)) == 4
    assert code_of(logs.filter_log_events, logGroupName=group, filterPattern='{ $.a = "b" }') == "InvalidParameterException"
    assert code_of(logs.filter_log_events, logGroupName=group, filterPattern='"open') == "InvalidParameterException"
    assert code_of(logs.filter_log_events, logGroupName=group + "x") == "ResourceNotFoundException"


def test_a_waiting_reader_is_answered_when_a_line_comes(server, logs, group, stream):
    client = server.client("logs", profile="dev")
    client.meta.events.register("before-call.logs.GetLogEvents",
                                lambda params, **_: params["headers"].update({"X-Slipway-Wait": "20000"}))
    head = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    answers = []
    reader = threading.Thread(target=lambda: answers.append(client.get_log_events(
        logGroupName=group, logStreamName=stream, nextToken=head["nextForwardToken"])))
    begun = time.monotonic()
    reader.start()
    put(logs, group, stream, (now_ms(), "here"))
    reader.join(15)
    assert [messages(a) for a in answers] == [["here"]]
    assert time.monotonic() - begun < 10


def test_aws_logs_tail(server, logs, group, stream):
    put(logs, group, stream, (now_ms(), "first line"))
    assert "first line" in server.aws("logs", "tail", group, profile="dev")
    tail = server.aws_popen("logs", "tail", group, "--follow", "--format", "short", profile="dev")
    try:
        assert "first line" in tail.stdout.readline()
        put(logs, group, stream, (now_ms(), "second line"))
        assert "second line" in tail.stdout.readline()
    finally:
        tail.kill()
        tail.wait()
