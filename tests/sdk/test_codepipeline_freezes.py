"""Stopping the line: one call holds every pipeline that it names, a hotfix goes through, a calendar comes again."""
import datetime
import time
import uuid

import pytest

from pipelines import Refused, Worker, action, approval, code_of, declaration, trust, until


class Line:
    """A pipeline whose stage S1 is dev (account 222222222222) and S2 is prod (444444444444)."""

    def __init__(self, server):
        self.server = server
        self.worker = Worker(server, name=f"w-{uuid.uuid4().hex[:8]}")
        self.prod = Worker(server, profile="prod", name=self.worker.name)
        self.app = "555555555555/app-" + uuid.uuid4().hex[:8]
        self.freezes = []
        source = action("Artifact", category="Source", provider="S3", outputs=["App"],
                        configuration={"S3Bucket": "artifacts", "S3ObjectKey": self.app + "/main/latest.zip",
                                       "PollForSourceChanges": "false"})
        trust(server, "prod")
        made = declaration([action("Dev")], [approval("Ask"), action(
            "Prod", 2, roleArn="arn:aws:iam::444444444444:role/slipway-deploy")], sources=[source])
        self.worker.call("CreatePipeline", pipeline=made)
        self.name = made["name"]

    def start(self):
        started = self.worker.call("StartPipelineExecution", name=self.name)["pipelineExecutionId"]
        self.worker.succeed(self.take("Artifact"))
        return started

    def take(self, name, worker=None):
        worker = worker or self.worker

        def look():
            for job in worker.poll():
                context = job["data"]["pipelineContext"]
                if context["pipelineName"] == self.name and context["action"]["name"] == name:
                    return job
                worker.call("ReleaseJob", jobId=job["id"], nonce=job["nonce"])
        return until(look, f"a job of {name}")

    def freeze(self, **spec):
        made = {"name": "f-" + uuid.uuid4().hex[:8], "reason": "the shop is open", **spec}
        self.freezes.append(made["name"])
        return self.worker.call("PutFreeze", **made)["freeze"]

    def thaw(self, freeze, **more):
        self.worker.call("DeleteFreeze", name=freeze["name"], **more)

    def stage(self, number):
        return self.worker.call("GetPipelineState", name=self.name)["stageStates"][number]

    def waits(self):
        return [w for e in self.worker.call("ExplainPipeline", name=self.name)["executions"] for w in e["waitsFor"]]

    def approve(self):
        latest = self.stage(2)["actionStates"][0]["latestExecution"]
        self.worker.call("PutApprovalResult", pipelineName=self.name, stageName="S2", actionName="Ask",
                         token=latest["token"], result={"status": "Approved", "summary": "go"})


@pytest.fixture
def line(server):
    made = Line(server)
    yield made
    for name in made.freezes:
        try:
            made.worker.call("DeleteFreeze", name=name)
        except Refused:
            pass


def test_a_freeze_holds_an_environment_and_lets_go(line):
    freeze = line.freeze(applications=["555555555555/*"], environments=["444444444444"])
    assert freeze["state"] == "Active" and freeze["createdBy"] == "arn:aws:iam::222222222222:root"
    line.start()
    line.worker.succeed(line.take("Dev"))
    waits = line.waits()
    assert [w["type"] for w in waits] == ["Freeze"]
    assert "Stage S2 is frozen by arn:aws:iam::222222222222:root" in waits[0]["summary"]
    assert "the shop is open" in waits[0]["summary"]
    closed = line.stage(2)["inboundTransitionState"]
    assert closed["enabled"] is False and closed["lastChangedBy"] == "arn:aws:iam::222222222222:root"
    assert freeze["name"] in closed["disabledReason"] and "the shop is open" in closed["disabledReason"]
    assert line.stage(1)["inboundTransitionState"]["enabled"] is True
    line.thaw(freeze, reason="the shop is closed")
    until(lambda: line.stage(2)["actionStates"][0].get("latestExecution"), "entered")
    assert line.stage(2)["inboundTransitionState"]["enabled"] is True


def test_who_is_in_the_stage_begins_nothing_more(line):
    line.start()
    line.worker.succeed(line.take("Dev"))
    freeze = line.freeze(environments=["S2"], pipelines=[line.name])
    line.approve()
    assert [w["type"] for w in line.waits()] == ["Freeze"]
    assert not line.prod.poll()
    line.thaw(freeze)
    line.take("Prod", line.prod)


def test_a_held_execution_can_be_stopped(line):
    execution = line.start()
    line.worker.succeed(line.take("Dev"))
    line.freeze(pipelines=[line.name])
    line.approve()
    line.worker.call("StopPipelineExecution", pipelineName=line.name, pipelineExecutionId=execution)
    assert line.worker.call("GetPipelineExecution", pipelineName=line.name,
                            pipelineExecutionId=execution)["pipelineExecution"]["status"] == "Stopped"


def test_other_applications_go_on(line):
    line.freeze(applications=["555555555555/another-*"])
    line.freeze(pipelines=["another-*"])
    line.freeze(environments=["S9", "333333333333"])
    line.start()
    line.take("Dev")


def test_a_hotfix_is_let_through_by_its_version(line):
    line.freeze(pipelines=[line.name], allow=["hotfix-1"])
    held = line.worker.call("StartPipelineExecution", name=line.name)["pipelineExecutionId"]
    through = line.worker.call("StartPipelineExecution", name=line.name, sourceRevisions=[{
        "actionName": "Artifact", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "hotfix-1"}])["pipelineExecutionId"]
    job = line.take("Artifact")
    assert job["data"]["pipelineContext"]["pipelineExecutionId"] == through
    line.worker.succeed(job)
    line.take("Dev")
    assert held != through


@pytest.mark.parametrize("allowed", ["pipeline", "execution", "digest"])
def test_what_may_be_let_through(line, allowed):
    freeze = line.freeze(pipelines=[line.name], environments=["S1"])
    execution = line.start()
    assert [w["type"] for w in line.waits()] == ["Freeze"]
    name = {"pipeline": line.name, "execution": execution, "digest": "ab" * 32}[allowed]
    again = line.freeze(name=freeze["name"], pipelines=[line.name], environments=["S1"], allow=[name])
    assert again["allow"] == [name]
    line.take("Dev")


def test_a_rollback_goes_through(line):
    first = line.start()
    line.worker.succeed(line.take("Dev"))
    line.freeze(pipelines=[line.name])
    line.worker.call("RollbackStage", pipelineName=line.name, stageName="S1", targetPipelineExecutionId=first)
    line.take("Dev")


def test_a_freeze_ends_by_itself(line):
    freeze = line.freeze(pipelines=[line.name], endsAt=time.time() + 1.0)
    line.worker.call("StartPipelineExecution", name=line.name)
    assert [w["type"] for w in line.waits()] == ["Freeze"]
    line.take("Artifact")
    assert freeze["name"] not in [f["name"] for f in line.worker.call("ListFreezes")["freezes"]]
    ended = line.worker.call("ListFreezes", includeEnded=True)["freezes"]
    assert {f["name"]: f["state"] for f in ended}[freeze["name"]] == "Ended"


def test_a_freeze_may_begin_later_and_come_again(line):
    assert line.freeze(pipelines=[line.name], startsAt=time.time() + 3600)["state"] == "Scheduled"
    now = datetime.datetime.now(datetime.timezone.utc)
    begun = (now - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    later = (now + datetime.timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S")
    scheduled = line.freeze(pipelines=[line.name], recurrence={
        "rule": "FREQ=DAILY", "start": later, "durationMinutes": 60, "timeZone": "UTC"})
    assert scheduled["state"] == "Scheduled" and abs(scheduled["holdsFrom"] - (now.timestamp() + 5 * 3600)) < 5
    assert "holdsUntil" not in scheduled
    line.start()
    line.worker.succeed(line.take("Dev"))
    active = line.freeze(pipelines=[line.name], recurrence={
        "rule": "FREQ=DAILY", "start": begun, "durationMinutes": 120})
    assert active["state"] == "Active" and abs(active["holdsUntil"] - (now.timestamp() + 3600)) < 5
    line.worker.call("StartPipelineExecution", name=line.name)
    assert "Freeze" in [w["type"] for w in line.waits()]


def test_freezes_are_listed_in_pages_and_stay_on_record(line):
    names = [line.freeze(pipelines=[line.name])["name"] for _ in range(3)]
    line.thaw({"name": names[0]}, reason="done")
    assert names[0] not in [f["name"] for f in line.worker.call("ListFreezes")["freezes"]]
    seen, token = [], {}
    while True:
        page = line.worker.call("ListFreezes", includeEnded=True, maxResults=1, **token)
        seen += page["freezes"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    mine = [f for f in seen if f["name"] in names]
    assert [f["name"] for f in mine] == names[::-1]
    assert mine[2]["endedBy"] == "arn:aws:iam::222222222222:root" and mine[2]["endedWhy"] == "done"
    assert code_of(line.thaw, {"name": names[0]}) == "ResourceNotFoundException"
    other = Worker(line.server, profile="prod")
    assert not [f for f in other.call("ListFreezes", includeEnded=True)["freezes"] if f["name"] in names]


def held(line, freeze):
    [found] = line.worker.call("ListFreezes", name=freeze["name"], includeHeld=True)["freezes"]
    return found["held"]


def test_a_freeze_tells_what_it_is_about_and_who_waits_for_it(line):
    freeze = line.freeze(applications=["555555555555/*"], environments=["s2", "444444444444"], pipelines=[line.name])
    stage = {"pipelineName": line.name, "stageName": "S2"}
    empty = {"pipelineCount": 1, "stageCount": 1, "stages": [stage], "executionCount": 0, "executions": [], "unmatched": []}
    assert held(line, freeze) == empty
    execution = line.start()
    assert held(line, freeze) == empty  # which is at S1
    line.worker.succeed(line.take("Dev"))
    assert held(line, freeze) == {**empty, "executionCount": 1, "executions": [{**stage, "pipelineExecutionId": execution}]}
    [note] = line.worker.call("ExplainPipeline", name=line.name)["notes"]
    assert note.startswith("Stage S2 is frozen until it is ended by arn:aws:iam::222222222222:root")
    every = line.worker.call("ListFreezes")["freezes"]
    assert not [f for f in every if "held" in f]  # it costs a look at all pipelines
    line.thaw(freeze)
    ended = line.worker.call("ListFreezes", name=freeze["name"], includeHeld=True, includeEnded=True)["freezes"]
    assert "held" not in ended[0]


def test_what_a_freeze_names_and_nothing_has_is_told_with_what_is_near(line):
    application = line.app + "/main"
    missing = held(line, line.freeze(applications=[line.app.split("/")[1], application], environments=["Prod", "S1"]))
    assert missing["stageCount"] == 1 and [u["list"] for u in missing["unmatched"]] == ["applications", "environments"]
    assert missing["unmatched"][0]["near"] == [application]
    assert missing["unmatched"][1]["pattern"] == "Prod"
    missing = held(line, line.freeze(pipelines=[line.name + "x"], environments=["444444444445"]))
    assert (missing["pipelineCount"], missing["stages"]) == (0, [])
    assert [line.name in u["near"] or "444444444444" in u["near"] for u in missing["unmatched"]] == [True, True]


@pytest.mark.parametrize("spec, words", [
    ({"startsAt": 2000000000, "endsAt": 1900000000}, "before it starts"),
    ({"endsAt": 1600000000}, "in the past"),
    ({"recurrence": {"rule": "FREQ=HOURLY", "start": "2026-11-27T16:00:00", "durationMinutes": 5}}, "'HOURLY' is no FREQ"),
    ({"recurrence": {"rule": "FREQ=DAILY", "start": "2026-11-27 16:00:00", "durationMinutes": 5}}, "local beginning"),
    ({"recurrence": {"rule": "FREQ=DAILY", "start": "2026-11-27", "durationMinutes": 5}}, "write it as 2026-11-27T16:00:00"),
    ({"recurrence": {"rule": "FREQ=DAILY", "start": "2026-11-27T16:00:00", "durationMinutes": 5, "timeZone": "X"}}, "zone"),
    ({"recurrence": {"rule": "FREQ=DAILY;UNTIL=20201231", "start": "2020-11-27T16:00:00", "durationMinutes": 5}}, "would never hold"),
    ({"endsAt": time.time() + 3600, "recurrence": {"rule": "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1" if time.gmtime().tm_mon > 2 else
                                                   "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=1", "start": "2020-01-01T00:00:00",
                                                   "durationMinutes": 5}}, "would never hold"),
    ({"environments": []}, "environments"),
    ({"reason": ""}, "reason"),
    ({"name": "a b"}, "name"),
])
def test_a_bad_freeze_is_refused(line, spec, words):
    with pytest.raises(Refused) as refused:
        line.freeze(**spec)
    assert refused.value.code == "ValidationException" and words in str(refused.value)


def test_a_freeze_is_not_replaced_by_one_that_is_over(line):
    frozen = line.freeze(pipelines=[line.name])
    assert code_of(line.freeze, name=frozen["name"], endsAt=1600000000) == "ValidationException"
    [listed] = [f for f in line.worker.call("ListFreezes")["freezes"] if f["name"] == frozen["name"]]
    assert (listed["state"], listed["reason"]) == ("Active", frozen["reason"])


def test_the_commands(line):
    slipway = line.server.slipway
    said = slipway("freeze", "christmas", "--reason", "no deploys", "--pipelines", line.name, "--environments", "S2,Prod",
                   "--for", "12h", profile="dev")
    line.freezes.append("christmas")
    assert "christmas  Active: no deploys" in said and "environments  S2, Prod" in said and "ends " in said
    assert f"names         S2 of {line.name}\n" in said and "no such name  Prod among the environments" in said
    assert "christmas" in slipway("freezes", profile="dev")
    nothing = slipway("freeze", "typo", "--reason", "no deploys", "--pipelines", line.name + "y", profile="dev", check=False)
    line.freezes.append("typo")
    assert nothing.returncode == 0 and "names no stage of any pipeline there is: it holds nothing" in nothing.stderr
    assert f"near it: {line.name}" in nothing.stdout
    assert "christmas has ended" in slipway("thaw", "christmas", "--reason", "over", profile="dev")
    assert "christmas" not in slipway("freezes", profile="dev")
    assert "ended by      arn:aws:iam::222222222222:root: over" in slipway("freezes", "--all", profile="dev")
    weekly = slipway("freeze", "weekends", "--reason", "rest", "--every", "FREQ=WEEKLY;BYDAY=FR", "--from",
                     "2026-11-27T16:00:00", "--lasting", "64h", "--zone", "Europe/Berlin", "--pipelines", line.name, profile="dev")
    line.freezes.append("weekends")
    assert "again         FREQ=WEEKLY;BYDAY=FR from 2026-11-27T16:00:00, 3840 minutes, Europe/Berlin" in weekly
    for bad in (["freeze", "x"], ["freeze", "x", "--reason", "r", "--for", "soon"], ["thaw"],
                ["freeze", "x", "--reason", "r", "--every", "FREQ=DAILY"]):
        assert slipway(*bad, profile="dev", check=False).returncode == 2
    assert slipway("thaw", "nothing", profile="dev", check=False).returncode != 0


def test_who_watches_a_pipeline_reads_what_it_waits_for(line):
    freeze = line.freeze(pipelines=[line.name], environments=["S1"])
    line.start()
    watching = line.server.slipway_popen("watch", line.name, "--until-approval", profile="dev")
    read = iter(watching.stdout.readline, "")
    assert any(f"waits: Stage S1 is frozen by arn:aws:iam::222222222222:root (freeze {freeze['name']})" in text for text in read)
    line.thaw(freeze)
    line.worker.succeed(line.take("Dev"))
    assert [*read][-1].endswith(f"`slipway approve {line.name}` lets it go on; `slipway reject {line.name}` stops it\n")
    assert watching.wait(20) == 0
    refused = line.server.slipway("watch", line.name, "--timeout", "0", "--version", "never", profile="dev", check=False)
    assert refused.returncode == 3 and f"no execution of {line.name} for version never appeared" in refused.stderr
    assert line.server.slipway("watch", "nobody", profile="dev", check=False).returncode == 3
