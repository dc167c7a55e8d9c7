"""Approvals: by several people, by groups, never of one's own, and what each is about."""
import hashlib
import uuid

import pytest

from pipelines import Refused, Worker, action, approval, declaration, until

ROLE = "arn:aws:iam::222222222222:role/slipway-deploy"
BROKERED = {"TrustedSessions": "arn:aws:sts::222222222222:assumed-role/slipway-deploy/*"}  # one key, many people


class Release:
    """A pipeline that waits for an approval, and people to answer."""

    def __init__(self, server):
        self.server = server
        self.worker = Worker(server, name=f"w-{uuid.uuid4().hex[:8]}")
        self.pipelines = server.client("codepipeline", profile="dev")
        self.users = {}
        self.s3 = server.client("s3", profile="dev")
        self.bucket = "b-" + uuid.uuid4().hex[:12]
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def person(self, name, service="codepipeline"):
        """A session of that name, or the user `user/NAME`, or a session that this user calls otherwise: `user/NAME/as`."""
        if name.startswith("user/"):
            return self.user(*name.split("/")[1:], service=service)
        keys = self.server.client("sts", profile="dev").assume_role(RoleArn=ROLE, RoleSessionName=name)["Credentials"]
        return self.server.client(service, profile="dev", keys=(keys["AccessKeyId"], keys["SecretAccessKey"]),
                                  token=keys["SessionToken"])

    def user(self, name, session=None, service="codepipeline"):
        if name not in self.users:
            iam = self.server.client("iam", profile="dev")
            unique = f"{name}-{uuid.uuid4().hex[:8]}"
            iam.create_user(UserName=unique)
            made = iam.create_access_key(UserName=unique)["AccessKey"]
            self.users[name] = made["AccessKeyId"], made["SecretAccessKey"]
        if not session:
            return self.server.client(service, keys=self.users[name])
        made = self.server.client("sts", keys=self.users[name]).assume_role(RoleArn=ROLE, RoleSessionName=session)["Credentials"]
        for _ in range(2):  # however long the chain of roles
            client = self.server.client("sts", keys=(made["AccessKeyId"], made["SecretAccessKey"]), token=made["SessionToken"])
            made = client.assume_role(RoleArn=ROLE, RoleSessionName=session)["Credentials"]
        return self.server.client(service, keys=(made["AccessKeyId"], made["SecretAccessKey"]), token=made["SessionToken"])

    def arn(self, name):
        return f"arn:aws:sts::222222222222:assumed-role/slipway-deploy/{name}"

    def make(self, pushed_by="eve", started_by="launcher", here=False, **configuration):
        body = uuid.uuid4().hex.encode()
        self.sha256 = hashlib.sha256(body).hexdigest()
        self.version = self.person(pushed_by, "s3").put_object(Bucket=self.bucket, Key="k.zip", Body=body)["VersionId"]
        source = action("Artifact", category="Source", provider="S3", outputs=["App"],
                        configuration={"S3Bucket": self.bucket, "S3ObjectKey": "k.zip", "PollForSourceChanges": "false"})
        changes = action("Plan", configuration={"ActionMode": "CHANGE_SET_REPLACE", "StackName": "s",
                                                "ChangeSetName": "c", "TemplatePath": "App::t"}, inputs=["App"])
        made = declaration([changes, {**approval("Ask", 2), "configuration": configuration}], [action("Deploy")],
                           sources=[source])
        if here:
            made["artifactStore"]["location"] = self.bucket
        self.pipelines.create_pipeline(pipeline=made)
        self.name = made["name"]
        self.execution = self.person(started_by).start_pipeline_execution(name=self.name)["pipelineExecutionId"]
        if not here:
            self.worker.succeed(self.take("Artifact"), outputArtifacts=[{"name": "App", "sha256": self.sha256}],
                                currentRevision={"revision": self.version, "changeIdentifier": "e", "revisionSummary": "words"})
        self.worker.succeed(self.take("Plan"), executionDetails={"summary": "1 to add", "externalExecutionId": "arn:cs"})

    def take(self, name):
        def look():
            for job in self.worker.poll():
                context = job["data"]["pipelineContext"]
                if context["pipelineName"] == self.name and context["action"]["name"] == name:
                    return job
                self.worker.call("ReleaseJob", jobId=job["id"], nonce=job["nonce"])
        return until(look, f"a job of {name}")

    def asked(self):
        state = self.worker.call("GetPipelineState", name=self.name)
        return state["stageStates"][1]["actionStates"][1]["latestExecution"]

    def answer(self, name, status="Approved", summary="fine"):
        return self.person(name).put_approval_result(
            pipelineName=self.name, stageName="S1", actionName="Ask", token=self.asked()["token"],
            result={"status": status, "summary": summary})

    def refusal(self, *arguments):
        with pytest.raises(self.pipelines.exceptions.ClientError) as refused:
            self.answer(*arguments)
        return refused.value.response["Error"]

    def status(self):
        return self.pipelines.get_pipeline_execution(
            pipelineName=self.name, pipelineExecutionId=self.execution)["pipelineExecution"]["status"]


@pytest.fixture
def release(server):
    return Release(server)


def test_an_approval_says_which_bytes_and_which_change_it_is_about(release):
    release.make()
    assert release.asked()["approval"] == {
        "artifacts": [{"name": "App", "revisionId": release.version, "revisionSummary": "words",
                       "sha256": release.sha256, "putBy": release.arn("eve")}],
        "changes": [{"actionName": "Plan", "changeSet": "arn:cs", "summary": "1 to add"}],
        "given": [], "missing": "1 more of *"}
    release.answer("ann")
    release.take("Deploy")


def test_two_people_approve(release):
    release.make(**BROKERED, RequiredApprovals="2")
    release.answer("ann", "Approved", "looks good")
    asked = release.asked()
    assert asked["status"] == "InProgress" and asked["approval"]["missing"] == "1 more of *"
    assert [(g["who"], g["summary"]) for g in asked["approval"]["given"]] == [(release.arn("ann"), "looks good")]
    again = release.refusal("ann")
    assert again["Code"] == "ApprovalAlreadyCompletedException" and "waits for 1 more of *" in again["Message"]
    waits = release.worker.call("ExplainPipeline", name=release.name)["executions"][0]["waitsFor"]
    assert "(1 more of *)" in waits[0]["summary"]
    release.answer("bob")
    release.take("Deploy")
    history = release.worker.call("ListPipelineHistory", pipelineName=release.name)["events"]
    assert {e["who"] for e in history if e["what"] == "approved"} == {release.arn("ann"), release.arn("bob")}


def test_each_group_approves(release):
    release.make(**BROKERED, Approvers=f"{release.arn('ops-*')}; {release.arn('sec-*')}")
    stranger = release.refusal("ann")
    assert stranger["Code"] == "AccessDeniedException" and "not among the approvers" in stranger["Message"]
    release.answer("ops-1")
    assert release.asked()["approval"]["missing"] == f"1 more of {release.arn('sec-*')}"
    release.answer("sec-1")
    release.take("Deploy")


def test_who_pushed_or_started_it_cannot_approve_it_but_reject_it(release):
    release.make(**BROKERED, ForbidSelfApproval="true")
    for own in ("eve", "launcher"):
        refused = release.refusal(own)
        assert refused["Code"] == "AccessDeniedException" and "somebody else" in refused["Message"]
    release.answer("eve", "Rejected", "I forgot a file")
    assert release.status() == "Failed"
    said = release.worker.call("GetPipelineExecution", pipelineName=release.name,
                               pipelineExecutionId=release.execution)["pipelineExecution"]["statusSummary"]
    assert said == f"Action Ask in stage S1 failed: Rejected by {release.arn('eve')}: I forgot a file"


def test_another_approves_what_must_not_be_approved_by_oneself(release):
    release.make(**BROKERED, ForbidSelfApproval="true")
    release.answer("ann")
    release.take("Deploy")


def test_one_person_is_one_approver_whatever_the_sessions_are_called(release):
    release.make(RequiredApprovals="2")
    release.answer("user/ann/ann")
    for again in "user/ann/bob", "user/ann":
        refused = release.refusal(again)
        assert refused["Code"] == "ApprovalAlreadyCompletedException" and f"as {release.arn('ann')}" in refused["Message"]
    assert release.asked()["approval"]["missing"] == "1 more of *"
    release.answer("user/bob/ann")
    release.take("Deploy")


def test_the_holder_of_one_key_is_one_person(release):
    release.make(RequiredApprovals="2")
    release.answer("ann")
    assert release.refusal("bob")["Code"] == "ApprovalAlreadyCompletedException"


@pytest.mark.parametrize("pushed,started,refused,takes", [
    ("user/eve", "user/ops", ["user/eve", "user/eve/ann", "user/ops/ann"], "user/ann"),
    ("user/eve", "user/ops/eve", ["user/ops", "user/ops/ann"], "user/ann/eve"),
    ("user/eve/job", "user/ops", ["user/eve", "user/eve/job", "user/eve/ann", "user/ops"], "user/ann/job"),
])
@pytest.mark.parametrize("here", [False, True])  # the source is a worker's, or done in the engine's own step
def test_nobody_approves_their_own_by_another_name(release, pushed, started, refused, takes, here):
    release.make(pushed_by=pushed, started_by=started, here=here, ForbidSelfApproval="true")
    for own in refused:
        assert release.refusal(own)["Code"] == "AccessDeniedException", own
    release.answer(takes)
    release.take("Deploy")


def test_a_sessions_name_that_is_believed_tells_who_pushed(release):
    release.make(pushed_by="user/eve/job", started_by="user/ops", **BROKERED, ForbidSelfApproval="true")
    assert release.refusal("user/eve/job")["Code"] == "AccessDeniedException"
    release.answer("user/eve/ann")
    release.take("Deploy")


@pytest.mark.parametrize("configuration, words", [
    ({"RequiredApprovals": "0"}, "1 to 20"),
    ({"RequiredApprovals": "two"}, "1 to 20"),
    ({"Approvers": "a;;b"}, "pattern"),
    ({"Approvers": "2 or a"}, "pattern"),
    ({"Approvers": ";".join("abcdefghi")}, "8 groups"),
    ({"ForbidSelfApproval": "yes"}, "true or false"),
    ({"Approvers": "ann"}, "'ann', which nobody's ARN is"),
    ({"Approvers": "ann*"}, "'ann*', which nobody's ARN is"),
    ({"Approvers": "arn:aws:iam::222222222222:role/ops"}, "assumed-role/ROLE/*"),
    ({"Approvers": "arn:aws:iam::222222222222:role/*"}, "assumed-role/ROLE/*"),
    ({"Approvers": "*, arn:aws:iam::*:group/ops"}, "group/ops', which nobody's ARN is"),
    ({"Approvers": "arn:aws:sts::222222222222:assumed-role/ops"}, "nobody's ARN"),
    ({"Approvers": "2 of arn:aws:iam::222222222222:user/ann"}, "wants 2 of 'arn:aws:iam::222222222222:user/ann', which names 1"),
    ({"RequiredApprovals": "2", "Approvers": "*; arn:aws:iam::222222222222:root"}, "names 1"),
    ({"Approvers": "2 of arn:aws:sts::222222222222:assumed-role/ops/ann",
      "TrustedSessions": "arn:aws:sts::222222222222:assumed-role/ops/*"}, "names 1"),
    ({"Approvers": ","}, "nobody's ARN"),
    ({"TrustedSessions": "people"}, "TrustedSessions names 'people', which no session's ARN is"),
    ({"TrustedSessions": "arn:aws:iam::222222222222:user/ann"}, "which no session's ARN is"),
    ({"Approvers": "arn:aws:iam::222222222222:user/ann,,arn:aws:iam::222222222222:user/bob"}, "nobody's ARN"),
    ({"Approvers": "2 of arn:aws:iam::222222222222:user/ann, "}, "names 1"),
])
def test_a_bad_configuration_is_refused(release, configuration, words):
    made = declaration([{**approval("Ask"), "configuration": configuration}])
    with pytest.raises(Refused) as refused:
        release.worker.call("CreatePipeline", pipeline=made)
    assert refused.value.code == "InvalidActionDeclarationException" and words in str(refused.value)


@pytest.mark.parametrize("approvers", [
    "*", "?rn:*", "*:user/ann", "arn:*", "arn:aws:iam::*", "arn:aws:iam::222222222222:root", "arn:aws:iam::222222222222:user/team/ann",
    "2 of arn:aws:iam::222222222222:user/ann, arn:aws:iam::222222222222:user/bob", "2 of arn:aws:sts::222222222222:assumed-role/ops*",
    "2 of arn:aws:sts::222222222222:assumed-role/ops/deploy", "arn:aws:iam::222222222222:user/ann,", "*, ",
    "arn:aws:sts::222222222222:assumed-role/ops/ann", "#{variables.Who}"])
def test_approvers_that_there_could_be_are_taken(release, approvers):
    made = declaration([{**approval("Ask"), "configuration": {"Approvers": approvers}}], pipelineType="V2",
                       variables=[{"name": "Who", "defaultValue": "x"}])
    release.worker.call("CreatePipeline", pipeline=made)


def test_two_people_approve_in_sessions_of_one_name(release):
    release.make(Approvers=f"2 of {release.arn('oncall')},")
    release.answer("user/ann/oncall")
    assert release.asked()["status"] == "InProgress"
    release.answer("user/bob/oncall")
    release.take("Deploy")


def test_each_of_many_at_once_has_its_token(server):
    """In PARALLEL mode GetPipelineState shows one of them: the others' tokens are their externalExecutionId, as on AWS."""
    client, worker = server.client("codepipeline", profile="dev"), Worker(server)
    made = declaration([approval("Ask")], pipelineType="V2", executionMode="PARALLEL")
    name = worker.call("CreatePipeline", pipeline=made)["pipeline"]["name"]
    runs = [client.start_pipeline_execution(name=name)["pipelineExecutionId"] for _ in range(3)]
    for job in worker.poll():
        worker.succeed(job)
    asked = {a["pipelineExecutionId"]: a["output"]["executionResult"]["externalExecutionId"]
             for a in client.list_action_executions(pipelineName=name)["actionExecutionDetails"] if a["actionName"] == "Ask"}
    assert set(asked) == set(runs) and len(set(asked.values())) == 3
    client.put_approval_result(pipelineName=name, stageName="S1", actionName="Ask", token=asked[runs[0]],
                               result={"summary": "this one", "status": "Approved"})
    status = {e["pipelineExecutionId"]: e["status"]
              for e in client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]}
    assert status == {runs[0]: "Succeeded", runs[1]: "InProgress", runs[2]: "InProgress"}
    client.delete_pipeline(name=name)
