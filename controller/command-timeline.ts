/** One command of the law, with everything that its slot will be judged by: frozen when it was given. */
export interface Command {
  /** believed time from which the bottleneck sees `rate` */
  readonly effectiveAt: number;
  /** U, bytes/s */
  readonly rate: number;
  /** what the law asked for before it was clipped, bytes/s */
  readonly wanted: number;
  /** xhat, bytes/s */
  readonly forecast: number;
  /** rho of this command: the virtual queue is served with rho c in its slot */
  readonly utilisation: number;
  /** c that the law believed: a capacity that is learnt may be another one by the time the slot is over */
  readonly capacity: number;
  /** y: predicted virtual backlog at `effectiveAt`, bytes */
  readonly predicted: number;
  /** frozen errors: eps_x, bytes/s; eps_W, eps_m and eps_delay, bytes */
  readonly forecastError: number;
  readonly disturbance: number;
  readonly measurementError: number;
  readonly delayError: number;
  /** from the newest sample to `effectiveAt`, seconds */
  readonly horizon: number;
  /** false: the law was not in charge (safe mode, nothing to send) */
  readonly lawful: boolean;
  /** the loop is stable at this gain for every delay that the traffic does not exclude */
  readonly certifiedDelay: boolean;
  /** lawful, and enough errors were known to freeze an epsilon */
  readonly judged: boolean;
}

/** A stretch of time under one command. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** undefined: before the first command */
  readonly command: Command | undefined;
}

const maximumCommands = 256;

/** Commands in the order in which they take effect. */
export class CommandTimeline {
  private readonly commands: Command[] = [];

  get newest(): Command | undefined {
    return this.commands.at(-1);
  }

  push(command: Command): void {
    this.commands.push(command);
    if (this.commands.length > maximumCommands) this.commands.shift();
  }

  /** [from, to] cut at the times at which commands take effect */
  stretches(from: number, to: number): Stretch[] {
    const cut: Stretch[] = [];
    let begin = from;
    let current: Command | undefined;
    for (const command of this.commands) {
      if (command.effectiveAt <= from) {
        current = command;
        continue;
      }
      if (command.effectiveAt >= to) break;
      cut.push({ from: begin, to: command.effectiveAt, command: current });
      begin = command.effectiveAt;
      current = command;
    }
    if (to > begin) cut.push({ from: begin, to, command: current });
    return cut;
  }

  /** Drops what no sample will ask for again: all but the command in force at `before`. */
  forget(before: number): void {
    while (this.commands.length > 1 && this.commands[1]!.effectiveAt <= before) this.commands.shift();
  }
}
