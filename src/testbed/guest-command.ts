/**
 * Asks a guest's daemon (guest-daemon.c), run in a host of the testbed:
 *
 *   node guest-command.js --to IP --port UDP COMMAND
 *
 * Prints the answer, one JSON line. A packet may be lost, so it asks again; every command may be given twice.
 */
import { createSocket } from 'node:dgram';
import { parseArgs } from 'node:util';

const attempts = 5;
/** Longer than a walk through all of a large guest's memory. */
const answerTimeoutMs = 3000;

const { values, positionals } = parseArgs({
  options: { to: { type: 'string' }, port: { type: 'string' } },
  allowPositionals: true,
});
const { to, port } = values;
if (to === undefined || port === undefined || positionals.length === 0) {
  process.stderr.write('usage: guest-command --to IP --port UDP COMMAND\n');
  process.exit(2);
}
const socket = createSocket('udp4');
let asked = 0;
const ask = (): void => {
  if (asked++ === attempts) {
    process.stderr.write(`${to}:${port} does not answer\n`);
    process.exit(1);
  }
  socket.send(positionals.join(' '), Number(port), to, () => undefined);
};
socket.on('message', (bytes) => {
  clearInterval(timer);
  socket.close();
  process.stdout.write(bytes);
});
const timer = setInterval(ask, answerTimeoutMs);
ask();
