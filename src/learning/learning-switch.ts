import { OFP_NO_BUFFER, type SlabWriter, versionAt } from '../openflow/index.js';
import { u16 } from '../openflow/reader.js';
import { type AnswerForm, answerForm10, answerForm13 } from './answer-form.js';
import { writeFlow, writeForget, writePacketOut } from './answers.js';
import { MacTable } from './mac-table.js';
import { PacketInView } from './packet-in-view.js';

/** As Open vSwitch's own learning table and test controller: 5 minutes for an address, 1 minute for an unused flow. */
const addressAgeSeconds = 300;
const flowIdleSeconds = 60;
/** Open vSwitch keeps 8,192 for a bridge; a controller sees the addresses of a whole network through each switch. */
const maximumAddresses = 16_384;
const etherTypeLldp = 0x88cc;

/** Encoded once for all switches; the versions that reactive mode speaks. */
const forms: Readonly<Record<number, AnswerForm>> = {
  1: answerForm10(flowIdleSeconds),
  4: answerForm13(flowIdleSeconds),
};

/**
 * The learning of one switch: on which port each address is. A frame to a known address gets a flow for its port,
 * source and destination (the source is part of it so that a machine that is new, or has moved, is seen), and one to an
 * unknown or group address is flooded. LLDP and the link-local group addresses (IEEE 802.1Q, 8.6.3) stay where they are.
 *
 * It does not look for loops: a network with one needs a spanning tree of its own.
 */
export class LearningSwitch {
  readonly #addresses = new MacTable(maximumAddresses, addressAgeSeconds);
  readonly #packet = new PacketInView();

  /**
   * Appends the answer to the packet-in at `offset`: at most three messages, with transaction ids from `xid` on.
   * @returns false, and nothing is appended, if these bytes are no packet-in that can be understood
   */
  packetIn(
    bytes: Uint8Array,
    offset: number,
    length: number,
    xid: number,
    out: SlabWriter,
    nowSeconds: number,
  ): boolean {
    const form = forms[versionAt(bytes, offset)];
    const packet = this.#packet;
    if (form === undefined || !packet.read(bytes, offset, length)) return false;
    if (!packet.hasAddresses || isLinkLocal(packet, bytes)) {
      if (packet.bufferId !== OFP_NO_BUFFER) writePacketOut(form, form.release, packet, bytes, 0, xid, out);
      return true;
    }
    const now = Math.floor(nowSeconds);
    const { sourceHigh, sourceLow, destinationHigh, destinationLow, inPort } = packet;
    let next = xid;
    if (!isGroup(sourceHigh) && this.#addresses.learn(sourceHigh, sourceLow, inPort, now)) {
      writeForget(form, packet, next, out);
      next += 1;
    }
    const port = isGroup(destinationHigh) ? -1 : this.#addresses.find(destinationHigh, destinationLow, now);
    if (port < 0) {
      writePacketOut(form, form.packetOut, packet, bytes, form.floodPort, next, out);
      return true;
    }
    const isBack = port === inPort;
    writeFlow(form, isBack ? form.drop : form.forward, packet, port, next, out);
    if (packet.bufferId === OFP_NO_BUFFER && !isBack)
      writePacketOut(form, form.packetOut, packet, bytes, port, next + 1, out);
    return true;
  }
}

/** Multicast or broadcast: the lowest bit of the first byte (IEEE 802, 8.2). */
const isGroup = (addressHigh: number): boolean => (addressHigh & 0x0100) !== 0;

/** 01:80:c2:00:00:00 to 0f, and LLDP wherever it is sent to: no bridge forwards these. */
const isLinkLocal = (packet: PacketInView, bytes: Uint8Array): boolean =>
  u16(bytes, packet.frameAt + 12) === etherTypeLldp ||
  (packet.destinationHigh === 0x0180 && (packet.destinationLow & 0xffff_fff0) >>> 0 === 0xc200_0000);
