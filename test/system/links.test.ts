import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { LinkView, SwitchView, SystemView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import { down, exec, setController, up } from '../../src/testbed/index.js';
import { ofctl } from '../../src/testbed/ovs.js';
import { relaySocket } from '../../src/testbed/plan.js';
import { processesOf } from '../../src/testbed/processes.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

/** Links as a real Open vSwitch has them: checked by LLDP, probed, and gone round when they fail. */
describe.skipIf(!requireOrSkip('ovs', 'gcc'))('links of a real network', () => {
  it('are verified, and traffic goes round one without signal and one that is silent', async () => {
    const topology = { ...readTopology('topologies/three-site.yaml'), vms: [], traffic: [] };
    const directory = `/tmp/steady-test-${process.pid}-links`;
    let daemon: DaemonProcess | undefined;
    let stopped: number | undefined;
    try {
      const { configPath } = await up(topology, { directory, controller: null });
      daemon = await DaemonProcess.start([
        '--config',
        configPath,
        '--state',
        `${directory}/controller-state`,
      ]);
      await setController(directory, `tcp:127.0.0.1:${daemon.openflowPort}`);
      const links = () => daemon!.get<{ items: LinkView[] }>('/v1/links').then((l) => l.items);
      const stateOf = async (name: string) => (await links()).find((l) => l.name === name)!.state;
      await eventually('all rules and groups are there', async () => {
        const { items } = await daemon!.get<{ items: SwitchView[] }>('/v1/switches');
        return items.filter((s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision)
          .length === topology.switches.length
          ? true
          : undefined;
      });
      expect(await ofctl(directory, ['dump-groups', 'gw-c'])).toMatch(
        /group_id=13980\d{5},type=ff,bucket=watch_port:1/,
      );
      await eventually(
        'every link but the dark circuit is verified',
        async () =>
          (await links()).every((l) => l.kind === 'circuit' || (l.verifiedSecondsAgo ?? 99) < 7)
            ? true
            : undefined,
        20,
      );
      const reaches = async (): Promise<boolean> => {
        const ping = ['ping', '-c', '3', '-i', '0.2', '-W', '1', '10.99.0.21'];
        return (await exec(directory, 'user-c', ping, { stdio: 'ignore' })) === 0;
      };
      expect(await reaches()).toBe(true);

      // Open vSwitch sees the signal go and turns to the other bucket by itself.
      await ofctl(directory, ['mod-port', 'gw-c', 'gw-c.ac', 'down']);
      await eventually('the link is down', async () => ((await stateOf('ac')) === 'down' ? true : undefined));
      expect(await reaches()).toBe(true);
      await ofctl(directory, ['mod-port', 'gw-c', 'gw-c.ac', 'up']);
      await eventually('the link is up', async () => ((await stateOf('ac')) === 'up' ? true : undefined));

      // What delays the link is stopped: both ports keep their signal, and nothing comes through.
      stopped = processesOf(directory, 'relay').find((p) =>
        readFileSync(`/proc/${p.pid}/cmdline`, 'utf8').includes(relaySocket(directory, 'ac')),
      )!.pid;
      process.kill(stopped, 'SIGSTOP');
      await eventually('the link is found dead', async () =>
        (await stateOf('ac')) === 'down' ? true : undefined,
      );
      await eventually('traffic goes round it', async () => ((await reaches()) ? true : undefined));
      process.kill(stopped, 'SIGCONT');
      stopped = undefined;
      await eventually('the link lives', async () => ((await stateOf('ac')) === 'up' ? true : undefined));
      expect(await reaches()).toBe(true);
      const view = await daemon.get<SystemView>('/v1/state');
      expect(view.lldpAlarms.filter((a) => a.cause !== 'replayed')).toEqual([]);
      expect(view.events.filter((e) => e.what.startsWith('a link is dead')).map((e) => e.detail)).toEqual([
        'ac',
      ]);
    } finally {
      if (stopped !== undefined) process.kill(stopped, 'SIGCONT');
      await daemon?.kill('SIGKILL');
      await down(directory);
      rmSync(directory, { recursive: true, force: true });
    }
  }, 120_000);
});
