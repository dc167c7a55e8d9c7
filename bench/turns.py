"""From a worker's result to the next job in the hands of a worker that waits: the engine's own time between two actions."""
import http.client
import json
import threading
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACTIONS = 50
TURNS = 6  # executions
ROLE = "arn:aws:iam::111111111111:role/slipway-deploy"


SIGNED_S = 60  # a signature holds for some minutes, and making one costs more than the request does


class Caller:
    """One connection, signed requests; who asks the same again asks by the same signature."""

    def __init__(self, server):
        self.signed = {}
        self.url = f"http://127.0.0.1:{server.port}/"
        self.credentials = Credentials(server.key, server.secret)
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def sign(self, operation, body):
        at, headers = self.signed.get((operation, body), (0, None))
        if not headers or time.monotonic() - at > SIGNED_S:
            request = AWSRequest("POST", self.url, data=body, headers={
                "X-Amz-Target": "CodePipeline_20150709." + operation, "Content-Type": "application/x-amz-json-1.1"})
            SigV4Auth(self.credentials, "codepipeline", "us-east-1").add_auth(request)
            headers = dict(request.headers)
            self.signed = {} if len(self.signed) > 1000 else self.signed
            self.signed[operation, body] = time.monotonic(), headers
        return headers

    def call(self, operation, **members):
        body = json.dumps(members)
        self.connection.request("POST", "/", body, self.sign(operation, body))
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {body.decode()}")
        return json.loads(body or b"{}")

    def repeat(self, times, operation, **members):
        """The same request again and again; its answers. The bytes are made once and read when all have come: a client
        that has the processor less leaves it to what is measured."""
        body = json.dumps(members)
        if not self.connection.sock:
            self.connection.connect()
        lines = [f"{name}: {value}" for name, value in self.sign(operation, body).items()]
        request = "\r\n".join(["POST / HTTP/1.1", f"Host: 127.0.0.1:{self.connection.port}", f"Content-Length: {len(body)}",
                               *lines, "", body]).encode()
        return [self.parse(answer) for answer in [self.exchange(request) for _ in range(times)]]

    def exchange(self, request):
        self.connection.sock.sendall(request)
        answer = self.connection.sock.recv(65536)
        while not self.whole(answer):
            more = self.connection.sock.recv(65536)
            if not more:
                raise RuntimeError("the connection has ended")
            answer += more
        return answer

    @staticmethod
    def whole(answer):
        head, end, body = answer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        return end and len(body) >= int(length)

    @staticmethod
    def parse(answer):
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(answer.decode())
        return json.loads(body)


def declaration():
    source = {"name": "Source", "actions": [{
        "name": "Source", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
        "configuration": {"S3Bucket": "turns", "S3ObjectKey": "a.zip", "PollForSourceChanges": "false"},
        "outputArtifacts": [{"name": "App"}]}]}
    deploy = {"actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"},
              "configuration": {"ActionMode": "DELETE_ONLY", "StackName": "s"}}
    return {"name": "turns", "roleArn": ROLE, "version": 1, "artifactStore": {"type": "S3", "location": "slipway-pipeline-store"},
            "stages": [source] + [{"name": f"Stage{n}", "actions": [{**deploy, "name": f"Action{i}", "runOrder": i}
                                                                    for i in range(1, 6)]} for n in range(ACTIONS // 5)]}


class Waiter:
    """Always has a poll under way."""

    def __init__(self, server):
        self.caller, self.got, self.taken = Caller(server), threading.Event(), None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                jobs = self.caller.call("PollForAccountJobs", workerId="turns", maxBatchSize=1, waitMs=5000)["jobs"]
            except (OSError, http.client.HTTPException):
                return  # the server has stopped
            if jobs:
                self.taken = (jobs[0], time.perf_counter())
                self.got.set()

    def take(self):
        if not self.got.wait(20):
            raise RuntimeError("no job came")
        self.got.clear()
        return self.taken


def result(job):
    outputs = [{"name": a["name"], "sha256": "ab" * 32} for a in job["data"]["outputArtifacts"]]
    return {"jobId": job["id"], "nonce": job["nonce"], "outputArtifacts": outputs}


def bench(server, quantiles):
    caller, waiter, times = Caller(server), Waiter(server), []
    caller.call("CreatePipeline", pipeline=declaration())
    for _ in range(TURNS):
        caller.call("StartPipelineExecution", name="turns")
        job, _ = waiter.take()
        for _ in range(ACTIONS):
            begin = time.perf_counter()
            caller.call("PutJobSuccessResult", **result(job))
            job, at = waiter.take()
            times.append((at - begin) * 1000)
        caller.call("PutJobSuccessResult", **result(job))
    yield {"bench": "turns", "actions": len(times), "result_to_next_job": quantiles(times)}
