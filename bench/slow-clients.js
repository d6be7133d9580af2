// What clients that misuse the HTTP interface cost a good client and the control loop.
//
//     npm run build && node bench/slow-clients.js [--seconds 20] [--slow 1000] [--deaf 100] [--out bench/results/slow-clients.json]
//
// The embedded network, a controller with a migration under way (a slot of 20 ms) and three clients, each in a process of its own: first
// the good one alone, then beside `--slow` connections that send one byte of a request a second and `--deaf` WebSocket readers
// that never read; the former connect again when they are closed, the latter every 20 to 40 s. The good client asks for the state fifty times a second, over one
// connection that is kept open and over a new one in turn, and reads the stream. Milliseconds are this machine's; compare the two columns.
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { stringify } from 'yaml';
import { freePort } from '../dist/src/cli/free-port.js';
import { readTopology } from '../dist/src/io/topology-file.js';
import { EmbeddedProcess } from '../dist/src/simulator/embedded-process.js';

const own = fileURLToPath(import.meta.url);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    slow: { type: 'string', default: '1000' },
    deaf: { type: 'string', default: '100' },
    out: { type: 'string' },
    role: { type: 'string' },
    port: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const port = Number(values.port);
if (values.role === 'abuse') abuse();
else if (values.role === 'good') await good();
else await measure();

/** Keeps so many connections of a kind open, whatever becomes of them. */
function keep(count, open, told) {
  for (let i = 0; i < count; i++) {
    const again = () => {
      const socket = open();
      socket.on('error', () => {});
      socket.on('close', () => {
        told.closed += 1;
        setTimeout(again, 100);
      });
    };
    setTimeout(again, i * 2);
  }
}

function abuse() {
  const slow = { closed: 0 };
  const deaf = { closed: 0 };
  const head = `GET /v1/state HTTP/1.1\r\nHost: localhost\r\nX-Filler: ${'x'.repeat(4000)}`;
  keep(
    Number(values.slow),
    () => {
      const socket = connect(port, '127.0.0.1');
      let sent = 0;
      const timer = setInterval(() => socket.write(head[sent++] ?? 'x'), 1000);
      socket.on('close', () => clearInterval(timer));
      return socket;
    },
    slow,
  );
  const upgrade =
    'GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3RlYWR5IHN0ZWFkeSBzdA==\r\n\r\n';
  keep(
    Number(values.deaf),
    () => {
      const socket = connect(port, '127.0.0.1', () => socket.write(upgrade));
      // who does not read does not notice either that it was closed
      setTimeout(() => socket.destroy(), 20_000 + Math.random() * 20_000);
      return socket.pause();
    },
    deaf,
  );
  process.on('message', () => process.send({ slowClosed: slow.closed, deafClosed: deaf.closed }));
}

async function good() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const once = (kept) =>
    new Promise((resolve, reject) => {
      const since = performance.now();
      get({ port, host: '127.0.0.1', path: '/v1/state', agent: kept ? agent : false }, (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200
            ? resolve(performance.now() - since)
            : reject(new Error(`${response.statusCode}`)),
        );
      }).on('error', reject);
    });
  const ages = [];
  const gaps = [];
  let last;
  const stream = new WebSocket(`ws://127.0.0.1:${port}/v1/stream?topics=bottlenecks`);
  stream.on('message', (data) => {
    const now = performance.now();
    if (last !== undefined) gaps.push(now - last);
    last = now;
    const [bottleneck] = JSON.parse(data.toString()).data.bottlenecks ?? [];
    if (bottleneck !== undefined) ages.push(bottleneck.sampleAgeMs);
  });
  stream.on('error', () => {});
  const times = [];
  let failed = 0;
  const until = performance.now() + seconds * 1000;
  for (let i = 0; performance.now() < until; i++) {
    await once(i % 2 === 0).then(
      (ms) => times.push(ms),
      () => {
        failed += 1;
      },
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const streamClosed = stream.readyState !== WebSocket.OPEN;
  stream.terminate();
  agent.destroy();
  process.send({
    requests: times.length,
    failed,
    requestMs: quantiles(times),
    streamClosed,
    streamGapMs: quantiles(gaps),
    sampleAgeMs: quantiles(ages),
  });
}

function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(1));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Runs this file in a role and takes its one message. */
function goodClient(httpPort, lasting = seconds) {
  return new Promise((resolve, reject) => {
    const child = fork(own, ['--role', 'good', '--port', `${httpPort}`, '--seconds', `${lasting}`]);
    child.once('message', (told) => {
      resolve(told);
      child.disconnect();
    });
    child.once('exit', (code) => reject(new Error(`the good client ended with ${code}`)));
  });
}

async function measure() {
  const directory = mkdtempSync(join(tmpdir(), 'steady-slow-clients-'));
  const file = readTopology('topologies/two-dc.yaml');
  // far more than can be moved while this runs
  const topology = { ...file, vms: file.vms.map((vm) => ({ ...vm, memoryBytes: 4e9 })) };
  const openflowPort = await freePort();
  const network = await EmbeddedProcess.start({
    topology,
    seed: 1,
    openflow: `tcp:127.0.0.1:${openflowPort}`,
  });
  const children = [];
  try {
    const { ovsdb, agents } = network.endpoints;
    writeFileSync(join(directory, 'topology.yaml'), stringify(topology));
    writeFileSync(
      join(directory, 'steady.yaml'),
      stringify({
        openflow: { port: openflowPort },
        topology: 'topology.yaml',
        switches: topology.switches.map(({ name }) => ({ name, ovsdb })),
        hypervisors: Object.entries(agents).map(([host, endpoint]) => ({
          host,
          driver: 'transfer',
          endpoint,
        })),
      }),
    );
    const daemon = spawn(
      process.execPath,
      [
        'bin/steady.js',
        'run',
        '--config',
        join(directory, 'steady.yaml'),
        '--state',
        join(directory, 'state'),
        '--http-port',
        '0',
        '--log-level',
        'error',
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(daemon);
    const { httpPort } = JSON.parse(
      await new Promise((resolve) => daemon.stdout.once('data', (data) => resolve(`${data}`))),
    );
    await network.startTraffic();
    await migrate(httpPort);
    const memory = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1000;

    await goodClient(httpPort, 5);
    const load = loadavg()[0];
    const alone = { ...(await goodClient(httpPort)), residentMB: memory() };
    const abuser = fork(own, [
      '--role',
      'abuse',
      '--port',
      `${httpPort}`,
      '--slow',
      values.slow,
      '--deaf',
      values.deaf,
    ]);
    children.push(abuser);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const beside = { ...(await goodClient(httpPort)), residentMB: memory() };
    const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
    const streamClients = Number(/^steady_stream_clients (\d+)/m.exec(metrics)?.[1]);
    const told = await new Promise((resolve) => {
      abuser.once('message', resolve);
      abuser.send('tell');
    });
    const result = {
      date: new Date().toISOString(),
      machine: { cores: cpus().length, model: cpus()[0]?.model, node: process.version, loadBefore: load },
      command: `node bench/slow-clients.js --seconds ${seconds} --slow ${values.slow} --deaf ${values.deaf}`,
      slotMs: 20,
      alone,
      beside: { ...beside, slowClosed: told.slowClosed, streamClients },
    };
    console.log(JSON.stringify(result, null, 2));
    if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await network.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function migrate(httpPort) {
  for (let i = 0; i < 100; i++) {
    const response = await fetch(`http://127.0.0.1:${httpPort}/v1/migrations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ vm: 'vm1', destination: 'hyp-b' }),
    });
    if (response.status === 202) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the migration was not accepted');
}
