"""Messages of SNS carried to a real webhook and a real mailbox by the courier: confirmations, retries, refusals, dead
letters, and a courier or server that is killed."""
import email
import email.policy
import json
import os
import re
import signal
import ssl
import subprocess
import time
import uuid

import pytest
import urllib3

from running import Server, binary
from sns import MailSink, Webhook, deliveries

FAST = {"DeliveryPolicy": json.dumps({"healthyRetryPolicy": {
    "numRetries": 3, "numNoDelayRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}})}


@pytest.fixture(scope="module")
def sink():
    made = MailSink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(sink):
    made = Server("--smtp-url", sink.url, "--smtp-from", "slipway@example.com", workers=True)
    yield made
    made.close()


@pytest.fixture
def hooks():
    made = []

    def make(*statuses):
        made.append(Webhook(*statuses))
        return made[-1]
    yield make
    for hook in made:
        hook.close()


@pytest.fixture
def sns(running):
    return running.client("sns")


@pytest.fixture
def topic(sns):
    return sns.create_topic(Name="t-" + uuid.uuid4().hex[:12])["TopicArn"]


def until(look, what, patience_s=20):
    end = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < end, f"after {patience_s} s still not: {what}"
        time.sleep(0.02)
    return found


def confirmed(sns, topic, hook, **attributes):
    """Subscribes the webhook as its owner would: by the SubscribeURL that was posted to it."""
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url, ReturnSubscriptionArn=True,
                        Attributes=attributes)["SubscriptionArn"]
    [asked] = hook.messages(1)
    assert asked["Type"] == "SubscriptionConfirmation" and asked["TopicArn"] == topic
    assert urllib3.PoolManager().request("GET", asked["SubscribeURL"]).status == 200
    del hook.posts[:]
    return arn


def ended(running, topic, state, kind="Notification"):
    def look():
        return [d for d in deliveries(running, TopicArn=topic, State=state) if d["MessageType"] == kind]
    return until(look, f"a {kind} is {state}")


def test_webhook_gets_what_sns_posts(running, sns, topic, hooks):
    hook = hooks()
    arn = confirmed(sns, topic, hook)
    sent = sns.publish(TopicArn=topic, Message="it is here", Subject="News")["MessageId"]
    [(path, headers, body)] = hook.await_posts(1)
    message = json.loads(body)
    assert path == "/hook" and message["Message"] == "it is here" and message["MessageId"] == sent
    assert headers["x-amz-sns-message-type"] == "Notification" and headers["x-amz-sns-message-id"] == sent
    assert headers["x-amz-sns-topic-arn"] == topic and headers["x-amz-sns-subscription-arn"] == arn
    assert headers["Content-Type"] == "text/plain; charset=UTF-8" and "x-amz-sns-rawdelivery" not in headers
    [delivered] = ended(running, topic, "delivered")
    assert delivered["Attempts"] == "1" and delivered["LastStatusCode"] == "200"


def test_raw_webhook_with_a_content_type_of_its_own(sns, topic, hooks):
    hook = hooks()
    confirmed(sns, topic, hook, RawMessageDelivery="true",
              DeliveryPolicy='{"requestPolicy":{"headerContentType":"application/json"}}')
    sns.publish(TopicArn=topic, Message='{"a":"ü"}')
    [(_, headers, body)] = hook.await_posts(1)
    assert body == '{"a":"ü"}'
    assert headers["x-amz-sns-rawdelivery"] == "true" and headers["Content-Type"] == "application/json"


def test_unconfirmed_webhook_gets_nothing_else(running, sns, topic, hooks):
    hook = hooks()
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    hook.await_posts(1)
    sns.publish(TopicArn=topic, Message="early")
    ended(running, topic, "delivered", "SubscriptionConfirmation")
    assert len(hook.posts) == 1


@pytest.mark.parametrize("statuses", [(500,), (503, 500, 502), (429,), (302,)])
def test_failures_are_tried_again_until_it_works(running, sns, topic, hooks, statuses):
    hook = hooks(200, *statuses)
    confirmed(sns, topic, hook, **FAST)
    sent = sns.publish(TopicArn=topic, Message="again")["MessageId"]
    posts = hook.await_posts(len(statuses) + 1)
    assert {headers["x-amz-sns-message-id"] for _, headers, _ in posts} == {sent}
    [delivered] = ended(running, topic, "delivered")
    assert delivered["Attempts"] == str(len(statuses) + 1)


def test_retries_that_are_used_up_end_in_a_dead_letter(running, sns, topic, hooks):
    sqs = running.client("sqs")
    url = sqs.create_queue(QueueName="dead-" + uuid.uuid4().hex[:8])["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    hook = hooks(200, 500, 500, 500, 500)
    confirmed(sns, topic, hook, **FAST, RedrivePolicy=json.dumps({"deadLetterTargetArn": queue}))
    sent = sns.publish(TopicArn=topic, Message="lost")["MessageId"]
    [dead] = ended(running, topic, "dead")
    assert (dead["Attempts"], dead["LastStatusCode"], dead["DeadLetterQueueArn"]) == ("4", "500", queue)
    assert "HTTP status 500" in dead["LastError"]
    [letter] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(letter["Body"])["MessageId"] == sent
    shown = running.slipway("notifications", "--state", "dead", profile="dev")
    assert hook.url in shown and "HTTP status 500" in shown and queue in shown
    running.slipway("notifications", "--retry", dead["DeliveryId"], profile="dev")
    ended(running, topic, "delivered")
    assert len(hook.posts) == 5


def test_a_client_error_is_final(running, sns, topic, hooks):
    hook = hooks(200, 403)
    confirmed(sns, topic, hook, **FAST)
    sns.publish(TopicArn=topic, Message="no")
    [dead] = ended(running, topic, "dead")
    assert dead["Attempts"] == "1" and dead["LastStatusCode"] == "403"


def test_nobody_at_the_endpoint(running, sns, topic, hooks):
    hook = hooks()
    confirmed(sns, topic, hook, **FAST)
    hook.close()
    sns.publish(TopicArn=topic, Message="anybody?")
    [dead] = ended(running, topic, "dead")
    assert "nobody answers there" in dead["LastError"] and dead["Attempts"] == "4"


def test_untrusted_certificate_is_not_posted_to(running, sns, topic, tmp_path, hooks):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out",
                    tmp_path / "c", "-days", "1", "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
    hook = hooks()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    hook.server.socket = context.wrap_socket(hook.server.socket, server_side=True)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(
        {"http": {"defaultHealthyRetryPolicy": {"numRetries": 0}}}))
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=hook.url.replace("http:", "https:"))
    [dead] = ended(running, topic, "dead", "SubscriptionConfirmation")
    assert "not trusted" in dead["LastError"] and hook.posts == []


def mail_to(sink, address):
    return until(lambda: [m for m in sink.mails if m[1] == address], f"a mail to {address}")


def parsed(mail):
    return email.message_from_bytes(mail[2], policy=email.policy.default)


def confirmed_address(sns, topic, sink, protocol="email"):
    address = uuid.uuid4().hex[:8] + "@example.com"
    sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=address)
    text = parsed(mail_to(sink, address)[0]).get_payload(decode=True).decode()
    link = re.search(r'http://[^\s"]*ConfirmSubscription[^\s"]*', text).group(0)
    assert urllib3.PoolManager().request("GET", link).status == 200
    sink.mails[:] = [m for m in sink.mails if m[1] != address]
    return address


def test_mail(running, sns, topic, sink):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Shop 'ü'")
    address = confirmed_address(sns, topic, sink)
    text = "Line one, ümläut\n" + "long " * 400 + "\n.\nlast"
    sns.publish(TopicArn=topic, Message=text, Subject="Please look")
    mail = mail_to(sink, address)[0]
    message = parsed(mail)
    assert mail[0] == "slipway@example.com" and message["To"] == address and message["Subject"] == "Please look"
    assert message["From"].addresses[0].display_name == "Shop 'ü'"
    assert message.get_content().replace("\r\n", "\n").startswith(text) and "Unsubscribe" in message.get_content()
    [delivered] = ended(running, topic, "delivered")
    assert delivered["Protocol"] == "email"


def test_mail_as_json(sns, topic, sink):
    address = confirmed_address(sns, topic, sink, "email-json")
    sent = sns.publish(TopicArn=topic, Message="m")["MessageId"]
    message = parsed(mail_to(sink, address)[0])
    assert message["Subject"] == "AWS Notification Message"
    assert json.loads(message.get_payload(decode=True))["MessageId"] == sent


def test_a_mailbox_that_refuses_is_final(running, sns, topic):
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="refused@example.com")
    [dead] = ended(running, topic, "dead", "SubscriptionConfirmation")
    assert dead["Attempts"] == "1" and dead["LastStatusCode"] == "550"


@pytest.mark.parametrize("given,state", [("slipway:s3cret:word", "delivered"), ("slipway:wrong", "dead")])
def test_mail_server_that_wants_credentials(new_server, tmp_path, given, state):
    guarded = MailSink("slipway:s3cret:word")
    (tmp_path / "credentials").write_text(given + "\n")
    made = new_server("--smtp-url", guarded.url, "--smtp-from", "slipway@example.com", "--smtp-credentials",
                      str(tmp_path / "credentials"), workers=True)
    sns = made.client("sns")
    topic = sns.create_topic(Name="guarded")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    [seen] = ended(made, topic, state, "SubscriptionConfirmation")
    assert len(guarded.mails) == (state == "delivered") and seen["Attempts"] == "1"
    guarded.close()


@pytest.mark.parametrize("options", [["--smtp-url", "smtp://h"], ["--smtp-from", "a@b"], ["--smtp-credentials", "f"],
                                     ["--smtp-url", "http://h", "--smtp-from", "a@b"]])
def test_serve_refuses_half_a_mail_server(options):
    refused = subprocess.run([binary(), "serve", "--data", "/nonexistent", *options], capture_output=True, text=True,
                             check=False)
    assert refused.returncode == 2 and "--smtp-url" in refused.stderr


def test_without_a_mail_server_the_record_says_so(new_server):
    bare = new_server(workers=True)
    sns = bare.client("sns")
    topic = sns.create_topic(Name="bare")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    [dead] = ended(bare, topic, "dead", "SubscriptionConfirmation")
    assert "--smtp-url" in dead["LastError"]


@pytest.mark.parametrize("victim", ["courier", "server"])
def test_kill_loses_nothing(running, sns, topic, hooks, victim):
    hook = hooks()
    confirmed(sns, topic, hook, **FAST)
    sent = {sns.publish(TopicArn=topic, Message=f"m{i}")["MessageId"] for i in range(40)}
    hook.await_posts(1)
    if victim == "courier":
        os.kill(running.workers()["courier 111111111111"], signal.SIGKILL)
    else:
        running.kill()
        running.start()
    until(lambda: {h["x-amz-sns-message-id"] for _, h, _ in hook.posts} >= sent, "all of them have arrived", 90)  # past the lease of those in the hands of who was killed
    until(lambda: len([d for d in deliveries(running, TopicArn=topic, State="delivered")
                       if d["MessageType"] == "Notification"]) == 40, "all are on record as delivered")
