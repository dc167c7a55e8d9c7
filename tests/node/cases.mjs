// Cases of one program: each is run, one after the other, and told as a line of JSON.
const cases = [];

/** One case; `make check` shows each by its name. */
export function test(name, run) {
  cases.push({ name, run });
}

export async function runAll() {
  for (const { name, run } of cases) {
    let error = null;
    try {
      await run();
    } catch (thrown) {
      error = thrown.stack ?? String(thrown);
    }
    console.log(JSON.stringify({ name, error }));
  }
}
