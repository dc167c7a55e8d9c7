"""Conditions of stages: rules before, after and upon failure; what follows, and overriding them. Spoken by signed
requests: Debian's boto3 is older than conditions."""
import datetime
import uuid

import pytest

from pipelines import Refused, Worker, action, code_of, declaration, until


@pytest.fixture
def pipeline(server):
    return Pipeline(server)


class Pipeline:
    """One pipeline with a stage S1 that has conditions, and its only worker."""

    def __init__(self, server):
        self.worker = Worker(server, name=f"w-{uuid.uuid4().hex[:8]}")
        self.name = None

    def call(self, operation, **members):
        return self.worker.call(operation, **members)

    def make(self, *stages, conditions=None, **more):
        made = declaration(*(stages or ([action("Deploy")], [action("Later")])), pipelineType="V2", **more)
        made["stages"][1].update(conditions or {})
        self.call("CreatePipeline", pipeline=made)
        self.name = made["name"]
        return made

    def start(self, **more):
        started = self.call("StartPipelineExecution", name=self.name, **more)["pipelineExecutionId"]
        self.worker.succeed(self.take("Artifact"), outputVariables={"Branch": "main"})
        return started

    def take(self, name):
        """The job of that action or rule of this pipeline; others' jobs are left to run out."""
        def look():
            for job in self.worker.poll():
                context = job["data"]["pipelineContext"]
                if context["pipelineName"] == self.name and context["action"]["name"] == name:
                    return job
                self.worker.call("ReleaseJob", jobId=job["id"], nonce=job["nonce"])
        return until(look, f"a job of {name}")

    def status(self, execution):
        return self.call("GetPipelineExecution", pipelineName=self.name,
                         pipelineExecutionId=execution)["pipelineExecution"]["status"]

    def summary(self, execution):
        return self.call("GetPipelineExecution", pipelineName=self.name,
                         pipelineExecutionId=execution)["pipelineExecution"].get("statusSummary")

    def stage(self, number=1):
        return self.call("GetPipelineState", name=self.name)["stageStates"][number]

    def override(self, execution, kind="BEFORE_ENTRY", stage="S1"):
        return self.call("OverrideStageCondition", pipelineName=self.name, stageName=stage,
                         pipelineExecutionId=execution, conditionType=kind)

    def rules(self, **more):
        return self.call("ListRuleExecutions", pipelineName=self.name, **more)["ruleExecutionDetails"]


def rule(name, provider, configuration=None, **more):
    made = {"name": name, "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"}, **more}
    return {**made, "configuration": configuration} if configuration else made


def variable(value, operator="EQ", name="Branch"):
    return rule(name, "VariableCheck",
                {"Variable": "#{Src.Branch}", "Operator": operator, "Value": value})


def window_later():
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3)
    return rule("Window", "DeploymentWindow", {"Cron": f"* {later.minute} {later.hour} {later.day} {later.month} ?"})


def commands(name="Check"):
    return rule(name, "Commands", commands=["./check #{Src.Branch}"], inputArtifacts=[{"name": "App"}])


def condition(kind, result, *rules):
    return {kind: {"conditions": [{"result": result, "rules": list(rules)}]}}


def source_with_namespace():
    return {"sources": [action("Artifact", category="Source", provider="S3", outputs=["App"], namespace="Src",
                               configuration={"S3Bucket": "artifacts", "S3ObjectKey": "k.zip"})]}


# ---- before a stage

def test_a_condition_that_is_met_lets_it_in(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", variable("main"), variable("ma", "CONTAINS", "Part"),
                                       variable("dev", "NE", "Other"), variable("ma.n", "MATCHES", "Like")),
                  **source_with_namespace())
    pipeline.start()
    pipeline.take("Deploy")
    state = pipeline.stage()["beforeEntryConditionState"]
    assert state["latestExecution"]["status"] == "Succeeded"
    assert [r["latestExecution"]["status"] for r in state["conditionStates"][0]["ruleStates"]] == ["Succeeded"] * 4
    assert {r["ruleName"] for r in pipeline.rules()} == {"Branch", "Part", "Other", "Like"}


def test_a_condition_that_is_not_met_fails_the_stage_and_can_be_overridden(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", variable("release")), **source_with_namespace())
    execution = pipeline.start()
    until(lambda: pipeline.status(execution) == "Failed", "failed")
    assert pipeline.summary(execution) == ("The entry condition of stage S1 is not met: rule Branch: #{Src.Branch} is "
                                           "'main', which is not equal to 'release'.")
    state = pipeline.stage()
    assert state["latestExecution"]["status"] == "Failed"
    assert state["beforeEntryConditionState"]["latestExecution"]["status"] == "Failed"
    assert state["beforeEntryConditionState"]["conditionStates"][0]["ruleStates"][0]["latestExecution"][
        "errorDetails"]["code"] == "VariableCheckFailed"
    assert "latestExecution" not in state["actionStates"][0]
    pipeline.override(execution)
    assert pipeline.stage()["beforeEntryConditionState"]["latestExecution"] == {
        "status": "Overridden", "summary": "Overridden by arn:aws:iam::222222222222:root."}
    pipeline.worker.succeed(pipeline.take("Deploy"))
    pipeline.worker.succeed(pipeline.take("Later"))
    assert pipeline.status(execution) == "Succeeded" and pipeline.summary(execution) is None
    what = [e["what"] for e in pipeline.call("ListPipelineHistory", pipelineName=pipeline.name)["events"]]
    assert "condition-failed" in what and "condition-overridden" in what
    assert code_of(pipeline.override, execution) == "ConditionNotOverridableException"


def test_a_stage_is_skipped(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "SKIP", variable("release")), **source_with_namespace())
    execution = pipeline.start()
    pipeline.worker.succeed(pipeline.take("Later"))
    assert pipeline.status(execution) == "Succeeded"
    assert pipeline.stage()["latestExecution"]["status"] == "Skipped"
    assert code_of(pipeline.call, "RollbackStage", pipelineName=pipeline.name, stageName="S1",
                   targetPipelineExecutionId=execution) == "UnableToRollbackStageException"


def test_the_last_stage_may_be_skipped_too(pipeline):
    pipeline.make([action("Deploy")], conditions=condition("beforeEntry", "SKIP", variable("release")),
                  **source_with_namespace())
    execution = pipeline.start()
    until(lambda: pipeline.status(execution) == "Succeeded", "succeeded")
    assert pipeline.stage()["latestExecution"]["status"] == "Skipped"


def test_a_closed_window_is_waited_for_explained_and_overridden(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", window_later(), variable("main")),
                  **source_with_namespace())
    execution = pipeline.start()
    until(lambda: pipeline.stage().get("latestExecution"), "entered")
    waits = pipeline.call("ExplainPipeline", name=pipeline.name)["executions"][0]["waitsFor"]
    assert [w["type"] for w in waits] == ["Window"] and "opens at" in waits[0]["summary"]
    pipeline.override(execution)
    pipeline.take("Deploy")
    assert {r["ruleName"]: r["status"] for r in pipeline.rules()} == {"Window": "Abandoned", "Branch": "Succeeded"}


def test_who_waits_for_a_window_gives_way_to_what_is_newer(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", window_later()), **source_with_namespace())
    older = pipeline.start()
    newer = pipeline.start()
    until(lambda: pipeline.status(older) == "Superseded", "superseded")
    assert newer in pipeline.summary(older)
    assert pipeline.stage()["latestExecution"]["pipelineExecutionId"] == newer
    assert code_of(pipeline.override, older) == "NotLatestPipelineExecutionException"


def test_stopping_does_not_wait_for_a_window(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", window_later()), **source_with_namespace())
    execution = pipeline.start()
    until(lambda: pipeline.stage().get("latestExecution"), "entered")
    pipeline.call("StopPipelineExecution", pipelineName=pipeline.name, pipelineExecutionId=execution)
    until(lambda: pipeline.status(execution) == "Stopped", "stopped")
    assert pipeline.stage()["beforeEntryConditionState"]["latestExecution"]["status"] == "Abandoned"


def test_a_window_that_never_opens_fails_at_once(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL",
                                       rule("Window", "DeploymentWindow", {"Cron": "* * * * * ? 1999",
                                                                           "TimeZone": "Europe/Berlin"})),
                  **source_with_namespace())
    execution = pipeline.start()
    until(lambda: pipeline.status(execution) == "Failed", "failed")
    assert "opens next: never" in pipeline.summary(execution)


def test_an_unknown_variable_is_named(pipeline):
    named = variable("main")
    named["configuration"]["Variable"] = "#{Src.Nothing}"
    pipeline.make(conditions=condition("beforeEntry", "FAIL", named), **source_with_namespace())
    execution = pipeline.start()
    until(lambda: pipeline.status(execution) == "Failed", "failed")
    assert "#{Src.Nothing}" in pipeline.summary(execution)


def test_a_retry_asks_again(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", commands()), **source_with_namespace())
    execution = pipeline.start()
    job = pipeline.take("Check")
    assert job["data"]["actionTypeId"]["provider"] == "Commands"
    assert job["data"]["commands"] == ["./check main"]
    assert [a["name"] for a in job["data"]["inputArtifacts"]] == ["App"]
    pipeline.worker.fail(job, "not today")
    assert pipeline.status(execution) == "Failed" and "rule Check: not today" in pipeline.summary(execution)
    pipeline.call("RetryStageExecution", pipelineName=pipeline.name, stageName="S1", pipelineExecutionId=execution,
                  retryMode="FAILED_ACTIONS")
    assert pipeline.stage()["beforeEntryConditionState"]["latestExecution"]["status"] == "InProgress"
    pipeline.worker.succeed(pipeline.take("Check"))
    pipeline.take("Deploy")
    assert [r["status"] for r in pipeline.rules()] == ["Succeeded", "Failed"]


def test_the_fifty_of_parallel_mode_count_what_is_overridden(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", variable("other")), executionMode="PARALLEL",
                  **source_with_namespace())
    execution = pipeline.start()
    until(lambda: pipeline.status(execution) == "Failed", "failed")
    runs = [pipeline.call("StartPipelineExecution", name=pipeline.name)["pipelineExecutionId"] for _ in range(50)]
    assert code_of(pipeline.override, execution) == "ConcurrentPipelineExecutionsLimitExceededException"
    stop = lambda run: pipeline.call("StopPipelineExecution", pipelineName=pipeline.name, pipelineExecutionId=run, abandon=True)
    stop(runs.pop())
    pipeline.override(execution)
    for run in runs:
        stop(run)
    pipeline.take("Deploy")


# ---- after a stage

def test_a_success_condition_fails_the_stage_and_can_be_overridden(pipeline):
    pipeline.make(conditions=condition("onSuccess", "FAIL", commands(), commands("Second")), **source_with_namespace())
    execution = pipeline.start()
    pipeline.worker.succeed(pipeline.take("Deploy"))
    first = pipeline.take("Check")
    pipeline.worker.fail(first, "errors rise")
    assert pipeline.status(execution) == "Failed"
    assert {r["ruleName"]: r["status"] for r in pipeline.rules()} == {"Check": "Failed", "Second": "Abandoned"}
    pipeline.override(execution, "ON_SUCCESS")
    pipeline.worker.succeed(pipeline.take("Later"))
    assert pipeline.status(execution) == "Succeeded"


def test_a_success_condition_rolls_back(pipeline):
    pipeline.make(conditions=condition("onSuccess", "ROLLBACK", commands()), **source_with_namespace())
    good = pipeline.start()
    pipeline.worker.succeed(pipeline.take("Deploy"))
    pipeline.worker.succeed(pipeline.take("Check"))
    pipeline.worker.succeed(pipeline.take("Later"))
    bad = pipeline.start()
    pipeline.worker.succeed(pipeline.take("Deploy"))
    pipeline.worker.fail(pipeline.take("Check"))
    assert pipeline.status(bad) == "Failed"
    listed = pipeline.call("ListPipelineExecutions", pipelineName=pipeline.name)["pipelineExecutionSummaries"]
    assert listed[0]["executionType"] == "ROLLBACK"
    assert listed[0]["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    # a rollback is asked no conditions
    pipeline.worker.succeed(pipeline.take("Deploy"))
    assert pipeline.status(listed[0]["pipelineExecutionId"]) == "Succeeded"
    assert code_of(pipeline.override, bad, "ON_SUCCESS") == "NotLatestPipelineExecutionException"


# ---- upon failure

@pytest.mark.parametrize("met", [True, False])
def test_a_failure_condition_rolls_back_unless_it_is_met(pipeline, met):
    pipeline.make(conditions=condition("onFailure", "ROLLBACK", commands()), **source_with_namespace())
    pipeline.start()
    pipeline.worker.succeed(pipeline.take("Deploy"))
    pipeline.worker.succeed(pipeline.take("Later"))
    bad = pipeline.start()
    pipeline.worker.fail(pipeline.take("Deploy"), "broken")
    assert pipeline.status(bad) == "InProgress"
    report = pipeline.worker.succeed if met else pipeline.worker.fail
    report(pipeline.take("Check"))
    assert pipeline.status(bad) == "Failed" and pipeline.summary(bad) == "Action Deploy in stage S1 failed: broken"
    newest = pipeline.call("ListPipelineExecutions", pipelineName=pipeline.name)["pipelineExecutionSummaries"][0]
    assert newest["executionType"] == ("STANDARD" if met else "ROLLBACK")


def test_a_failure_condition_repeats_the_stage(pipeline):
    pipeline.make(conditions=condition("onFailure", "RETRY", commands()), **source_with_namespace())
    execution = pipeline.start()
    for _ in range(2):
        pipeline.worker.fail(pipeline.take("Deploy"), "broken")
        pipeline.worker.fail(pipeline.take("Check"))
    assert pipeline.status(execution) == "Failed"
    assert pipeline.stage()["retryStageMetadata"]["autoStageRetryAttempt"] == 1
    assert pipeline.stage()["onFailureConditionState"]["latestExecution"]["status"] == "Failed"


# ---- lists

def test_rule_executions_are_listed_in_pages_apart_from_actions(pipeline):
    pipeline.make(conditions={**condition("beforeEntry", "FAIL", variable("main"), variable("m", "CONTAINS", "Two")),
                              **condition("onSuccess", "FAIL", variable("main", name="After"))},
                  **source_with_namespace())
    execution = pipeline.start()
    pipeline.worker.succeed(pipeline.take("Deploy"))
    pipeline.take("Later")
    seen, token = [], {}
    while True:
        page = pipeline.call("ListRuleExecutions", pipelineName=pipeline.name, maxResults=1, **token)
        seen += page["ruleExecutionDetails"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert [r["ruleName"] for r in seen] == ["After", "Two", "Branch"]
    assert seen[2]["input"]["resolvedConfiguration"] == {"Variable": "main", "Operator": "EQ", "Value": "main"}
    assert seen[2]["input"]["ruleTypeId"]["provider"] == "VariableCheck"
    assert len(pipeline.rules(filter={"pipelineExecutionId": execution})) == 3
    actions = pipeline.call("ListActionExecutions", pipelineName=pipeline.name)["actionExecutionDetails"]
    assert {a["actionName"] for a in actions} == {"Artifact", "Deploy", "Later"}
    assert code_of(pipeline.call, "ListRuleExecutions", pipelineName="none") == "PipelineNotFoundException"
    assert code_of(pipeline.call, "ListRuleExecutions", pipelineName=pipeline.name, nextToken="x") == \
        "InvalidNextTokenException"


def test_rule_types_are_listed(pipeline):
    types = {t["id"]["provider"]: t for t in pipeline.call("ListRuleTypes")["ruleTypes"]}
    assert set(types) == {"CloudWatchAlarm", "CodeBuild", "Commands", "DeploymentWindow", "LambdaInvoke", "VariableCheck"}
    assert [p["name"] for p in types["DeploymentWindow"]["ruleConfigurationProperties"] if p["required"]] == ["Cron"]


def test_an_alarm_has_the_time_to_be_watched(pipeline):
    watched = rule("R", "CloudWatchAlarm", {"AlarmName": "a", "CheckUrl": "http://x/", "WaitTime": "120"})
    pipeline.make(conditions=condition("beforeEntry", "FAIL", watched))
    pipeline.start()
    job = pipeline.take("R")
    assert 179 * 60000 < job["timeoutMs"] <= 180 * 60000
    [wait] = pipeline.call("ExplainPipeline", name=pipeline.name)["executions"][0]["waitsFor"]
    assert wait["type"] == "Action" and wait["summary"].endswith(", which asks http://x/")
    assert 179 * 60 < wait["until"] - wait["since"] <= 180 * 60


def test_an_alarm_has_the_time_that_a_variable_may_say(pipeline):
    watched = rule("R", "CloudWatchAlarm", {"AlarmName": "a", "CheckUrl": "http://x/", "WaitTime": "#{variables.Wait}"})
    pipeline.make(conditions=condition("beforeEntry", "FAIL", watched), variables=[{"name": "Wait", "defaultValue": "120"}])
    pipeline.start()
    assert pipeline.take("R")["timeoutMs"] > 179 * 60000


# ---- what is refused

V = variable("main")
BAD = {
    "a result that entry does not take": (condition("beforeEntry", "ROLLBACK", V), "takes FAIL or SKIP"),
    "a result that success does not take": (condition("onSuccess", "SKIP", V), "takes FAIL or ROLLBACK"),
    "a result that failure does not take": (condition("onFailure", "SKIP", V), "takes FAIL, RETRY or ROLLBACK"),
    "no rules": ({"beforeEntry": {"conditions": [{"result": "FAIL"}]}}, "no rules"),
    "one name twice": (condition("beforeEntry", "FAIL", V, V), "unique"),
    "an unknown type": (condition("beforeEntry", "FAIL", rule("R", "Coin", {"a": "b"})), "ListRuleTypes"),
    "an unknown operator": (condition("beforeEntry", "FAIL", variable("x", "LIKE")), "LIKE"),
    "no Cron": (condition("beforeEntry", "FAIL", rule("R", "DeploymentWindow", {"TimeZone": "UTC"})), "Cron"),
    "a bad Cron": (condition("beforeEntry", "FAIL", rule("R", "DeploymentWindow", {"Cron": "* 99 * * * ?"})), "99"),
    "an unknown zone": (condition("beforeEntry", "FAIL", rule("R", "DeploymentWindow", {
        "Cron": "* * * * * ?", "TimeZone": "Europe/Atlantis"})), "Atlantis"),
    "an unknown property": (condition("beforeEntry", "FAIL", rule("R", "DeploymentWindow", {
        "Cron": "* * * * * ?", "Color": "red"})), "Color"),
    "commands for another provider": (condition("beforeEntry", "FAIL", {**V, "commands": ["x"]}), "takes no commands"),
    "no commands": (condition("beforeEntry", "FAIL", rule("R", "Commands")), "needs commands"),
    "an artifact that is made later": (condition("beforeEntry", "FAIL", rule(
        "R", "Commands", commands=["x"], inputArtifacts=[{"name": "Built"}])), "Built"),
    "nothing to build": (condition("beforeEntry", "FAIL", rule("R", "CodeBuild", {"ProjectName": "p"})), "takes 1 to 5"),
    "a wait that is no number": (condition("onSuccess", "FAIL", rule("R", "CloudWatchAlarm", {
        "AlarmName": "a", "CheckUrl": "http://x/", "WaitTime": "5m"})), "WaitTime '5m'"),
    "a state that is none": (condition("onSuccess", "FAIL", rule("R", "CloudWatchAlarm", {
        "AlarmName": "a", "CheckUrl": "http://x/", "AlarmStates": "OK,Alarm"})), "AlarmStates 'OK,Alarm'"),
    "a wait that is longer than the rule's time": (condition("onSuccess", "FAIL", {**rule("R", "CloudWatchAlarm", {
        "AlarmName": "a", "CheckUrl": "http://x/", "WaitTime": "30"}), "timeoutInMinutes": 30}), "at most 29, since its timeoutInMinutes"),
    "no CheckUrl": (condition("beforeEntry", "FAIL", rule("R", "LambdaInvoke", {"FunctionName": "f"})), "CheckUrl"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_condition_is_refused(pipeline, what):
    conditions, words = BAD[what]
    with pytest.raises(Refused) as refused:
        pipeline.make(conditions=conditions)
    assert refused.value.code == "InvalidStageDeclarationException"
    assert words in str(refused.value)


def test_conditions_need_a_pipeline_of_type_v2(pipeline):
    made = declaration([action("Deploy")])
    made["stages"][1].update(condition("beforeEntry", "FAIL", V))
    with pytest.raises(Refused) as refused:
        pipeline.call("CreatePipeline", pipeline=made)
    assert refused.value.code == "InvalidStageDeclarationException" and "V2" in str(refused.value)


def test_six_rules_are_too_many(pipeline):
    with pytest.raises(Refused) as refused:
        pipeline.make(conditions=condition("beforeEntry", "FAIL", *[variable("x", name=f"R{i}") for i in range(6)]))
    assert refused.value.code in ("ValidationException", "InvalidStructureException")


def test_what_cannot_be_overridden_is_told(pipeline):
    pipeline.make(conditions=condition("beforeEntry", "FAIL", variable("main")), **source_with_namespace())
    execution = pipeline.start()
    pipeline.take("Deploy")
    assert code_of(pipeline.override, execution) == "ConditionNotOverridableException"
    assert code_of(pipeline.override, execution, "ON_SUCCESS") == "ConditionNotOverridableException"
    assert code_of(pipeline.override, execution, stage="None") == "StageNotFoundException"
    assert code_of(pipeline.override, str(uuid.uuid4())) == "ConditionNotOverridableException"
    assert code_of(pipeline.override, execution, "ON_FAILURE") == "ValidationException"


# ---- the command

RELEASE = """
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: {name}
      RoleArn: arn:aws:iam::111111111111:role/slipway-deploy
      PipelineType: V2
      Variables: [{{Name: Ring, DefaultValue: "1"}}]
      ArtifactStore: {{Type: S3, Location: store-bucket}}
      Stages:
        - Name: Source
          Actions:
            - Name: Artifact
              ActionTypeId: {{Category: Source, Owner: AWS, Provider: S3, Version: "1"}}
              Configuration: {{S3Bucket: artifacts, S3ObjectKey: k.zip, PollForSourceChanges: false}}
              OutputArtifacts: [{{Name: App}}]
        - Name: Prod
          BeforeEntry:
            Conditions:
              - Rules:
                  - Name: Ring
                    RuleTypeId: {{Category: Rule, Owner: AWS, Provider: VariableCheck, Version: "1"}}
                    Configuration: {{Variable: "#{{variables.Ring}}", Operator: EQ, Value: "0"}}
                    TimeoutInMinutes: 30
          Actions:
            - Name: Ask
              ActionTypeId: {{Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}}
"""


def test_the_override_command(server):
    name = f"p-{uuid.uuid4().hex[:8]}"
    cf = server.client("cloudformation", profile="shared-services")
    cf.create_stack(StackName=f"release-{name}", TemplateBody=RELEASE.format(name=name), Tags=[
        {"Key": f"slipway:{k}", "Value": v} for k, v in
        {"account": "555555555555", "app": name, "branch": "main", "rule": "r", "template": "t"}.items()])
    cf.get_waiter("stack_create_complete").wait(StackName=f"release-{name}", WaiterConfig={"Delay": 1})
    worker = Worker(server, profile="shared-services")
    stage = worker.call("GetPipeline", name=name)["pipeline"]["stages"][1]
    assert stage["beforeEntry"]["conditions"][0]["rules"][0]["timeoutInMinutes"] == 30
    execution = worker.call("StartPipelineExecution", name=name)["pipelineExecutionId"]
    worker.succeed(until(lambda: worker.poll(), "a job")[0])
    until(lambda: worker.call("GetPipelineExecution", pipelineName=name, pipelineExecutionId=execution)[
        "pipelineExecution"]["status"] == "Failed", "failed")
    assert f"execution {execution} goes on in Prod" in server.slipway("override", name, "main", "prod")
    state = worker.call("GetPipelineState", name=name)["stageStates"][1]
    assert state["latestExecution"]["status"] == "InProgress" and state["actionStates"][0]["latestExecution"]["token"]
    assert "waits for approval" in server.slipway("status", name)
    nowhere = server.slipway("override", name, "main", "Nowhere", check=False)
    assert nowhere.returncode == 3 and "the pipeline has no stage Nowhere" in nowhere.stderr
    again = server.slipway("override", name, "main", "Prod", check=False)
    assert again.returncode == 3 and "holds anything up" in again.stderr


def test_status_shows_what_stands_before_a_stage(server):
    name = f"p-{uuid.uuid4().hex[:8]}"
    template = RELEASE[:RELEASE.index("          BeforeEntry:")] + RELEASE[RELEASE.index("          Actions:\n            - Name: Ask"):]
    cf, worker = server.client("cloudformation", profile="shared-services"), Worker(server, profile="shared-services")
    cf.create_stack(StackName=f"release-{name}", TemplateBody=template.format(name=name), Tags=[
        {"Key": f"slipway:{k}", "Value": v} for k, v in
        {"account": "555555555555", "app": name, "branch": "main", "rule": "r", "template": "t"}.items()])
    cf.get_waiter("stack_create_complete").wait(StackName=f"release-{name}", WaiterConfig={"Delay": 1})
    gate = {"pipelineName": name, "stageName": "Prod", "transitionType": "Inbound"}
    worker.call("DisableStageTransition", reason="lunch", **gate)
    worker.call("StartPipelineExecution", name=name)
    worker.succeed(until(lambda: worker.poll(), "a job")[0])
    assert "(v-latest held)" in server.slipway("status", name)
    worker.call("EnableStageTransition", **gate)
    assert "(v-latest waits for approval)" in server.slipway("status", name)


@pytest.mark.parametrize("rule_text, result, shown", [
    ("{Cron: '* 0 0 1 1 ?'}", "SKIP", "skipped"), ("{Cron: '* 0 0 1 1 ?'}", "FAIL", "waits for a condition")])
def test_status_shows_what_conditions_do(server, rule_text, result, shown):
    name = f"p-{uuid.uuid4().hex[:8]}"
    template = RELEASE.replace("{{Variable: \"#{{variables.Ring}}\", Operator: EQ, Value: \"0\"}}", rule_text.replace(
        "{", "{{").replace("}", "}}")).replace("VariableCheck", "DeploymentWindow").replace(
        "              - Rules:", f"              - Result: {result}\n                Rules:")
    cf = server.client("cloudformation", profile="shared-services")
    cf.create_stack(StackName=f"release-{name}", TemplateBody=template.format(name=name), Tags=[
        {"Key": f"slipway:{k}", "Value": v} for k, v in
        {"account": "555555555555", "app": name, "branch": "main", "rule": "r", "template": "t"}.items()])
    cf.get_waiter("stack_create_complete").wait(StackName=f"release-{name}", WaiterConfig={"Delay": 1})
    worker = Worker(server, profile="shared-services")
    worker.call("StartPipelineExecution", name=name)
    worker.succeed(until(lambda: worker.poll(), "a job")[0])
    until(lambda: shown in server.slipway("status", name), shown)
    if result == "SKIP":
        told = server.slipway("watch", name)
        assert "stage Prod was skipped: The entry condition of stage Prod is not met: rule Ring: The deployment window" in told
