// What every subject of `./dev bench queue` does in the same way; see tally.py.

export const [role, count, url] = [process.argv[2], Number(process.argv[3]), process.argv[4]];

const waits = [];
let done = 0;
let begun = 0n;

/** One job ran; `instant` is when it was put, in ns of the monotonic clock, or 0. */
export function job(instant) {
  const now = process.hrtime.bigint();
  if (done === 0) begun = now;
  done += 1;
  if (instant) waits.push((Number(now) - instant) / 1e6);
  if (done >= count) {
    console.log(JSON.stringify({ seconds: Number(process.hrtime.bigint() - begun) / 1e9, waits_ms: waits }));
    process.exit(0);
  }
}

/** The time since `from`, said in one line. */
export function said(from) {
  console.log(JSON.stringify({ seconds: Number(process.hrtime.bigint() - from) / 1e9 }));
}

/** Calls `put` with the instant of each job, one every 20 ms. */
export async function paced(put) {
  for (let n = 0; n < count; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await put(Number(process.hrtime.bigint()));
  }
}
