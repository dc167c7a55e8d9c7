// What codepipeline's cases share: a client that remembers which operations it has asked, and with which outcome.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import * as sdk from "@aws-sdk/client-codepipeline";

export { runAll, test } from "./cases.mjs";

export const ACCOUNT = "222222222222";
export const answered = new Set();
export const refusals = new Set();

export const client = new sdk.CodePipelineClient({
  endpoint: process.env.SLIPWAY_ENDPOINT, region: "us-east-1", maxAttempts: 1,
  credentials: { accessKeyId: process.env.SLIPWAY_KEY, secretAccessKey: process.env.SLIPWAY_SECRET },
});

client.middlewareStack.add((next, context) => async (given) => {
  const operation = context.commandName.replace(/Command$/, "");
  try {
    const answer = await next(given);
    answered.add(operation);
    return answer;
  } catch (error) {
    refusals.add(operation);
    throw error;
  }
}, { step: "initialize", name: "remember" });

/** call("GetPipeline", {name}) */
export function call(operation, input = {}) {
  return client.send(new sdk[`${operation}Command`](input));
}

/** The call must fail with that exception class of the SDK's, which has words. */
export async function refused(exception, operation, input = {}) {
  assert.equal(typeof sdk[exception], "function", `the SDK has no ${exception}`);
  await assert.rejects(call(operation, input), (error) => {
    assert.ok(error instanceof sdk[exception], `${operation}: ${error.name}: ${error.message}, not ${exception}`);
    assert.equal(error.name, exception);
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.ok(error.$metadata.requestId, "an error without a request id");
    assert.ok(error.message.length > 0, "an error without words");
    return true;
  });
}

/** All elements of a paginated list, read in pages of `pageSize`, which none may pass; null: as the service likes. */
export async function paged(operation, list, input = {}, pageSize = 1) {
  const all = [];
  let pages = 0;
  for await (const page of sdk[`paginate${operation}`]({ client, pageSize: pageSize ?? undefined }, input)) {
    assert.ok(!pageSize || page[list].length <= pageSize, `${operation}: a page of ${page[list].length}`);
    all.push(...page[list]);
    pages++;
  }
  return { all, pages };
}

export async function until(look, what) {
  for (const end = Date.now() + 20000; ;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `it did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// ---- declarations

export const unique = (start = "n") => `${start}-${randomUUID().slice(0, 13)}`;

export function action(name, provider, { category = "Build", owner = "Custom", inputs = [], outputs = [], ...more } = {}) {
  return { name, actionTypeId: { category, owner, provider, version: "1" }, configuration: {},
           inputArtifacts: inputs.map((n) => ({ name: n })), outputArtifacts: outputs.map((n) => ({ name: n })), ...more };
}

export const source = (more = {}) => action("Get", "S3", { category: "Source", owner: "AWS", outputs: ["App"],
  configuration: { S3Bucket: unique("bucket"), S3ObjectKey: "app.zip", ...more } });

export const approval = (name = "Ask") => action(name, "Manual", { category: "Approval", owner: "AWS" });

export function declaration(stages, { sources = [source()], ...more } = {}) {
  return { name: unique("p"), roleArn: `arn:aws:iam::${ACCOUNT}:role/slipway-deploy`,
           artifactStore: { type: "S3", location: "store-bucket" },
           stages: [{ name: "Source", actions: sources },
                    ...stages.map((s, i) => (Array.isArray(s) ? { name: `S${i + 1}`, actions: s } : { name: `S${i + 1}`, ...s }))],
           ...more };
}

/** Custom types of this case alone, and a pipeline of them: a source, and one stage for each provider. */
export async function customPipeline(stages = 1, more = {}) {
  const provider = unique("t").slice(0, 30);
  const none = { minimumCount: 0, maximumCount: 0 };
  const one = { minimumCount: 0, maximumCount: 1 };
  await call("CreateCustomActionType", { category: "Source", provider, version: "1", inputArtifactDetails: none,
                                         outputArtifactDetails: one });
  await call("CreateCustomActionType", { category: "Build", provider, version: "1", inputArtifactDetails: one,
                                         outputArtifactDetails: one });
  const made = declaration(Array.from({ length: stages }, (_, i) => [action(`Do${i + 1}`, provider)]),
                           { sources: [action("Get", provider, { category: "Source", outputs: ["App"] })], ...more });
  await call("CreatePipeline", { pipeline: made });
  return { name: made.name, provider, made };
}

/** Takes and acknowledges the job that waits for workers of the type. */
export async function take({ provider }, category = "Build") {
  const { jobs } = await call("PollForJobs", { actionTypeId: { category, owner: "Custom", provider, version: "1" } });
  assert.equal(jobs.length, 1, `${jobs.length} jobs of ${category}`);
  assert.equal((await call("AcknowledgeJob", { jobId: jobs[0].id, nonce: jobs[0].nonce })).status, "InProgress");
  return jobs[0];
}

export async function start(pipeline, outcome = true) {
  const { pipelineExecutionId } = await call("StartPipelineExecution", { name: pipeline.name });
  await call("PutJobSuccessResult", { jobId: (await take(pipeline, "Source")).id,
                                      currentRevision: { revision: "r1", changeIdentifier: "c1" } });
  const job = await take(pipeline);
  await (outcome ? call("PutJobSuccessResult", { jobId: job.id })
                 : call("PutJobFailureResult", { jobId: job.id, failureDetails: { type: "JobFailed", message: "no" } }));
  return pipelineExecutionId;
}
