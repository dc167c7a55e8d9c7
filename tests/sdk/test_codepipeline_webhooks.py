"""Webhooks: what their owner may say, and what the world outside may start by them."""
import hashlib
import hmac
import json
import socket
import threading
import urllib.parse

import pytest

from hooks import SECRET, by_secret, definition, executions, post, signed
from pipelines import ACCOUNT, approval, code_of, declaration, source, until

PUSH = {"ref": "refs/heads/main", "after": "0f" * 20, "forced": False, "commits": [{"id": 1}, {"id": 2}]}


@pytest.fixture
def pipeline(codepipeline):
    made = codepipeline.create_pipeline(pipeline=declaration([approval("Ask")]))["pipeline"]["name"]
    yield made
    codepipeline.delete_pipeline(name=made)


def shown(codepipeline, name):
    return next(w for w in codepipeline.list_webhooks()["webhooks"] if w["definition"]["name"] == name)


# ---- what the owner sees

def test_a_webhook_is_put_shown_changed_and_deleted(server, codepipeline, pipeline):
    wanted = by_secret(pipeline, filters=[{"jsonPath": "$.ref", "matchEquals": "refs/heads/main"}])
    made = codepipeline.put_webhook(webhook=wanted, tags=[{"key": "team", "value": "shop"}])["webhook"]
    assert made["definition"] == {**wanted, "authenticationConfiguration": {"SecretToken": "****"}}
    assert made["arn"] == f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:webhook:{wanted['name']}"
    assert made["url"].startswith(server.endpoint + "/webhooks/trigger?t=")
    assert made["tags"] == [{"key": "team", "value": "shop"}]
    assert "lastTriggered" not in made and "errorCode" not in made
    assert shown(codepipeline, wanted["name"]) == made

    changed = codepipeline.put_webhook(webhook=definition(pipeline))["webhook"]
    assert changed["url"] == made["url"]
    assert changed["definition"]["authentication"] == "UNAUTHENTICATED"
    assert post(made["url"])[0] == 202

    codepipeline.delete_webhook(name=wanted["name"])
    codepipeline.delete_webhook(name=wanted["name"])
    assert post(made["url"]) == (404, {"code": "WebhookNotFoundException", "message":
                                       "No webhook has this URL: it was deleted, or the URL is not complete."})
    again = codepipeline.put_webhook(webhook=definition(pipeline))["webhook"]
    assert again["url"] != made["url"] and again["tags"] == []


def test_what_is_no_webhook_is_refused(codepipeline, pipeline):
    def code(**changes):
        return code_of(codepipeline.put_webhook, webhook={**definition(pipeline), **changes})

    assert code(targetPipeline="none") == "PipelineNotFoundException"
    assert code(targetAction="Ask") == "ValidationException"
    assert code(name="a b") == "ValidationException"
    assert code(authentication="PLAIN") == "ValidationException"
    assert code(filters=[{"jsonPath": "$.a"}] * 6) == "ValidationException"
    assert code(filters=[{"jsonPath": "$.a["}]) == "InvalidWebhookFilterPatternException"
    assert code(filters=[{"jsonPath": "$.a", "matchEquals": "refs/heads/{Branch}"}]) == \
        "InvalidWebhookFilterPatternException"
    for authentication, configuration in [
            ("GITHUB_HMAC", {}), ("GITHUB_HMAC", {"AllowedIPRange": "10.0.0.0/8"}),
            ("GITHUB_HMAC", {"SecretToken": "****"}), ("IP", {}), ("IP", {"AllowedIPRange": "10.0.0.0"}),
            ("IP", {"AllowedIPRange": "10.0.0.0/8", "SecretToken": SECRET}),
            ("UNAUTHENTICATED", {"SecretToken": SECRET})]:
        assert code(authentication=authentication, authenticationConfiguration=configuration) == \
            "InvalidWebhookAuthenticationParametersException", (authentication, configuration)
    assert code_of(codepipeline.put_webhook, webhook=definition(pipeline), tags=[{"key": "aws:x", "value": ""}]) == \
        "InvalidTagsException"
    assert code_of(codepipeline.put_webhook, webhook=definition(pipeline),
                   tags=[{"key": str(i), "value": ""} for i in range(51)]) == "TooManyTagsException"
    assert not [w for w in codepipeline.list_webhooks()["webhooks"] if w["definition"]["targetPipeline"] == pipeline]


def test_webhooks_are_listed_in_pages_each_account_its_own_and_300_are_the_most(server):
    client = server.client("codepipeline", "staging")
    name = client.create_pipeline(pipeline=declaration([approval("Ask")]))["pipeline"]["name"]
    for i in range(300):
        client.put_webhook(webhook=definition(name, name=f"h{i:03}"))
    assert code_of(client.put_webhook, webhook=definition(name, name="h300")) == "LimitExceededException"
    client.put_webhook(webhook=by_secret(name, name="h299"))

    pages = list(client.get_paginator("list_webhooks").paginate(PaginationConfig={"PageSize": 70}))
    assert [len(p["webhooks"]) for p in pages] == [70, 70, 70, 70, 20]
    assert [w["definition"]["name"] for p in pages for w in p["webhooks"]] == [f"h{i:03}" for i in range(300)]
    assert len(client.list_webhooks()["webhooks"]) == 100
    assert code_of(client.list_webhooks, NextToken="no such token!") == "InvalidNextTokenException"
    assert code_of(client.list_webhooks, MaxResults=101) == "ValidationException"
    assert server.client("codepipeline", "prod").list_webhooks()["webhooks"] == []


def test_webhooks_and_custom_action_types_have_tags(codepipeline, pipeline):
    arn = codepipeline.put_webhook(webhook=definition(pipeline))["webhook"]["arn"]
    codepipeline.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    codepipeline.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert codepipeline.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    assert code_of(codepipeline.list_tags_for_resource, resourceArn=arn + "x") == "ResourceNotFoundException"

    counts = {"minimumCount": 0, "maximumCount": 1}
    codepipeline.create_custom_action_type(category="Test", provider="Tagged", version="1", inputArtifactDetails=counts,
                                           outputArtifactDetails=counts, tags=[{"key": "c", "value": "3"}])
    arn = f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:actiontype:Custom/Test/Tagged/1"
    assert codepipeline.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "c", "value": "3"}]
    assert code_of(codepipeline.list_tags_for_resource, resourceArn=arn[:-1] + "2") == "ResourceNotFoundException"
    assert code_of(codepipeline.list_tags_for_resource, resourceArn=arn[:-2]) == "InvalidArnException"


def test_a_form_s_payload_is_an_event_too(codepipeline, pipeline):
    url = codepipeline.put_webhook(webhook=by_secret(pipeline, filters=[
        {"jsonPath": "$.ref", "matchEquals": "refs/heads/a+b c"}]))["webhook"]["url"]

    def send(body, content_type="application/x-www-form-urlencoded"):
        sign = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return post(url, body, **{"Content-Type": content_type, "X-Hub-Signature-256": sign})

    form = urllib.parse.urlencode({"payload": json.dumps({"ref": "refs/heads/a+b c"})}).encode()
    assert send(form)[0] == 202 and send(form, "application/x-www-form-urlencoded; charset=utf-8")[0] == 202
    assert send(urllib.parse.urlencode({"payload": json.dumps({"ref": "x"})}).encode())[0] == 200
    for wrong in b"", b"other=1", b"payload=%7B", b"payload=%zz", b"payload=%00":
        status, said = send(wrong)
        assert (status, said["code"]) == (400, "InvalidEventException"), wrong
    assert send(form, "application/json")[0] == 400


def test_only_webhooks_of_github_actions_are_registered(codepipeline, pipeline):
    name = codepipeline.put_webhook(webhook=definition(pipeline))["webhook"]["definition"]["name"]
    for call in codepipeline.register_webhook_with_third_party, codepipeline.deregister_webhook_with_third_party:
        assert code_of(call, webhookName="none") == "WebhookNotFoundException"
        assert code_of(call, webhookName=name) == "ValidationException"
        assert code_of(call) == "ValidationException"


# ---- what comes from outside

def test_a_signed_event_starts_the_pipeline(codepipeline, pipeline):
    made = codepipeline.put_webhook(webhook=by_secret(pipeline))["webhook"]
    status, answer = signed(made["url"], PUSH)
    assert status == 202 and answer["started"] is True and answer["pipelineName"] == pipeline
    run = executions(codepipeline, pipeline)[0]
    assert run["pipelineExecutionId"] == answer["pipelineExecutionId"]
    assert run["trigger"] == {"triggerType": "Webhook", "triggerDetail": made["arn"]}
    assert shown(codepipeline, made["definition"]["name"])["lastTriggered"]

    assert signed(made["url"], PUSH, header="X-Hub-Signature", algorithm=hashlib.sha1, prefix="sha1=")[0] == 202
    assert len(executions(codepipeline, pipeline)) == 2


def test_an_event_that_is_not_signed_with_the_secret_is_denied_and_that_is_shown(codepipeline, pipeline):
    made = codepipeline.put_webhook(webhook=by_secret(pipeline))["webhook"]
    url, name = made["url"], made["definition"]["name"]
    right = "sha256=" + hmac.new(SECRET.encode(), json.dumps(PUSH).encode(), hashlib.sha256).hexdigest()
    old = "sha1=" + hmac.new(SECRET.encode(), json.dumps(PUSH).encode(), hashlib.sha1).hexdigest()
    assert post(url, PUSH)[0] == 403
    for headers in [{"X_Hub_Signature_256": right[:-1] + ("0" if right[-1] != "0" else "1")},
                    {"X_Hub_Signature_256": right[:-2]}, {"X_Hub_Signature_256": right[7:]},
                    {"X_Hub_Signature_256": "sha256=" + "g" * 64}, {"X_Hub_Signature_256": ""},
                    {"X_Hub_Signature_256": old},
                    # a weak signature does not help beside a wrong strong one
                    {"X_Hub_Signature_256": "sha256=" + "0" * 64, "X_Hub_Signature": old}]:
        status, answer = post(url, PUSH, **headers)
        assert (status, answer["code"]) == (403, "AccessDeniedException"), headers
    assert signed(url, PUSH, secret="another")[0] == 403
    assert executions(codepipeline, pipeline) == []
    seen = shown(codepipeline, name)
    assert seen["errorCode"] == "AccessDeniedException" and "secret" in seen["errorMessage"]
    assert SECRET not in seen["errorMessage"] and "lastTriggered" not in seen

    assert signed(url, PUSH)[0] == 202
    assert "errorCode" not in shown(codepipeline, name)


def test_the_sender_s_address_decides(codepipeline, pipeline):
    def url(allowed):
        return codepipeline.put_webhook(webhook=definition(
            pipeline, authentication="IP", configuration={"AllowedIPRange": allowed}))["webhook"]["url"]

    assert post(url("127.0.0.0/8"))[0] == 202
    status, answer = post(url("192.30.252.0/22"), X_Forwarded_For="192.30.252.1")
    assert status == 403 and "127.0.0.1" in answer["message"]
    assert len(executions(codepipeline, pipeline)) == 1


@pytest.mark.parametrize("filters, starts", [
    ([], True),
    ([{"jsonPath": "$.ref", "matchEquals": "refs/heads/main"}], True),
    ([{"jsonPath": "ref", "matchEquals": "refs/heads/main"}], True),
    ([{"jsonPath": "$.ref", "matchEquals": "refs/heads/mai"}], False),
    ([{"jsonPath": "$.ref", "matchEquals": "refs/heads/main"}, {"jsonPath": "$.gone"}], False),
    ([{"jsonPath": "$.after"}], True),
    ([{"jsonPath": "$.forced", "matchEquals": "false"}], True),
    ([{"jsonPath": "$.commits[*].id", "matchEquals": "2"}], True),
    ([{"jsonPath": "$.commits[?(@.id > 2)]"}], False),
    ([{"jsonPath": "$.ref", "matchEquals": "refs/heads/{S3ObjectKey}"}], False),
])
def test_all_filters_must_pass(codepipeline, pipeline, filters, starts):
    url = codepipeline.put_webhook(webhook=definition(pipeline, filters=filters))["webhook"]["url"]
    status, answer = post(url, PUSH)
    assert (status, answer["started"]) == ((202, True) if starts else (200, False))
    assert starts or "filter" in answer["reason"]
    assert len(executions(codepipeline, pipeline)) == int(starts)
    assert "errorCode" not in shown(codepipeline, pipeline + "-hook")


def test_a_filter_may_name_the_action_s_configuration(codepipeline):
    branch = source()
    branch["configuration"]["S3ObjectKey"] = "main"
    name = codepipeline.create_pipeline(pipeline=declaration([approval("Ask")], sources=[branch]))["pipeline"]["name"]
    url = codepipeline.put_webhook(webhook=definition(name, filters=[
        {"jsonPath": "$.ref", "matchEquals": "refs/heads/{S3ObjectKey}"}]))["webhook"]["url"]
    assert post(url, PUSH)[0] == 202
    assert post(url, {"ref": "refs/heads/other"})[0] == 200

    moved = codepipeline.get_pipeline(name=name)["pipeline"]
    moved["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = "other"
    codepipeline.update_pipeline(pipeline=moved)
    assert post(url, PUSH)[0] == 200
    assert post(url, {"ref": "refs/heads/other"})[0] == 202


def test_bodies_that_are_no_events_are_refused(server, codepipeline, pipeline):
    url = codepipeline.put_webhook(webhook=definition(pipeline))["webhook"]["url"]
    for body in b"", b"{", b"payload=%7B%7D", b'{"a":1}x', b"[" * 100:
        status, answer = post(url, body)
        assert (status, answer["code"]) == (400, "InvalidEventException"), body
    status, answer = post(url, b"{" + b" " * (8 * 1024 * 1024) + b"}")
    assert status == 413 and "large" in answer["message"]
    assert post(url, b"{" + b" " * (8 * 1024 * 1024 - 2) + b"}")[0] == 202
    assert post(server.endpoint + "/webhooks/trigger")[0] == 404
    assert post(server.endpoint + "/webhooks/trigger?t=" + "x" * 500)[0] == 404
    assert post(url[:-10] + "&v=1")[0] == 404
    # what else a sender puts in is no signature of ours
    assert post(url, b"{}", Authorization="Bearer token", X_GitHub_Event="push")[0] == 202
    assert len(executions(codepipeline, pipeline)) == 2


def test_the_body_of_an_event_for_nobody_is_not_read(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sender:
        sender.sendall(b"POST /webhooks/trigger?t=none&v=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n{")
        assert sender.recv(65536).startswith(b"HTTP/1.1 404 ")


def test_a_bucket_may_be_named_as_the_address(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="webhooks")
    upload = s3.create_multipart_upload(Bucket="webhooks", Key="trigger")
    part = s3.upload_part(Bucket="webhooks", Key="trigger", UploadId=upload["UploadId"], PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket="webhooks", Key="trigger", UploadId=upload["UploadId"],
                                 MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})
    assert s3.get_object(Bucket="webhooks", Key="trigger")["Body"].read() == b"x"


def test_a_pipeline_that_cannot_start_is_told_to_the_sender_and_the_owner(codepipeline):
    made = codepipeline.create_pipeline(pipeline=declaration([approval("Ask")]))["pipeline"]
    url = codepipeline.put_webhook(webhook=definition(made["name"]))["webhook"]["url"]
    codepipeline.update_pipeline(pipeline=declaration([approval("Ask")], name=made["name"], sources=[source("Other")]))
    assert post(url)[1]["code"] == "ValidationException"
    codepipeline.delete_pipeline(name=made["name"])
    assert post(url)[1]["code"] == "PipelineNotFoundException"
    seen = shown(codepipeline, made["name"] + "-hook")
    assert seen["errorCode"] == "PipelineNotFoundException" and made["name"] in seen["errorMessage"]


def test_events_at_once_start_as_many_executions(codepipeline, pipeline):
    url = codepipeline.put_webhook(webhook=by_secret(pipeline))["webhook"]["url"]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(signed(url, PUSH))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [202] * 8
    ids = {answer["pipelineExecutionId"] for _, answer in answers}
    assert ids == {e["pipelineExecutionId"] for e in executions(codepipeline, pipeline)} and len(ids) == 8


# ---- in a template

TEMPLATE = """
Parameters: {Branch: {Type: String, Default: main}, Register: {Type: String, Default: "false"}}
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      RoleArn: arn:aws:iam::222222222222:role/slipway-deploy
      ArtifactStore: {Type: S3, Location: store}
      Stages:
        - Name: Source
          Actions:
            - Name: Get
              ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: "1"}
              Configuration: {S3Bucket: artifacts, S3ObjectKey: k.zip, PollForSourceChanges: false}
              OutputArtifacts: [{Name: App}]
        - Name: Ask
          Actions: [{Name: Ask, ActionTypeId: {Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}}]
  Hook:
    Type: AWS::CodePipeline::Webhook
    Properties:
      Authentication: GITHUB_HMAC
      AuthenticationConfiguration: {SecretToken: it is a secret}
      Filters: [{JsonPath: $.ref, MatchEquals: !Sub "refs/heads/${Branch}"}]
      RegisterWithThirdParty: !Ref Register
      TargetAction: Get
      TargetPipeline: !Ref Pipeline
      TargetPipelineVersion: !GetAtt Pipeline.Version
Outputs:
  Url: {Value: !GetAtt Hook.Url}
  Name: {Value: !Ref Hook}
  Pipeline: {Value: !Ref Pipeline}
"""


def test_a_template_makes_changes_and_removes_a_webhook(server, codepipeline):
    stacks = server.client("cloudformation")

    def outputs():
        return {o["OutputKey"]: o["OutputValue"] for o in stacks.describe_stacks(StackName="hooks")["Stacks"][0]["Outputs"]}

    stacks.create_stack(StackName="hooks", TemplateBody=TEMPLATE)
    stacks.get_waiter("stack_create_complete").wait(StackName="hooks", WaiterConfig={"Delay": 0.05})
    made = outputs()
    assert shown(codepipeline, made["Name"])["url"] == made["Url"]
    assert signed(made["Url"], PUSH)[0] == 202
    assert len(executions(codepipeline, made["Pipeline"])) == 1

    stacks.update_stack(StackName="hooks", TemplateBody=TEMPLATE,
                        Parameters=[{"ParameterKey": "Branch", "ParameterValue": "other"}])
    stacks.get_waiter("stack_update_complete").wait(StackName="hooks", WaiterConfig={"Delay": 0.05})
    assert outputs() == made
    assert signed(made["Url"], PUSH)[0] == 200

    stacks.update_stack(StackName="hooks", TemplateBody=TEMPLATE,
                        Parameters=[{"ParameterKey": "Register", "ParameterValue": "true"}])
    until(lambda: stacks.describe_stacks(StackName="hooks")["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE",
          "the update rolled back")
    assert any("RegisterWithThirdParty" in e.get("ResourceStatusReason", "")
               for e in stacks.describe_stack_events(StackName="hooks")["StackEvents"])

    stacks.delete_stack(StackName="hooks")
    stacks.get_waiter("stack_delete_complete").wait(StackName="hooks", WaiterConfig={"Delay": 0.05})
    assert post(made["Url"])[0] == 404
