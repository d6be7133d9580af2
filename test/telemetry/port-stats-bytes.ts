/** A port_stats reply written byte by byte after OpenFlow 1.3.5, A.3.5.6: independent of the codec. */
export interface PortCounters {
  readonly port: number;
  readonly rxBytes?: bigint;
  readonly txBytes?: bigint;
  readonly rxPackets?: bigint;
  readonly txPackets?: bigint;
  readonly txDropped?: bigint;
}

export function portStatsReply(
  ports: readonly PortCounters[],
  more = false,
): { bytes: Uint8Array; offset: number; length: number; more: boolean } {
  const offset = 3;
  const length = 16 + 112 * ports.length;
  const bytes = new Uint8Array(offset + length + 5);
  const view = new DataView(bytes.buffer, offset);
  view.setUint8(0, 4);
  view.setUint8(1, 19);
  view.setUint16(2, length);
  view.setUint16(8, 4);
  view.setUint16(10, more ? 1 : 0);
  ports.forEach((p, i) => {
    const at = 16 + 112 * i;
    view.setUint32(at, p.port);
    view.setBigUint64(at + 8, p.rxPackets ?? 0n);
    view.setBigUint64(at + 16, p.txPackets ?? 0n);
    view.setBigUint64(at + 24, p.rxBytes ?? 0n);
    view.setBigUint64(at + 32, p.txBytes ?? 0n);
    view.setBigUint64(at + 48, p.txDropped ?? 0n);
  });
  return { bytes, offset, length, more };
}
