import { OFPVID_PRESENT } from '../openflow/constants.js';
import type { Action, Instruction, OxmField } from '../openflow/index.js';
import type { NetworkMap } from './network-map.js';
import { apply, goTo, setField, tables } from './pipeline-layout.js';
import type { LinkSpec, Topology } from './topology.js';

/**
 * Path labels. Where a topology has switches of role `core`, packets between its sites carry a label: an 802.1Q tag whose VLAN number
 * is the number of the site they are bound for. The gateway at which they set out pushes it, the first switch of that site takes it off,
 * and everybody in between forwards by it alone. So a core switch has rules for ports and sites, however many machines there
 * are and wherever they go: what a migration changes are the gateways. (VLAN and not MPLS: the headers behind a tag can still be
 * matched, so that classes and steering work on the way, and Open vSwitch's userspace carries it as fast as any frame.)
 *
 * A machine that has moved is no matter for packets on their way: they come to its old site, lose their label there, and
 * the location table sends them on with another one, back out of the port they came in by if need be.
 */

const etherTypeVlan = 0x8100;
/** What a label adds to a frame (IEEE 802.1Q, 9.3). */
export const labelBytes = 4;
/** 0 and 4095 are reserved. */
export const labelLimit = 4094;

export const isLabelled = (topology: Topology): boolean => topology.switches.some((s) => s.role === 'core');

export const labelOf = (map: NetworkMap, site: string): OxmField => ({
  field: 'vlan_vid',
  value: OFPVID_PRESENT | map.siteNumber(site),
});

export const pushLabel = (map: NetworkMap, site: string): Action[] => [
  { type: 'push_vlan', ethertype: etherTypeVlan },
  setField(labelOf(map, site)),
];

/** Arrived: the label comes off, and the address decides again. */
export const takeLabel: readonly Instruction[] = [apply({ type: 'pop_vlan' }), goTo(tables.location)];

/** Room that packets lose on a link; those of a site's own hypervisor switches carry none. */
export function labelBytesOn(map: NetworkMap, link: LinkSpec): number {
  if (!isLabelled(map.topology)) return 0;
  const inside = link.ends.some((end) => map.switch(end)?.role === 'hypervisor');
  return inside ? 0 : labelBytes;
}
