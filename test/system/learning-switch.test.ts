import { afterEach, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { eventually, launcher } from './daemon.js';
import { Enclosure } from './enclosure.js';

/** A bridge of Open vSwitch with two hosts, in a network of its own, controlled by a daemon as a user starts it. */
class Site {
  readonly enclosure: Enclosure;
  log = '';

  static async open(protocol: string, args: readonly string[]): Promise<Site> {
    const enclosure = await Enclosure.open('steady-learning-');
    const site = new Site(enclosure);
    try {
      await site.#build(protocol, args);
      return site;
    } catch (error) {
      await enclosure.close();
      throw error;
    }
  }

  private constructor(enclosure: Enclosure) {
    this.enclosure = enclosure;
  }

  async #build(protocol: string, args: readonly string[]): Promise<void> {
    const { enclosure } = this;
    await enclosure.startOpenVSwitch();
    const bridge = `protocols=${protocol}`;
    await enclosure.must(
      ...(['ovs-vsctl', 'add-br', 'br', '--', 'set', 'bridge', 'br', 'datapath_type=netdev'] as const),
      ...[bridge, 'fail_mode=secure', 'other-config:datapath-id=00000000000000a1'],
    );
    // Hosts are namespaces inside of the enclosure's: each sees nothing but its end of one cable.
    for (const host of ['1', '2']) {
      const script = [
        `ip link add h${host} type veth peer name p${host}`,
        `unshare --net sleep infinity & echo $! > ${enclosure.directory}/h${host}.pid; sleep 0.2`,
        `ip link set h${host} netns $(cat ${enclosure.directory}/h${host}.pid)`,
        `ethtool -K p${host} tx off >/dev/null 2>&1; ip link set p${host} up`,
        `ovs-vsctl add-port br p${host} -- set interface p${host} ofport_request=${host}`,
      ];
      await enclosure.must(
        'sh',
        '-c',
        script.join('\n').replace('sleep infinity &', 'sleep infinity </dev/null >/dev/null 2>&1 &'),
      );
      for (const command of [
        `ip link set lo up`,
        `ip link set h${host} address 02:00:00:00:00:0${host}`,
        `ip addr add 10.0.0.${host}/24 dev h${host}`,
        `ip link set h${host} up`,
        `ethtool -K h${host} tx off`,
      ])
        await this.inHost(host, ...command.split(' '));
    }
    const state = `${enclosure.directory}/state`;
    const ports = ['--openflow-port', '0', '--http-port', '0', '--state', state];
    const daemon = enclosure.start(process.execPath, launcher, 'run', ...args, ...ports);
    daemon.stderr?.on('data', (chunk) => {
      this.log += chunk;
    });
    let out = '';
    daemon.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    const line = await eventually('the daemon listens', () => (out.includes('\n') ? out : undefined));
    const { openflowPort } = JSON.parse(line) as { openflowPort: number };
    await enclosure.must('ovs-vsctl', 'set-controller', 'br', `tcp:127.0.0.1:${openflowPort}`);
  }

  async inHost(host: string, ...command: string[]): Promise<string> {
    const pid = (await this.enclosure.must('cat', `${this.enclosure.directory}/h${host}.pid`)).trim();
    return this.enclosure.must('nsenter', `--net=/proc/${pid}/ns/net`, '--', ...command);
  }

  flows(): Promise<string> {
    const management = `unix:${this.enclosure.directory}/br.mgmt`;
    return this.enclosure.must('ovs-ofctl', '-O', 'OpenFlow10,OpenFlow13', 'dump-flows', management);
  }
}

describe.skipIf(!requireOrSkip('ovs'))('npm start -- --learning-switch, on a real Open vSwitch', () => {
  let site: Site | undefined;
  afterEach(async () => {
    await site?.enclosure.close();
    site = undefined;
  });

  it.each(['OpenFlow13', 'OpenFlow10'])(
    'lets two hosts talk by %s, frames of every size, by flows it installed',
    async (protocol) => {
      site = await Site.open(protocol, ['--learning-switch']);
      await eventually('the switch is ready', () => site!.log.includes('switch ready') || undefined);
      expect(await site.inHost('1', 'ping', '-c', '3', '-i', '0.2', '-W', '5', '10.0.0.2')).toContain(
        ' 0% packet loss',
      );
      expect(
        await site.inHost('2', 'ping', '-c', '2', '-i', '0.2', '-W', '5', '-s', '1400', '10.0.0.1'),
      ).toContain(' 0% packet loss');
      const flows = await site.flows();
      for (const [from, to] of [
        ['1', '2'],
        ['2', '1'],
      ]) {
        const flow = new RegExp(
          `idle_timeout=60.*priority=1,in_port=\\S*${from}\\S*,dl_src=02:00:00:00:00:0${from},dl_dst=02:00:00:00:00:0${to} actions=output:\\S*${to}`,
        );
        expect(flows).toMatch(flow);
      }
      expect(site.log).not.toContain('connection closed');
    },
  );

  it('refuses OpenFlow 1.0 without that option, and says what to do', async () => {
    site = await Site.open('OpenFlow10', []);
    await eventually(
      'the log says it',
      () => site!.log.includes('protocols=OpenFlow10,OpenFlow13') || undefined,
    );
    expect(site.log).toMatch(/ovs-vsctl set bridge \S+ protocols=OpenFlow10,OpenFlow13/);
  });
});
