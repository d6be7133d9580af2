// A switch with a large flow table, a process of its own: node dist/bench/openflow/flow-table-switch.js PORT ENTRIES
import { connect } from 'node:net';
import { flowReplies } from './flow-replies.js';
import { put32, u16, u32 } from './packet-in-form.js';
import { answerTo, helloOf } from './switch-life.js';

const [port, entries] = process.argv.slice(2).map(Number);
const table = flowReplies(entries!, 0);
const multipartRequest = 18;
const flowStatistics = 1;

function answerPoll(xid: number): Uint8Array {
  const bytes = Uint8Array.from(table);
  for (let at = 0; at < bytes.length; at += u16(bytes, at + 2)) put32(bytes, at + 4, xid);
  return bytes;
}

const socket = connect({ host: '127.0.0.1', port: port!, noDelay: true });
let tail: Uint8Array = new Uint8Array(0);
socket.on('connect', () => socket.write(helloOf(4)));
socket.on('data', (chunk) => {
  const bytes = Buffer.concat([tail, chunk]);
  let at = 0;
  while (bytes.length - at >= 8 && bytes.length - at >= u16(bytes, at + 2)) {
    const length = u16(bytes, at + 2);
    const isPoll = bytes[at + 1] === multipartRequest && u16(bytes, at + 8) === flowStatistics;
    const answer = isPoll ? answerPoll(u32(bytes, at + 4)) : answerTo(bytes, at, length, 4, 1);
    if (answer !== undefined) socket.write(answer);
    at += length;
  }
  tail = bytes.subarray(at);
});
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
