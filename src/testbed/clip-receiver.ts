/**
 * Receives a clip and says what somebody who watches it sees, run in a host of the testbed:
 *
 *   node clip-receiver.js --port UDP [--buffer SECONDS]
 *
 * Says `{}` when it listens, then answers each line on stdin with its report so far, one JSON line. Ends with stdin.
 * Times are read when this program gets to the datagram, some milliseconds late on a busy machine: against a buffer
 * of seconds that is nothing.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ClipJudge } from './clip-judge.js';

/** Seconds of a clip of tens of Mbit/s, as far as the system allows it. */
const receiveBufferBytes = 8 * 1024 * 1024;

const { values } = parseArgs({
  options: { port: { type: 'string' }, buffer: { type: 'string', default: '2' } },
});
if (values.port === undefined) {
  process.stderr.write('usage: clip-receiver --port UDP [--buffer SECONDS]\n');
  process.exit(2);
}
const judge = new ClipJudge(Number(values.buffer));
const socket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferBytes });
socket.on('message', (datagram) => judge.push(datagram, Number(process.hrtime.bigint()) / 1e9));
socket.bind(Number(values.port), () => process.stdout.write('{}\n'));
const questions = createInterface({ input: process.stdin });
questions.on('line', () => process.stdout.write(`${JSON.stringify(judge.report())}\n`));
questions.on('close', () => process.exit(0));
