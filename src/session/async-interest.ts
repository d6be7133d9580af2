import { OFP_VERSION_13 } from '../openflow/index.js';
import type { AnyOutgoing } from './outbox.js';

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

/** The same in 1.3, as pairs of masks, and in 1.4 and later, as properties (1.4.1, 7.3.10). */
export function asyncConfig(interest: AsyncInterest, version: number): AnyOutgoing {
  const { packetInReasons, portStatusReasons, flowRemovedReasons } = interest;
  const slave = portStatusOnly;
  if (version === OFP_VERSION_13)
    return {
      type: 'set_async',
      packet_in_mask: [packetInReasons, slave.packetInReasons],
      port_status_mask: [portStatusReasons, slave.portStatusReasons],
      flow_removed_mask: [flowRemovedReasons, slave.flowRemovedReasons],
    };
  return {
    type: 'set_async',
    properties: [
      { type: 'packet_in_master', mask: packetInReasons },
      { type: 'packet_in_slave', mask: slave.packetInReasons },
      { type: 'port_status_master', mask: portStatusReasons },
      { type: 'port_status_slave', mask: slave.portStatusReasons },
      { type: 'flow_removed_master', mask: flowRemovedReasons },
      { type: 'flow_removed_slave', mask: slave.flowRemovedReasons },
    ],
  };
}
