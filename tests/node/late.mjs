// Completions whose answers come late: which says that its answer has begun, and what became of it.
import * as sdk from "@aws-sdk/client-s3";

const client = new sdk.S3Client({
  endpoint: process.env.SLIPWAY_ENDPOINT, region: "us-east-1", maxAttempts: 1, forcePathStyle: true,
  credentials: { accessKeyId: process.env.SLIPWAY_KEY, secretAccessKey: process.env.SLIPWAY_SECRET },
});

client.middlewareStack.add((next) => async (given) => {
  const answer = await next(given);
  console.log(JSON.stringify({ begun: given.input.Key, headers: answer.response.headers }));
  return answer;
}, { step: "deserialize", name: "begun", priority: "low" });

await Promise.all(JSON.parse(process.env.SLIPWAY_UPLOADS).map(async (input) => {
  const result = await client.send(new sdk.CompleteMultipartUploadCommand(input)).catch((error) => ({ error: error.name }));
  console.log(JSON.stringify({ ended: input.Key, result }));
}));
