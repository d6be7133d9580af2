/** arrivals inside a longer step would be spread over it, and a queue that stands for a moment be missed */
const stepSeconds = 0.002;
const rememberedCommands = 64;

type MeanRate = (from: number, to: number) => number;

/** Bytes at `until` in a fluid queue that held `backlog` at `from`; rates are means between two instants. */
export function queueAfter(
  from: number,
  until: number,
  backlog: number,
  capacity: number,
  arrivals: MeanRate,
): number {
  const steps = Math.ceil((until - from) / stepSeconds - 1e-9);
  let queue = backlog;
  for (let i = 0; i < steps; i++) {
    const begin = from + i * stepSeconds;
    const end = Math.min(until, begin + stepSeconds);
    queue = Math.max(0, queue + (arrivals(begin, end) - capacity) * (end - begin));
  }
  return queue;
}

/**
 * What was commanded and from when the bottleneck sees it: the model of the delay that a predictive rival has. It is
 * independent of the predictor that it is compared with.
 */
export class CommandsInFlight {
  private readonly commands: { readonly effectiveAt: number; readonly rate: number }[] = [];

  /** `rate` (bytes/s) is seen from `effectiveAt` on, but not before the command that went ahead of it. */
  push(effectiveAt: number, rate: number): void {
    const last = this.commands.at(-1);
    this.commands.push({ effectiveAt: Math.max(effectiveAt, last?.effectiveAt ?? effectiveAt), rate });
    if (this.commands.length > rememberedCommands) this.commands.shift();
  }

  /** `queueAfter` with the commands among the arrivals; `cross` is everybody else. */
  backlogAt(from: number, until: number, backlog: number, capacity: number, cross: MeanRate): number {
    return queueAfter(
      from,
      until,
      backlog,
      capacity,
      (begin, end) => this.meanRate(begin, end) + cross(begin, end),
    );
  }

  /** 0 before the first command */
  private meanRate(from: number, to: number): number {
    let sum = 0;
    let end = to;
    for (let i = this.commands.length - 1; i >= 0 && end > from; i--) {
      const { effectiveAt, rate } = this.commands[i]!;
      const begin = Math.max(from, effectiveAt);
      if (begin >= end) continue;
      sum += rate * (end - begin);
      end = begin;
    }
    return sum / (to - from);
  }
}
