// Objects by AWS's SDK for JavaScript as it comes: its default checksums and trailers, streams, its upload manager,
// presigned requests and posts, errors' classes and paginators.
import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import * as sdk from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { runAll, test } from "./cases.mjs";

const settings = {
  endpoint: process.env.SLIPWAY_ENDPOINT, region: "us-east-1", maxAttempts: 1, forcePathStyle: true,
  credentials: { accessKeyId: process.env.SLIPWAY_KEY, secretAccessKey: process.env.SLIPWAY_SECRET },
};
const client = new sdk.S3Client(settings);
const Bucket = `node-${randomUUID()}`;
const PART = 5 * 1024 * 1024;
const ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];
let requests = [];

client.middlewareStack.add((next) => async (given) => {
  requests.push(given.request);
  return next(given);
}, { step: "deserialize", name: "watch", priority: "low" });

const call = (operation, input) => client.send(new sdk[`${operation}Command`]({ Bucket, ...input }));
const bytesOf = async (answer) => Buffer.from(await answer.Body.transformToByteArray());
const pieces = (body, size) => Readable.from((function* () {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
})());

async function fails(name, status, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, name, `${error.name}: ${error.message}`);
    assert.equal(error.$metadata.httpStatusCode, status);
    return true;
  });
}

await call("CreateBucket", {});

test("what is put comes back, with the checksum that the SDK computes by itself", async () => {
  for (const body of [Buffer.alloc(0), randomBytes(10), randomBytes(100000)]) {
    const put = await call("PutObject", { Key: "k", Body: body });
    assert.ok(put.ChecksumCRC32);
    assert.equal(put.ChecksumType, "FULL_OBJECT");
    const got = await call("GetObject", { Key: "k" });
    assert.deepEqual(await bytesOf(got), body);
    assert.equal(got.ChecksumCRC32, put.ChecksumCRC32);
    assert.equal(got.ETag, `"${createHash("md5").update(body).digest("hex")}"`);
  }
});

test("streams are sent in chunks with their checksum behind them", async () => {
  const body = randomBytes(200000);
  for (const size of [8192, 65536]) {
    requests = [];
    const put = await call("PutObject", { Key: "stream", Body: pieces(body, size), ContentLength: body.length });
    assert.equal(requests[0].headers["x-amz-content-sha256"], "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert.equal(requests[0].headers["x-amz-trailer"], "x-amz-checksum-crc32");
    assert.ok(put.ChecksumCRC32);
    const got = await call("GetObject", { Key: "stream" });
    assert.deepEqual(await bytesOf(got), body);
    assert.equal(got.ContentEncoding, undefined);
  }
});

test("checksums by each algorithm", async () => {
  for (const ChecksumAlgorithm of ALGORITHMS) {
    const member = `Checksum${ChecksumAlgorithm}`;
    const body = randomBytes(70000);
    const buffered = await call("PutObject", { Key: "sum", Body: body, ChecksumAlgorithm });
    const streamed = await call("PutObject", { Key: "sum2", Body: pieces(body, 30000), ContentLength: body.length,
                                               ChecksumAlgorithm });
    assert.ok(buffered[member]);
    assert.equal(streamed[member], buffered[member]);
    const got = await call("GetObject", { Key: "sum2" });
    assert.deepEqual(await bytesOf(got), body);
    assert.equal(got[member], buffered[member]);
    await fails("BadDigest", 400, call("PutObject", { Key: "bad", Body: "other", [member]: buffered[member] }));
    await fails("NotFound", 404, call("HeadObject", { Key: "bad" }));
  }
});

test("multipart uploads by each algorithm", async () => {
  for (const ChecksumAlgorithm of ALGORITHMS) {
    const member = `Checksum${ChecksumAlgorithm}`;
    const body = Buffer.concat([randomBytes(1 << 20), Buffer.alloc(2 * PART), randomBytes(1 << 20)]);
    const upload = new Upload({ client, partSize: PART, queueSize: 2,
                                params: { Bucket, Key: "multi", Body: pieces(body, 1 << 18), ChecksumAlgorithm,
                                          ContentType: "application/zip" } });
    const done = await upload.done();
    assert.match(done.ETag, /^"[0-9a-f]{32}-3"$/);
    const full = ChecksumAlgorithm === "CRC64NVME";
    assert.equal(done.ChecksumType, full ? "FULL_OBJECT" : "COMPOSITE");
    assert.equal(done[member].endsWith("-3"), !full);
    const got = await call("GetObject", { Key: "multi" });
    assert.deepEqual(await bytesOf(got), body);
    assert.equal(got.ContentType, "application/zip");
    const part = await call("GetObject", { Key: "multi", PartNumber: 2 });
    assert.equal(part.PartsCount, 3);
    assert.deepEqual(await bytesOf(part), body.subarray(PART, 2 * PART));
    const attributes = await call("GetObjectAttributes", {
      Key: "multi", ObjectAttributes: ["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"] });
    assert.equal(attributes.ObjectSize, body.length);
    assert.equal(attributes.ObjectParts.TotalPartsCount, 3);
    assert.equal(attributes.Checksum[member], done[member].replace(/-3$/, ""));
    assert.equal(attributes.ObjectParts.Parts?.length, full ? undefined : 3);
  }
});

test("an upload of small pieces is put as a whole", async () => {
  const upload = new Upload({ client, params: { Bucket, Key: "small", Body: pieces(Buffer.from("small"), 2), Tagging: "a=1" } });
  assert.equal((await upload.done()).ETag, `"${createHash("md5").update("small").digest("hex")}"`);
  assert.deepEqual((await call("GetObjectTagging", { Key: "small" })).TagSet, [{ Key: "a", Value: "1" }]);
});

test("a full-object checksum of a multipart upload", async () => {
  const { UploadId } = await call("CreateMultipartUpload", { Key: "full", ChecksumAlgorithm: "CRC32C", ChecksumType: "FULL_OBJECT" });
  const part = await call("UploadPart", { Key: "full", UploadId, PartNumber: 1, Body: "123456789", ChecksumAlgorithm: "CRC32C" });
  const Parts = [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32C: part.ChecksumCRC32C }];
  const complete = (more) => call("CompleteMultipartUpload", { Key: "full", UploadId, MultipartUpload: { Parts }, ...more });
  await fails("BadDigest", 400, complete({ ChecksumType: "FULL_OBJECT", ChecksumCRC32C: "AAAAAA==" }));
  const done = await complete({ ChecksumType: "FULL_OBJECT", ChecksumCRC32C: "4waSgw==", MpuObjectSize: 9 });
  assert.deepEqual([done.ChecksumCRC32C, done.ChecksumType], ["4waSgw==", "FULL_OBJECT"]);
  assert.equal((await complete({})).ETag, done.ETag);
});

test("copies, of objects and of parts", async () => {
  const body = randomBytes(PART + 7);
  await call("PutObject", { Key: "source", Body: body, Metadata: { m: "1" }, Tagging: "t=1" });
  const copied = await call("CopyObject", { Key: "copy", CopySource: `${Bucket}/source`, ChecksumAlgorithm: "SHA256",
                                            TaggingDirective: "REPLACE", Tagging: "t=2" });
  assert.equal(copied.CopyObjectResult.ChecksumSHA256, createHash("sha256").update(body).digest("base64"));
  assert.deepEqual((await call("HeadObject", { Key: "copy" })).Metadata, { m: "1" });
  assert.deepEqual((await call("GetObjectTagging", { Key: "copy" })).TagSet, [{ Key: "t", Value: "2" }]);
  const { UploadId } = await call("CreateMultipartUpload", { Key: "parts" });
  const Parts = [];
  for (const [PartNumber, CopySourceRange] of [[1, `bytes=0-${PART - 1}`], [2, `bytes=${PART}-${PART + 6}`]]) {
    const { CopyPartResult } = await call("UploadPartCopy", { Key: "parts", UploadId, PartNumber, CopySourceRange,
                                                              CopySource: `${Bucket}/source` });
    Parts.push({ PartNumber, ...CopyPartResult });
  }
  const listed = [];
  // The SDK's own paginator never ends, on S3 neither: it does not look at IsTruncated.
  for (let page = { NextPartNumberMarker: undefined, IsTruncated: true }; page.IsTruncated; listed.push(...page.Parts))
    page = await call("ListParts", { Key: "parts", UploadId, MaxParts: 1, PartNumberMarker: page.NextPartNumberMarker });
  assert.deepEqual(listed.map((p) => [p.PartNumber, p.Size, p.ETag]), Parts.map((p, i) => [p.PartNumber, [PART, 7][i], p.ETag]));
  await call("CompleteMultipartUpload", { Key: "parts", UploadId, MultipartUpload: { Parts } });
  assert.deepEqual(await bytesOf(await call("GetObject", { Key: "parts" })), body);
});

test("conditions", async () => {
  const { ETag } = await call("PutObject", { Key: "cond", Body: "1", IfNoneMatch: "*" });
  await fails("PreconditionFailed", 412, call("PutObject", { Key: "cond", Body: "2", IfNoneMatch: "*" }));
  await fails("PreconditionFailed", 412, call("PutObject", { Key: "cond", Body: "2", IfMatch: '"x"' }));
  await fails("PreconditionFailed", 412, call("DeleteObject", { Key: "cond", IfMatch: '"x"' }));
  await call("PutObject", { Key: "cond", Body: "2", IfMatch: ETag });
  await call("DeleteObject", { Key: "cond", IfMatch: "*" });
  await fails("NoSuchKey", 404, call("PutObject", { Key: "cond", Body: "2", IfMatch: ETag }));
  await fails("NoSuchKey", 404, call("GetObject", { Key: "cond" }));
});

test("headers are kept exactly, and replaced where a read asks for it", async () => {
  const kept = { CacheControl: "max-age=60, public", ContentDisposition: 'attachment; filename="a b.txt"',
                 ContentEncoding: "gzip", ContentLanguage: "de, en", ContentType: "text/plain; charset=UTF-8" };
  await call("PutObject", { Key: "headers", Body: "x", ...kept, Expires: new Date("2030-01-02T03:04:05Z") });
  const got = await call("GetObject", { Key: "headers" });
  for (const name of ["CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType"])
    assert.equal(got[name], kept[name]);
  assert.equal(got.ExpiresString, "Wed, 02 Jan 2030 03:04:05 GMT");
  const other = await call("GetObject", { Key: "headers", ResponseCacheControl: "no-store", ResponseContentType: "a/b",
                                          ResponseContentDisposition: "inline", ResponseContentEncoding: "identity",
                                          ResponseContentLanguage: "fr", ResponseExpires: new Date("2031-01-02T03:04:05Z") });
  assert.deepEqual([other.CacheControl, other.ContentType, other.ContentDisposition, other.ContentEncoding, other.ContentLanguage,
                    other.ExpiresString],
                   ["no-store", "a/b", "inline", "identity", "fr", "Thu, 02 Jan 2031 03:04:05 GMT"]);
});

test("odd keys", async () => {
  for (const Key of ["a b+c&d=e?f#g", "ünï/çødé ☃", "./../x", "a//b", "%41", "'()*!~", "tail/ "]) {
    await call("PutObject", { Key, Body: Key });
    assert.equal((await bytesOf(await call("GetObject", { Key }))).toString(), Key);
  }
});

// ---- without the SDK's own requests

const signed = (operation, input, more) => getSignedUrl(client, new sdk[`${operation}Command`]({ Bucket, ...input }),
                                                         { expiresIn: 60, ...more });

test("presigned requests", async () => {
  const plain = new sdk.S3Client({ ...settings, requestChecksumCalculation: "WHEN_REQUIRED" });
  const put = await getSignedUrl(plain, new sdk.PutObjectCommand({ Bucket, Key: "pre signed", ContentType: "text/x",
                                                                   Metadata: { build: "7" } }), { expiresIn: 60 });
  const answer = await fetch(put, { method: "PUT", body: "hello", headers: { "content-type": "text/x" } });
  assert.equal(answer.status, 200, await answer.text());
  const got = await fetch(await signed("GetObject", { Key: "pre signed", ResponseContentType: "a/b" }));
  assert.deepEqual([await got.text(), got.headers.get("content-type"), got.headers.get("x-amz-meta-build")], ["hello", "a/b", "7"]);
  const head = await fetch(await signed("HeadObject", { Key: "pre signed" }), { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "5"]);
  const wrong = await fetch(await signed("GetObject", { Key: "pre signed" }), { method: "DELETE" });
  assert.equal(wrong.status, 403);
  const deleted = await fetch(await signed("DeleteObject", { Key: "pre signed" }), { method: "DELETE" });
  assert.equal(deleted.status, 204);
  plain.destroy();
});

test("a presigned put has the checksum that was presigned with it", async () => {
  const body = Buffer.from("123456789");
  const url = await signed("PutObject", { Key: "sum", ChecksumCRC32: "y/Q5Jg==" });
  assert.equal((await fetch(url, { method: "PUT", body: "other" })).status, 400);
  const answer = await fetch(url, { method: "PUT", body });
  assert.deepEqual([answer.status, answer.headers.get("x-amz-checksum-crc32")], [200, "y/Q5Jg=="]);
});

test("a form's post, as presigned", async () => {
  const post = await createPresignedPost(client, {
    Bucket, Key: "forms/${filename}", Expires: 60,
    Fields: { success_action_status: "201", "x-amz-meta-from": "form" },
    Conditions: [["content-length-range", 1, 10], ["starts-with", "$Content-Type", "text/"]],
  });
  const send = async (text, type = "text/plain") => {
    const form = new FormData();
    for (const [name, value] of Object.entries(post.fields)) form.append(name, value);
    form.append("Content-Type", type);
    form.append("file", new Blob([text]), "a file.txt");
    return fetch(post.url, { method: "POST", body: form });
  };
  const answer = await send("hello");
  assert.equal(answer.status, 201, await answer.clone().text());
  assert.match(await answer.text(), /<Key>forms\/a file.txt<\/Key>/);
  const got = await call("GetObject", { Key: "forms/a file.txt" });
  assert.deepEqual([(await bytesOf(got)).toString(), got.ContentType, got.Metadata], ["hello", "text/plain", { from: "form" }]);
  assert.equal((await send("much too long")).status, 400);
  assert.equal((await send("hello", "image/png")).status, 403);
});

test("listings tell checksums, and buckets come in pages", async () => {
  await call("PutObject", { Key: "listed/a", Body: "a", ChecksumAlgorithm: "SHA256" });
  const [object] = (await call("ListObjectsV2", { Prefix: "listed/" })).Contents;
  assert.deepEqual([object.ChecksumAlgorithm, object.ChecksumType], [["SHA256"], "FULL_OBJECT"]);
  const [version] = (await call("ListObjectVersions", { Prefix: "listed/" })).Versions;
  assert.deepEqual([version.ChecksumAlgorithm, version.ChecksumType], [["SHA256"], "FULL_OBJECT"]);
  const names = ["0", "1", "2"].map((n) => `page-${n}-${randomUUID()}`.slice(0, 40));
  for (const name of names) await client.send(new sdk.CreateBucketCommand({ Bucket: name }));
  const found = [];
  for await (const page of sdk.paginateListBuckets({ client, pageSize: 2 }, { Prefix: "page-" })) {
    assert.equal(page.Prefix, "page-");
    found.push(...page.Buckets);
  }
  assert.deepEqual(found.map((bucket) => bucket.Name), names);
  assert.equal(found[0].BucketRegion, "us-east-1");
  assert.equal((await call("ListBuckets", {})).Buckets[0].BucketRegion, undefined);
  assert.equal((await call("ListBuckets", { BucketRegion: "eu-west-1" })).Buckets.length, 0);
});

test("settings come back as they were put", async () => {
  const there = { Bucket: `set-${randomUUID()}`, ObjectLockEnabledForBucket: true };
  await client.send(new sdk.CreateBucketCommand(there));
  const { Bucket: bucket } = there;
  const same = async (noun, member, value) => {
    await client.send(new sdk[`Put${noun}Command`]({ Bucket: bucket, [member]: value }));
    assert.deepEqual((await client.send(new sdk[`Get${noun}Command`]({ Bucket: bucket })))[member], value);
  };
  await same("PublicAccessBlock", "PublicAccessBlockConfiguration", {
    BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: false, RestrictPublicBuckets: false });
  await same("BucketOwnershipControls", "OwnershipControls", { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] });
  await same("ObjectLockConfiguration", "ObjectLockConfiguration", {
    ObjectLockEnabled: "Enabled", Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } } });
  await client.send(new sdk.PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: {
    CORSRules: [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"] }] } }));
  assert.equal((await client.send(new sdk.GetBucketCorsCommand({ Bucket: bucket }))).CORSRules.length, 1);
  const put = await client.send(new sdk.PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration: {
    Rules: [{ ID: "r", Status: "Enabled", Filter: { Prefix: "a" }, Expiration: { Days: 3 } }] } }));
  assert.equal(put.TransitionDefaultMinimumObjectSize, "all_storage_classes_128K");
  const got = await client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
  assert.deepEqual(got.Rules, [{ ID: "r", Status: "Enabled", Filter: { Prefix: "a" }, Expiration: { Days: 3 } }]);
  const policy = { Statement: [{ Effect: "Deny", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/no/*` }] };
  await client.send(new sdk.PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(policy) }));
  assert.deepEqual(JSON.parse((await client.send(new sdk.GetBucketPolicyCommand({ Bucket: bucket }))).Policy), policy);
  assert.equal((await client.send(new sdk.GetBucketPolicyStatusCommand({ Bucket: bucket }))).PolicyStatus.IsPublic, false);
  const retained = await client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key: "a", Body: "x" }));
  assert.match(retained.Expiration, /rule-id="r"/);
  const head = await client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: "a" }));
  assert.equal(head.ObjectLockMode, "GOVERNANCE");
  await fails("AccessDenied", 403, client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: "a", VersionId: retained.VersionId })));
});

await runAll();
client.destroy();
