// A machine moves to and fro on Open vSwitch while numbered questions go to it and answers come back.
//
//     node bench/switch-over.js --moves 50                             (root, Linux, Open vSwitch)
//     node bench/switch-over.js --moves 5 --hz 20000 --from user-b
//     node bench/switch-over.js --moves 5 --switchover follow
//     node bench/switch-over.js --moves 10 --pause-ms 1300
//
// Writes bench/results/switch-over-<switchover>-<hz>.json (or --json FILE) after each move, so a run that is cut short keeps what it has, and
// prints a line for each move and the summary as JSON. `network` is the longest time without an answer beyond the pause of the
// machine, which the stand-ins at both places tell by one clock. Every packet that is lost is counted where it was lost: `refused` by the full queue of
// the machine, `late` at the old place, where the machine stood still already, `sockets` in the receive buffers of askers and stand-ins
// (programs that got no turn), `queues` in the queues of the ports (bursts of an asker that got no turn; and of the machine's memory). `uncounted` is the rest: what the network lost.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readTopology } from '../dist/src/io/topology-file.js';
import {
  defaultVmUdpPort,
  down,
  readQueues,
  runIn,
  setController,
  spawnIn,
  startAgents,
  startVms,
  up,
} from '../dist/src/testbed/index.js';
import { controlVm } from '../dist/src/testbed/vm-control.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    moves: { type: 'string', default: '50' },
    hz: { type: 'string', default: '1000' },
    'pause-ms': { type: 'string', default: '300' },
    switchover: { type: 'string', default: 'hold' },
    /** hosts that ask; HOST@HZ where one has a rate of its own */
    from: { type: 'string', default: 'user-b,cross-a' },
    json: { type: 'string' },
  },
});
const vm = 'vm1';
const megabytes = 4;
const tapQueuePackets = 1000;
const oneWayDelayMs = 20;
const directory = `/tmp/steady-switch-over-${process.pid}`;
const output =
  values.json ?? join(root, 'bench', 'results', `switch-over-${values.switchover}-${values.hz}.json`);
// What a program sends from one core and then from another waits in two queues of the kernel (one for each core): it may change its order there.
const onOneCore = ['taskset', '-c', '0', process.execPath];
const ended = ['completed', 'failed', 'cancelled'];

// Other work of this machine must not be taken for the network's.
try {
  setPriority(-15);
} catch {
  console.error('no right to run before other programs: delays of theirs will be in the figures');
}
const askers = values.from.split(',').map((text) => {
  const [host, hz = values.hz] = text.split('@');
  return { host, hz };
});
const moves = [];
let daemon;
let cleaning;
// A second signal must not cut off what the first one cleans up.
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => void clean().finally(() => process.exit(1)));
try {
  await main();
} finally {
  await clean();
}

function clean() {
  daemon?.child.kill('SIGKILL');
  cleaning ??= down(directory).then(() => rmSync(directory, { recursive: true, force: true }));
  return cleaning;
}

async function main() {
  const file = readTopology(join(root, 'topologies', 'two-dc.yaml'));
  const size = { memoryBytes: megabytes * 1e6, workingSetBytes: 1e6, dirtyBytesPerSecond: 1e5 };
  // What a burst of an asker needs that got no turn for a while: the queue that is looked at is the machine's.
  const links = file.links.map((link) => ({ ...link, bufferPackets: 5000 }));
  const topology = { ...file, links, traffic: [], vms: file.vms.map((machine) => ({ ...machine, ...size })) };
  const { configPath } = await up(topology, { directory, controller: null });
  writeFileSync(configPath, `${readFileSync(configPath, 'utf8')}switchover: ${values.switchover}\n`);
  const places = await startVms(directory, {
    resumeMs: Number(values['pause-ms']),
    command: [...onOneCore, join(root, 'dist', 'src', 'testbed', 'vm-standin.js')],
  });
  await startAgents(directory);
  daemon = await startDaemon(configPath);
  await setController(directory, `tcp:127.0.0.1:${daemon.openflowPort}`);
  await until('all switches are ready', async () => {
    const { items } = await get('/v1/switches');
    const ready = items.filter((s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision);
    return ready.length === topology.switches.length;
  });
  const status = (host) =>
    controlVm(places.find((p) => p.station === `${vm}@${host}`).controlPath, { do: 'status' });
  let [here, there] = ['hyp-a', 'hyp-b'];
  for (let number = 1; number <= Number(values.moves); number++) {
    moves.push(await move(number, here, there, status));
    report();
    [here, there] = [there, here];
  }
  console.log(JSON.stringify(summary()));
}

async function move(number, from, to, status) {
  const load = loadavg()[0];
  const countedBefore = {
    sockets: await socketErrors(),
    queues: await queueDrops(),
    backlogs: backlogDrops(),
    counter: (await status(from)).counter,
  };
  const probes = askers.map(startProbe);
  await Promise.all(probes.map((p) => p.answering()));
  const view = await migrate(to);
  await sleep(700);
  const reports = await Promise.all(probes.map((p) => p.end()));
  const [before, after] = await Promise.all([status(from), status(to)]);
  const pauseMs = after.changedAtMs - before.changedAtMs;
  const sum = (of) => reports.reduce((total, r) => total + of(r), 0);
  const sockets = (await socketErrors()) - countedBefore.sockets;
  const queues = (await queueDrops()) - countedBefore.queues;
  const backlogs = backlogDrops() - countedBefore.backlogs;
  const late = before.waited + before.refused;
  const reached = after.counter - countedBefore.counter;
  const row = {
    number,
    from,
    to,
    load,
    state: view.state,
    pauseMs,
    waited: after.waited,
    refused: after.refused,
    late,
    sockets,
    queues,
    backlogs,
    predicted:
      values.switchover === 'hold' ? predicted(pauseMs, between(view, 'redirecting', 'flipping')) : undefined,
    uncounted: sum((r) => r.lost) - after.refused - late - sockets - queues - backlogs,
    lostInward: sum((r) => r.asked) - reached,
    lostOutward: reached - sum((r) => r.answered),
    redirectingMs: between(view, 'redirecting', 'stopping'),
    stoppingMs: between(view, 'stopping', 'flipping'),
    probes: reports.map((r) => ({ ...r, networkMs: r.longestGapMs - pauseMs })),
  };
  const told = row.probes.map(
    (p) =>
      `${p.host}: ${p.asked} asked, ${p.lost} lost, ${p.duplicates} twice, ${p.overtaken.inward}+${p.overtaken.outward} overtaken, network ${p.networkMs.toFixed(1)} ms`,
  );
  console.error(
    `${number} ${from} -> ${to}: pause ${pauseMs.toFixed(1)} ms, ${after.waited} waited, ${after.refused} refused${row.predicted ? ` (${row.predicted.least} to ${row.predicted.most} foreseen)` : ''}, ${row.late} late, ${row.sockets} in sockets, ${row.queues} in queues, ${row.backlogs} in backlogs, ${row.uncounted} uncounted; ${told.join('; ')}`,
  );
  return row;
}

/**
 * What finds no room: at least what is sent while the machine stands still, but for what the queue holds and what is still under way
 * from the farther site; at most all from the first switch that turned to the news that the machine runs again.
 */
function predicted(pauseMs, awayMs) {
  const perMs = askers.reduce((total, { hz }) => total + Number(hz), 0) / 1000;
  const loss = (ms) => Math.max(0, Math.round(perMs * ms - tapQueuePackets));
  return { least: loss(pauseMs - oneWayDelayMs), most: loss(awayMs + oneWayDelayMs) };
}

/** Packets that found no room in the kernel's queue of a core (`net.core.netdev_max_backlog`), whosever they were. */
function backlogDrops() {
  const lines = readFileSync('/proc/net/softnet_stat', 'utf8').trim().split('\n');
  return lines.reduce((total, line) => total + Number.parseInt(line.split(' ')[1], 16), 0);
}

/** Packets that the queues of the ports refused. */
async function queueDrops() {
  const ports = ['gw-a.wan', 'gw-b.wan', 'hv-a.up-a', 'hv-b.up-b'];
  const queues = (await Promise.all(ports.map((port) => readQueues(directory, port)))).flat();
  return queues.reduce((total, queue) => total + queue.droppedPackets, 0);
}

/** Datagrams that found no room in the receive buffer of a socket, in all namespaces that take part. */
async function socketErrors() {
  const stations = [...askers.map((a) => a.host), `${vm}@hyp-a`, `${vm}@hyp-b`];
  const texts = await Promise.all(stations.map((s) => runIn(directory, s, ['cat', '/proc/net/snmp'])));
  return texts.reduce((total, text) => {
    const [names, numbers] = text
      .split('\n')
      .filter((line) => line.startsWith('Udp:'))
      .map((line) => line.split(' '));
    return total + Number(numbers[names.indexOf('RcvbufErrors')]);
  }, 0);
}

function between(view, first, second) {
  const at = (step) => Date.parse(view.phaseTransitions.find((t) => t.step === step)?.at);
  return at(second) - at(first);
}

async function migrate(destination) {
  const body = JSON.stringify({ vm, destination, downtimeLimitMs: 500 });
  const headers = { 'content-type': 'application/json' };
  let id;
  await until('the migration is accepted', async () => {
    const answer = await fetch(`${daemon.url}/v1/migrations`, { method: 'POST', headers, body });
    if (answer.status === 202) id = (await answer.json()).id;
    return answer.status === 202;
  });
  let view;
  await until('the migration ends', async () => {
    view = await get(`/v1/migrations/${id}`);
    return ended.includes(view.state);
  });
  if (view.state !== 'completed') throw new Error(`migration ${view.state}: ${view.failureReason}`);
  return view;
}

function startProbe({ host, hz }) {
  const program = join(root, 'dist', 'src', 'testbed', 'vm-probe.js');
  const address = '10.99.0.101';
  const argv = [...onOneCore, program, '--to', address, '--port', String(defaultVmUdpPort), '--hz', hz];
  const child = spawnIn(directory, host, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => JSON.parse((await lines.next()).value);
  return {
    answering: () =>
      until(`${host} gets answers`, async () => {
        child.stdin.write('report\n');
        return (await line()).answered > 100;
      }),
    end: async () => {
      child.stdin.end();
      return { host, ...(await line()) };
    },
  };
}

function startDaemon(configPath) {
  const argv = [join(root, 'bin', 'steady.js'), 'run', '--openflow-port', '0', '--http-port', '0'];
  argv.push('--config', configPath, '--state', join(directory, 'controller'));
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the controller ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', (line) => {
      const { openflowPort, httpPort } = JSON.parse(line);
      resolve({ child, openflowPort, url: `http://127.0.0.1:${httpPort}` });
    });
  });
}

async function get(path) {
  const answer = await fetch(`${daemon.url}${path}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function until(what, done, limitSeconds = 60) {
  const end = Date.now() + limitSeconds * 1000;
  while (!(await done())) {
    if (Date.now() > end) throw new Error(`not within ${limitSeconds} s: ${what}`);
    await sleep(50);
  }
}

function summary() {
  const probes = moves.flatMap((m) => m.probes);
  const sum = (of) => probes.reduce((total, p) => total + of(p), 0);
  const sorted = (list) => [...list].sort((a, b) => a - b);
  const quantile = (list, q) => list[Math.min(list.length - 1, Math.ceil(q * list.length) - 1)];
  const network = sorted(probes.map((p) => p.networkMs));
  const pauses = sorted(moves.map((m) => m.pauseMs));
  return {
    moves: moves.length,
    asked: sum((p) => p.asked),
    lost: sum((p) => p.lost),
    duplicates: sum((p) => p.duplicates),
    overtakenInward: sum((p) => p.overtaken.inward),
    overtakenOutward: sum((p) => p.overtaken.outward),
    waited: moves.reduce((total, m) => total + m.waited, 0),
    ...Object.fromEntries(
      ['refused', 'late', 'sockets', 'queues', 'backlogs', 'uncounted'].map((name) => [
        name,
        moves.reduce((total, m) => total + m[name], 0),
      ]),
    ),
    pauseMs: { p50: quantile(pauses, 0.5), max: pauses.at(-1) },
    networkMs: { p50: quantile(network, 0.5), p99: quantile(network, 0.99), max: network.at(-1) },
  };
}

function report() {
  const machine = { cores: cpus().length, model: cpus()[0].model, kernel: release(), node: process.version };
  const settings = {
    hz: Number(values.hz),
    pauseMs: Number(values['pause-ms']),
    switchover: values.switchover,
  };
  const content = { date: new Date().toISOString(), machine, settings, summary: summary(), moves };
  writeFileSync(output, `${JSON.stringify(content, null, 2)}\n`);
}
