import type { CircuitJson, MigrationJson, SystemViewJson } from '../schemas/index.js';
import type { Limit } from './migration-explanation.js';
import { formatRate, formatSeconds } from './quantities.js';

/** It joins the sites of the two hosts, each of which the view gives a site. */
export function joinsSites(view: SystemViewJson, { ends }: CircuitJson, m: MigrationJson): boolean {
  const siteOf = (name: string): string | undefined => view.hosts.find((h) => h.name === name)?.site;
  const [from, to] = [siteOf(m.source), siteOf(m.destination)];
  const sites = ends.map((name) => view.switches.find((s) => s.name === name)?.site);
  return from !== undefined && to !== undefined && from !== to && sites.includes(from) && sites.includes(to);
}

/** What the circuits between the two sites of a migration do for it. */
export function circuitLimits(view: SystemViewJson, m: MigrationJson): readonly Limit[] {
  return view.circuits.filter((c) => joinsSites(view, c, m)).flatMap((circuit) => circuitLimit(circuit, m));
}

/** Says in a sentence how a circuit is and why. */
function circuitLimit(c: CircuitJson, m: MigrationJson): readonly Limit[] {
  const of = (kind: Limit['kind'], sentence: string): readonly Limit[] => [{ kind, sentence }];
  switch (c.state) {
    case 'signalling':
      return of(
        'circuit-set-up',
        `The circuit ${c.name} was ordered${c.since === null ? '' : ` at ${c.since}`} and is being set up, which takes ${formatSeconds(c.ledger.measuredSetupSeconds ?? c.setupSeconds)}; until then the packet path carries all.`,
      );
    case 'up':
      if (!c.carries)
        return of(
          'circuit-set-up',
          `The circuit ${c.name} is up, and waits for probes to come through before traffic is put on it.`,
        );
      return of(
        'circuit-carries',
        `The circuit ${c.name} carries ${formatRate(m.copy?.circuitBitsPerSecond ?? 0)} of it beside the packet path; it could carry ${formatRate(c.capacityBitsPerSecond)}.`,
      );
    case 'down-unknown':
      return of(
        'circuit-lost',
        `The provider of the circuit ${c.name} does not say how it is (${c.providerProblem ?? c.reason}); the packet path carries all.`,
      );
    case 'failing':
      return of('circuit-lost', `The circuit ${c.name} failed (${c.reason}); the packet path carries all.`);
    case 'releasing':
      return of('circuit-dark', `The circuit ${c.name} is being released (${c.reason}).`);
    case 'dark':
      return darkLimit(c);
  }
}

/** Why nobody pays for it. */
const darkBecause: Partial<Readonly<Record<NonNullable<CircuitJson['advice']>, string>>> = {
  'setup-takes-longer': 'setting it up would take longer than the rest of the copy',
  'not-worth-it': 'what it would save is worth less than it costs',
  failed: 'it failed a short time ago',
};

function darkLimit(c: CircuitJson): readonly Limit[] {
  if (c.providerProblem !== null)
    return [
      {
        kind: 'circuit-lost',
        sentence: `The circuit ${c.name} cannot be had: its provider does not answer (${c.providerProblem}).`,
      },
    ];
  const because = c.advice === null ? undefined : darkBecause[c.advice];
  if (because === undefined) return [];
  return [{ kind: 'circuit-dark', sentence: `The circuit ${c.name} stays dark: ${because}.` }];
}
