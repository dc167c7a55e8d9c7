"""What the tests of codepipeline share: declarations, and a worker that speaks the extensions boto3 does not know."""
import json
import time
import uuid

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ACCOUNT = "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/slipway-deploy"
SHA256 = "ab" * 32


def action(name, order=1, *, category="Deploy", provider="CloudFormation", owner="AWS", inputs=(), outputs=(),
           configuration=None, namespace=None, **more):
    """By default an action that any anchor's job can be made of, without artifacts."""
    made = {"name": name, "runOrder": order, "inputArtifacts": [{"name": n} for n in inputs],
            "outputArtifacts": [{"name": n} for n in outputs],
            "actionTypeId": {"category": category, "owner": owner, "provider": provider, "version": "1"},
            "configuration": configuration or {"ActionMode": "DELETE_ONLY", "StackName": "s"}, **more}
    if namespace:
        made["namespace"] = namespace
    return made


def source(name="Artifact", output="App", **more):
    return action(name, category="Source", provider="S3", outputs=[output],
                  configuration={"S3Bucket": "artifacts", "S3ObjectKey": "k.zip"}, **more)


def approval(name, order=1, **more):
    return {**action(name, order, category="Approval", provider="Manual", **more), "configuration": {}}


def declaration(*stages, name=None, sources=None, **more):
    """Stages are lists of actions after the Source stage: named S1, S2 …"""
    listed = [{"name": "Source", "actions": sources or [source()]}]
    listed += [{"name": f"S{i}", "actions": actions} for i, actions in enumerate(stages, 1)]
    return {"name": name or f"p-{uuid.uuid4().hex[:12]}", "roleArn": ROLE, "stages": listed,
            "artifactStore": {"type": "S3", "location": "store-bucket"}, **more}


def trust(server, profile, account=ACCOUNT, role="slipway-deploy"):
    """That account's pipelines may have the role of the profile's account."""
    server.client("iam", profile=profile).update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                                                "Action": "sts:AssumeRole"}]}))


def until(look, what, patience_s=20):
    end = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < end, f"after {patience_s} s still not: {what}"
        time.sleep(0.02)
    return found


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.code = body["__type"].split("#")[-1]


def code_of(call, *arguments, **members):
    """The error code with which it is refused."""
    try:
        call(*arguments, **members)
    except ClientError as error:
        return error.response["Error"]["Code"]
    except Refused as error:
        return error.code
    raise AssertionError("not refused")


class Worker:
    def __init__(self, server, profile="dev", name="test"):
        self.endpoint, self.name = server.endpoint, name
        self.credentials = Credentials(*server.keys(profile))
        self.http = urllib3.PoolManager()

    def call(self, operation, headers=None, service="codepipeline", **members):
        request = AWSRequest("POST", self.endpoint + "/", data=json.dumps(members), headers={
            "X-Amz-Target": "CodePipeline_20150709." + operation, "Content-Type": "application/x-amz-json-1.1",
            **(headers or {})})
        SigV4Auth(self.credentials, service, "us-east-1").add_auth(request)
        answer = self.http.request("POST", request.url, body=request.data, headers=dict(request.headers), retries=False)
        body = json.loads(answer.data or b"{}")
        if answer.status != 200:
            raise Refused(answer.status, body)
        return body

    def poll(self, most=50, wait_ms=0, **more):
        return self.call("PollForAccountJobs", workerId=self.name, maxBatchSize=most, waitMs=wait_ms, **more)["jobs"]

    def take(self, *names):
        """The jobs of just these actions, by name: no others wait."""
        jobs = {j["data"]["pipelineContext"]["action"]["name"]: j for j in self.poll()}
        assert set(jobs) == set(names), f"wanted {names}, got {set(jobs)}"
        return [jobs[n] for n in names]

    def succeed(self, job, **more):
        data = job["data"]
        result = {"jobId": job["id"], "nonce": job["nonce"],
                  "outputArtifacts": [{"name": a["name"], "sha256": SHA256} for a in data["outputArtifacts"]]}
        if data["actionTypeId"]["category"] == "Source":
            revision = data.get("sourceRevision", {}).get("revisionValue", "v-latest")
            result["currentRevision"] = {"revision": revision, "changeIdentifier": "etag", "revisionSummary": "words"}
        return self.call("PutJobSuccessResult", **{**result, **more})

    def fail(self, job, message="it broke", **more):
        return self.call("PutJobFailureResult", **{"jobId": job["id"], "nonce": job["nonce"], "failureDetails": {
            "type": "JobFailed", "message": message, "externalExecutionId": "build/7"}, **more})

    def do(self, *names):
        """These actions, one after the other, each the only one that waits."""
        for name in names:
            self.succeed(self.take(name)[0])
