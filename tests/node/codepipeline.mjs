// Every operation of codepipeline by AWS's SDK for JavaScript: its answers, its errors' classes, its paginators.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import * as sdk from "@aws-sdk/client-codepipeline";
import { ACCOUNT, action, answered, approval, call, client, customPipeline, declaration, paged, refusals, refused,
         runAll, source, start, take, test, unique, until } from "./harness.mjs";

const THIRD_PARTY = ["AcknowledgeThirdPartyJob", "GetThirdPartyJobDetails", "PollForThirdPartyJobs",
                     "PutThirdPartyJobFailureResult", "PutThirdPartyJobSuccessResult"];

test("a pipeline is made, read, changed and deleted", async () => {
  const made = declaration([[approval()]], { pipelineType: "V2", executionMode: "QUEUED",
                                             variables: [{ name: "Env", defaultValue: "dev", description: "where" }] });
  const created = await call("CreatePipeline", { pipeline: made, tags: [{ key: "team", value: "shop" }] });
  assert.equal(created.pipeline.version, 1);
  assert.deepEqual(created.tags, [{ key: "team", value: "shop" }]);
  const shown = await call("GetPipeline", { name: made.name });
  assert.deepEqual(shown.pipeline, created.pipeline);
  assert.ok(shown.metadata.created instanceof Date);
  assert.equal(shown.metadata.pipelineArn, `arn:aws:codepipeline:us-east-1:${ACCOUNT}:${made.name}`);
  const changed = await call("UpdatePipeline", { pipeline: { ...made, executionMode: "SUPERSEDED" } });
  assert.equal(changed.pipeline.version, 2);
  assert.equal((await call("GetPipeline", { name: made.name, version: 1 })).pipeline.executionMode, "QUEUED");
  await refused("PipelineVersionNotFoundException", "GetPipeline", { name: made.name, version: 3 });
  await refused("PipelineNameInUseException", "CreatePipeline", { pipeline: made });
  await call("DeletePipeline", { name: made.name });
  await call("DeletePipeline", { name: made.name });
  await refused("PipelineNotFoundException", "GetPipeline", { name: made.name });
  await refused("PipelineNotFoundException", "UpdatePipeline", { pipeline: made });
});

test("triggers come back as they were given", async () => {
  const code = { name: "Code", outputArtifacts: [{ name: "Code" }],
                 actionTypeId: { category: "Source", owner: "AWS", provider: "CodeStarSourceConnection", version: "1" },
                 configuration: { ConnectionArn: `arn:aws:codeconnections:us-east-1:${ACCOUNT}:connection/1`,
                                  FullRepositoryId: "team/shop", BranchName: "main" } };
  const triggers = [{ providerType: "CodeStarSourceConnection", gitConfiguration: {
    sourceActionName: "Code",
    push: [{ branches: { includes: ["main"], excludes: ["x/**"] }, filePaths: { excludes: ["docs/**"] } }, { tags: { includes: ["v*"] } }],
    pullRequest: [{ events: ["OPEN", "UPDATED", "CLOSED"], branches: { includes: ["main"] } }] } }];
  const made = { ...declaration([[approval()]]), triggers };
  made.stages[0] = { name: "Source", actions: [code] };
  const { pipeline } = await call("CreatePipeline", { pipeline: made });
  assert.equal(pipeline.pipelineType, "V2");
  assert.deepEqual((await call("GetPipeline", { name: made.name })).pipeline.triggers, triggers);
  await refused("InvalidStructureException", "UpdatePipeline", { pipeline: { ...made, pipelineType: "V1" } });
  const { pipelineExecutionId } = await call("StartPipelineExecution", { name: made.name, sourceRevisions: [
    { actionName: "Code", revisionType: "COMMIT_ID", revisionValue: "0f".repeat(20) }] });
  const { pipelineExecutionSummaries } = await call("ListPipelineExecutions", { pipelineName: made.name });
  assert.deepEqual(pipelineExecutionSummaries.map((e) => [e.pipelineExecutionId, e.sourceRevisions[0].revisionId]),
                   [[pipelineExecutionId, "0f".repeat(20)]]);
  await call("DeletePipeline", { name: made.name });
});

test("pipelines are listed in pages", async () => {
  const names = [];
  for (let i = 0; i < 3; i++) {
    const { pipeline } = await call("CreatePipeline", { pipeline: declaration([[approval()]]) });
    names.push(pipeline.name);
  }
  const { all, pages } = await paged("ListPipelines", "pipelines");
  assert.ok(pages >= 3);
  assert.deepEqual(names.filter((n) => !all.some((p) => p.name === n)), []);
  assert.ok(all.every((p) => p.created instanceof Date && p.updated instanceof Date));
  await refused("ValidationException", "ListPipelines", { maxResults: 1001 });
  await refused("ValidationException", "ListPipelines", { nextToken: "x".repeat(2049) });
});

test("declarations are refused by name", async () => {
  const good = declaration([[approval()]]);
  const refuse = (exception, pipeline) => refused(exception, "CreatePipeline", { pipeline });
  await refuse("InvalidStructureException", { ...good, stages: [good.stages[0]] });
  await refuse("InvalidStructureException", { ...good, stages: [good.stages[1], good.stages[0]] });
  await refuse("InvalidStageDeclarationException", { ...good, stages: [good.stages[0], good.stages[1], good.stages[1]] });
  await refuse("InvalidActionDeclarationException", declaration([[approval(), approval()]]));
  await refuse("InvalidActionDeclarationException", declaration([[action("A", "Nobody")]]));
  await refused("InvalidTagsException", "CreatePipeline", { pipeline: good, tags: [{ key: "aws:x", value: "" }] });
  await refused("ValidationException", "CreatePipeline", {});
});

test("tags are put, listed and taken away", async () => {
  const { pipeline } = await call("CreatePipeline", { pipeline: declaration([[approval()]]) });
  const resourceArn = (await call("GetPipeline", { name: pipeline.name })).metadata.pipelineArn;
  await call("TagResource", { resourceArn, tags: [{ key: "a", value: "1" }, { key: "b", value: "2" }] });
  const { all, pages } = await paged("ListTagsForResource", "tags", { resourceArn });
  assert.deepEqual([all.map((t) => t.key), pages], [["a", "b"], 2]);
  await call("UntagResource", { resourceArn, tagKeys: ["a"] });
  assert.deepEqual((await call("ListTagsForResource", { resourceArn })).tags, [{ key: "b", value: "2" }]);
  await refused("InvalidNextTokenException", "ListTagsForResource", { resourceArn, nextToken: "x" });
  const many = Array.from({ length: 51 }, (_, i) => ({ key: `k${i}`, value: "" }));
  await refused("TooManyTagsException", "TagResource", { resourceArn, tags: many });
  await refused("InvalidTagsException", "TagResource", { resourceArn, tags: [{ key: "aws:x", value: "" }] });
  await refused("ResourceNotFoundException", "TagResource", { resourceArn: `${resourceArn}x`, tags: [] });
  await refused("ResourceNotFoundException", "UntagResource", { resourceArn: `${resourceArn}x`, tagKeys: ["a"] });
  await refused("ResourceNotFoundException", "ListTagsForResource", { resourceArn: `${resourceArn}x` });
});

test("custom action types are made, shown, changed and deleted", async () => {
  const id = { category: "Test", owner: "Custom", provider: unique("t").slice(0, 30), version: "1" };
  const counts = { minimumCount: 0, maximumCount: 2 };
  const { owner, ...identity } = id;
  const input = { ...identity, inputArtifactDetails: counts, outputArtifactDetails: counts, configurationProperties: [
    { name: "Job", required: true, key: true, secret: false, queryable: true, type: "String" }] };
  assert.deepEqual((await call("CreateCustomActionType", input)).actionType.id, id);
  await refused("LimitExceededException", "CreateCustomActionType", input);
  const mine = async () => (await paged("ListActionTypes", "actionTypes", { actionOwnerFilter: owner }, null)).all.filter(
    (t) => t.id.provider === id.provider);
  assert.equal((await mine()).length, 1);
  const { actionType } = await call("GetActionType", id);
  assert.equal(actionType.executor.type, "JobWorker");
  await call("UpdateActionType", { actionType: { ...actionType, description: "newer" } });
  assert.equal((await call("GetActionType", id)).actionType.description, "newer");
  await refused("RequestFailedException", "UpdateActionType", { actionType: {
    ...actionType, permissions: { allowedAccounts: ["*"] } } });
  await refused("ActionTypeNotFoundException", "UpdateActionType", { actionType: {
    ...actionType, id: { ...id, version: "2" } } });
  await refused("ActionTypeNotFoundException", "GetActionType", { ...id, version: "2" });
  await call("DeleteCustomActionType", identity);
  assert.equal((await mine()).length, 0);
  await refused("ValidationException", "DeleteCustomActionType", { ...identity, provider: "a b" });
  await refused("InvalidNextTokenException", "ListActionTypes", { nextToken: "x" });
});

test("jobs are polled, acknowledged, described, continued and ended", async () => {
  const pipeline = await customPipeline();
  const { pipelineExecutionId } = await call("StartPipelineExecution", { name: pipeline.name });
  const found = await take(pipeline, "Source");
  assert.equal(found.data.pipelineContext.pipelineExecutionId, pipelineExecutionId);
  assert.ok(found.data.artifactCredentials.sessionToken);
  assert.equal((await call("GetJobDetails", { jobId: found.id })).jobDetails.data.pipelineContext.action.name, "Get");
  await refused("InvalidNonceException", "AcknowledgeJob", { jobId: found.id, nonce: "other" });
  await refused("OutputVariablesSizeExceededException", "PutJobSuccessResult", {
    jobId: found.id, outputVariables: { a: "x".repeat(122881) } });
  await call("PutJobSuccessResult", { jobId: found.id, currentRevision: { revision: "r1", changeIdentifier: "c1" } });
  await refused("InvalidJobStateException", "PutJobSuccessResult", { jobId: found.id });
  const first = await take(pipeline);
  await call("PutJobSuccessResult", { jobId: first.id, continuationToken: "half",
                                      executionDetails: { summary: "half", percentComplete: 50 } });
  const second = await take(pipeline);
  assert.equal(second.data.continuationToken, "half");
  await call("PutJobFailureResult", { jobId: second.id, failureDetails: { type: "JobFailed", message: "it broke" } });
  await refused("InvalidJobStateException", "PutJobFailureResult", {
    jobId: second.id, failureDetails: { type: "JobFailed", message: "again" } });
  const { pipelineExecution } = await call("GetPipelineExecution", { pipelineName: pipeline.name, pipelineExecutionId });
  assert.equal(pipelineExecution.status, "Failed");
  assert.equal(pipelineExecution.trigger.triggerType, "StartPipelineExecution");
  const jobId = randomUUID();
  await refused("JobNotFoundException", "AcknowledgeJob", { jobId, nonce: "1" });
  await refused("JobNotFoundException", "GetJobDetails", { jobId });
  await refused("JobNotFoundException", "PutJobSuccessResult", { jobId });
  await refused("JobNotFoundException", "PutJobFailureResult", { jobId, failureDetails: { type: "JobFailed", message: "gone" } });
  await refused("ActionTypeNotFoundException", "PollForJobs", { actionTypeId: {
    category: "Build", owner: "Custom", provider: "Nobody", version: "1" } });
});

test("executions and their actions are listed in pages, and filtered", async () => {
  const pipeline = await customPipeline();
  const good = await start(pipeline);
  const bad = await start(pipeline, false);
  const pipelineName = pipeline.name;
  const executions = await paged("ListPipelineExecutions", "pipelineExecutionSummaries", { pipelineName });
  assert.deepEqual(executions.all.map((e) => [e.pipelineExecutionId, e.status]), [[bad, "Failed"], [good, "Succeeded"]]);
  assert.ok(executions.all[0].startTime instanceof Date);
  const filtered = await call("ListPipelineExecutions", { pipelineName, filter: { succeededInStage: { stageName: "S1" } } });
  assert.deepEqual(filtered.pipelineExecutionSummaries.map((e) => e.pipelineExecutionId), [good]);
  const runs = await paged("ListActionExecutions", "actionExecutionDetails", { pipelineName });
  assert.deepEqual(runs.all.map((r) => [r.actionName, r.status]), [
    ["Do1", "Failed"], ["Get", "Succeeded"], ["Do1", "Succeeded"], ["Get", "Succeeded"]]);
  const latest = await call("ListActionExecutions", { pipelineName, filter: { latestInPipelineExecution: {
    pipelineExecutionId: good, startTimeRange: "Latest" } } });
  assert.equal(latest.actionExecutionDetails.length, 2);
  assert.deepEqual((await paged("ListDeployActionExecutionTargets", "targets", {
    pipelineName, actionExecutionId: runs.all[0].actionExecutionId }, 10)).all, []);
  await refused("ActionExecutionNotFoundException", "ListDeployActionExecutionTargets", { actionExecutionId: randomUUID() });
  await refused("InvalidNextTokenException", "ListPipelineExecutions", { pipelineName, nextToken: "x" });
  await refused("InvalidNextTokenException", "ListActionExecutions", { pipelineName, nextToken: "x" });
  await refused("PipelineNotFoundException", "ListPipelineExecutions", { pipelineName: "none" });
  await refused("PipelineNotFoundException", "ListActionExecutions", { pipelineName: "none" });
  await refused("PipelineExecutionNotFoundException", "ListActionExecutions", {
    pipelineName, filter: { pipelineExecutionId: randomUUID() } });
  await refused("PipelineExecutionNotFoundException", "GetPipelineExecution", {
    pipelineName, pipelineExecutionId: randomUUID() });
});

test("a stage is retried, and rolled back", async () => {
  const pipeline = await customPipeline();
  const pipelineName = pipeline.name;
  const good = await start(pipeline);
  const bad = await start(pipeline, false);
  await call("RetryStageExecution", { pipelineName, stageName: "S1", pipelineExecutionId: bad, retryMode: "FAILED_ACTIONS" });
  await call("PutJobFailureResult", { jobId: (await take(pipeline)).id, failureDetails: { type: "JobFailed", message: "no" } });
  const back = await call("RollbackStage", { pipelineName, stageName: "S1", targetPipelineExecutionId: good });
  await call("PutJobSuccessResult", { jobId: (await take(pipeline)).id });
  const { pipelineExecution } = await call("GetPipelineExecution", {
    pipelineName, pipelineExecutionId: back.pipelineExecutionId });
  assert.equal(pipelineExecution.executionType, "ROLLBACK");
  assert.equal(pipelineExecution.rollbackMetadata.rollbackTargetPipelineExecutionId, good);
  const retry = (members) => ({ pipelineName, stageName: "S1", pipelineExecutionId: good, retryMode: "ALL_ACTIONS", ...members });
  await refused("StageNotRetryableException", "RetryStageExecution", retry({ pipelineExecutionId: back.pipelineExecutionId }));
  await refused("StageNotFoundException", "RetryStageExecution", retry({ stageName: "none" }));
  await refused("NotLatestPipelineExecutionException", "RetryStageExecution", retry({ pipelineExecutionId: bad }));
  await refused("UnableToRollbackStageException", "RollbackStage", {
    pipelineName, stageName: "S1", targetPipelineExecutionId: bad });
  await refused("PipelineExecutionNotFoundException", "RollbackStage", {
    pipelineName, stageName: "S1", targetPipelineExecutionId: randomUUID() });
});

test("an approval is answered once", async () => {
  const made = declaration([[approval()]]);
  const { provider } = await customPipeline();
  const pipelineName = made.name;
  await call("CreatePipeline", { pipeline: { ...made, stages: [
    { name: "Source", actions: [action("Get", provider, { category: "Source", outputs: ["App"] })] }, made.stages[1]] } });
  await call("StartPipelineExecution", { name: pipelineName, clientRequestToken: randomUUID() });
  await call("PutJobSuccessResult", { jobId: (await take({ provider }, "Source")).id });
  const { stageStates } = await call("GetPipelineState", { name: pipelineName });
  const { token } = stageStates[1].actionStates[0].latestExecution;
  const answer = { pipelineName, stageName: "S1", actionName: "Ask", token, result: { summary: "fine", status: "Approved" } };
  await refused("InvalidApprovalTokenException", "PutApprovalResult", { ...answer, token: randomUUID() });
  await refused("ActionNotFoundException", "PutApprovalResult", { ...answer, actionName: "none" });
  await refused("StageNotFoundException", "PutApprovalResult", { ...answer, stageName: "none" });
  assert.ok((await call("PutApprovalResult", answer)).approvedAt instanceof Date);
  await refused("ApprovalAlreadyCompletedException", "PutApprovalResult", answer);
  await refused("PipelineNotFoundException", "GetPipelineState", { name: "none" });
});

test("an execution is stopped once, and too many are refused", async () => {
  const pipeline = await customPipeline(1, { pipelineType: "V2", executionMode: "PARALLEL" });
  const ids = [];
  for (let i = 0; i < 50; i++) ids.push((await call("StartPipelineExecution", { name: pipeline.name })).pipelineExecutionId);
  await refused("ConcurrentPipelineExecutionsLimitExceededException", "StartPipelineExecution", { name: pipeline.name });
  const stop = { pipelineName: pipeline.name, pipelineExecutionId: ids[0], reason: "enough" };
  await call("PollForJobs", { actionTypeId: { category: "Source", owner: "Custom", provider: pipeline.provider, version: "1" } });
  await call("StopPipelineExecution", stop);
  await refused("DuplicatedStopRequestException", "StopPipelineExecution", stop);
  await call("StopPipelineExecution", { ...stop, abandon: true });
  await refused("PipelineExecutionNotStoppableException", "StopPipelineExecution", stop);
  await refused("PipelineNotFoundException", "StartPipelineExecution", { name: "none" });
  await refused("ValidationException", "StartPipelineExecution", { name: pipeline.name, sourceRevisions: [
    { actionName: "Get", revisionType: "COMMIT_ID", revisionValue: "x" }] });
});

test("a transition is closed and opened", async () => {
  const pipeline = await customPipeline();
  const transition = { pipelineName: pipeline.name, stageName: "S1", transitionType: "Inbound" };
  await call("DisableStageTransition", { ...transition, reason: "not now" });
  const state = async () => (await call("GetPipelineState", { name: pipeline.name })).stageStates[1].inboundTransitionState;
  assert.equal((await state()).disabledReason, "not now");
  await call("EnableStageTransition", transition);
  assert.equal((await state()).enabled, true);
  await refused("StageNotFoundException", "DisableStageTransition", { ...transition, stageName: "none", reason: "x" });
  await refused("StageNotFoundException", "EnableStageTransition", { ...transition, stageName: "none" });
});

test("webhooks are put, listed in pages, and start their pipeline", async () => {
  const { pipeline } = await call("CreatePipeline", { pipeline: declaration([[approval()]]) });
  const webhook = { name: `${pipeline.name}-1`, targetPipeline: pipeline.name, targetAction: "Get", filters: [
    { jsonPath: "$.ref", matchEquals: "refs/heads/main" }], authentication: "UNAUTHENTICATED", authenticationConfiguration: {} };
  const put = (more) => call("PutWebhook", { webhook: { ...webhook, ...more } });
  const made = (await put({})).webhook;
  await put({ name: `${pipeline.name}-2`, authentication: "GITHUB_HMAC", authenticationConfiguration: { SecretToken: "s" } });
  const answer = await fetch(made.url, { method: "POST", body: JSON.stringify({ ref: "refs/heads/main" }) });
  assert.equal(answer.status, 202);
  const { all } = await paged("ListWebhooks", "webhooks");
  const mine = all.filter((w) => w.definition.targetPipeline === pipeline.name);
  assert.deepEqual(mine.map((w) => w.definition.name), [webhook.name, `${pipeline.name}-2`]);
  assert.ok(mine[0].lastTriggered instanceof Date);
  const refuse = (exception, more) => refused(exception, "PutWebhook", { webhook: { ...webhook, ...more } });
  await refuse("InvalidWebhookFilterPatternException", { filters: [{ jsonPath: "$[" }] });
  await refuse("InvalidWebhookAuthenticationParametersException", { authentication: "IP" });
  await refuse("PipelineNotFoundException", { targetPipeline: "none" });
  for (const operation of ["RegisterWebhookWithThirdParty", "DeregisterWebhookWithThirdParty"]) {
    await refused("WebhookNotFoundException", operation, { webhookName: "none" });
    await refused("ValidationException", operation, { webhookName: webhook.name });
  }
  await call("DeleteWebhook", { name: webhook.name });
  await refused("ValidationException", "DeleteWebhook", { name: "a b" });
  await refused("InvalidNextTokenException", "ListWebhooks", { NextToken: "no token!" });
});

test("a revision starts the pipeline once", async () => {
  const pipeline = await customPipeline();
  const told = { pipelineName: pipeline.name, stageName: "Source", actionName: "Get", actionRevision: {
    revisionId: "abc", revisionChangeId: "1", created: new Date() } };
  const first = await call("PutActionRevision", told);
  const again = await call("PutActionRevision", told);
  assert.deepEqual([first.newRevision, again.newRevision], [true, false]);
  assert.equal(again.pipelineExecutionId, first.pipelineExecutionId);
  await refused("StageNotFoundException", "PutActionRevision", { ...told, stageName: "none" });
  await refused("ActionNotFoundException", "PutActionRevision", { ...told, actionName: "none" });
});

test("conditions are listed and overridden", async () => {
  const { provider } = await customPipeline();
  const made = declaration([{ actions: [approval()], beforeEntry: { conditions: [{ result: "FAIL", rules: [
    { name: "Env", ruleTypeId: { category: "Rule", owner: "AWS", provider: "VariableCheck", version: "1" },
      configuration: { Variable: "#{variables.Env}", Operator: "EQ", Value: "prod" } }] }] } }],
    { pipelineType: "V2", variables: [{ name: "Env", defaultValue: "dev" }],
      sources: [action("Get", provider, { category: "Source", outputs: ["App"] })] });
  await call("CreatePipeline", { pipeline: made });
  const { pipelineExecutionId } = await call("StartPipelineExecution", { name: made.name });
  await call("PutJobSuccessResult", { jobId: (await take({ provider }, "Source")).id });
  const pipelineName = made.name;
  const status = async () => (await call("GetPipelineExecution", { pipelineName, pipelineExecutionId })).pipelineExecution.status;
  assert.equal(await status(), "Failed");
  const rules = await paged("ListRuleExecutions", "ruleExecutionDetails", { pipelineName });
  assert.deepEqual(rules.all.map((r) => [r.ruleName, r.status]), [["Env", "Failed"]]);
  const types = await call("ListRuleTypes", {});
  assert.ok(types.ruleTypes.some((t) => t.id.provider === "VariableCheck"));
  const override = { pipelineName, stageName: "S1", pipelineExecutionId, conditionType: "BEFORE_ENTRY" };
  await refused("StageNotFoundException", "OverrideStageCondition", { ...override, stageName: "none" });
  await call("OverrideStageCondition", override);
  assert.equal(await until(async () => (await status()) === "InProgress", "it goes on"), true);
  await refused("ConditionNotOverridableException", "OverrideStageCondition", { ...override, conditionType: "ON_SUCCESS" });
  await refused("PipelineNotFoundException", "ListRuleExecutions", { pipelineName: "none" });
});

test("third-party jobs are refused with words", async () => {
  for (const operation of THIRD_PARTY)
    await assert.rejects(call(operation, {}), (error) => {
      assert.equal(error.name, "UnknownOperationException");
      assert.match(error.message, new RegExp(`${operation} is not supported by Slipway`));
      return true;
    });
});

test("every operation of the client has answered and refused", async () => {
  const known = Object.keys(sdk).filter((n) => n.endsWith("Command") && n !== "$Command").map((n) => n.replace(/Command$/, ""));
  const wanted = known.filter((n) => !THIRD_PARTY.includes(n));
  assert.ok(wanted.length >= 39, `${wanted.length} operations`);
  // these two register at GitHub for actions that there are not: they refuse only
  const refuseOnly = ["RegisterWebhookWithThirdParty", "DeregisterWebhookWithThirdParty"];
  assert.deepEqual(wanted.filter((n) => !answered.has(n) && !refuseOnly.includes(n)), []);
  // these take any name, and any owner
  const answerOnly = ["DeletePipeline", "ListRuleTypes"];
  assert.deepEqual(wanted.filter((n) => !refusals.has(n) && !answerOnly.includes(n)), []);
});

await runAll();
client.destroy();
