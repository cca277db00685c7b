// BullMQ on Redis, 24 jobs at once.

import { Queue, Worker } from "bullmq";
import Redis from "ioredis";
import { count, job, paced, role, said, url } from "./tally.mjs";

const connection = new Redis(url, { maxRetriesPerRequest: null });
const kept = { removeOnComplete: true };

if (role === "put") {
  const queue = new Queue("noop", { connection });
  const begun = process.hrtime.bigint();
  for (let start = 0; start < count; start += 1000) {
    const size = Math.min(1000, count - start);
    await queue.addBulk(Array.from({ length: size }, () => ({ name: "noop", data: 0, opts: kept })));
  }
  said(begun);
  await queue.close();
  connection.disconnect();
} else if (role === "pace") {
  const queue = new Queue("noop", { connection });
  await paced((instant) => queue.add("noop", instant, kept));
  await queue.close();
  connection.disconnect();
} else {
  const worker = new Worker("noop", async ({ data }) => job(data), { connection, concurrency: 24 });
  await worker.waitUntilReady();
  console.log("ready");
}
