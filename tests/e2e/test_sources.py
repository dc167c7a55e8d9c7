"""S3 sources with real anchors: what starts, and what is read."""
import io
import json
import os
import pathlib
import subprocess
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sdk"))
from pipelines import Worker, declaration, action, source, until  # noqa: E402
from running import binary  # noqa: E402


def test_a_put_is_deployed_and_another_key_on_demand(house):
    s3, codepipeline, caller = house.client("s3"), house.client("codepipeline"), Worker(house)
    for bucket in "sources", "sources-store", "sources-target":
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    get = source()
    get["configuration"] = {"S3Bucket": "sources", "S3ObjectKey": "app.zip", "AllowOverrideForS3ObjectKey": "true"}
    made = declaration([action("Put", provider="S3", inputs=["App"], configuration={
        "BucketName": "sources-target", "Extract": "false", "ObjectKey": "out.zip"})], sources=[get], name="followed")
    made["artifactStore"]["location"] = "sources-store"
    codepipeline.create_pipeline(pipeline=made)

    def deployed(execution):
        def ended():
            shown = codepipeline.get_pipeline_execution(pipelineName="followed", pipelineExecutionId=execution)
            return shown["pipelineExecution"]["status"] != "InProgress" and shown["pipelineExecution"]
        ended = until(ended, "the execution ends", 60)
        assert ended["status"] == "Succeeded", ended
        return s3.get_object(Bucket="sources-target", Key="out.zip")["Body"].read(), ended["artifactRevisions"][0]

    version = s3.put_object(Bucket="sources", Key="app.zip", Body=b"first")["VersionId"]
    [run] = codepipeline.list_pipeline_executions(pipelineName="followed")["pipelineExecutionSummaries"]
    body, revision = deployed(run["pipelineExecutionId"])
    assert (body, revision["revisionId"]) == (b"first", version)

    old = s3.put_object(Bucket="sources", Key="hotfix.zip", Body=b"old hotfix")["VersionId"]
    new = s3.put_object(Bucket="sources", Key="hotfix.zip", Body=b"new hotfix")["VersionId"]
    key = {"actionName": "Artifact", "revisionType": "S3_OBJECT_KEY", "revisionValue": "hotfix.zip"}
    pin = {"actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": old}
    for overrides, wanted in ([key, pin], (b"old hotfix", old)), ([key], (b"new hotfix", new)):
        started = caller.call("StartPipelineExecution", name="followed", sourceRevisions=overrides)
        body, revision = deployed(started["pipelineExecutionId"])
        assert (body, revision["revisionId"]) == wanted

    for version in "nonsense", "1" * 32:
        wrong = {**pin, "revisionValue": version}
        run = caller.call("StartPipelineExecution", name="followed", sourceRevisions=[wrong])["pipelineExecutionId"]
        shown = lambda: codepipeline.get_pipeline_execution(pipelineName="followed", pipelineExecutionId=run)["pipelineExecution"]
        until(lambda: shown()["status"] == "Failed", "the execution ends", 60)
        shown = caller.call("GetPipelineExecution", pipelineName="followed", pipelineExecutionId=run)["pipelineExecution"]
        assert f"version {version} of s3://sources/app.zip does not exist" in shown["statusSummary"]


def test_the_log_of_commands_is_printed(house):
    s3, codepipeline = house.client("s3"), house.client("codepipeline")
    for bucket in "logged", "logged-store":
        s3.create_bucket(Bucket=bucket)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("greeting", "good morning\n")
    get = source()
    get["configuration"] = {"S3Bucket": "logged", "S3ObjectKey": "app.zip"}
    run = {**action("Say", category="Compute", provider="Commands", inputs=["App"]), "configuration": {}, "commands": [
        "cat greeting", r"printf '\033[31mred\033[0m \033]0;title\007 \342\200\256turned\n'"]}
    made = declaration([run], sources=[get], name="talkative")
    made["artifactStore"]["location"] = "logged-store"
    Worker(house).call("CreatePipeline", pipeline=made)
    nothing = house.slipway("logs", "talkative", profile="dev", check=False)
    assert nothing.returncode == 3 and "no build, test or Commands action of talkative has run" in nothing.stderr
    s3.put_object(Bucket="logged", Key="app.zip", Body=packed.getvalue())
    executions = lambda: codepipeline.list_pipeline_executions(pipelineName="talkative")["pipelineExecutionSummaries"]
    until(lambda: executions()[0]["status"] == "Succeeded", "the commands have run", 60)
    printed = house.slipway("logs", "talkative", profile="dev")
    assert "good morning" in printed and "\x1b]0;title\x07 \u202eturned\n" in printed
    screen, terminal = os.openpty()
    with open(screen, "rb", buffering=0) as shown:
        subprocess.run([binary(), "logs", "talkative"], stdin=subprocess.DEVNULL, stdout=terminal, timeout=60,
                       env={**house.aws_environment("dev"), "AWS_ENDPOINT_URL": house.endpoint})
        picture = shown.read(65536).decode()
    os.close(terminal)
    assert "\x1b[31mred\x1b[0m ?]0;title? ?turned" in picture, "colours alone reach a terminal"


def kept(house, name, run, store=None):
    """How an execution of one action after an S3 source ends: its status and why."""
    s3 = house.client("s3")
    s3.create_bucket(Bucket=name)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("greeting", "good morning\n")
    s3.put_object(Bucket=name, Key="app.zip", Body=packed.getvalue())
    get = source()
    get["configuration"] = {"S3Bucket": name, "S3ObjectKey": "app.zip", "PollForSourceChanges": "false"}
    made = declaration([run], sources=[get], name=name)
    made["artifactStore"]["location"] = store or name
    caller = Worker(house)
    caller.call("CreatePipeline", pipeline=made)
    execution = caller.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    shown = lambda: caller.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=execution)["pipelineExecution"]
    return until(lambda: shown()["status"] != "InProgress" and shown(), "the execution ends", 60)


def test_a_result_that_is_refused_is_a_failure_and_done_once(house):
    run = {**action("Say", category="Compute", provider="Commands", inputs=["App"]), "configuration": {}, "commands": [
        "echo once", "export BIG=$(head -c 130000 /dev/zero | tr '\\0' x)"], "outputVariables": ["BIG"]}
    ended = kept(house, "too-big", run)
    assert ended["status"] == "Failed" and "The output variables have 130003 bytes; the most is 122880." in ended["statusSummary"]
    assert house.slipway("logs", "too-big", profile="dev").count("\nonce\n") == 1


def test_a_store_that_is_closed_to_the_pipeline_says_what_to_do(house):
    house.client("s3", profile="prod").create_bucket(Bucket="closed-store")
    house.client("s3", profile="prod").put_bucket_policy(Bucket="closed-store", Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "444444444444"}, "Action": "s3:*",
                                                "Resource": ["arn:aws:s3:::closed-store", "arn:aws:s3:::closed-store/*"]}]}))
    ended = kept(house, "shut-out", action("Go"), store="closed-store")
    assert ended["status"] == "Failed" and "bucket closed-store, is closed to account 222222222222: name a bucket of the " \
        "pipeline's own account in its artifactStore, or have this bucket's account let" in ended["statusSummary"]
