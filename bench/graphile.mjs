// Jobs a second of graphile-worker, eight at a time in one process, each of which only offers the next.
// Usage: node graphile.mjs CONNECTION MILLISECONDS; prints one JSON line.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

const CONCURRENCY = 8;
const WAITING = 5000; // jobs, at any time
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
        "SELECT graphile_worker.add_job('next', json_build_object('data', repeat('x', 500))) FROM generate_series(1, $1)",
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
        next: async (data, { addJob }) => {
            await addJob("next", data);
            done++;
        },
    },
});
await sleep(WARM_MS);
const [before, start] = [done, performance.now()];
await sleep(ms);
const rate = ((done - before) * 1000) / (performance.now() - start);
await runner.stop();
console.log(JSON.stringify({ jobs_per_s: Math.round(rate) }));
