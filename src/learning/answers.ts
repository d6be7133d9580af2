import { OFP_NO_BUFFER, type SlabWriter } from '../openflow/index.js';
import type { AnswerForm } from './answer-form.js';
import type { PacketInView } from './packet-in-view.js';

const longestMessageBytes = 65_535;

function put32(b: Uint8Array, o: number, value: number): void {
  b[o] = value >>> 24;
  b[o + 1] = value >>> 16;
  b[o + 2] = value >>> 8;
  b[o + 3] = value;
}

function putPort(form: AnswerForm, b: Uint8Array, o: number, port: number): void {
  if (form.portBytes === 4) {
    put32(b, o, port);
    return;
  }
  b[o] = port >>> 8;
  b[o + 1] = port;
}

/** Copies `template` behind what is there and gives it its transaction id; answers where it is. */
function append(template: Uint8Array, xid: number, out: SlabWriter): number {
  const at = out.reserve(template.length);
  out.bytes.set(template, at);
  put32(out.bytes, at + 4, xid);
  return at;
}

function putAddress(b: Uint8Array, o: number, high: number, low: number): void {
  b[o] = high >>> 8;
  b[o + 1] = high;
  put32(b, o + 2, low);
}

export function writeFlow(
  form: AnswerForm,
  template: Uint8Array,
  packet: PacketInView,
  port: number,
  xid: number,
  out: SlabWriter,
): void {
  const { flow } = form;
  const at = append(template, xid, out);
  const b = out.bytes;
  put32(b, at + flow.buffer, packet.bufferId);
  putPort(form, b, at + flow.inPort, packet.inPort);
  putAddress(b, at + flow.destination, packet.destinationHigh, packet.destinationLow);
  putAddress(b, at + flow.source, packet.sourceHigh, packet.sourceLow);
  if (template === form.forward) putPort(form, b, at + flow.outPort, port);
}

/** Forgets the way to the frame's source. */
export function writeForget(form: AnswerForm, packet: PacketInView, xid: number, out: SlabWriter): void {
  const at = append(form.forget, xid, out);
  putAddress(out.bytes, at + form.forgetDestination, packet.sourceHigh, packet.sourceLow);
}

/** A frame that the switch holds is named by its buffer; any other is sent back whole, or not at all. */
export function writePacketOut(
  form: AnswerForm,
  template: Uint8Array,
  packet: PacketInView,
  bytes: Uint8Array,
  port: number,
  xid: number,
  out: SlabWriter,
): void {
  const isBuffered = packet.bufferId !== OFP_NO_BUFFER;
  const dataBytes = isBuffered ? 0 : packet.frameBytes;
  const total = template.length + dataBytes;
  if (!isBuffered && (!packet.isWhole || total > longestMessageBytes)) return;
  const at = append(template, xid, out);
  if (dataBytes > 0) {
    const dataAt = out.reserve(dataBytes);
    out.bytes.set(bytes.subarray(packet.frameAt, packet.frameAt + dataBytes), dataAt);
  }
  const b = out.bytes;
  b[at + 2] = total >>> 8;
  b[at + 3] = total;
  put32(b, at + form.packet.buffer, packet.bufferId);
  putPort(form, b, at + form.packet.inPort, packet.inPort);
  if (template === form.packetOut) putPort(form, b, at + form.packet.outPort, port);
}
