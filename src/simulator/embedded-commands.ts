import type { EmbeddedNetwork } from './embedded.js';

/** What the embedded network is told on its standard input, one JSON object a line. Times: seconds of its clock. */
export type EmbeddedCommand =
  | { readonly start: 'traffic' }
  | { readonly window: readonly [number, number] }
  | { readonly summary: string; readonly fromSeconds: number; readonly toSeconds: number }
  | { readonly link: string; readonly up: boolean }
  | { readonly now: true };

type Answer = Readonly<Record<string, unknown>>;

/** Carries out one line and gives the one line of the answer. Never throws. */
export function answerLine(network: EmbeddedNetwork, line: string): string {
  network.advance();
  let answer: Answer;
  try {
    answer = carryOut(network, JSON.parse(line) as Record<string, unknown>);
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  return JSON.stringify({ ...answer, nowSeconds: network.simulation.now });
}

function carryOut(network: EmbeddedNetwork, command: Record<string, unknown>): Answer {
  const { simulation } = network;
  if (command.start === 'traffic') {
    const startedAtSeconds = simulation.now;
    simulation.startTraffic();
    return { startedAtSeconds };
  }
  if (Array.isArray(command.window)) {
    const [from, to] = command.window as unknown[];
    const window = [seconds(from, 'window[0]'), seconds(to, 'window[1]')] as const;
    const names = [...simulation.players.keys(), ...simulation.probes.keys()];
    return {
      streams: names.map((name) => simulation.summary(name, ...window)),
      lateness: network.lateness(),
      vms: Object.fromEntries(simulation.topology.vms.map((vm) => [vm.name, simulation.vmHost(vm.name)])),
      longestProbeGapSeconds: Math.max(0, ...[...simulation.probes.values()].map((p) => p.longestGapSeconds)),
    };
  }
  if (typeof command.summary === 'string') {
    const from = seconds(command.fromSeconds, 'fromSeconds');
    const to = seconds(command.toSeconds, 'toSeconds');
    return { summary: simulation.summary(command.summary, from, to), lateness: network.lateness() };
  }
  if (typeof command.link === 'string') {
    simulation.setLinkUp(command.link, command.up === true);
    return { link: command.link, up: command.up === true };
  }
  if (command.now === true) return {};
  throw new RangeError('not a command: give start, window, summary, link or now');
}

function seconds(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`${name} must be a time in seconds, not ${JSON.stringify(value)}`);
}
