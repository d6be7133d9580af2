// Entry of the process of one job: takes it from the parent, runs it, answers, ends.
import type { ChildAnswer } from './child-process.js';
import type { Job } from './job.js';
import { runJob } from './run-job.js';

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
// The parent decides what becomes of a run when somebody presses Ctrl-C.
process.on('SIGINT', () => {});

process.once('message', async (job) => {
  let answer: ChildAnswer;
  try {
    answer = { outcome: await runJob(job as Job, stopping.signal) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.send!(answer, () => process.exit());
});
