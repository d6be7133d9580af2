import {
  compareRules,
  desiredRules,
  hostOf,
  type MigrationIntent,
  type NetworkState,
  networkMapOf,
  type Rule,
  shortestPaths,
  type Topology,
} from '../network/index.js';
import { formatInstructions, formatMatch, formatRule } from '../openflow/index.js';
import type { Admitted } from './admission.js';

/** What a dry run answers: the verdict of admission, and what a migration would do to the network. */
export interface MigrationPreview extends Admitted {
  readonly admitted: true;
  /** RFC 3339, if it started now; null: the copy does not converge at the rate that is left */
  readonly predictedFinish: string | null;
  /** the way of the copy through packet links; null: there is none */
  readonly path: PathPlan | null;
  /** rules that would come and go, switch by switch */
  readonly rules: readonly RulePlan[];
}
export interface PathPlan {
  readonly switches: readonly string[];
  readonly links: readonly string[];
  readonly oneWayDelayMs: number;
}
export interface RulePlan {
  readonly switch: string;
  /** `transfer`: for as long as the copy runs; `switchover`: the machine's new place, from then on */
  readonly when: 'transfer' | 'switchover';
  readonly change: 'add' | 'delete';
  /** in the words of ovs-ofctl */
  readonly rule: string;
}

export interface PreviewWorld {
  readonly topology: Topology;
  /** what the rules of a switch follow from now */
  readonly stateOf: (switchName: string) => NetworkState;
}

/** Path and rules of a migration that was admitted and is not started. */
export function planOf(
  { topology, stateOf }: PreviewWorld,
  { source, destination }: Admitted,
  asked: Pick<MigrationIntent, 'vm' | 'ordinal' | 'tcpPort' | 'moreStreams'>,
): { readonly path: PathPlan | null; readonly rules: readonly RulePlan[] } {
  const intent: MigrationIntent = {
    ...asked,
    epoch: 0,
    source,
    destination,
    stage: 'running',
    granted: true,
  };
  const rules = topology.switches.flatMap(({ name }) => {
    const state = stateOf(name);
    const now = desiredRules(topology, name, state);
    const moving = desiredRules(topology, name, { ...state, migrations: [...state.migrations, intent] });
    const vmLocation = new Map([...state.vmLocation, [asked.vm, destination]]);
    const moved = desiredRules(topology, name, { ...state, vmLocation });
    return [...changes(name, 'transfer', now, moving), ...changes(name, 'switchover', now, moved)];
  });
  return { path: pathPlan(topology, source, destination, stateOf(topology.switches[0]?.name ?? '')), rules };
}

function pathPlan(
  topology: Topology,
  source: string,
  destination: string,
  state: NetworkState,
): PathPlan | null {
  const [from, to] = [source, destination].map((name) => hostOf(topology, name)?.switch);
  if (from === undefined || to === undefined) return null;
  const [path] = shortestPaths(networkMapOf(topology, state.linksDown), { from, to }, 1);
  return path === undefined
    ? null
    : { switches: path.switches, links: path.links, oneWayDelayMs: path.delayMs };
}

function changes(
  name: string,
  when: RulePlan['when'],
  before: readonly Rule[],
  after: readonly Rule[],
): RulePlan[] {
  const { adds, deletes } = compareRules(after, before);
  const plan =
    (change: RulePlan['change']) =>
    (rule: Rule): RulePlan => ({
      switch: name,
      when,
      change,
      rule: planText(rule),
    });
  return [...adds.map(plan('add')), ...deletes.map(plan('delete'))];
}

/** One rule as a plan shows it. */
export const planText = ({
  cookie,
  tableId,
  priority,
  match,
  instructions,
  hardTimeoutSeconds,
}: Rule): string =>
  `cookie=0x${cookie.toString(16)}, table=${tableId}, ` +
  `${hardTimeoutSeconds > 0 ? `hard_timeout=${hardTimeoutSeconds}, ` : ''}${formatRule(priority, formatMatch(match))} ` +
  `actions=${formatInstructions(instructions)}`;
