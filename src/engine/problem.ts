import type { Problem } from './input.js';

const titles: Partial<Record<Problem['slug'], string>> = {
  'unknown-vm': 'Unknown VM',
  'unknown-destination': 'Unknown destination',
  'unknown-migration': 'Unknown migration',
  'same-location': 'Already there',
  'source-mismatch': 'Not at that source',
  'site-unreachable': 'Site not reachable',
  'deadline-infeasible': 'Deadline not feasible',
  'mtu-too-small': 'Packets too large for a link',
  'vm-busy': 'Already migrating',
  'mode-not-supported': 'Mode not supported',
  'no-topology': 'No topology configured',
  'idempotency-conflict': 'Idempotency-Key used with another body',
  'not-cancellable': 'Too late to cancel',
  'not-forcible': 'Cannot be forced',
  'precondition-failed': 'Changed meanwhile',
  'shadow-mode': 'Shadow mode',
  'store-failed': 'Journal not writable',
};

export function problem(
  slug: Problem['slug'],
  status: number,
  detail: string,
  extra?: Readonly<Record<string, unknown>>,
): Problem {
  return { slug, status, title: titles[slug] ?? slug, detail, ...(extra === undefined ? {} : { extra }) };
}
