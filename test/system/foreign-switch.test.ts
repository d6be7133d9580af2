import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually, launcher } from './daemon.js';

/** Somebody's own bridges, in a private Open vSwitch: they attach, they are seen, nothing of theirs is touched. */
describe.skipIf(!requireOrSkip('ovs'))('a switch that is not in any topology', () => {
  let directory: string;
  let daemon: DaemonProcess;
  const pids: string[] = [];
  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, {
      encoding: 'utf8',
      timeout: 20_000,
      env: {
        ...process.env,
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        OVS_RUNDIR: directory,
        OVS_LOGDIR: directory,
        OVS_DBDIR: directory,
        OVS_SYSCONFDIR: directory,
      },
    });
  const vsctl = (...args: string[]): string =>
    run('ovs-vsctl', `--db=unix:${directory}/db.sock`, '--timeout=15', ...args);
  const ofctl = (...args: string[]): string => run('ovs-ofctl', '-O', 'OpenFlow13', ...args);
  const steady = (command: string, ...args: string[]): string =>
    run(process.execPath, launcher, command, '--server', daemon.url, ...args);
  const flows = (): string => ofctl('--no-stats', 'dump-flows', `unix:${directory}/mine.mgmt`);
  const database = (): string =>
    ['QoS', 'Queue', 'Port']
      .map((table) => run('ovsdb-client', 'dump', `unix:${directory}/db.sock`, 'Open_vSwitch', table))
      .join('\n');

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'steady-foreign-'));
    run('ovsdb-tool', 'create', `${directory}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
    run(
      'ovsdb-server',
      `${directory}/conf.db`,
      `--remote=punix:${directory}/db.sock`,
      `--pidfile=${directory}/db.pid`,
      '--detach',
      `--log-file=${directory}/db.log`,
    );
    vsctl('--no-wait', 'init');
    // The dummy datapath needs no device of the machine, so bridges of any name disturb nobody.
    run(
      'ovs-vswitchd',
      `unix:${directory}/db.sock`,
      '--enable-dummy=override',
      '--disable-system',
      '--detach',
      '--no-chdir',
      `--pidfile=${directory}/vs.pid`,
      `--log-file=${directory}/vs.log`,
    );
    pids.push(run('cat', `${directory}/vs.pid`).trim(), run('cat', `${directory}/db.pid`).trim());
    for (const [name, protocols] of [
      ['mine', 'OpenFlow13'],
      ['old', 'OpenFlow10'],
    ] as const)
      vsctl(
        'add-br',
        name,
        '--',
        'set',
        'bridge',
        name,
        'datapath_type=dummy',
        `protocols=${protocols}`,
        'fail_mode=secure',
        `other-config:datapath-id=00000000000000${name === 'mine' ? 'a1' : 'a2'}`,
      );
    vsctl('add-port', 'mine', 'p1', '--', 'set', 'interface', 'p1', 'type=dummy', 'ofport_request=1');
    vsctl(
      'set',
      'port',
      'p1',
      'qos=@q',
      '--',
      '--id=@q',
      'create',
      'qos',
      'type=linux-htb',
      'other-config:max-rate=1000000',
      'queues:0=@q0',
      '--',
      '--id=@q0',
      'create',
      'queue',
      'other-config:max-rate=1000000',
    );
    // Open vSwitch itself clears the rules of a bridge that gets its first controller: that happens here, with a dead one.
    vsctl('set-controller', 'mine', 'tcp:127.0.0.1:9');
    ofctl(
      'add-flow',
      `unix:${directory}/mine.mgmt`,
      'cookie=0x77,table=0,priority=10,ip,nw_dst=192.0.2.1,actions=output:1',
    );
    ofctl(
      'add-flow',
      `unix:${directory}/mine.mgmt`,
      'table=1,priority=200,dl_dst=02:00:00:00:00:11,actions=drop',
    );
    daemon = await DaemonProcess.start(['--state', join(directory, 'state')]);
  });

  afterAll(async () => {
    await daemon?.kill('SIGTERM');
    for (const pid of pids) process.kill(Number(pid));
    rmSync(directory, { recursive: true, force: true });
  });

  it('attaches, is shown by the commands, and keeps its rules, queues and ports byte by byte', async () => {
    const before = { flows: flows(), database: database() };
    vsctl('set-controller', 'mine', `tcp:127.0.0.1:${daemon.openflowPort}`);
    await eventually('the switch is listed', () =>
      steady('switches').includes('00000000000000a1') ? true : undefined,
    );
    const listed = steady('flows', '00000000000000a1');
    expect(listed).toContain('cookie=0x77');
    expect(listed).toContain('nw_dst=192.0.2.1');
    expect(listed).toContain('actions=output:1');
    expect(steady('queues')).toContain('00000000000000a1');
    expect(await (await fetch(`${daemon.url}/v1/switches/0xa1/flows`)).json()).toMatchObject({
      items: [{ priority: expect.anything() }, {}],
    });
    expect({ flows: flows(), database: database() }).toEqual(before);
  });

  it('is told how to speak 1.3 if it speaks only 1.0', async () => {
    vsctl('set-controller', 'old', `tcp:127.0.0.1:${daemon.openflowPort}`);
    await eventually('the log says what to do', () =>
      daemon.log.includes('protocols=OpenFlow10,OpenFlow13') ? true : undefined,
    );
    expect(daemon.log).toMatch(/ovs-vsctl set bridge \S+ protocols=OpenFlow10,OpenFlow13/);
  });

  it('refuses a migration where no site is configured', async () => {
    const answer = await daemon.post('/v1/migrations', {
      vm: 'vm1',
      destination: 'hyp-b',
      downtimeLimitMs: 300,
    });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ type: 'urn:steady:problem:no-topology' });
  });
});
