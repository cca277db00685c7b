// graphile-worker on PostgreSQL, 24 jobs at once, a local queue of 500 and batched completions.

import { makeWorkerUtils, run } from "graphile-worker";
import { count, job, paced, role, said, url } from "./tally.mjs";

const { Logger } = await import("graphile-worker");
const logger = new Logger(() => () => {});

if (role === "install" || role === "put" || role === "pace") {
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  if (role === "install") {
    await utils.migrate();
  } else if (role === "put") {
    const begun = process.hrtime.bigint();
    for (let start = 0; start < count; start += 1000) {
      const size = Math.min(1000, count - start);
      await utils.addJobs(Array.from({ length: size }, () => ({ identifier: "noop", payload: { at: 0 } })));
    }
    said(begun);
  } else {
    await paced((at) => utils.addJob("noop", { at }));
  }
  await utils.release();
} else {
  await run({
    preset: {
      worker: {
        connectionString: url,
        concurrentJobs: 24,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        logger,
      },
    },
    taskList: { noop: async ({ at }) => job(at) },
  });
  console.log("ready");
}
