import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import { defaultQemuSettings } from '../../src/hypervisor/index.js';
import { Rig, smallTopology } from './rig.js';

const plain = smallTopology();
/** Writes as fast as the path can carry: pre-copy alone would not end soon. */
const restless = {
  ...plain,
  vms: plain.vms.map((vm) => ({
    ...vm,
    memoryBytes: 6_000_000,
    workingSetBytes: 5_000_000,
    dirtyBytesPerSecond: 9_000_000,
  })),
};

class ForceRig extends Rig {
  force(id: string) {
    return this.answer(this.command({ kind: 'forceComplete', id }));
  }
  /** What the source's agent was told at the end. */
  continued(): object[] {
    return this.outputs.flatMap(({ output }) =>
      output.kind === 'hypervisor' && output.request.execute === 'continue' ? [output.request] : [],
    );
  }
}
const rigOf = (): ForceRig => new ForceRig({ seed: 6, topology: restless }).settle(1);
/** Its hosts have drivers that know post-copy. */
const ableRig = (): ForceRig =>
  new ForceRig({
    seed: 6,
    topology: restless,
    createEngine: (config) =>
      new Engine({
        ...config,
        hypervisors: config.hypervisors.map(({ host }) => ({
          host,
          driver: 'qemu',
          machines: [
            { host, vm: 'vm1', qmp: `unix:/${host}`, disk: undefined, settings: defaultQemuSettings },
          ],
          tls: undefined,
        })),
      }),
  }).settle(1);
const sending = (rig: Rig, id: string): boolean => rig.step(id) === 'running' && rig.view(id)!.round > 1;

describe('force-complete', () => {
  it('stops a machine that does not converge with what is left, and says so before it does', () => {
    const rig = rigOf();
    const { id } = rig.migrate();
    rig.harness.runWhile(() => !sending(rig, id), rig.now + 10, 0.02);
    expect(rig.force(id).ok).toBe(true);
    const said = rig.harness.journal.flatMap(({ entry }) => ('note' in entry ? [entry.note] : []));
    expect(said).toContain('stops by request, whatever is left');
    expect(rig.finish(id, 30)).toBe(true);
    const view = rig.view(id)!;
    expect(view).toMatchObject({ state: 'completed', failureReason: null });
    // it cost what it cost: more than was agreed
    expect(view.downtimeMs).toBeGreaterThan(view.downtimeLimitMs);
    expect(rig.continued()).toEqual([{ execute: 'continue', migration: id, force: true }]);
    expect(rig.simulation.vmRunsAt('vm1', 'hyp-b')).toBe(true);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('goes on in post-copy where that was allowed', () => {
    const rig = ableRig();
    const { id } = rig.migrate({ mode: 'hybrid' });
    rig.harness.runWhile(() => !sending(rig, id), rig.now + 10, 0.02);
    expect(rig.force(id).ok).toBe(true);
    rig.finish(id, 30);
    expect(rig.view(id)!.state).toBe('completed');
    expect(rig.continued()).toEqual([{ execute: 'continue', migration: id, postcopy: true }]);
  });

  it('outlives a controller that is killed as soon as it has answered', () => {
    for (const delay of [0, 0.01, 0.05, 0.2]) {
      const rig = rigOf();
      const { id } = rig.migrate();
      rig.harness.runWhile(() => !sending(rig, id), rig.now + 10, 0.02);
      expect(rig.force(id).ok).toBe(true);
      rig.harness.runUntil(rig.now + delay);
      rig.kill(0.5);
      rig.finish(id, 30);
      expect(rig.view(id)!.state, `killed ${delay} s after the answer`).toBe('completed');
      expect(rig.leftovers([id])).toEqual([]);
    }
  });

  it('does not wait at the gate any more', () => {
    const rig = rigOf();
    const { id } = rig.migrate({ downtimeLimitMs: 700 });
    rig.harness.runWhile(() => rig.step(id) !== 'staging', rig.now + 30, 0.005);
    expect(rig.step(id)).toBe('staging');
    expect(rig.force(id).ok).toBe(true);
    rig.finish(id, 30);
    const notes = rig.view(id)!.phaseTransitions.map((t) => t.note);
    expect(notes.find((note) => note.includes('staged;'))).toContain('what is left does not matter');
  });

  it('is refused before memory is sent, when the machine has moved, and to strangers', () => {
    const rig = rigOf();
    const { id } = rig.migrate();
    expect(rig.force(id)).toMatchObject({ ok: false, problem: { slug: 'not-forcible', status: 409 } });
    rig.harness.runWhile(() => !sending(rig, id), rig.now + 10, 0.02);
    rig.force(id);
    rig.finish(id, 30);
    expect(rig.force(id)).toMatchObject({ ok: false, problem: { slug: 'not-forcible', status: 409 } });
    expect(rig.force('other')).toMatchObject({ ok: false, problem: { slug: 'unknown-migration' } });
  });
});
