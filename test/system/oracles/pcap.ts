/** Captures in the classic format (draft-ietf-opsawg-pcap): packets of link type USER0, whose meaning the reader is told. */
const LINKTYPE_USER0 = 147;

export function pcap(packets: readonly Uint8Array[]): Uint8Array {
  const whole = Buffer.alloc(24 + packets.reduce((sum, packet) => sum + 16 + packet.length, 0));
  whole.writeUInt32LE(0xa1b2c3d4, 0);
  whole.writeUInt16LE(2, 4);
  whole.writeUInt16LE(4, 6);
  whole.writeUInt32LE(0x40000, 16);
  whole.writeUInt32LE(LINKTYPE_USER0, 20);
  let at = 24;
  packets.forEach((packet, i) => {
    whole.writeUInt32LE(i, at); // the time, in seconds: the number of the packet
    whole.writeUInt32LE(packet.length, at + 8);
    whole.writeUInt32LE(packet.length, at + 12);
    whole.set(packet, at + 16);
    at += 16 + packet.length;
  });
  return whole;
}
