import type { Problem } from './input.js';

const titles: Readonly<Record<Problem['slug'], string>> = {
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
  'unknown-switch': 'Unknown switch',
  'switch-not-connected': 'Switch not connected',
  'switch-read-failed': 'Switch not readable',
  recording: 'A recording',
  restarting: 'Starting anew',
  'invalid-body': 'Invalid body',
  'not-found': 'Not found',
  internal: 'Internal error',
};

/** Where in the body of the request the reason is, and what is the matter there. */
const places: Partial<
  Readonly<Record<Problem['slug'], { readonly pointer: string; readonly detail: string }>>
> = {
  'unknown-vm': { pointer: '/vm', detail: 'names no VM' },
  'vm-busy': { pointer: '/vm', detail: 'is being migrated' },
  'unknown-destination': { pointer: '/destination', detail: 'names no place for this VM' },
  'same-location': { pointer: '/destination', detail: 'is where the VM is' },
  'source-mismatch': { pointer: '/source', detail: 'is not where the VM is' },
  'deadline-infeasible': { pointer: '/deadlineSeconds', detail: 'cannot be kept' },
};

export function problem(
  slug: Problem['slug'],
  status: number,
  detail: string,
  extra?: Readonly<Record<string, unknown>>,
): Problem {
  const place = places[slug];
  return {
    slug,
    status,
    title: titles[slug],
    detail,
    ...(place && { errors: [place] }),
    ...(extra && { extra }),
  };
}
