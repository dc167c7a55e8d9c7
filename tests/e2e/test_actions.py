"""Every action of the anchor against the real services. CodePipeline's side is played by the test: it hands out one
job and takes its result, so that each configuration, retry and failure can be seen apart from the engine."""
import hashlib
import http.client
import http.server
import io
import json
import os
import queue
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid
import zipfile

import pytest

from running import binary

ACCOUNT = "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/slipway-deploy"
TEMPLATE = """
Parameters: {Suffix: {Type: String}, Text: {Type: String, Default: x}}
Resources:
  Site: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "site-${Suffix}"}}
  Note: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "/note/${Suffix}", Type: String, Value: !Ref Text}}
Outputs: {Bucket: {Value: !Ref Site}}
"""
KEPT = ("transfer-encoding", "connection", "date", "content-length")


class Desk(http.server.ThreadingHTTPServer):
    """Hands CodePipeline's part to the test and everything else to the server."""
    daemon_threads = True

    def __init__(self, upstream):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.jobs = queue.Queue()
        self.results = queue.Queue()
        self.broken = {}  # operation → how many times it is answered 503
        self.asked = []  # forms that were sent
        self.plain = False  # answers are without what only Slipway says
        self.cancelled = False  # what holders of leases are told
        self.apart = False  # no result is taken that ends a build too
        self.late = {}  # operation → the error that its next answer says, though it was done: somebody was faster
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def poll(self):
        try:
            return [self.jobs.get(timeout=2)]
        except queue.Empty:
            return []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body, length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def pipeline(self, operation, given):
        if operation == "PollForAccountJobs":
            return {"jobs": self.server.poll()}
        if operation in ("PutJobSuccessResult", "PutJobFailureResult"):
            self.server.results.put({"operation": operation, **given})
            return {"jobs": [self.server.jobs.get_nowait()] if "nextJobs" in given and not self.server.jobs.empty() else []}
        return {"leaseMs": 30000, "cancelled": self.server.cancelled} if operation == "ExtendJobLease" else {}

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target", "")
        operation = target.split(".")[-1]
        if self.server.broken.get(operation, 0) > 0:
            self.server.broken[operation] -= 1
            self.answer(503, [], b"")
            return
        if target.startswith("CodePipeline_"):
            given = json.loads(body)
            if self.server.apart and "build" in given:
                self.answer(400, [], b'{"__type": "InvalidJobStateException", "message": "apart"}')
                return
            answer = json.dumps(self.pipeline(operation, given))
            self.answer(200, [("Content-Type", "application/x-amz-json-1.1")], answer.encode())
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=90)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body or None)
        got = upstream.getresponse()
        content = got.read()
        query = urllib.parse.parse_qs(body.decode("latin-1")) if not target else {}
        self.server.asked.append(query)
        code = self.server.late.pop(query.get("Action", [""])[0], None)
        if code:
            self.answer(400, [("Content-Type", "text/xml")],
                        f"<ErrorResponse><Error><Code>{code}</Code><Message>too late</Message></Error></ErrorResponse>".encode())
            upstream.close()
            return
        headers = [pair for pair in got.getheaders() if pair[0].lower() not in KEPT
                   and not (self.server.plain and pair[0].lower().startswith("x-slipway-"))]
        self.answer(got.status, headers, content, got.getheader("Content-Length") if self.command == "HEAD" else None)
        upstream.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any


class Bench:
    """An anchor of the dev account that works for the desk."""

    def __init__(self, house):
        self.house, self.desk = house, Desk(house.port)
        self.cache = tempfile.mkdtemp(prefix="slipway-test-cache.")
        key, secret = house.keys("dev")
        self.anchor = subprocess.Popen(
            [binary(), "anchor", "--cache-dir", self.cache], stdin=subprocess.DEVNULL,
            env={**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.desk.server_port}",
                 "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret})
        self.s3 = house.client("s3")
        self.ssm = house.client("ssm")
        self.codebuild = house.client("codebuild")
        self.suffix = uuid.uuid4().hex[:10]
        self.store = "store-" + self.suffix
        self.s3.create_bucket(Bucket=self.store)
        self.s3.put_bucket_versioning(Bucket=self.store, VersioningConfiguration={"Status": "Enabled"})
        self.put_artifact({
            "template.yaml": TEMPLATE, "site/index.html": "<h1>1</h1>", "site/style.css": "x",
            "configuration.json": json.dumps({"Parameters": {"Text": "configured"}, "Tags": {"team": "shop"}}),
            "parameters.json": json.dumps({"S": self.suffix})})

    def put_artifact(self, files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        self.bytes = out.getvalue()
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        self.version = self.s3.put_object(Bucket=self.store, Key="App/1", Body=self.bytes)["VersionId"]

    def location(self, key):
        return {"type": "S3", "s3Location": {"bucketName": self.store, "objectKey": key}}

    def offer(self, category, provider, configuration, execution=None, output=None, lease_ms=30000, job=None, **data):
        execution = execution or str(uuid.uuid4())
        inputs = [] if category == "Source" else [{"name": "App", "sha256": self.sha256,
                                                   "location": self.location("App/1")}]
        self.desk.jobs.put({"id": str(uuid.uuid4()), "nonce": "n", "accountId": ACCOUNT, "leaseMs": lease_ms, "data": {
            "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
            "actionConfiguration": {"configuration": configuration},
            "pipelineContext": {"pipelineName": "p", "pipelineExecutionId": "e", "stage": {"name": "s"},
                                "action": {"name": "a", "actionExecutionId": execution}},
            "inputArtifacts": inputs,
            "outputArtifacts": [{"name": "Out", "location": self.location(output)}] if output else [], **data}, **(job or {})})

    def run(self, *words, **more):
        self.offer(*words, **more)
        return self.desk.results.get(timeout=60)

    def deploy(self, mode, execution=None, output=None, **more):
        return self.run("Deploy", "CloudFormation", {
            "ActionMode": mode, "StackName": "app-" + self.suffix, "ChangeSetName": "release",
            "TemplatePath": "App::template.yaml", "TemplateConfiguration": "App::configuration.json",
            "ParameterOverrides": '{"Suffix": {"Fn::GetParam": ["App", "parameters.json", "S"]}}', **more},
            execution=execution, output=output)

    def close(self):
        self.anchor.send_signal(signal.SIGTERM)
        status = self.anchor.wait(20)
        self.desk.shutdown()
        subprocess.run(["rm", "-rf", self.cache], check=True)
        assert status == 0


@pytest.fixture(scope="module")
def bench(house):
    made = Bench(house)
    yield made
    made.close()


def succeeded(result):
    assert result["operation"] == "PutJobSuccessResult", result
    return result


def failure(result):
    assert result["operation"] == "PutJobFailureResult", result
    return result["failureDetails"]


def test_a_source_is_copied_at_its_pinned_version_with_its_digest(bench):
    bench.s3.put_object(Bucket=bench.store, Key="App/1", Body=b"newer")
    result = succeeded(bench.run("Source", "S3", {"S3Bucket": bench.store, "S3ObjectKey": "App/1"}, output="Out/source",
                                 sourceRevision={"actionName": "a", "revisionType": "S3_OBJECT_VERSION_ID",
                                                 "revisionValue": bench.version}))
    assert result["currentRevision"]["revision"] == bench.version
    assert result["outputArtifacts"] == [{"name": "Out", "sha256": bench.sha256}]
    assert result["outputVariables"]["SHA256"] == bench.sha256
    assert bench.s3.get_object(Bucket=bench.store, Key="Out/source")["Body"].read() == bench.bytes
    bench.s3.put_object(Bucket=bench.store, Key="App/1", Body=bench.bytes)


@pytest.mark.parametrize("plain", [False, True], ids=["slipway", "a store that tells less with a copy"])
def test_a_source_in_parts_is_told_as_its_bucket_tells_it(bench, plain):
    """ETag and size are the origin's: a copy in one part has another ETag."""
    said = {"codepipeline-artifact-revision-summary": "in parts"}
    upload = bench.s3.create_multipart_upload(Bucket=bench.store, Key="parts", Metadata=said)["UploadId"]
    part = bench.s3.upload_part(Bucket=bench.store, Key="parts", UploadId=upload, PartNumber=1, Body=bench.bytes)
    whole = bench.s3.complete_multipart_upload(Bucket=bench.store, Key="parts", UploadId=upload, MultipartUpload={
        "Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})
    bench.desk.plain = plain
    try:
        result = succeeded(bench.run("Source", "S3", {"S3Bucket": bench.store, "S3ObjectKey": "parts"}, output="Out/parts"))
    finally:
        bench.desk.plain = False
    told = result["outputVariables"]
    assert whole["ETag"].endswith('-1"') and told["ETag"] == whole["ETag"] and told["SHA256"] == bench.sha256
    assert told["VersionId"] == whole["VersionId"] == result["currentRevision"]["revision"]
    assert f"{len(bench.bytes)} bytes" in result["executionDetails"]["summary"]
    assert result["currentRevision"]["revisionSummary"] == "in parts"
    assert result["currentRevision"]["changeIdentifier"] == whole["ETag"].strip('"')


def test_a_source_that_is_not_there_is_told(bench):
    failed = failure(bench.run("Source", "S3", {"S3Bucket": bench.store, "S3ObjectKey": "none"}, output="Out/none"))
    assert failed["type"] == "RevisionUnavailable" and f"s3://{bench.store}/none does not exist" in failed["message"]


def test_a_role_that_is_not_there_is_told(bench):
    failed = failure(bench.run("Deploy", "S3", {"BucketName": bench.store, "Extract": "true"},
                               job={"roleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}))
    assert "role/nobody" in failed["message"] and "there is no such role, or its trust policy names others" in failed["message"]


def test_a_store_that_is_not_there_is_told(bench):
    elsewhere = {"type": "S3", "s3Location": {"bucketName": "no-" + bench.store, "objectKey": "Out/1"}}
    failed = failure(bench.run("Source", "S3", {"S3Bucket": bench.store, "S3ObjectKey": "App/1"},
                               outputArtifacts=[{"name": "Out", "location": elsewhere}]))
    assert failed["type"] == "ConfigurationError"
    assert f"the pipeline's artifact store, bucket no-{bench.store}, does not exist: create it" in failed["message"]


def test_change_sets_are_made_once_executed_once_and_summarised(bench):
    first = str(uuid.uuid4())
    made = succeeded(bench.deploy("CHANGE_SET_REPLACE", first))
    again = succeeded(bench.deploy("CHANGE_SET_REPLACE", first))
    assert made["executionDetails"] == again["executionDetails"]
    summary = made["executionDetails"]["summary"]
    assert summary.startswith("2 to add, 0 to modify, 0 to remove") and "Add Site (AWS::S3::Bucket)" in summary
    other = succeeded(bench.deploy("CHANGE_SET_REPLACE"))
    assert other["executionDetails"]["externalExecutionId"] != made["executionDetails"]["externalExecutionId"]

    second = str(uuid.uuid4())
    done = succeeded(bench.deploy("CHANGE_SET_EXECUTE", second, output="Out/outputs", OutputFileName="outputs.json"))
    assert done["outputVariables"]["Bucket"] == "site-" + bench.suffix
    assert succeeded(bench.deploy("CHANGE_SET_EXECUTE", second))["outputVariables"]["Bucket"]
    body = bench.s3.get_object(Bucket=bench.store, Key="Out/outputs")["Body"].read()
    assert done["outputArtifacts"] == [{"name": "Out", "sha256": hashlib.sha256(body).hexdigest()}]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert json.loads(archive.read("outputs.json")) == {"Bucket": "site-" + bench.suffix}
    assert bench.ssm.get_parameter(Name="/note/" + bench.suffix)["Parameter"]["Value"] == "configured"

    assert succeeded(bench.deploy("CHANGE_SET_REPLACE"))["executionDetails"]["summary"] == "no changes"
    same = str(uuid.uuid4())
    for _ in range(2):  # also when the first worker died before it could tell
        kept = succeeded(bench.deploy("CHANGE_SET_EXECUTE", same))
        assert kept["executionDetails"]["summary"].startswith("no changes: stack")
        assert kept["outputVariables"]["Bucket"] == "site-" + bench.suffix


def test_a_stack_that_the_same_action_has_moved_a_moment_ago_is_waited_for(bench):
    """By a worker that stood still between looking and doing, while its successor did it."""
    stack, overrides = "late-" + bench.suffix, '{"Suffix": "late-%s", "Text": "%s"}'
    for operation, mode, code in (("CreateStack", "CREATE_UPDATE", "AlreadyExistsException"),
                                  ("UpdateStack", "CREATE_UPDATE", "TokenAlreadyExistsException"),
                                  ("ExecuteChangeSet", "CHANGE_SET_EXECUTE", "InvalidChangeSetStatus")):
        more = {"StackName": stack, "ParameterOverrides": overrides % (bench.suffix, operation)}
        if mode == "CHANGE_SET_EXECUTE":
            bench.desk.late = {"CreateChangeSet": "AlreadyExistsException"}
            made = succeeded(bench.deploy("CHANGE_SET_REPLACE", **more))["executionDetails"]
            assert made["summary"].startswith("0 to add, 1 to modify") and bench.desk.late == {}
        bench.desk.late = {operation: code}
        assert "_COMPLETE" in succeeded(bench.deploy(mode, **more))["executionDetails"]["summary"]
        assert bench.desk.late == {}


def test_a_change_set_that_took_the_place_of_an_older_one_is_not_deleted_in_its_stead(bench):
    """By a worker that saw the older one, and stood still before deleting it."""
    succeeded(bench.deploy("CHANGE_SET_REPLACE"))
    bench.desk.asked = []
    succeeded(bench.deploy("CHANGE_SET_REPLACE"))
    [deleted] = [q["ChangeSetName"][0] for q in bench.desk.asked if q.get("Action") == ["DeleteChangeSet"]]
    assert deleted.startswith("arn:aws:cloudformation:")


def test_stacks_are_created_updated_replaced_after_failure_and_deleted(bench):
    stack, overrides = "two-" + bench.suffix, '{"Suffix": "two-%s"}' % bench.suffix
    bench.s3.create_bucket(Bucket="site-two-" + bench.suffix)
    failed = failure(bench.deploy("CREATE_UPDATE", StackName=stack, ParameterOverrides=overrides))
    assert "ROLLBACK_COMPLETE" in failed["message"] and "Site (AWS::S3::Bucket)" in failed["message"]
    bench.s3.delete_bucket(Bucket="site-two-" + bench.suffix)
    succeeded(bench.deploy("REPLACE_ON_FAILURE", StackName=stack, ParameterOverrides=overrides))
    changed = json.dumps({"Suffix": "two-" + bench.suffix, "Text": "new"})
    result = succeeded(bench.deploy("CREATE_UPDATE", StackName=stack, ParameterOverrides=changed))
    assert "UPDATE_COMPLETE" in result["executionDetails"]["summary"]
    succeeded(bench.deploy("CREATE_UPDATE", StackName=stack, ParameterOverrides=changed))
    for _ in range(2):
        succeeded(bench.deploy("DELETE_ONLY", StackName=stack))


@pytest.mark.parametrize("more, words", [
    ({"TemplatePath": "App::none.yaml"}, "there is no 'none.yaml'"),
    ({"TemplatePath": "Other::template.yaml"}, "'Other' is not an input artifact"),
    ({"TemplatePath": "template.yaml"}, "ARTIFACT::FILE"),
    ({"ParameterOverrides": "{"}, "ParameterOverrides is not a JSON object"),
    ({"ParameterOverrides": '{"Suffix": ["a"]}'}, "parameter Suffix must be"),
    ({"ActionMode": "CREATE"}, "is not one of"),
])
def test_a_wrong_configuration_is_told(bench, more, words):
    failed = failure(bench.deploy(more.pop("ActionMode", "CREATE_UPDATE"), **more))
    assert failed["type"] == "ConfigurationError" and words in failed["message"]


def test_files_are_deployed_with_their_types(bench):
    bucket = "web-" + bench.suffix
    bench.s3.create_bucket(Bucket=bucket)
    for _ in range(2):
        succeeded(bench.run("Deploy", "S3", {"BucketName": bucket, "Extract": "true", "ObjectKey": "www/",
                                             "CacheControl": "max-age=5"}))
    page = bench.s3.get_object(Bucket=bucket, Key="www/site/index.html")
    assert page["ContentType"] == "text/html" and page["CacheControl"] == "max-age=5"
    assert page["Body"].read() == b"<h1>1</h1>"
    succeeded(bench.run("Deploy", "S3", {"BucketName": bucket, "Extract": "false", "ObjectKey": "app.zip"}))
    assert bench.s3.get_object(Bucket=bucket, Key="app.zip")["Body"].read() == bench.bytes
    missing = failure(bench.run("Deploy", "S3", {"BucketName": "none-" + bench.suffix, "Extract": "true"}))
    assert "bucket none-" + bench.suffix + " does not exist" in missing["message"]


def test_other_bytes_than_pinned_are_refused(bench):
    wrong = [{"name": "App", "sha256": "0" * 64, "location": bench.location("App/1")}]
    failed = failure(bench.run("Deploy", "S3", {"BucketName": bench.store, "Extract": "true"}, inputArtifacts=wrong))
    assert "refused" in failed["message"] and bench.sha256 in failed["message"]


def test_a_hostile_zip_is_refused(bench):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../evil", "x")
    bench.s3.put_object(Bucket=bench.store, Key="App/evil", Body=out.getvalue())
    evil = [{"name": "App", "sha256": hashlib.sha256(out.getvalue()).hexdigest(), "location": bench.location("App/evil")}]
    failed = failure(bench.run("Deploy", "S3", {"BucketName": bench.store, "Extract": "true"}, inputArtifacts=evil))
    assert "the artifact was refused" in failed["message"] and "../evil" in failed["message"]


def test_builds_run_and_a_failed_test_brings_its_last_lines(bench):
    def project(name, *commands):
        bench.codebuild.create_project(
            name=name, serviceRole=ROLE, artifacts={"type": "NO_ARTIFACTS"},
            source={"type": "NO_SOURCE", "buildspec": json.dumps(
                {"version": 0.2, "env": {"exported-variables": ["SEEN"]},
                 "phases": {"build": {"commands": list(commands)}}})},
            environment={"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"})
        return name
    good = project("good-" + bench.suffix, "export SEEN=$(cat site/index.html)", "test $WANTED = yes")
    result = succeeded(bench.run("Test", "CodeBuild", {
        "ProjectName": good, "EnvironmentVariables": '[{"name": "WANTED", "value": "yes"}]'}))
    assert result["outputVariables"] == {"SEEN": "<h1>1</h1>"}
    bad = project("bad-" + bench.suffix, "echo looking", "echo the page is not there; exit 4")
    failed = failure(bench.run("Test", "CodeBuild", {"ProjectName": bad}))
    assert "\nthe page is not there\n" in failed["message"] and "exit status 4" in failed["message"]
    assert failure(bench.run("Test", "CodeBuild", {"ProjectName": "none"}))["type"] == "ConfigurationError"


# ---- commands, and endpoints that answer in the place of functions and alarms

def commands(bench, category, lines, **data):
    return bench.run(category, "Commands", {}, commands=lines, **data)


def test_commands_run_with_variables_and_leave_files_and_variables(bench):
    result = succeeded(commands(
        bench, "Compute", ["cat site/index.html > out.txt", 'echo "$GREETING" >> out.txt', "export ANSWER=42"],
        environmentVariables=[{"name": "GREETING", "value": "it's you", "type": "PLAINTEXT"}],
        outputVariables=["ANSWER"], outputFiles=["out.txt"], output="Out/commands"))
    assert result["outputVariables"] == {"ANSWER": "42"}
    body = bench.s3.get_object(Bucket=bench.store, Key="Out/commands")["Body"].read()
    assert result["outputArtifacts"] == [{"name": "Out", "sha256": hashlib.sha256(body).hexdigest()}]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read("out.txt") == b"<h1>1</h1>it's you\n"


def test_a_command_that_fails_is_told_with_its_last_lines(bench):
    failed = failure(commands(bench, "Rule", ["echo looking", "grep 2 site/index.html", "echo not reached"]))
    assert "grep 2 site/index.html" in failed["message"] and "not reached" not in failed["message"]


def test_commands_run_without_an_artifact(bench):
    succeeded(commands(bench, "Rule", ["test -d ."], inputArtifacts=[]))


class Check(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture
def check():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Check)
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}/check"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def ask(bench, check, *answers, provider="LambdaInvoke", **configuration):
    check.answers = list(answers)
    named = {"FunctionName": "smoke"} if provider == "LambdaInvoke" else {"AlarmName": "errors"}
    return bench.run("Rule", provider, {**named, "CheckUrl": check.url, **configuration})


def test_an_endpoint_answers_for_a_function(bench, check):
    result = succeeded(ask(bench, check, (200, {"status": "Succeeded", "summary": "all well"}), UserParameters="x=1"))
    assert result["executionDetails"]["summary"] == "all well"
    asked = check.asked[0]
    assert asked["functionName"] == "smoke" and asked["userParameters"] == "x=1" and asked["ruleName"] == "a"
    assert asked["inputArtifacts"][0]["sha256"] == bench.sha256
    assert "the check said no: too slow" in failure(
        ask(bench, check, (200, {"status": "Failed", "summary": "too slow"})))["message"]
    assert "answers 403: go away" in failure(ask(bench, check, (403, b"go away")))["message"]
    assert "JSON" in failure(ask(bench, check, (200, b"<html>")))["message"]
    succeeded(ask(bench, check, (204, b"")))


def test_an_endpoint_is_asked_again_while_it_works_or_is_down(bench, check):
    succeeded(ask(bench, check, (200, {"status": "InProgress"}), (503, b""), (200, {"status": "Succeeded"})))
    assert len(check.asked) == 3


def test_an_endpoint_that_never_gives_an_answer_is_told_when_the_rules_time_is_over(bench, check):
    check.answers = [(503, b"")] * 9
    configuration = {"FunctionName": "smoke", "CheckUrl": check.url}
    down = failure(bench.run("Rule", "LambdaInvoke", configuration, job={"timeoutMs": 3000}))
    assert down["message"] == f"the rule's time is over: {check.url} answers 503"
    check.answers = [(200, {"status": "InProgress", "summary": "half"})] * 9
    slow = failure(bench.run("Rule", "LambdaInvoke", configuration, job={"timeoutMs": 3000}))
    assert slow["message"] == "the rule's time is over: the check goes on: half"


def test_an_endpoint_that_says_nothing_at_all_is_told_within_the_rules_time(bench):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/check"
        began = time.monotonic()
        told = failure(bench.run("Rule", "LambdaInvoke", {"FunctionName": "smoke", "CheckUrl": url}, job={"timeoutMs": 5000}))
        assert time.monotonic() - began < 5
    assert told["message"].startswith("the rule's time is over: ") and url in told["message"]


def test_an_endpoint_answers_for_an_alarm(bench, check):
    succeeded(ask(bench, check, (200, {"state": "OK"}), provider="CloudWatchAlarm"))
    assert "ALARM" in failure(ask(bench, check, (200, {"state": "ALARM"}), provider="CloudWatchAlarm"))["message"]
    failure(ask(bench, check, (200, {"state": "INSUFFICIENT_DATA"}), provider="CloudWatchAlarm",
                AlarmStates="ALARM, INSUFFICIENT_DATA"))
    # an alarm that comes while it is watched
    failure(ask(bench, check, (200, {"state": "OK"}), (200, {"state": "ALARM"}), provider="CloudWatchAlarm",
                WaitTime="5"))


@pytest.mark.parametrize("answer,words", [
    ((200, {"errorMessage": "it broke"}), 'answers with neither a status nor a state: {"errorMessage": "it broke"}'),
    ((200, [1]), "answers with neither a status nor a state: [1]"),
    ((200, {"status": 5}), "answers with neither a status nor a state"),
    ((200, {"status": "OK"}), "answers with the status 'OK', which is not Succeeded, Failed or InProgress"),
    ((200, {"state": "alarm"}), "answers with the state 'alarm', which is not OK, ALARM or INSUFFICIENT_DATA"),
    ((200, b'{"status": "Failed", "status": "Succeeded"}'), "duplicate object key"),
    ((200, b" " * 70000), "answers with more than 65536 bytes"),
    ((400, b"\xff\xfe!"), "answers 400: \ufffd\ufffd!"),
    ((400, "ö".encode() * 400), "answers 400: " + "ö" * 250),
    ((302, b""), "answers 302"),
], ids=lambda of: str(of)[:40])
def test_an_answer_that_is_none_opens_no_gate(bench, check, answer, words):
    provider = "CloudWatchAlarm" if "'state'" in str(answer) else "LambdaInvoke"
    assert words in failure(ask(bench, check, answer, provider=provider))["message"]


def test_an_endpoint_that_is_too_busy_is_asked_again(bench, check):
    succeeded(ask(bench, check, (429, b""), (408, b""), (200, {"status": "Succeeded"})))


@pytest.fixture
def alone(server):
    """No other anchor takes its builds."""
    made = Bench(server)
    yield made
    made.close()


def wait_for(look, what, seconds=60):
    until = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def test_a_build_is_stopped_with_the_job_that_it_is_part_of(alone):
    builds = alone.house.client("codebuild", profile="dev")
    before = set(builds.list_builds()["ids"])
    alone.desk.cancelled = True
    try:
        alone.offer("Rule", "Commands", {}, commands=["sleep 1000"], lease_ms=3000, inputArtifacts=[])
        wait_for(lambda: set(builds.list_builds()["ids"]) - before, "a build has begun")
        [build] = set(builds.list_builds()["ids"]) - before
        shown = lambda: builds.batch_get_builds(ids=[build])["builds"][0]
        wait_for(lambda: shown()["buildComplete"], "the build has ended")
        assert shown()["buildStatus"] == "STOPPED"
        assert alone.desk.results.empty()
    finally:
        alone.desk.cancelled = False


def test_the_lines_of_a_short_build_are_there_when_it_ends(alone):
    succeeded(commands(alone, "Rule", ["echo first", "printf last"], inputArtifacts=[]))
    builds, logs = (alone.house.client(name, profile="dev") for name in ("codebuild", "logs"))
    place = builds.batch_get_builds(ids=builds.list_builds()["ids"][:1])["builds"][0]["logs"]
    events = logs.get_log_events(logGroupName=place["groupName"], logStreamName=place["streamName"], startFromHead=True)["events"]
    said = [e["message"] for e in events if not e["message"].startswith("[Container]")]
    assert said == ["first", "last"]
    assert [e["timestamp"] for e in events] == sorted(e["timestamp"] for e in events)


def leased(alone, *commands):
    """A build that is given with a job, and what it looks like now."""
    builds, name = alone.house.client("codebuild", profile="dev"), "leased-" + uuid.uuid4().hex[:8]
    builds.create_project(
        name=name, serviceRole=ROLE, artifacts={"type": "NO_ARTIFACTS"},
        source={"type": "NO_SOURCE", "buildspec": json.dumps(
            {"version": 0.2, "env": {"exported-variables": ["A"]}, "phases": {"build": {"commands": list(commands)}}})},
        environment={"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"})
    keep = []
    builds.meta.events.register("before-sign.codebuild.StartBuild", lambda request, **_: request.headers.add_header(
        "X-Slipway-Lease", "desk"))
    builds.meta.events.register("after-call.codebuild.StartBuild", lambda http_response, **_: keep.append(
        json.loads(http_response.content)["lease"]))
    builds.start_build(projectName=name)
    return keep[0], lambda: builds.batch_get_builds(ids=[keep[0]["id"]])["builds"][0]


def test_a_build_that_comes_with_its_job_ends_with_it(alone):
    work, show = leased(alone, "export A=b; echo said")
    result = succeeded(alone.run("Test", "CodeBuild", {"ProjectName": "p"}, job={"build": work}))
    assert result["outputVariables"] == {"A": "b"} and result["executionDetails"]["externalExecutionId"] == work["id"]
    report = result["build"]
    assert (report["id"], report["nonce"], report["buildStatus"]) == (work["id"], work["nonce"], "SUCCEEDED")
    assert "said" in [e["message"] for e in report["logEvents"]]
    assert [p["phaseType"] for p in report["phases"]][-2:] == ["POST_BUILD", "UPLOAD_ARTIFACTS"]
    assert show()["buildStatus"] == "IN_PROGRESS"  # the report is CodePipeline's to hand on, which is the desk here


def test_a_build_that_must_not_end_with_its_job_ends_before_it(alone):
    work, show = leased(alone, "export A=b")
    alone.desk.apart = True
    try:
        result = succeeded(alone.run("Test", "CodeBuild", {"ProjectName": "p"}, job={"build": work}))
    finally:
        alone.desk.apart = False
    assert "build" not in result and result["outputVariables"] == {"A": "b"} and show()["buildStatus"] == "SUCCEEDED"
    assert result["executionDetails"]["summary"].count("succeeded") == 1


def test_a_build_that_comes_with_its_job_and_fails_is_told_with_its_last_lines(alone):
    work, show = leased(alone, "echo not today", "false")
    failed = failure(alone.run("Test", "CodeBuild", {"ProjectName": "p"}, job={"build": work}))
    assert "\nnot today\n" in failed["message"] and show()["buildStatus"] == "FAILED"


def test_a_build_whose_job_cannot_begin_is_stopped(alone):
    work, show = leased(alone, "true")
    failed = failure(alone.run("Test", "CodeBuild", {"ProjectName": "p"},
                               job={"build": work, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}))
    assert failed["type"] == "PermissionError" and show()["buildStatus"] == "STOPPED"


def test_a_result_brings_the_next_job(alone):
    for _ in range(3):
        alone.offer("Rule", "Commands", {}, commands=["true"], inputArtifacts=[])
    for _ in range(3):
        succeeded(alone.desk.results.get(timeout=60))


def test_a_build_goes_on_trying_while_the_services_are_away(alone):
    alone.desk.broken = {"PutLogEvents": 4, "UpdateBuild": 8}
    succeeded(commands(alone, "Rule", ["echo begun; sleep 1"], inputArtifacts=[]))
    assert alone.desk.broken == {"PutLogEvents": 0, "UpdateBuild": 0}


def test_an_unknown_provider_is_told(bench):
    failed = failure(bench.run("Invoke", "Lambda", {}))
    assert failed["type"] == "ConfigurationError" and "Lambda" in failed["message"]
