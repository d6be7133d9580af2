import { describe, expect, it } from 'vitest';
import { parseCookie } from '../../src/network/cookie.js';
import { priorities, tables } from '../../src/network/index.js';
import { flowModOf, ruleText } from '../../src/network/rules.js';
import type { Topology } from '../../src/network/topology.js';
import { tapQueuePackets } from '../../src/simulator/tap-queue.js';
import { shippedTopology } from '../network/support/topologies.js';
import { PacketStream } from './packet-stream.js';
import { Rig, type RigOptions, smallTopology } from './rig.js';

const quiet = (topology: Topology): Topology => ({
  ...topology,
  traffic: [],
  vms: topology.vms.map((vm) => ({ ...vm, memoryBytes: 3_000_000, workingSetBytes: 2_000_000 })),
});
const resumeSeconds = 0.28;

/** A migration of vm1 that has just been asked for, under numbered packets from and to these hosts. */
function underWay(hosts: readonly string[], options: Partial<RigOptions> = {}, perSecond = 1000) {
  const rig = new Rig({ seed: 5, ...options }).settle(1);
  const streams = hosts.flatMap((host) =>
    (['vm', 'host'] as const).map((to) => ({
      what: to === 'vm' ? `${host} to vm1` : `vm1 to ${host}`,
      to,
      stream: new PacketStream(rig.simulation, { host, vm: 'vm1', to }, perSecond),
    })),
  );
  rig.harness.runUntil(rig.now + 0.5);
  const { id } = rig.migrate();
  return { rig, id, streams };
}

type UnderWay = ReturnType<typeof underWay>;

/** Runs it to its end and lets the last packets arrive. */
function settle({ rig, id, streams }: UnderWay) {
  expect(rig.finish(id)).toBe(true);
  for (const { stream } of streams) stream.stop();
  rig.harness.runUntil(rig.now + 1);
  expect(rig.leftovers([id])).toEqual([]);
  return rig.view(id)!;
}

const runUntilWritten = (rig: Rig, step: string, withinSeconds = 20): void => {
  expect(rig.harness.runWhile(() => !rig.written(step), rig.now + withinSeconds, 0.0005)).toBe(true);
};

const redirections = (rig: Rig): string[] =>
  rig.topology.switches
    .map((s) => s.name)
    .filter((name) =>
      rig
        .rules(name)
        .some((r) => r.tableId === tables.location && r.priority === priorities.locationRedirect),
    );

describe('the switch-over under numbered packets', () => {
  it.each([
    ['two-dc', smallTopology(), ['user-b', 'cross-a'], 0.005],
    ['two-dc', smallTopology(), ['user-b', 'cross-a'], resumeSeconds],
    ['three-site', quiet(shippedTopology('three-site')), ['user-c', 'cross-a', 'server-b'], resumeSeconds],
  ] as const)('loses, doubles and swaps none in %s', (_, topology, hosts, seconds) => {
    const all = underWay(hosts, { topology, simulation: { resumeSeconds: seconds } });
    const view = settle(all);
    expect(view.state).toBe('completed');
    for (const { what, to, stream } of all.streams) {
      expect(stream.sent, what).toBeGreaterThan(900);
      expect([stream.lost, stream.duplicates, stream.overtaken], what).toEqual([0, 0, 0]);
      // Nobody waits much longer than the machine stood still.
      if (to === 'vm') expect(stream.longestGap - view.downtimeMs! / 1000, what).toBeLessThan(0.05);
    }
    // They had to wait, and the journal says how many did.
    const told = view.phaseTransitions.find((t) => t.step === 'flipping')!.note;
    expect(told).toMatch(/RESUME: [1-9][0-9]* packets waited for it, 0 found no room/);
  });

  it('loses exactly what finds no room in the queue before the machine', () => {
    const options = { topology: quiet(smallTopology()), simulation: { resumeSeconds } };
    const all = underWay(['user-b'], options, 20_000);
    const tap = () => all.rig.simulation.tapAt('vm1', 'hyp-b')!;
    const view = settle(all);
    expect(view.state).toBe('completed');
    const inward = all.streams.find((s) => s.to === 'vm')!.stream;
    expect([inward.duplicates, inward.overtaken]).toEqual([0, 0]);
    expect(tap().waited).toBe(tapQueuePackets);
    // The twin's own question, fifty times a second, stood in the same queue.
    const asked = all.rig.simulation.summary('probe-vm1', 1, all.rig.now - 0.5);
    expect(inward.lost + asked.sentPackets - asked.receivedPackets).toBe(tap().refused);
    // 20 packets each ms of the pause, and of the time by which they came to the new place before it.
    const held = (inward.lost + tapQueuePackets) / 20;
    expect(held).toBeGreaterThan(view.downtimeMs!);
    expect(held).toBeLessThan(view.downtimeMs! + 60);
  });

  it('loses what the pause predicts where packets follow the machine', () => {
    const options = { simulation: { resumeSeconds }, switchover: 'follow' } as const;
    const all = underWay(['user-b'], options);
    const view = settle(all);
    expect(view.state).toBe('completed');
    const inward = all.streams.find((s) => s.to === 'vm')!.stream;
    expect(inward.lost).toBeGreaterThan(view.downtimeMs! - 10);
    expect(inward.lost).toBeLessThan(view.downtimeMs! + 80);
  });
});

describe('a redirection that is not followed by a stop', () => {
  it('is taken back by a cancel, level by level, and the old rules are as they were', () => {
    const all = underWay(['user-b', 'cross-a'], {});
    const { rig, id, streams } = all;
    const before = rig.dumps();
    runUntilWritten(rig, 'redirecting');
    rig.harness.runWhile(() => redirections(rig).length < 3, rig.now + 1, 0.0002);
    const seen = new Set<string>();
    const watch = (): boolean => {
      seen.add(redirections(rig).join());
      return redirections(rig).length > 0;
    };
    expect(rig.answer(rig.cancel(id)).ok).toBe(true);
    expect(rig.harness.runWhile(watch, rig.now + 1, 0.0002)).toBe(true);
    // gw-b and hv-b are turned before gw-a, so it is the first to turn back.
    expect([...seen]).toEqual(expect.arrayContaining(['gw-b,hv-b', 'hv-b', '']));
    const lostSoFar = streams.map((s) => s.stream.lost);
    const view = settle(all);
    expect(view.state).toBe('cancelled');
    expect(rig.dumps()).toEqual(before);
    expect(rig.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);
    // Only what had been sent to the new place by then is lost.
    streams.forEach(({ stream }, i) => {
      expect(stream.lost).toBeLessThanOrEqual(lostSoFar[i]!);
      expect(stream.duplicates).toBe(0);
    });
  });

  it('is taken back level by level also when an agent was away for long before it said where the machine runs', () => {
    // A new life does not know whether the one before had told it to stop; it had not, so the source goes on running the machine.
    const { rig, id } = underWay([], {});
    runUntilWritten(rig, 'stopping');
    const durable = (): boolean =>
      rig.harness.journal.some(({ entry }) => 'step' in entry && entry.step === 'stopping');
    expect(rig.harness.runWhile(() => !durable(), rig.now + 1, 0.0002)).toBe(true);
    expect(rig.commands('continue')).toBe(0);
    rig.kill(0.05);
    rig.harness.runUntil(rig.now + 0.054);
    rig.harness.dropAgent('hyp-a', 50);
    runUntilWritten(rig, 'failing', 45);
    rig.harness.runUntil(rig.now + 3);
    expect(redirections(rig)).toEqual(['gw-a', 'hv-a', 'gw-b', 'hv-b']);
    const seen: string[] = [];
    const watch = (): boolean => {
      const left = redirections(rig).join();
      if (seen.at(-1) !== left) seen.push(left);
      return left !== '';
    };
    expect(rig.harness.runWhile(watch, rig.now + 30, 0.0002)).toBe(true);
    expect(seen).toEqual(['gw-a,hv-a,gw-b,hv-b', 'gw-a,gw-b,hv-b', 'gw-b,hv-b', 'hv-b', '']);
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('failed');
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('is taken back at once when an agent goes away that was told nothing: the machine is where it was', () => {
    const { rig, id } = underWay([], {});
    runUntilWritten(rig, 'redirecting');
    rig.harness.dropAgent('hyp-a', 50);
    runUntilWritten(rig, 'failing', 12);
    expect(rig.harness.runWhile(() => redirections(rig).length > 0, rig.now + 0.5, 0.0002)).toBe(true);
    rig.finish(id);
    expect(rig.view(id)?.failureReason).toMatch(/hyp-a is not connected/);
    expect(rig.commands('continue')).toBe(0);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('ends by itself when its controller is dead, and the machine hears again', () => {
    const { rig, id, streams } = underWay(['user-b'], {});
    runUntilWritten(rig, 'redirecting');
    rig.harness.runWhile(() => redirections(rig).length < 3, rig.now + 1, 0.0002);
    rig.kill(60);
    expect(redirections(rig)).not.toEqual([]);
    const gone: string[] = [];
    const until = rig.now + 30;
    while (rig.now < until) {
      for (const name of ['hv-b', 'gw-b', 'gw-a'])
        if (!gone.includes(name) && !redirections(rig).includes(name)) gone.push(name);
      rig.harness.runUntil(rig.now + 0.25);
    }
    expect(gone).toEqual(['gw-a', 'gw-b', 'hv-b']);
    const inward = streams.find((s) => s.to === 'vm')!.stream;
    const lost = inward.lost;
    rig.harness.runUntil(rig.now + 5);
    expect(inward.lost).toBeLessThanOrEqual(lost + 25);
    rig.finish(id, 120);
    expect(['completed', 'failed']).toContain(rig.view(id)?.state);
    expect(rig.leftovers([id])).toEqual([]);
  });
});

describe('what a dead session writes later', () => {
  it('is gone within a minute after the migration has ended', () => {
    const all = underWay(['user-b'], {});
    const { rig, id } = all;
    runUntilWritten(rig, 'stopping');
    rig.harness.runUntil(rig.now + 0.003);
    const names = ['gw-a', 'gw-b', 'hv-a', 'hv-b'];
    const late = names.flatMap((name) =>
      rig
        .rules(name)
        .filter((r) => (parseCookie(r.cookie)?.ordinal ?? 0) > 0)
        .map((rule) => ({ name, rule })),
    );
    expect(late.length).toBeGreaterThan(4);
    settle(all);
    for (const { name, rule } of late)
      expect(
        rig.simulation.switches
          .get(name)!
          .tables.apply({ ...flowModOf(rule, 'add'), hard_timeout: 0 }, rig.now).ok,
      ).toBe(true);
    expect(rig.leftovers([id])).not.toEqual([]);
    rig.harness.runUntil(rig.now + 60);
    expect(rig.leftovers([id])).toEqual([]);
  });
});

describe('a controller that dies while packets are turned or wait', () => {
  it.each([
    ['redirecting', 1],
    ['redirecting', 2],
    ['redirecting', 3],
    ['stopping', 4],
  ] as const)('in %s with %i switches turned: the next one brings the move to its end', (step, turned) => {
    const all = underWay(['user-b', 'cross-a'], { simulation: { resumeSeconds } });
    const { rig, streams } = all;
    runUntilWritten(rig, step);
    rig.harness.runWhile(() => redirections(rig).length < turned, rig.now + 1, 0.0002);
    expect(redirections(rig).length).toBe(turned);
    rig.kill(0.05);
    const view = settle(all);
    expect(view.state).toBe('completed');
    for (const { what, stream } of streams) {
      expect(stream.duplicates, what).toBe(0);
      // Not knowing which have turned it turns the rest at once: what is on the line at that moment may find no way.
      expect(stream.lost, what).toBeLessThanOrEqual(step === 'stopping' ? 0 : 50);
    }
  });
});

describe('a switch that is away', () => {
  const topology = quiet(shippedTopology('three-site'));
  const inwardOf = (all: UnderWay) => all.streams.filter((s) => s.to === 'vm');

  it('from the last turn on: the machine is not stopped, for what that switch holds is a lease', () => {
    const all = underWay(['user-c', 'cross-a', 'server-b'], { topology }, 50);
    const { rig, streams } = all;
    runUntilWritten(rig, 'stopping');
    rig.freeze('gw-b');
    runUntilWritten(rig, 'failing', 8);
    expect(rig.commands('continue')).toBe(0);
    expect(rig.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);
    rig.frozen.clear();
    const view = settle(all);
    expect(view.state).toBe('failed');
    expect(view.failureReason).toMatch(
      /stopping took longer than 5 s: (switches not there: gw-b|rules are not)/,
    );
    for (const { what, stream } of streams) expect(stream.duplicates, what).toBe(0);
  });

  it('for more than a minute while the others flip: packets neither circle nor get lost', () => {
    const all = underWay(['user-c', 'cross-a', 'server-b'], { topology }, 50);
    const { rig, id } = all;
    runUntilWritten(rig, 'flipping');
    rig.freeze('gw-a');
    rig.finish(id, 150);
    const view = rig.view(id)!;
    expect(view.state).toBe('completed');
    expect(view.phaseTransitions.map((t) => t.note).join()).toContain('not reached: gw-a');
    // Its location entry still says the old place.
    expect(redirections(rig)).toEqual(['gw-a']);
    rig.frozen.clear();
    rig.harness.runUntil(rig.now + 10);
    settle(all);
    for (const { what, stream } of inwardOf(all))
      expect([stream.lost, stream.duplicates, stream.overtaken], what).toEqual([0, 0, 0]);
  });

  it('for more than a minute while packets follow the machine: the others wait, or they would circle', () => {
    const { rig, id } = underWay([], { topology, switchover: 'follow' });
    runUntilWritten(rig, 'flipping');
    rig.freeze('gw-b');
    rig.finish(id, 150);
    expect(
      rig
        .view(id)!
        .phaseTransitions.map((t) => t.note)
        .join(),
    ).toContain('not reached: gw-b');
    const { mac } = topology.vms.find((vm) => vm.name === 'vm1')!;
    const held = (name: string): string[] =>
      rig
        .rules(name)
        .map(ruleText)
        .filter((text) => text.includes(`eth_dst=0x${BigInt(`0x${mac.replaceAll(':', '')}`).toString(16)} `));
    for (const name of ['gw-a', 'gw-c', 'hv-a']) {
      const old = rig.quietRulesOf(name, 'hyp-a');
      expect(
        held(name).every((text) => old.includes(text)),
        name,
      ).toBe(true);
    }
    rig.frozen.clear();
    rig.harness.runUntil(rig.now + 10);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('while packets are being turned: they go back soon, and the machine stays where it is', () => {
    const all = underWay(['user-c', 'cross-a', 'server-b'], { topology }, 200);
    const { rig, id } = all;
    runUntilWritten(rig, 'redirecting');
    rig.freeze('gw-c');
    rig.harness.runWhile(() => !rig.written('failing'), rig.now + 20, 0.01);
    rig.frozen.clear();
    rig.finish(id, 100);
    expect(rig.view(id)?.state).toBe('failed');
    expect(rig.view(id)?.failureReason).toContain('step redirecting took longer than 5 s');
    expect(rig.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);
    expect(redirections(rig)).toEqual([]);
    const before = inwardOf(all).map((s) => s.stream.lost);
    rig.harness.runUntil(rig.now + 2);
    settle(all);
    inwardOf(all).forEach(({ stream, what }, i) => {
      expect(stream.lost, what).toBeLessThanOrEqual(before[i]! + 20);
      expect(stream.lost, what).toBeLessThan(200 * 10);
    });
  });
});
