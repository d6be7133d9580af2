import { describe, expect, it } from 'vitest';
import { Neighbours, usualFairShare } from '../../controller/index.js';

const capacity = 6_250_000;
const slot = 0.02;

/** A queue with a limit, an own sender that fills what it is granted, and somebody else. */
class Scene {
  readonly neighbours = new Neighbours({ fairShare: usualFairShare });
  now = 0;
  backlog = 0;
  lawful = 0;
  readonly phases: string[] = [];
  private readonly limit = 0.24 * capacity;
  /** arrivals of the other, bytes/s, when we send `own` and so many bytes wait */
  other: (own: number, backlog: number) => number;

  constructor(other: Scene['other']) {
    this.other = other;
  }

  run(seconds: number): this {
    for (let k = Math.round(seconds / slot); k > 0; k--) {
      const { phase } = this.neighbours;
      const own = phase === 'alone' ? this.lawful : this.granted();
      const cross = this.other(own, this.backlog);
      const before = this.backlog;
      this.backlog = Math.min(this.limit, Math.max(0, before + (own + cross - capacity) * slot));
      this.now += slot;
      this.neighbours.observe({
        at: this.now,
        intervalSeconds: slot,
        capacity,
        own,
        cross,
        departed: Math.min(capacity, before / slot + own + cross),
        backlogBytes: this.backlog,
        loopSeconds: 0.05,
        learnt: false,
        yielding: this.lawful < 0.08 * capacity,
      });
      if (this.phases.at(-1) !== this.neighbours.phase) this.phases.push(this.neighbours.phase);
    }
    return this;
  }

  /** in a shared queue the own TCP gets half of what is there */
  private granted(): number {
    const { phase } = this.neighbours;
    const granted = this.neighbours.rate(capacity, capacity);
    return phase === 'shared' ? Math.min(granted, capacity / 2) : granted;
  }
}
/** keeps 100 ms in the queue whatever we do: clocked by its acknowledgements */
const elastic = (own: number, backlog: number): number =>
  Math.max(0, capacity - own + (0.1 * capacity - backlog) / 0.2);

describe('neighbours', () => {
  it('are elastic when they give way to a pulse, and the queue is shared with them', () => {
    const scene = new Scene(elastic).run(4);
    expect(scene.phases).toEqual(['alone', 'pulse', 'shared']);
    expect(scene.neighbours.ownBytesPerSecond / capacity).toBeGreaterThan(0.4);
    // checked every 5 to 10 s, and it is still there
    scene.run(30);
    expect(scene.neighbours.competes).toBe(true);
    expect(scene.phases.filter((p) => p === 'check').length).toBeGreaterThanOrEqual(3);
    expect(scene.phases.filter((p) => p === 'check').length).toBeLessThanOrEqual(6);
    expect(scene.neighbours.pulses).toBe(1);
  });

  it('are noticed to have gone', () => {
    const scene = new Scene(elastic).run(4);
    scene.other = () => 0.3 * capacity;
    scene.lawful = 0.6 * capacity;
    scene.run(8);
    expect(scene.phases.slice(-2)).toEqual(['check', 'alone']);
    expect(scene.neighbours.phase).toBe('alone');
  });

  it('that overload the queue and do not give way are left to themselves, ever more rarely tested', () => {
    const scene = new Scene(() => 1.1 * capacity).run(60);
    expect(new Set(scene.phases)).toEqual(new Set(['alone', 'pulse']));
    // a test of 1.5 s, then a pause of 1, 2, 4, 8, 16, 16 s: without doubling there would be 20
    expect(scene.neighbours.pulses).toBeGreaterThanOrEqual(5);
    expect(scene.neighbours.pulses).toBeLessThanOrEqual(7);
  });

  it('are not looked for while the law sends, nor while nothing stands', () => {
    const sends = new Scene((own) => capacity - own);
    sends.lawful = 0.2 * capacity;
    expect(sends.run(10).phases).toEqual(['alone']);
    const quiet = new Scene(() => 0.9 * capacity);
    expect(quiet.run(10).phases).toEqual(['alone']);
  });

  it('are not judged by a pulse that carried nothing', () => {
    const scene = new Scene((_, backlog) => capacity + (0.1 * capacity - backlog) / 0.2);
    scene.neighbours.rate = () => 0;
    expect(scene.run(20).phases).not.toContain('shared');
    expect(scene.neighbours.pulses).toBeGreaterThan(1);
  });

  it('a test that is interrupted says nothing', () => {
    const scene = new Scene(elastic);
    while (scene.neighbours.phase !== 'pulse') scene.run(slot);
    scene.neighbours.interrupt(scene.now);
    expect(scene.neighbours.phase).toBe('alone');
    scene.run(6);
    expect(scene.neighbours.phase).toBe('shared');
    scene.neighbours.reset();
    expect(scene.neighbours.competes).toBe(false);
  });
});
