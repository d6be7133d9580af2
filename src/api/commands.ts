import type { ApiCommand, Application } from './application.js';
import { ApiProblem } from './problems.js';

export interface CommandLimits {
  readonly timeoutMs: number;
  readonly inFlight: number;
}

/** Hands commands to the engine with a limit on how many wait and for how long. */
export class Commander {
  readonly #application: Application;
  readonly #limits: CommandLimits;
  #inFlight = 0;

  constructor(application: Application, limits: CommandLimits) {
    this.#application = application;
    this.#limits = limits;
  }

  /** @throws ApiProblem: what the engine refused, or 503 if it did not answer in time or too many wait */
  async run(command: ApiCommand): Promise<unknown> {
    if (this.#inFlight >= this.#limits.inFlight)
      throw new ApiProblem(
        {
          slug: 'busy',
          status: 503,
          title: 'Too many requests at once',
          detail: `${this.#inFlight} requests are waiting for the engine; try again in a second.`,
        },
        { 'retry-after': '1' },
      );
    this.#inFlight += 1;
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(timeOut(this.#limits.timeoutMs)), this.#limits.timeoutMs);
      });
      const result = await Promise.race([this.#application.command(command), late]);
      if (!result.ok) throw new ApiProblem(result.problem);
      return result.body;
    } finally {
      clearTimeout(timer);
      this.#inFlight -= 1;
    }
  }
}

function timeOut(timeoutMs: number): ApiProblem {
  return new ApiProblem(
    {
      slug: 'time-out',
      status: 503,
      title: 'No answer in time',
      detail:
        `The engine did not answer within ${timeoutMs / 1000} s. The command may still take effect: ` +
        'ask again with the same Idempotency-Key, or read the state.',
    },
    { 'retry-after': '1' },
  );
}
