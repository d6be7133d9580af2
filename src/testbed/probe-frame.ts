import {
  buildEthernet,
  buildIpv4,
  buildUdp,
  ETHERNET_LEAST_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_VLAN,
  PROTOCOL_UDP,
  plainIpv4,
} from '../packet/index.js';

const ethernet = {
  destination: Uint8Array.of(0x02, 0x53, 0x54, 0x00, 0xff, 0x02),
  source: Uint8Array.of(0x02, 0x53, 0x54, 0x00, 0xff, 0x01),
  tags: [],
  etherType: ETHERTYPE_IPV4,
};
const source = 0xc000_0201;
const destination = 0xc000_0202;
/** RFC 863: whoever takes the packet throws it away. */
const discardPort = 9;
/** of the site with number 1, which a network with labels has */
const label = { tagType: ETHERTYPE_VLAN, priority: 0, dropEligible: false, vlan: 1 } as const;
/** Fills the frame to the least length. */
const payload = new Uint8Array(18);

/**
 * One Ethernet frame with an empty UDP datagram, as hexadecimal for `ovs-ofctl packet-out`: what the start-up check sends
 * through each queue. Its addresses belong to nobody (locally administered MAC, TEST-NET-1 of RFC 5737), so no host of
 * the testbed ever takes it.
 * @param labelled with a tag, as packets between sites have it where the network has labels
 */
export function probeFrame(dscp: number, labelled = false): string {
  const datagram = buildUdp({ sourcePort: discardPort, destinationPort: discardPort }, payload);
  const packet = buildIpv4(plainIpv4({ dscp, protocol: PROTOCOL_UDP, source, destination }), datagram);
  return Buffer.from(
    buildEthernet(labelled ? { ...ethernet, tags: [label] } : ethernet, packet, ETHERNET_LEAST_BYTES),
  ).toString('hex');
}
