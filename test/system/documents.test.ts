import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { eventually } from './daemon.js';
import { finish } from './enclosure.js';
import { addressOf, commandsOf, isBesideDemo, typed } from './typed.js';

/**
 * Commands of the documents that need more than a controller with a demo, and the test that runs the same. A line of a document is
 * covered if it begins with the text on the left, and the file on the right says the text in the middle.
 */
const elsewhere: readonly (readonly [begin: string, says: string, file: string])[] = [
  ['npm ci && npm run demo', "'demo'", 'test/system/demo.test.ts'],
  ['npm run demo', "'demo'", 'test/system/demo.test.ts'],
  ['sudo npm run demo -- --once --network ovs', "'--network'", 'test/system/demo.test.ts'],
  ['npm ci && npm test', 'npm test', '.ci/run'],
  ['npm start -- --learning-switch', '--learning-switch', 'test/system/learning-switch.test.ts'],
  ['npm start -- --config /tmp/steady-mininet', '--machines', 'test/system/mininet.test.ts'],
  ['npm start -- --config', "'--config'", 'test/system/recovery.test.ts'],
  ['npm start', "'run'", 'test/system/daemon.ts'],
  [
    'sudo ovs-vsctl set bridge br0 protocols',
    'protocols=OpenFlow10,OpenFlow13',
    'test/system/foreign-switch.test.ts',
  ],
  ['sudo ovs-vsctl set-controller br0 tcp', 'set-controller', 'test/system/foreign-switch.test.ts'],
  ['sudo ovs-vsctl set-ssl', "'set-ssl'", 'test/session/support/private-ovs.ts'],
  ['sudo ovs-vsctl set-controller br0 ssl', 'ssl:', 'test/system/openflow-tls.test.ts'],
  ['sudo ovs-vsctl add-port gw-a', 'two-dc-vxlan', 'test/system/tunnel.test.ts'],
  ['sudo ip addr add 192.0.2.1', 'two-dc-vxlan', 'test/system/tunnel.test.ts'],
  ['npx steady token', "'token'", 'test/cli/access.test.ts'],
  ['NODE_EXTRA_CA_CERTS', 'NODE_EXTRA_CA_CERTS', 'test/cli/access.test.ts'],
  ['sudo apt-get install qemu-system-x86', 'qemu-system-x86 busybox-static ffmpeg', '.ci/run'],
  [
    'sudo npx steady testbed up topologies/two-dc-vm.yaml --vm',
    "machines: 'qemu'",
    'test/testbed/machines.test.ts',
  ],
  ['sudo npx steady testbed guest', 'askGuest', 'test/testbed/machines.test.ts'],
  ['npx steady migrate start vm1 hyp-b --watch', "'--watch'", 'test/system/mininet.test.ts'],
  ['sudo service openvswitch-switch', 'startOpenVSwitch', 'test/system/mininet.test.ts'],
  ['sudo topologies/mininet.py two-dc', "'two-dc'", 'test/system/mininet.test.ts'],
  ['curl -i -X POST http://127.0.0.1:8080/v1/migrations', '/v1/migrations', 'test/api/migrations.test.ts'],
  ['echo 0414', '0414', 'test/cli/openflow.test.ts'],
  ['echo \'{"type":"barrier_request"', 'barrier_request', 'test/cli/openflow.test.ts'],
];

const readme = commandsOf('README.md');
/** from the first command of the testbed to the last */
const byHand = readme.slice(
  readme.findIndex((line) => line.startsWith('sudo npx steady testbed up topologies/two-dc.yaml')),
  readme.findIndex((line) => line.startsWith('sudo npx steady testbed down')) + 1,
);
const guide = commandsOf('docs/guide.md');

describe('a command of a document', () => {
  const others = [...readme, ...guide].filter(
    (line) => !(guide.includes(line) && isBesideDemo(line)) && !byHand.includes(line),
  );
  it.each(others)('is run by a test: %s', (line) => {
    const known = elsewhere.find(([begin]) => line.startsWith(begin));
    expect(known, 'no test runs it: name one in `elsewhere`').toBeDefined();
    expect(readFileSync(known![2], 'utf8')).toContain(known![1]);
  });
});

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('the testbed of README, by hand', () => {
  it('is built, moves its machine, answers from the new place and is removed', async () => {
    expect(byHand.map((line) => line.split(' ').slice(0, 5).join(' '))).toEqual([
      'sudo npx steady testbed up',
      'npm start -- --config /tmp/steady-testbed-two-dc/steady.yaml',
      'npx steady migrate start vm1',
      'sudo npx steady testbed exec',
      'sudo npx steady testbed down',
    ]);
    const [up, start, migrate, exec, down] = byHand as [string, string, string, string, string];
    const state = mkdtempSync(join(tmpdir(), 'steady-documents-'));
    let controller: ChildProcess | undefined;
    try {
      expect(await finish(typed(up))).toMatchObject({ code: 0 });
      controller = typed(`${start} --state ${state}`);
      const server = await addressOf(controller);
      await eventually('the network is ready', async () => {
        const { code } = await finish(
          typed('npx steady migrate start vm1 hyp-b --dry-run', { STEADY_SERVER: server }),
        );
        return code === 0 || undefined;
      });
      const moved = await finish(typed(migrate, { STEADY_SERVER: server }));
      expect(moved, moved.output).toMatchObject({ code: 0, output: expect.stringContaining('completed') });
      const answered = await finish(typed(exec));
      expect(answered, answered.output).toMatchObject({
        code: 0,
        output: expect.stringContaining(' 0% packet loss'),
      });
    } finally {
      const gone = controller === undefined ? undefined : finish(controller);
      controller?.kill('SIGTERM');
      await gone;
      const removed = await finish(typed(down));
      rmSync(state, { recursive: true, force: true });
      expect(removed).toMatchObject({ code: 0 });
    }
  });
});
