import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import { defaultQemuSettings } from '../../src/hypervisor/index.js';
import { Rig, smallTopology } from './rig.js';

const topology = smallTopology();
/** Writes twice as fast as the path can ever carry, in more memory than fits into the downtime. */
const restless = {
  ...topology,
  vms: topology.vms.map((vm) => ({
    ...vm,
    memoryBytes: 6_000_000,
    workingSetBytes: 5_000_000,
    dirtyBytesPerSecond: 9_000_000,
  })),
};

const rigOf = (autoConverge: boolean): Rig =>
  new Rig({
    seed: 5,
    topology: restless,
    createEngine: (config) =>
      new Engine({
        ...config,
        hypervisors: config.hypervisors.map(({ host }) => ({
          host,
          driver: 'qemu',
          machines: [
            {
              ...{ host, vm: 'vm1', qmp: `unix:/${host}`, disk: undefined },
              settings: { ...defaultQemuSettings, autoConverge },
            },
          ],
          tls: undefined,
        })),
      }),
  }).settle(1);

describe('a machine that writes faster than the path carries', () => {
  it('is not moved by pre-copy alone: that is recognised, said, and it runs on where it was', () => {
    const rig = rigOf(false);
    const { id } = rig.migrate();
    rig.finish(id, 60);
    const view = rig.view(id)!;
    expect(view.state).toBe('failed');
    expect(view.failureReason).toContain('cannot converge: memory is written at 72.0 Mbit/s');
    expect(rig.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('goes on in post-copy where that was allowed, and the journal says why', () => {
    const rig = rigOf(false);
    const { id } = rig.migrate({ mode: 'hybrid' });
    rig.finish(id, 60);
    const view = rig.view(id)!;
    expect(view.state).toBe('completed');
    const notes = view.phaseTransitions.map((t) => t.note);
    expect(notes.find((note) => note.startsWith('goes on in post-copy'))).toContain('72.0 Mbit/s');
    expect(rig.simulation.vmRunsAt('vm1', 'hyp-b')).toBe(true);
  });

  it('is stopped at once in post-copy from the start', () => {
    const rig = rigOf(false);
    const { id } = rig.migrate({ mode: 'postcopy' });
    rig.finish(id, 60);
    expect(rig.view(id)!.state).toBe('completed');
  });

  it('is slowed down where that was allowed, and then it converges', () => {
    const rig = rigOf(true);
    const { id } = rig.migrate();
    rig.finish(id, 60);
    expect(rig.view(id)!.state).toBe('completed');
    const asked = rig.outputs.flatMap(({ output }) =>
      output.kind === 'hypervisor' && output.request.execute === 'throttle' ? [output.request] : [],
    );
    expect(asked).toMatchObject([{ migration: id, mostPercent: 80 }]);
  });

  it('is not slowed down, nor stopped, as long as its rate is what the path can carry', () => {
    const rig = new Rig({ seed: 5 }).settle(1);
    const { id } = rig.migrate();
    rig.finish(id, 60);
    expect(rig.view(id)!.state).toBe('completed');
    const { forecast, downtimeMs } = rig.view(id)!;
    expect(forecast!.halfWayFinish).not.toBeNull();
    expect(Math.abs(forecast!.finishErrorShare!)).toBeLessThan(1);
    expect(forecast!.downtimeErrorMs!).toBeCloseTo(forecast!.expectedDowntimeMs! - downtimeMs!, 6);
    const asked = rig.outputs.filter(
      ({ output }) => output.kind === 'hypervisor' && output.request.execute === 'throttle',
    );
    expect(asked).toEqual([]);
  });
});
