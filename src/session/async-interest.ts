import type { Outgoing } from './outbox.js';

/**
 * Which messages a switch may send unasked while we are its master or one of equals (OpenFlow 1.3.5, 6.1.1 and A.3.10).
 * Each number is a bit mask of reasons: OFPR_*, OFPPR_*, OFPRR_*.
 */
export interface AsyncInterest {
  readonly packetInReasons: number;
  readonly portStatusReasons: number;
  readonly flowRemovedReasons: number;
}

/** A slave takes no part in forwarding: it only keeps its picture of the ports. */
export const portStatusOnly: AsyncInterest = {
  packetInReasons: 0,
  portStatusReasons: 7,
  flowRemovedReasons: 0,
};

export const asyncConfig = (interest: AsyncInterest): Outgoing => ({
  type: 'set_async',
  packet_in_mask: [interest.packetInReasons, portStatusOnly.packetInReasons],
  port_status_mask: [interest.portStatusReasons, portStatusOnly.portStatusReasons],
  flow_removed_mask: [interest.flowRemovedReasons, portStatusOnly.flowRemovedReasons],
});
