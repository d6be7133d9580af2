/**
 * One Ethernet frame with an empty UDP datagram (RFC 768, RFC 791), as hexadecimal for `ovs-ofctl packet-out`: what
 * the start-up check sends through each queue. Its addresses belong to nobody (locally administered MAC, TEST-NET-1
 * of RFC 5737), so no host of the testbed ever takes it.
 */
export function probeFrame(dscp: number): string {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header[1] = dscp << 2;
  header.writeUInt16BE(46, 2);
  header[8] = 64;
  header[9] = 17;
  header.set([192, 0, 2, 1], 12);
  header.set([192, 0, 2, 2], 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  const udp = Buffer.alloc(26);
  udp.writeUInt16BE(9, 0);
  udp.writeUInt16BE(9, 2);
  udp.writeUInt16BE(26, 4);
  const ethernet = Buffer.from('02535400ff02' + '02535400ff01' + '0800', 'hex');
  return Buffer.concat([ethernet, header, udp]).toString('hex');
}

/** RFC 1071 over an even number of bytes. */
function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
