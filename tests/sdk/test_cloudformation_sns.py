"""AWS::SNS::Topic, AWS::SNS::Subscription and AWS::SNS::TopicPolicy: made, changed, removed with their stack."""
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from stacks import create, outputs, settled, update

TEMPLATE = """
Resources:
  Queue:
    Type: AWS::SQS::Queue
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: {display}
      Subscription:
        - {{Protocol: sqs, Endpoint: !GetAtt Queue.Arn}}
        {more}
      Tags: [{{Key: team, Value: shop}}]
  Other:
    Type: AWS::SNS::Topic
  Filtered:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref Other
      Protocol: sqs
      Endpoint: !GetAtt Queue.Arn
      RawMessageDelivery: {raw}
      FilterPolicy: {{stage: [prod]}}
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt Queue.Arn}}
  Policy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{{Effect: Allow, Principal: "*", Action: "sns:Publish", Resource: "*"}}]
Outputs:
  Topic: {{Value: !Ref Topic}}
  TopicArn: {{Value: !GetAtt Topic.TopicArn}}
  Name: {{Value: !GetAtt Topic.TopicName}}
  Other: {{Value: !Ref Other}}
  Filtered: {{Value: !Ref Filtered}}
"""


@pytest.fixture(scope="module")
def cf(server):
    return server.client("cloudformation")


@pytest.fixture(scope="module")
def sns(server):
    return server.client("sns")


def body(display="Releases", raw="true", more=""):
    return TEMPLATE.format(display=display, raw=raw, more=more)


def test_topic_with_its_subscriptions_and_policy(cf, sns):
    name = "sns-" + uuid.uuid4().hex[:8]
    _, stack = create(cf, name, body(more="- {Protocol: email, Endpoint: a@example.com}"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    made = outputs(stack)
    assert made["Topic"] == made["TopicArn"] and made["Topic"].endswith(":" + made["Name"])
    shown = sns.get_topic_attributes(TopicArn=made["Topic"])["Attributes"]
    assert shown["DisplayName"] == "Releases" and shown["SubscriptionsConfirmed"] == "1"
    assert shown["SubscriptionsPending"] == "1" and json.loads(shown["Policy"])["Version"] == "2012-10-17"
    assert sns.list_tags_for_resource(ResourceArn=made["Topic"])["Tags"] == [{"Key": "team", "Value": "shop"}]
    filtered = sns.get_subscription_attributes(SubscriptionArn=made["Filtered"])["Attributes"]
    assert filtered["RawMessageDelivery"] == "true" and json.loads(filtered["FilterPolicy"]) == {"stage": ["prod"]}

    stack = update(cf, name, body(display="News", raw="false"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and outputs(stack) == made
    shown = sns.get_topic_attributes(TopicArn=made["Topic"])["Attributes"]
    assert shown["DisplayName"] == "News" and shown["SubscriptionsPending"] == "0"
    filtered = sns.get_subscription_attributes(SubscriptionArn=made["Filtered"])["Attributes"]
    assert filtered["RawMessageDelivery"] == "false"

    stack_id = stack["StackId"]
    cf.delete_stack(StackName=name)
    assert settled(cf, stack_id)["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError) as gone:
        sns.get_topic_attributes(TopicArn=made["Topic"])
    assert gone.value.response["Error"]["Code"] == "NotFound"


@pytest.mark.parametrize("broken,words", [
    (body().replace("Protocol: sqs\n      Endpoint: !GetAtt Queue.Arn", "Protocol: email\n      Endpoint: nobody"), "Email address"),
    (body().replace("{stage: [prod]}", "{stage: prod}"), "FilterPolicy"),
    (body().replace("TopicArn: !Ref Other", "TopicArn: arn:aws:sns:us-east-1:222222222222:nowhere"), "Topic does not exist"),
    (body().replace("TopicArn: !Ref Other", "TopicArn: arn:aws:sns:us-east-1:444444444444:theirs"), "no topic of account")])
def test_what_sns_refuses_fails_the_resource(cf, sns, broken, words):
    name = "sns-" + uuid.uuid4().hex[:8]
    _, stack = create(cf, name, broken)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [e.get("ResourceStatusReason", "") for e in cf.describe_stack_events(StackName=name)["StackEvents"]]
    assert any(words in reason for reason in reasons), reasons
    assert not [t for t in sns.list_topics()["Topics"] if f":{name}-" in t["TopicArn"]]
