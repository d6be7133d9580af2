import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import type { Input } from '../../src/engine/input.js';
import type { Output } from '../../src/engine/output.js';
import { checkTopology } from '../../src/network/problems.js';
import { EngineHarness, type EngineLike, type HarnessOptions } from '../../src/simulator/engine-harness.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { runVirtual, virtualConfig } from '../../src/simulator/run-virtual.js';
import { sideBySide, twinOf } from '../../src/simulator/twin-topology.js';
import { twoDc } from './fixtures.js';

const topology = twoDc();

/** An engine that does what a test says. */
class Puppet implements EngineLike {
  readonly inputs: { input: Input; now: number }[] = [];
  answer: (input: Input, now: number) => Output[] = () => [];
  wakeAt: number | undefined;
  step(input: Input, now: number): Output[] {
    this.inputs.push({ input, now });
    return this.answer(input, now);
  }
  nextWakeup(now: number): number | undefined {
    return this.wakeAt !== undefined && this.wakeAt > now ? this.wakeAt : undefined;
  }
  times(kind: Input['kind']): number[] {
    return this.inputs.filter((i) => i.input.kind === kind).map((i) => i.now);
  }
}

function puppetHarness(options: Partial<HarnessOptions> = {}): { harness: EngineHarness; puppets: Puppet[] } {
  const puppets: Puppet[] = [];
  const harness = new EngineHarness(new NetworkSimulation(topology, { seed: 1 }), {
    config: virtualConfig(topology),
    createEngine: () => {
      puppets.push(new Puppet());
      return puppets.at(-1)!;
    },
    ...options,
  });
  harness.start();
  return { harness, puppets };
}
const record = (number: number) =>
  ({
    number,
    wallMs: 0,
    entry: { kind: 'migrationStep', id: 'm', step: 's', state: 'running', note: '' },
  }) as const;
const setQueue = (command: number, after?: number): Output => ({
  kind: 'setQueue',
  command,
  switch: 'hv-a',
  portName: 'hv-a.up-a',
  queueId: 1,
  maxBitsPerSecond: 1_000_000 * command,
  ...(after === undefined ? {} : { after }),
});
const wakeup = (harness: EngineHarness, puppet: Puppet, answer: Output[]): void => {
  let done = false;
  puppet.answer = (input) => {
    if (done || input.kind !== 'wakeup') return [];
    done = true;
    return answer;
  };
  puppet.wakeAt = harness.now + 0.001;
  harness.api({ kind: 'cancelMigration', id: 'nudge' });
};

describe('engine harness', () => {
  it('connects every switch and agent, and carries bytes with the delay of the channel', () => {
    const { harness, puppets } = puppetHarness({
      channelDelaySeconds: (name) => (name === 'gw-b' ? 0.02 : 0.001),
    });
    harness.runUntil(0.5);
    const [puppet] = puppets;
    expect(puppet!.times('start')).toEqual([0]);
    expect(puppet!.times('switchConnected')).toEqual([0.001, 0.001, 0.001, 0.02]);
    expect(puppet!.times('bytesReceived')).toEqual([0.002, 0.002, 0.002, 0.04]);
    expect(puppet!.times('hypervisor')).toHaveLength(2);
  });

  it('holds back what names a record until it is durable, and what comes behind it for the same target', () => {
    const { harness, puppets } = puppetHarness({ storeSeconds: 0.05, queueReplySeconds: 0.001 });
    harness.runUntil(1);
    const other: Output = { ...setQueue(9), portName: 'hv-b.up-b', switch: 'hv-b' } as Output;
    wakeup(harness, puppets[0]!, [{ kind: 'append', record: record(1) }, setQueue(3, 1), setQueue(4), other]);
    harness.runUntil(1.04);
    const answered = () =>
      puppets[0]!.inputs.flatMap(({ input }) => (input.kind === 'queueSet' ? [input.command] : []));
    expect(answered()).toEqual([9]);
    harness.runUntil(1.1);
    expect(answered()).toEqual([9, 3, 4]);
    expect(harness.journal.map((r) => r.number)).toEqual([1]);
    expect(harness.simulation.portNamed('hv-a.up-a')!.egress.queue(1)!.maxBitsPerSecond).toBe(4_000_000);
  });

  it('drops what waited for a record that could not be written', () => {
    const { harness, puppets } = puppetHarness({ storeSeconds: 0.05 });
    harness.runUntil(1);
    harness.storeFailure = 'disk full';
    wakeup(harness, puppets[0]!, [{ kind: 'append', record: record(1) }, setQueue(3, 1)]);
    harness.runUntil(1.5);
    expect(puppets[0]!.inputs.map((i) => i.input)).toContainEqual({
      kind: 'storeFailed',
      record: 1,
      detail: 'disk full',
    });
    expect(puppets[0]!.times('queueSet')).toEqual([]);
    expect(harness.journal).toEqual([]);
  });

  it('kills without mercy: an append on its way is lost, a new life reads what was durable', () => {
    const { harness, puppets } = puppetHarness({ storeSeconds: 0.05 });
    harness.runUntil(1);
    wakeup(harness, puppets[0]!, [{ kind: 'append', record: record(1) }]);
    harness.runUntil(1.2);
    wakeup(harness, puppets[0]!, [{ kind: 'append', record: record(2) }, setQueue(5, 2)]);
    harness.runUntil(1.22);
    harness.kill();
    harness.runUntil(2);
    const heard = puppets[0]!.inputs.length;
    harness.start();
    harness.runUntil(3);
    expect(puppets[0]!.inputs).toHaveLength(heard);
    expect(puppets[1]!.inputs[0]!.input).toMatchObject({ kind: 'start', journal: [{ number: 1 }] });
    expect(puppets[1]!.times('switchConnected')).toHaveLength(4);
    expect(harness.simulation.portNamed('hv-a.up-a')!.egress.queue(1)!.maxBitsPerSecond).toBe(2_000_000);
  });

  it('loses a control connection and gets a new one', () => {
    const { harness, puppets } = puppetHarness();
    harness.runUntil(1);
    harness.dropConnection('gw-a');
    harness.runUntil(3);
    expect(puppets[0]!.times('switchLost')).toEqual([1]);
    expect(puppets[0]!.times('switchConnected')).toHaveLength(5);
    expect(() => harness.dropConnection('nobody')).toThrow('no switch');
  });

  it('notices an engine that does not go forward', () => {
    const { harness, puppets } = puppetHarness();
    puppets[0]!.nextWakeup = (now) => now;
    expect(() => harness.runUntil(1)).toThrow('asked');
  });
});

describe('the application in virtual time', () => {
  const run = (seed: number, options: Partial<Parameters<typeof runVirtual>[0]> = {}) =>
    runVirtual({
      topology,
      seed,
      createEngine: (config) => new Engine(config),
      memoryBytes: 12_000_000,
      durationSeconds: 60,
      ...options,
    });

  it('moves a machine to the other site while the video hardly notices', () => {
    const { migration, harness, streams } = run(1);
    expect(migration?.state).toBe('completed');
    expect(harness.simulation.vmRunsAt('vm1', 'hyp-b')).toBe(true);
    const video = streams.find((s) => s.name === 'video')!;
    expect(video.lossPercent).toBe(0);
    expect(video.p99Ms).toBeLessThan(60);
    // The machine answers at its new place.
    harness.runUntil(harness.now + 2);
    expect(harness.simulation.summary('probe-vm1', harness.now - 1.5, harness.now - 0.5).lossPercent).toBe(0);
  });

  it('asks for further machines later, and knows which of them were refused', () => {
    const [vm] = topology.vms;
    const second = { ...vm!, name: 'vm2', mac: '02:00:00:00:01:02', ip: '10.99.0.102' };
    const { migrations, harness } = run(1, {
      topology: { ...topology, vms: [vm!, second] },
      memoryBytes: 5_000_000,
      further: [
        { afterSeconds: 0.5, request: { vm: 'nobody', destination: 'hyp-b' } },
        { afterSeconds: 1, request: { vm: 'vm2' } },
      ],
    });
    expect(migrations.map((m) => m?.vm)).toEqual(['vm1', undefined, 'vm2']);
    expect(migrations.map((m) => m?.state)).toEqual(['completed', undefined, 'completed']);
    expect(harness.simulation.vmRunsAt('vm2', 'hyp-b')).toBe(true);
    const [first, , last] = migrations;
    expect(Date.parse(last!.createdAt) - Date.parse(first!.createdAt)).toBe(1000);
  });

  it('lives the same life twice', () => {
    const digest = (seed: number) => run(seed, { harness: { digest: true } }).harness.digest.text();
    const first = digest(2);
    expect(digest(2)).toBe(first);
    expect(digest(3)).not.toBe(first);
  });
});

describe('two controllers', () => {
  it('have a network each, and one carrier between them', () => {
    const one = twoDc('-opaque');
    const other = twinOf(one);
    expect(checkTopology(other)).toEqual([]);
    const both = sideBySide(one, other);
    const simulation = new NetworkSimulation(both, { seed: 1, sharedCarriers: [['wan', 'wan2']] });
    const harnesses = [one, other].map(
      (mine) =>
        new EngineHarness(simulation, {
          config: virtualConfig(mine),
          createEngine: (config) => new Engine(config),
        }),
    );
    for (const harness of harnesses) harness.start();
    simulation.startTraffic();
    simulation.runUntil(5);
    harnesses.forEach((harness, i) => {
      const mine = [one, other][i]!;
      expect(harness.view?.switches.map((s) => s.name)).toEqual(mine.switches.map((s) => s.name));
      expect(harness.view?.switches.every((s) => s.state === 'ready')).toBe(true);
      const video = mine.traffic[0]!.name;
      expect(simulation.summary(video, 2, 4).lossPercent).toBe(0);
    });
    const carrier = simulation.carrier('wan', 'gw-a');
    expect(simulation.carrier('wan2', 'gw-a2')).toBe(carrier);
    expect(simulation.carrier('wan', 'gw-b')).not.toBe(carrier);
    const sent = (port: string): number => simulation.portNamed(port)!.egress.txBytes;
    expect(sent('gw-a2.wan2')).toBeGreaterThan(1_000_000);
    expect(carrier.statistics().arrivedBytes).toBe(sent('gw-a.wan') + sent('gw-a2.wan2'));
    // The queue of one is the delay of the other.
    const before = simulation.summary('video', 3, 5).p50Ms!;
    carrier.setRate(40e6);
    simulation.runUntil(8);
    for (const video of ['video', 'video2'])
      expect(simulation.summary(video, 6, 7).p50Ms).toBeGreaterThan(before + 50);
  });
});
