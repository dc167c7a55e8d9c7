// Jobs a second of graphile-worker, eight at a time in one process, which do nothing.
// Usage: node graphile.mjs CONNECTION MILLISECONDS; prints one JSON line.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

const CONCURRENCY = 8;
const WAITING = 10000; // jobs, at the beginning
const WARM_MS = 200;

const [connectionString, ms] = [process.argv[2], Number(process.argv[3])];
const logger = new Logger(() => () => {});
const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

async function fill() {
    const utils = await makeWorkerUtils({ connectionString, logger });
    await utils.migrate();
    await utils.release();
    const client = new pg.Client({ connectionString });
    await client.connect();
    await client.query(
        "SELECT graphile_worker.add_job('nothing', json_build_object('data', repeat('x', 500))) FROM generate_series(1, $1)",
        [WAITING],
    );
    await client.end();
}

let done = 0;
await fill();
const runner = await run({
    connectionString,
    logger,
    concurrency: CONCURRENCY,
    maxPoolSize: CONCURRENCY + 2,
    pollInterval: 10,
    noHandleSignals: true,
    taskList: {
        nothing: async () => {
            done++;
        },
    },
});
await sleep(WARM_MS);
const [before, start] = [done, performance.now()];
await sleep(ms);
const rate = ((done - before) * 1000) / (performance.now() - start);
if (done >= WAITING) throw new Error("there were too few jobs");
await runner.stop();
console.log(JSON.stringify({ jobs_per_s: Math.round(rate) }));
