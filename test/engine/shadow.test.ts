import { describe, expect, it } from 'vitest';
import type { EngineConfig } from '../../src/engine/config.js';
import { Engine } from '../../src/engine/engine.js';
import type { Input } from '../../src/engine/input.js';
import type { Output } from '../../src/engine/output.js';
import type { SystemView } from '../../src/engine/view.js';
import { desiredRules } from '../../src/network/index.js';
import { decodeLine, lengthAt, toHex } from '../../src/openflow/index.js';
import { programSwitch } from '../../src/simulator/program-switch.js';
import { virtualConfig } from '../../src/simulator/run-virtual.js';
import { Rig, type RigOptions, smallTopology } from './rig.js';

/** What a controller may say that changes nothing at a switch but its own connection. */
const harmless = new Set([
  'hello',
  'echo_request',
  'echo_reply',
  'features_request',
  'multipart_request',
  'barrier_request',
  'set_async',
]);

/** The simulated network under an engine that only looks, every output of it kept. */
class ShadowRig {
  readonly outputs: Output[] = [];
  readonly rig: Rig;
  engine: Engine | undefined;
  constructor(options: Partial<RigOptions> = {}, change: Partial<EngineConfig> = {}) {
    this.rig = new Rig({
      seed: 11,
      topology: smallTopology({ traffic: true }),
      ...options,
      createEngine: (config) => {
        const engine = new Engine({ ...config, shadow: true, ...change });
        this.engine = engine;
        return {
          step: (input: Input, now: number) => {
            const outputs = engine.step(input, now);
            this.outputs.push(...outputs);
            return outputs;
          },
          nextWakeup: (now) => engine.nextWakeup(now),
        };
      },
    });
    this.#program();
  }
  /** Somebody else's rules carry the traffic: here our own, which an engine that only looks must not touch either. */
  #program(): void {
    const state = { vmLocation: new Map(), migrations: [], classes: [] };
    for (const { name } of this.rig.topology.switches) {
      const rules = desiredRules(this.rig.topology, name, state);
      expect(programSwitch(this.rig.simulation.controls.get(name)!, rules)).toEqual([]);
    }
  }
  get view(): SystemView {
    return this.outputs.findLast((output) => output.kind === 'publish')!.view;
  }
  /** types of the messages that switches were sent */
  sent(): Set<string> {
    const types = new Set<string>();
    for (const output of this.outputs) {
      if (output.kind !== 'send') continue;
      const { bytes } = output;
      for (let at = 0; at < bytes.length; at += lengthAt(bytes, at)) {
        const line = decodeLine(toHex(bytes.subarray(at, at + lengthAt(bytes, at))));
        types.add((JSON.parse(line) as { type: string }).type);
      }
    }
    return types;
  }
}

describe('shadow mode', () => {
  it('says nothing to anybody that would change anything', () => {
    const shadow = new ShadowRig();
    const before = shadow.rig.dumps();
    shadow.rig.settle(6);
    const asked = shadow.rig.migrate();
    expect(shadow.rig.answer(asked.request)).toMatchObject({
      ok: false,
      problem: { slug: 'shadow-mode', status: 409 },
    });
    shadow.rig.settle(2);
    const kinds = new Set(shadow.outputs.map(({ kind }) => kind));
    for (const kind of ['append', 'setQueue', 'hypervisor', 'sign', 'circuit'] as const)
      expect(kinds.has(kind), kind).toBe(false);
    expect([...shadow.sent()].filter((type) => !harmless.has(type))).toEqual([]);
    expect(shadow.sent()).toContain('multipart_request');
    expect(shadow.rig.dumps()).toEqual(before);
    expect(shadow.view.mode).toBe('shadow');
  });

  it('leaves a migration that is under way in the journal alone', () => {
    const active = new Rig({ seed: 3 }).settle(1);
    const { id } = active.migrate();
    active.harness.runWhile(() => active.step(id) !== 'running', active.now + 5, 0.002);
    const journal = [...active.harness.journal];
    const engine = new Engine({ ...virtualConfig(active.topology), shadow: true });
    const outputs = engine.step({ kind: 'start', journal, wallMs: 0 }, 0);
    for (let now = 0; now < 30; now += 0.1) outputs.push(...engine.step({ kind: 'wakeup' }, now));
    expect(new Set(outputs.map(({ kind }) => kind))).toEqual(new Set(['publish']));
  });

  it('names the least promise, which is kept for all classes, and none where none was given', () => {
    const promised = (classes: EngineConfig['classes']) => {
      const engine = new Engine({ ...virtualConfig(smallTopology()), shadow: true, classes });
      const outputs = engine.step({ kind: 'start', journal: [], wallMs: 0 }, 0);
      for (let now = 0; now < 2; now += 0.1) outputs.push(...engine.step({ kind: 'wakeup' }, now));
      return outputs.findLast((output) => output.kind === 'publish')!.view.bottlenecks[0]!.delayPromise;
    };
    const given = (name: string, udpPort: number, delayPromiseMs: number) => ({
      name,
      udpPort,
      dscp: 46,
      delayPromiseMs,
    });
    expect(promised([given('video', 5004, 60), given('voice', 5006, 25), given('bulk', 5008, 400)])).toEqual({
      className: 'voice',
      delayMs: 25,
    });
    expect(promised([])).toBeNull();
  });

  it('says what a migration would have moved, and what others would have suffered', () => {
    const shadow = new ShadowRig();
    shadow.rig.settle(12);
    const [bottleneck] = shadow.view.bottlenecks;
    const seen = bottleneck!.shadow!;
    expect(seen.observedSeconds).toBeGreaterThan(11);
    expect(seen.slots).toBeGreaterThan(550);
    const line = (bottleneck!.capacityBitsPerSecond / 8) * seen.observedSeconds;
    const crosses = shadow.outputs.flatMap((output) =>
      output.kind === 'publish' ? [output.view.bottlenecks[0]!.crossBitsPerSecond] : [],
    );
    const others = crosses.reduce((sum, cross) => sum + cross, 0) / crosses.length / 8;
    // most of what others leave, and never more than the line
    const moved = Number(seen.steady.movedBytes) / line;
    const left = 1 - (others * seen.observedSeconds) / line;
    expect(moved).toBeGreaterThan(0.8 * left);
    expect(moved).toBeLessThan(1.02 * left);
    expect(Number(seen.fixedShare.movedBytes) / line).toBeCloseTo(0.25, 2);
    expect(Number(seen.untouched.movedBytes)).toBe(0);
    expect(seen.steady.lateSlots / seen.slots).toBeLessThan(0.01);
    expect(seen.steady.worstDelayMs).toBeGreaterThanOrEqual(seen.untouched.worstDelayMs);
    expect(bottleneck!.certificate.slots).toBeGreaterThan(550);
    expect(bottleneck!.certificate.violations).toBe(0);
    expect(bottleneck!.enforcedBitsPerSecond).toBe(0);
    expect(bottleneck!.measuredBitsPerSecond).toBeLessThan(0.01 * bottleneck!.commandedBitsPerSecond);
  });

  it('foresees what a migration then does on the same network', () => {
    const [from, to] = [3, 8];
    const shadow = new ShadowRig();
    const foreseen = [from, to].map((until) => {
      shadow.rig.harness.runUntil(until);
      return Number(shadow.view.bottlenecks[0]!.shadow!.steady.movedBytes);
    });
    const active = new Rig({
      seed: 11,
      topology: smallTopology({ traffic: true, memoryBytes: 200e6 }),
    }).settle(1);
    const { id } = active.migrate();
    const moved = [from, to].map((until) => {
      active.harness.runUntil(until);
      return Number(active.view(id)!.progress.memory.processedBytes);
    });
    const ratio = (foreseen[1]! - foreseen[0]!) / (moved[1]! - moved[0]!);
    // headers count in the queue and not as memory; TCP does not use a grant to the last byte
    expect(ratio).toBeGreaterThan(0.95);
    expect(ratio).toBeLessThan(1.2);
  });

  it('predicts for machines whose agents it does not know', () => {
    const shadow = new ShadowRig();
    shadow.rig.settle(2);
    const dry = shadow.rig.answer(shadow.rig.migrate({ dryRun: true, deadlineSeconds: 100 }).request);
    expect(dry, JSON.stringify(dry)).toMatchObject({
      ok: true,
      body: { admitted: true, path: { links: ['up-a', 'wan', 'up-b'] } },
    });
  });
});
