import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SwitchView } from '../../src/engine/view.js';
import { requireOrSkip } from '../support/require.js';
import { eventually, launcher } from './daemon.js';
import { Enclosure, finish } from './enclosure.js';

const script = resolve('topologies/mininet.py');
/** Ports of the enclosure's own network: nobody else can have them. */
const server = 'http://127.0.0.1:8080';

/** topologies/mininet.py as a user runs it, with a controller as a user runs it, on an Open vSwitch of its own. */
describe.skipIf(!requireOrSkip('ovs', 'mininet'))('the topology in Mininet', () => {
  let place: Enclosure;
  let config: string;

  beforeAll(async () => {
    place = await Enclosure.open('steady-mininet-');
    await place.startOpenVSwitch();
    config = `${place.directory}/steady.yaml`;
    writeFileSync(config, `topology: ${resolve('topologies/two-dc.yaml')}\n`);
  });
  afterAll(() => place?.close());

  afterEach(async () => {
    expect(await place.must('ovs-vsctl', 'list-br')).toBe('');
    for (const table of ['qos', 'queue'])
      expect(await place.must('ovs-vsctl', '--bare', '--columns=_uuid', 'list', table)).toBe('');
    const links = (await place.must('ip', '-o', 'link')).trim().split('\n');
    // The tap of the userspace datapath stays as long as its daemon.
    expect(links.map((l) => l.split(': ')[1]).filter((name) => name !== 'ovs-netdev')).toEqual(['lo']);
    expect((await place.run('pgrep', '-f', 'mininet:')).output).toBe('');
  });

  async function switches(): Promise<SwitchView[]> {
    const asked = await place.run(process.execPath, launcher, 'switches', '--server', server, '-o', 'json');
    return asked.code === 0 ? (JSON.parse(asked.output) as SwitchView[]) : [];
  }
  const isSettled = (s: SwitchView): boolean =>
    s.state === 'ready' && s.rules.acknowledged === s.rules.revision;

  it('forwards nothing until the controller has come, then between the sites, and leaves nothing', async () => {
    const mininet = place.start('/usr/bin/python3', script, 'two-dc');
    const finished = finish(mininet);
    let said = '';
    mininet.stderr!.on('data', (chunk) => {
      said += chunk;
    });
    const ping = async (command: string): Promise<string> => {
      const before = said.length;
      mininet.stdin!.write(`${command}\n`);
      return eventually(`${command} answers`, () => /\d+% packet loss/.exec(said.slice(before))?.[0]);
    };
    expect(await ping('hypa ping -c 1 -W 1 10.99.0.12')).toBe('100% packet loss');

    const state = `${place.directory}/state`;
    const controller = place.start(process.execPath, launcher, 'run', '--config', config, '--state', state);
    const log = finish(controller);
    const settled = await eventually('all switches are ready', async () => {
      const all = (await switches()).filter(isSettled);
      return all.length === 4 ? all : undefined;
    });
    expect(settled.map((s) => s.name).sort()).toEqual(['gw-a', 'gw-b', 'hv-a', 'hv-b']);
    expect(await ping('hypa ping -c 1 -W 1 10.99.0.12')).toBe('0% packet loss');
    expect(await ping('crossa ping -c 1 -W 1 10.99.0.31')).toBe('0% packet loss');
    // The machine lives at hyp-a; its other place is not it.
    expect(await ping('userb ping -c 1 -W 1 10.99.0.101')).toBe('0% packet loss');
    expect(await ping('vm1_hypb ping -c 1 -W 1 10.99.0.31')).toBe('100% packet loss');
    mininet.stdin!.end('exit\n');
    const { code, output } = await finished;
    expect(code, output).toBe(0);

    const smoke = await place.run('/usr/bin/python3', script, 'two-dc', '--smoke');
    expect(smoke.code, smoke.output).toBe(0);
    expect(smoke.output).toContain('hyp-a reaches hyp-b through the controller');
    await place.must('pkill', '-TERM', '-f', `${launcher} run`);
    expect((await log).code).toBe(0);
  });

  it('has its queues in front of the wide-area links, and goes when it is told to in the middle of its work', async () => {
    const mininet = place.start('/usr/bin/python3', script, 'two-dc');
    const finished = finish(mininet);
    const mininetPorts = ['gwa-eth1', 'gwa-eth2', 'gwb-eth1', 'gwb-eth2'];
    const shown = await eventually('each wide-area port has its queue', async () => {
      const each = await Promise.all(mininetPorts.map((p) => place.run('tc', 'class', 'show', 'dev', p)));
      return each.every((c) => c.output.includes('class htb 1:1 ')) ? each.map((c) => c.output) : undefined;
    });
    expect(shown.map((text) => / ceil (\w+)/.exec(text)?.[1])).toEqual([
      '50Mbit',
      '100Mbit',
      '50Mbit',
      '100Mbit',
    ]);
    await place.must('pkill', '-TERM', '-f', `${script} two-dc`);
    expect((await finished).code).toBe(143);
  });

  it('moves a machine that answers at both places', async () => {
    const at = `${place.directory}/machines`;
    const small = `${place.directory}/small.yaml`;
    const whole = readFileSync('topologies/two-dc.yaml', 'utf8');
    writeFileSync(small, whole.replace(/memoryBytes: \d+/, 'memoryBytes: 20000000'));
    const mininet = place.start('/usr/bin/python3', script, small, '--machines', '--directory', at);
    const finished = finish(mininet);
    let said = '';
    for (const stream of [mininet.stdout!, mininet.stderr!])
      stream.on('data', (chunk) => {
        said += chunk;
      });
    await eventually('the machines stand', () => /npm start -- --config \S+/.exec(said)?.[0]);
    const state = `${place.directory}/machines-state`;
    const controller = place.start(
      process.execPath,
      launcher,
      'run',
      '--config',
      `${at}/steady.yaml`,
      '--state',
      state,
    );
    const log = finish(controller);
    await eventually(
      'all switches are ready',
      async () => (await switches()).filter(isSettled).length === 4 || undefined,
    );
    const migrate = (...words: string[]) =>
      place.run(process.execPath, launcher, 'migrate', ...words, '--server', server);
    const moved = await migrate('start', 'vm1', 'hyp-b', '--watch');
    expect(moved.code, moved.output).toBe(0);
    expect(moved.output).toContain('completed');
    const before = said.length;
    mininet.stdin!.write('userb ping -c 1 -W 1 10.99.0.101\n');
    const loss = await eventually(
      'the machine answers',
      () => /\d+% packet loss/.exec(said.slice(before))?.[0],
    );
    expect(loss).toBe('0% packet loss');
    await place.must('pkill', '-TERM', '-f', `${launcher} run`);
    expect((await log).code).toBe(0);
    mininet.stdin!.end('exit\n');
    expect((await finished).code).toBe(0);
    expect((await place.run('pgrep', '-f', 'transfer-agent|vm-standin')).output).toBe('');
  }, 180_000);

  it('is a topology of mn', async () => {
    const args = ['--custom', script, '--topo', 'steady,two-dc', '--test', 'none'];
    const controller = 'remote,ip=127.0.0.1,port=6653';
    const kind = 'ovs,datapath=user,protocols=OpenFlow13';
    const { code, output } = await place.run('mn', ...args, '--controller', controller, '--switch', kind);
    expect(code, output).toBe(0);
    expect(output).toContain('gwa gwb hva hvb');
    expect(output).toContain('vm1_hypa vm1_hypb');
  });

  it('says what is wrong with what it was given', async () => {
    const unknown = await place.run('/usr/bin/python3', script, 'four-dc');
    expect(unknown.code).toBe(1);
    expect(unknown.output).toContain('There are: abilene, abilene-core, fat-tree-4, three-site, two-dc');
    const address = await place.run('/usr/bin/python3', script, '--controller', '6653');
    expect(address.code).toBe(2);
    expect(address.output).toContain('6653 is not IP:PORT');
  });
});
