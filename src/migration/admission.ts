import { hostOf, siteOfHost, type Topology, vmOf } from '../network/topology.js';

/** What was asked for, in the words of the topology. */
export interface Request {
  readonly vm: string;
  readonly source: string | undefined;
  readonly destination: string;
}
/** The first reason, in the order a person would look for it, why a request cannot be a migration. */
export type Refusal = {
  readonly why:
    | 'unknown-vm'
    | 'unknown-destination'
    | 'source-mismatch'
    | 'same-location'
    | 'site-unreachable';
  readonly detail: string;
};

/**
 * Holds a request against the topology and the VM's present location.
 * `destination` may name a hypervisor host, or a site if exactly one of the VM's hosts is there.
 */
export function placeRequest(
  topology: Topology,
  request: Request,
  vmHost: string,
):
  | { readonly ok: true; readonly source: string; readonly destination: string }
  | { readonly ok: false; readonly refusal: Refusal } {
  const refuse = (why: Refusal['why'], detail: string) => ({ ok: false as const, refusal: { why, detail } });
  const vm = vmOf(topology, request.vm);
  if (vm === undefined) {
    const known = topology.vms.map((v) => v.name).join(', ');
    return refuse('unknown-vm', `No VM is named "${request.vm}". The topology has: ${known || 'none'}.`);
  }
  const candidates = vm.hosts.filter((name) => {
    const host = hostOf(topology, name);
    return (
      name === request.destination ||
      (host !== undefined && siteOfHost(topology, host) === request.destination)
    );
  });
  const destination = candidates[0];
  if (destination === undefined || candidates.length > 1)
    return refuse(
      'unknown-destination',
      `"${request.destination}" is not one place where ${vm.name} may live. Its hosts are: ${vm.hosts.join(', ')}.`,
    );
  if (request.source !== undefined) {
    const host = hostOf(topology, vmHost);
    if (request.source !== vmHost && (host === undefined || siteOfHost(topology, host) !== request.source))
      return refuse('source-mismatch', `${vm.name} lives at ${vmHost}, not at "${request.source}".`);
  }
  if (destination === vmHost) return refuse('same-location', `${vm.name} already lives at ${vmHost}.`);
  return { ok: true, source: vmHost, destination };
}
