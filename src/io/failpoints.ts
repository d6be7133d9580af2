import { appendFileSync, statSync, truncateSync } from 'node:fs';
import type { Input } from '../engine/input.js';
import type { Output } from '../engine/output.js';
import type { Environment } from './environment.js';
import { FailpointNames } from './failpoint-name.js';

export const failpointVariable = 'STEADY_FAILPOINT';

/**
 * What to do at a point. `list` writes the name of each point to a file; the others signal this very process: `kill` before
 * or after it, `torn` kills after a record was written and its last bytes were taken away again, `stop` waits
 * before the point until somebody sends SIGCONT.
 */
type Plan =
  | { readonly act: 'list'; readonly file: string }
  | { readonly act: 'kill'; readonly when: 'before' | 'after'; readonly point: string }
  | { readonly act: 'torn' | 'stop'; readonly point: string };

/** A page of the journal and the header of its frame are longer: what is left of the last frame has no valid checksum. */
const tornBytes = 1000;

/**
 * Points at which a test has this process die, so that what its next life does is tried and not assumed. Without the
 * variable there is none of it.
 */
export class Failpoints {
  readonly #plan: Plan;
  /** the journal's write-ahead log */
  readonly #log: string;
  readonly #names = new FailpointNames();

  /** undefined: the variable is not set. @throws RangeError */
  static fromEnvironment(environment: Environment, journalFile: string): Failpoints | undefined {
    const text = environment[failpointVariable];
    return text === undefined || text === '' ? undefined : new Failpoints(planOf(text), `${journalFile}-wal`);
  }

  private constructor(plan: Plan, log: string) {
    this.#plan = plan;
    this.#log = log;
  }

  /** Does `work`, which is what is done about an input or output; may not come back. */
  around(what: { readonly input: Input } | { readonly output: Output }, work: () => void): void {
    const name = 'input' in what ? this.#names.input(what.input) : this.#names.output(what.output);
    const plan = this.#plan;
    if (plan.act === 'list') {
      if (name !== undefined) appendFileSync(plan.file, `${name}\n`);
      work();
      return;
    }
    const here = name === plan.point;
    if (here && plan.act === 'stop') process.kill(process.pid, 'SIGSTOP');
    if (here && plan.act === 'kill' && plan.when === 'before') die();
    work();
    if (here && plan.act === 'torn') {
      truncateSync(this.#log, statSync(this.#log).size - tornBytes);
      die();
    }
    if (here && plan.act === 'kill') die();
  }
}

/** As the kernel would: nothing is flushed, nobody is told. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function planOf(text: string): Plan {
  const [, act, when, rest] = /^(list|kill|torn|stop):(?:(before|after):)?(.+)$/.exec(text) ?? [];
  if (act === 'list' && rest !== undefined) return { act, file: rest };
  if (act === 'kill' && rest !== undefined && (when === 'before' || when === 'after'))
    return { act, when, point: rest };
  if ((act === 'torn' || act === 'stop') && when === undefined && rest !== undefined)
    return { act, point: rest };
  throw new RangeError(
    `${failpointVariable} is list:FILE, kill:before:POINT, kill:after:POINT, torn:POINT or stop:POINT, not ${text}`,
  );
}
