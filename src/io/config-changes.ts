import type { SteadyConfig } from './config-file.js';

/**
 * How a changed setting takes effect. `warm`: at once, nothing is interrupted. `cold`: the engine starts anew inside the process;
 * switches connect again, the granted rates are the safe ones for a moment, migrations go on from the journal. `restart`: when
 * the process starts next.
 */
export type Effect = 'warm' | 'cold' | 'restart';
export interface ConfigChange {
  /** path in steady.yaml */
  readonly setting: string;
  readonly effect: Effect;
}

/** What two configurations differ in, by path; sections of lists are one setting each. */
export function changesBetween(before: SteadyConfig, after: SteadyConfig): ConfigChange[] {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((setting) => old.get(setting) !== now.get(setting))
    .map((setting) => ({ setting, effect: effectOf(setting, old.has(setting), now.has(setting)) }))
    .sort((a, b) => (a.setting < b.setting ? -1 : 1));
}

const warm = new Set(['http.tokens', 'http.names', 'http.tls']);
/** What the door is, and not what it lets in: there only before it opens. */
const door = new Set(['http.host', 'http.port', 'http.insecure']);

function effectOf(setting: string, wasThere: boolean, isThere: boolean): Effect {
  if (door.has(setting)) return 'restart';
  // a list of tokens may be replaced while it is in force; that there is one at all belongs to the door
  if (warm.has(setting)) return setting === 'http.names' || (wasThere && isThere) ? 'warm' : 'restart';
  return 'cold';
}

/** Path of each setting that is there to its value; of secrets only the files are named. */
export function settingsIn({ config, listen }: SteadyConfig): ReadonlyMap<string, unknown> {
  const { control, topology, switches, hypervisors, classes, circuits, shadow } = config;
  const { http, openflow } = listen;
  const settings: Record<string, unknown> = {
    topology,
    switches,
    hypervisors,
    classes,
    circuits,
    mode: shadow === true ? 'shadow' : 'active',
    'openflow.role': config.openflow?.role,
    'openflow.host': openflow.host,
    'openflow.port': openflow.port,
    'openflow.tls': openflow.tls,
    'http.host': http.host,
    'http.port': http.port,
    'http.insecure': http.insecure,
    'http.names': http.names,
    'http.tls': http.tls,
    'http.tokens': http.tokensPath,
  };
  for (const [key, value] of Object.entries(control)) settings[`control.${key}`] = value;
  return new Map(Object.entries(settings).filter(([, value]) => value !== undefined));
}

const settingsOf = (steady: SteadyConfig): ReadonlyMap<string, string> =>
  new Map([...settingsIn(steady)].map(([setting, value]) => [setting, JSON.stringify(value)]));
