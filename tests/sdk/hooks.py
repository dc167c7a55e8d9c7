"""What the tests of webhooks and of triggers share: declarations, and a sender of events."""
import hashlib
import hmac
import json

import urllib3

from pipelines import action

SECRET = "it is a secret"
CONNECTION = "arn:aws:codeconnections:us-east-1:222222222222:connection/4f1a2b3c"


def definition(pipeline, name=None, authentication="UNAUTHENTICATED", configuration=None, filters=(), target="Artifact"):
    return {"name": name or pipeline + "-hook", "targetPipeline": pipeline, "targetAction": target,
            "filters": list(filters), "authentication": authentication,
            "authenticationConfiguration": configuration or {}}


def by_secret(pipeline, **more):
    return definition(pipeline, authentication="GITHUB_HMAC", configuration={"SecretToken": SECRET}, **more)


def post(url, body=b"{}", **headers):
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = urllib3.PoolManager().request("POST", url, body=sent, retries=False, headers={
        "Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})
    return answer.status, json.loads(answer.data)


def signed(url, body, secret=SECRET, header="X-Hub-Signature-256", algorithm=hashlib.sha256, prefix="sha256="):
    sent = json.dumps(body).encode()
    return post(url, sent, **{header: prefix + hmac.new(secret.encode(), sent, algorithm).hexdigest()})


def executions(codepipeline, pipeline):
    return codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]


# ---- Git sources

def git_source(name="Code", **configuration):
    return action(name, category="Source", provider="CodeStarSourceConnection", outputs=[name], configuration={
        "ConnectionArn": CONNECTION, "FullRepositoryId": "team/shop", "BranchName": "main", **configuration})


def trigger(name="Code", **filters):
    return {"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": name, **filters}}


def both(includes=None, excludes=None):
    return {**({"includes": includes} if includes else {}), **({"excludes": excludes} if excludes else {})}
