"""The launcher's messages while its event log cannot be written."""
import http.client
import http.server
import json
import os
import subprocess
import threading
import time

import pytest

from running import binary, without_aws

KEY = "555555555555/guarded/main/latest.zip"
CATALOG = b"""
environments: {dev: {account: "222222222222"}}
rules: [{name: guarded, app: guarded, template: none, environments: [dev], protected: true}]
"""
VISIBLE_AGAIN_S = 10  # VISIBILITY_S of the launcher's queue


class Between(http.server.BaseHTTPRequestHandler):
    """Hands requests on; PutLogEvents wait until they may go, or are refused, and messages that are received are remembered."""
    protocol_version = "HTTP/1.1"

    def hand_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if operation == "PutLogEvents":
            self.server.asked.set()
            self.server.may_go.wait(60)
            if self.server.refuses:
                self.send_error(503)
                return
        there = http.client.HTTPConnection("127.0.0.1", self.server.port)
        there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            there.putheader(name, value)
        there.endheaders(body)
        answer = there.getresponse()
        content = answer.read()
        there.close()
        if operation == "ReceiveMessage":
            self.server.received += [m["MessageId"] for m in json.loads(content).get("Messages", [])]
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "date", "connection", "transfer-encoding"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = hand_on

    def log_message(self, *_):
        pass


@pytest.fixture
def between(new_server):
    """A server, and a way to it whose log events can be held up."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
    made.house, made.received, made.refuses = new_server(), [], False
    made.port, made.asked, made.may_go = made.house.port, threading.Event(), threading.Event()
    threading.Thread(target=made.serve_forever).start()
    yield made
    made.may_go.set()
    made.shutdown()
    made.server_close()


@pytest.fixture
def launcher(between, tmp_path):
    house = between.house
    running = subprocess.Popen(
        [binary(), "launcher", "--endpoint-url", f"http://127.0.0.1:{between.server_address[1]}", "--profile",
         "shared-services", "--cache-dir", str(tmp_path)], stderr=subprocess.DEVNULL,
        env={**without_aws(), "AWS_SHARED_CREDENTIALS_FILE": os.path.join(house.data, "credentials"),
             "AWS_CONFIG_FILE": os.path.join(house.data, "config")})
    yield running
    between.may_go.set()
    running.terminate()
    running.wait(30)


def wait_for(look, seconds=30):
    until = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize("refuses", [False, True])
def test_a_message_is_kept_invisible_until_what_became_of_it_is_written(between, launcher, refuses):
    s3, sqs, logs = (between.house.client(name, profile="shared-services") for name in ("s3", "sqs", "logs"))

    def queue():
        return sqs.get_queue_url(QueueName="slipway-artifact-events")["QueueUrl"]

    def left():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, sqs.get_queue_attributes(QueueUrl=queue(), AttributeNames=names)["Attributes"].values()))

    wait_for(lambda: logs.describe_log_groups(logGroupNamePrefix="/slipway/launcher")["logGroups"])
    s3.put_object(Bucket="slipway-catalog", Key="catalog.yaml", Body=CATALOG)
    wait_for(lambda: left() == 0)
    between.received.clear()
    between.refuses = refuses
    if refuses:
        between.may_go.set()
    s3.put_object(Bucket="artifacts", Key=KEY, Body=b"")
    sqs.send_message(QueueUrl=queue(), MessageBody="no event")
    assert between.asked.wait(30)
    held = time.monotonic()
    wait_for(lambda: time.monotonic() > held + VISIBLE_AGAIN_S + 2 or len(between.received) > 2)
    assert left() == 2
    between.refuses = False
    between.may_go.set()
    wait_for(lambda: left() == 0)
    assert len(between.received) == 2
    records = [json.loads(e["message"]) for e in logs.filter_log_events(logGroupName="/slipway/launcher")["events"]]
    assert sorted(r["event"] for r in records) == ["bad-message", "refused"]
