"""Queues for tests: one that lets in the events of the account's own buckets, or of its topics, as AWS asks for."""
import json


def arn_of(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def statement(arn, effect="Allow", principal="*", action="sqs:SendMessage", **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": arn, **more}


def put_policy(sqs, url, *statements):
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(
        {"Version": "2012-10-17", "Statement": list(statements)}) if statements else ""})


def let_in(sqs, url, service="s3.amazonaws.com", **condition):
    """The queue's ARN, once the service may send to it: for whom the condition names, or else for its own account."""
    arn = arn_of(sqs, url)
    put_policy(sqs, url, statement(arn, principal={"Service": service},
                                   Condition=condition or {"StringEquals": {"aws:SourceAccount": arn.split(":")[4]}}))
    return arn


def event_queue(sqs, name, **attributes):
    """A new queue for the events of its account's buckets and topics: its URL and ARN."""
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, let_in(sqs, url, ["s3.amazonaws.com", "sns.amazonaws.com"])
