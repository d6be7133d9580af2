import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultControl } from '../../src/engine/config.js';
import { QueueActuators } from '../../src/io/queue-actuators.js';
import { requireOrSkip } from '../support/require.js';

const quiet = { info: () => {}, warn: () => {}, error: () => {} };

describe.skipIf(!requireOrSkip('ovs'))('queue actuators on a real ovsdb-server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'steady-actuators-'));
  const endpoint = `unix:${directory}/db.sock`;
  const vsctl = (...args: string[]): string =>
    execFileSync('ovs-vsctl', [`--db=${endpoint}`, '--no-wait', '--timeout=10', ...args], {
      encoding: 'utf8',
    }).trim();
  const answers: [number, string | null][] = [];
  let answered = (): void => {};
  const actuators = new QueueActuators(
    {
      topology: undefined,
      switches: [
        { name: 'hv-a', ovsdb: endpoint },
        { name: 'bare', ovsdb: undefined },
      ],
      hypervisors: [],
      classes: [],
      control: defaultControl,
    },
    quiet,
    (command, error) => {
      answers.push([command, error]);
      answered();
    },
  );
  let last = 0;
  async function set(switchName: string, portName: string, maxBitsPerSecond: number): Promise<string | null> {
    last += 1;
    const done = new Promise<void>((resolve) => {
      answered = resolve;
    });
    actuators.set({
      kind: 'setQueue',
      command: last,
      switch: switchName,
      portName,
      queueId: 1,
      maxBitsPerSecond,
    });
    await done;
    expect(answers.at(-1)?.[0]).toBe(last);
    return answers.at(-1)![1];
  }

  beforeAll(() => {
    execFileSync('ovsdb-tool', [
      'create',
      `${directory}/conf.db`,
      '/usr/share/openvswitch/vswitch.ovsschema',
    ]);
    const args = [
      `--remote=punix:${directory}/db.sock`,
      `--pidfile=${directory}/pid`,
      `--unixctl=${directory}/ctl`,
    ];
    execFileSync(
      'ovsdb-server',
      [`${directory}/conf.db`, ...args, `--log-file=${directory}/log`, '--detach'],
      { stdio: 'ignore' },
    );
    vsctl('init');
    vsctl('add-br', 'br', '--', 'add-port', 'br', 'plain', '--', 'add-port', 'br', 'theirs');
    vsctl(
      'set',
      'port',
      'theirs',
      'qos=@q',
      '--',
      '--id=@q',
      'create',
      'qos',
      'type=linux-htb',
      'other-config:max-rate=1000000',
    );
  });
  afterAll(async () => {
    await actuators.stop();
    process.kill(Number(readFileSync(`${directory}/pid`, 'utf8')), 'SIGTERM');
    rmSync(directory, { recursive: true });
  });

  it('makes tagged queues on a port that has none, and sets the rate from then on', async () => {
    expect(await set('hv-a', 'plain', 5_000_000)).toBeNull();
    expect(await set('hv-a', 'plain', 7_000_000)).toBeNull();
    const queue = (id: number, column: string): string =>
      vsctl(
        'get',
        'queue',
        vsctl('get', 'qos', vsctl('get', 'port', 'plain', 'qos'), `queues:${id}`),
        column,
      );
    expect(queue(1, 'other_config:max-rate')).toBe('"7000000"');
    expect(queue(2, 'other_config:max-rate')).toBe(`"${defaultControl.safeBitsPerSecond}"`);
    expect(queue(1, 'external_ids:steady')).not.toBe('');
  });

  it("refuses somebody else's queues and leaves them", async () => {
    const before = vsctl('list', 'qos', vsctl('get', 'port', 'theirs', 'qos'));
    expect(await set('hv-a', 'theirs', 5_000_000)).toMatch(/not ours/);
    expect(vsctl('list', 'qos', vsctl('get', 'port', 'theirs', 'qos'))).toBe(before);
  });

  it('says which switch has no database configured', async () => {
    expect(await set('bare', 'plain', 5_000_000)).toMatch(/no ovsdb endpoint is configured for switch bare/);
  });
});
