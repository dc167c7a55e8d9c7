"""What the tests of stacks share: make one, wait until it rests, read what happened."""
import time
import uuid

import pytest
from botocore.exceptions import ClientError


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def invalid(cf, body, **more):
    code, message = refused(cf.create_stack, StackName="x" + uuid.uuid4().hex[:8], TemplateBody=body, **more)
    assert code == "ValidationError"
    return message


def settled(cf, name):
    until = time.monotonic() + 20
    while True:
        stack = cf.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS") or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            return stack
        assert time.monotonic() < until, stack


def create(cf, name, body, **more):
    stack_id = cf.create_stack(StackName=name, TemplateBody=body, **more)["StackId"]
    return stack_id, settled(cf, stack_id)


def update(cf, name, body, **more):
    cf.update_stack(StackName=name, TemplateBody=body, **more)
    return settled(cf, name)


def outputs(stack):
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}


def parameter(value, extra=""):
    return f"""
Resources:
  P:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: {value}
{extra}
"""


def statuses(cf, name, logical_id):
    pages = cf.get_paginator("describe_stack_events").paginate(StackName=name)
    events = [e for page in pages for e in page["StackEvents"]]
    return [e["ResourceStatus"] for e in reversed(events) if e["LogicalResourceId"] == logical_id]
