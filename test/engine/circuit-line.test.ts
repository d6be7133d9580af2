import { describe, expect, it } from 'vitest';
import type { CircuitRequest, ProvidedCircuit } from '../../src/circuit/protocol.js';
import { CircuitLine, type CircuitWorld, type DataPlane } from '../../src/engine/circuit-line.js';
import type { JournalEntry } from '../../src/engine/journal.js';
import { type Continuation, Turn } from '../../src/engine/turn.js';

const terms = { ends: ['gw-a', 'gw-b'], capacityBitsPerSecond: 100e6, setupSeconds: 2 } as const;

/** One line with a journal, a provider and switches that are played by hand. */
class LineRig {
  readonly line: CircuitLine;
  readonly entries: JournalEntry[] = [];
  readonly asked: { readonly number: number; readonly request: CircuitRequest; after: number | undefined }[] =
    [];
  readonly lost: string[] = [];
  readonly waiting: Continuation[] = [];
  plane: DataPlane | undefined = 'carries';
  steered = true;
  storeFails = false;
  now = 0;

  constructor() {
    const world: CircuitWorld = {
      append: (_, entry, continuation) => {
        this.entries.push(entry);
        this.waiting.push(continuation);
        return this.entries.length;
      },
      command: (_, request, after) => this.asked.push({ number: this.asked.length + 1, request, after }),
      newId: () => `two-dc.${this.entries.length}`,
      steeringChanged: () => undefined,
      steeringDone: () => this.steered,
      dataPlane: () => this.plane,
      refused: () => undefined,
      lost: (_, __, reason) => this.lost.push(reason),
      log: () => undefined,
    };
    this.line = new CircuitLine('circuit', terms, 0.2, world);
  }

  turn(work: (turn: Turn) => void): void {
    work(new Turn(this.now, this.now * 1000));
  }
  store(): void {
    for (const continuation of this.waiting.splice(0))
      this.turn((t) => (this.storeFails ? continuation.failed(t, 'disk full') : continuation.stored(t)));
  }
  /** Goes from deadline to deadline. */
  wait(seconds: number): void {
    const end = this.now + seconds;
    for (let next = this.line.nextDeadline(); next <= end; next = this.line.nextDeadline()) {
      this.now = Math.max(this.now, next) + 1e-6;
      this.turn((t) => this.line.advance(t));
      this.store();
    }
    this.now = Math.max(this.now, end);
    this.turn((t) => this.line.advance(t));
    this.store();
  }
  answer(state: ProvidedCircuit['state'] | undefined, error: 'refused' | 'timeout' | null = null): void {
    const last = this.asked.at(-1)!;
    const id = this.line.id!;
    const circuits = state === undefined ? [] : [{ id, link: 'circuit', state, reason: 'fibre cut' }];
    const told = error === null ? null : { code: error, detail: 'no capacity' };
    this.turn((t) => this.line.answered(t, last.number, told, circuits));
    this.store();
  }
  light(): void {
    this.turn((t) => this.line.light(t, 'debt-outweighs-cost'));
  }
  lit(): this {
    this.light();
    this.store();
    this.answer('signalling');
    this.turn((t) => this.line.granted(t, this.line.id!));
    this.store();
    return this;
  }
  get kinds(): string[] {
    return this.entries.map((e) => e.kind);
  }
  get last(): string {
    return this.asked.at(-1)!.request.kind;
  }
  expectBalanced(): void {
    expect(this.line.phase).toBe('dark');
    expect(this.line.id).toBeUndefined();
    const count = (kind: string): number => this.kinds.filter((k) => k === kind).length;
    expect(count('circuitReleased')).toBe(count('circuitRequested'));
  }
}

describe('the circuit of one link', () => {
  it('records the order before it is sent, and the grant before traffic is put on it', () => {
    const rig = new LineRig();
    rig.light();
    expect(rig.kinds).toEqual(['circuitRequested']);
    expect(rig.asked[0]).toMatchObject({ request: { kind: 'request' }, after: 1 });
    rig.store();
    rig.answer('signalling');
    expect(rig.line.carries).toBe(false);
    rig.turn((t) => rig.line.granted(t, rig.line.id!));
    expect(rig.line.carries).toBe(false);
    rig.store();
    expect(rig.line.carries).toBe(true);
  });

  it('drains after the packet path is in force again, and only then releases', () => {
    const rig = new LineRig().lit();
    rig.steered = false;
    rig.turn((t) => rig.line.darken(t, 'idle'));
    expect([rig.line.phase, rig.line.carries]).toEqual(['releasing', false]);
    rig.wait(1);
    expect(rig.kinds).not.toContain('circuitReleasing');
    rig.steered = true;
    rig.turn((t) => rig.line.advance(t));
    expect(rig.kinds).not.toContain('circuitReleasing');
    rig.wait(0.3);
    expect([rig.kinds.at(-1), rig.last]).toEqual(['circuitReleasing', 'release']);
    rig.answer(undefined);
    rig.expectBalanced();
  });

  it('backs off after a refusal, longer each time, with a ledger that balances', () => {
    const rig = new LineRig();
    for (const wait of [5, 10, 20]) {
      rig.light();
      rig.store();
      rig.answer(undefined, 'refused');
      rig.expectBalanced();
      expect(rig.line.backoffUntil - rig.now).toBe(wait);
      rig.light();
      expect(rig.line.phase).toBe('dark');
      rig.now += wait;
    }
    expect(rig.kinds.filter((k) => k === 'circuitRequested')).toHaveLength(3);
  });

  it('adopts what timed out but was granted', () => {
    const rig = new LineRig();
    rig.light();
    rig.store();
    rig.answer(undefined, 'timeout');
    expect(rig.line.phase).toBe('down-unknown');
    rig.wait(2);
    expect(rig.last).toBe('status');
    rig.answer('up');
    expect([rig.line.phase, rig.line.carries]).toEqual(['up', true]);
  });

  it('believes a provider in neither that says yes and no, and records the release before it asks for it', () => {
    const rig = new LineRig();
    rig.light();
    rig.store();
    const { number } = rig.asked[0]!;
    rig.turn((t) => rig.line.granted(t, rig.line.id!));
    rig.turn((t) => rig.line.answered(t, number, { code: 'refused', detail: 'no capacity' }, []));
    expect(rig.last).toBe('request');
    for (let i = 0; i < 3; i++) rig.store();
    rig.wait(2);
    expect(rig.kinds).toEqual(['circuitRequested', 'circuitGranted', 'circuitReleasing']);
    expect([rig.line.phase, rig.last]).toEqual(['releasing', 'release']);
    rig.answer(undefined);
    rig.expectBalanced();
  });

  it('repeats an order that got lost under the same id', () => {
    const rig = new LineRig();
    rig.light();
    rig.store();
    rig.answer(undefined, 'timeout');
    rig.wait(2);
    rig.answer(undefined);
    const orders = rig.asked.map((a) => a.request).filter((r) => r.kind === 'request');
    expect(orders).toHaveLength(2);
    expect(orders[0]!.id).toBe(orders[1]!.id);
  });

  it('leaves a circuit that fails in mid-transfer at once and still releases it', () => {
    for (const fail of [
      (rig: LineRig) => rig.turn((t) => rig.line.failed(t, rig.line.id!, 'fibre cut')),
      (rig: LineRig) => rig.turn((t) => rig.line.gone(t, rig.line.id!, false)),
      (rig: LineRig) => {
        rig.plane = 'silent';
        rig.turn((t) => rig.line.advance(t));
      },
    ]) {
      const rig = new LineRig().lit();
      rig.steered = false;
      fail(rig);
      expect([rig.line.phase, rig.line.carries]).toEqual(['failing', false]);
      expect(rig.lost).toHaveLength(1);
      rig.steered = true;
      rig.wait(0.1);
      expect(rig.last).toBe('release');
      rig.answer('gone');
      rig.expectBalanced();
    }
  });

  it('asks for the release until it is confirmed', () => {
    const rig = new LineRig().lit();
    rig.turn((t) => rig.line.darken(t, 'idle'));
    rig.wait(1);
    for (let i = 0; i < 8; i++) {
      expect(rig.last).toBe('release');
      rig.answer(undefined, 'timeout');
      const before = rig.asked.length;
      rig.wait(31);
      expect(rig.asked.length).toBeGreaterThan(before);
    }
    expect(rig.kinds).not.toContain('circuitReleased');
    rig.answer(undefined);
    rig.expectBalanced();
  });

  it('gives up a set-up that takes too long, and a grant without light', () => {
    const rig = new LineRig();
    rig.light();
    rig.store();
    rig.answer('signalling');
    for (let i = 0; i < 10 && rig.last !== 'release'; i++) {
      rig.wait(3);
      if (rig.last === 'status') rig.answer('signalling');
    }
    expect(rig.last).toBe('release');
    const dull = new LineRig();
    dull.plane = 'no-signal';
    dull.lit();
    expect(dull.line.carries).toBe(false);
    dull.wait(6);
    expect(dull.last).toBe('release');
  });

  it('sends nothing when the order cannot be recorded', () => {
    const rig = new LineRig();
    rig.storeFails = true;
    rig.light();
    rig.store();
    expect([rig.line.phase, rig.line.id]).toEqual(['dark', undefined]);
  });

  it('after a crash asks about an open order, and goes on releasing one that was to go', () => {
    const open = new LineRig();
    open.turn((t) => open.line.restore(t, 'two-dc.7', false));
    open.wait(0);
    expect(open.asked.at(-1)!.request).toEqual({ kind: 'status', id: 'two-dc.7' });
    open.answer('up');
    expect(open.line.carries).toBe(true);
    const going = new LineRig();
    going.turn((t) => going.line.restore(t, 'two-dc.7', true));
    going.wait(0);
    expect(going.asked.at(-1)!.request).toEqual({ kind: 'release', id: 'two-dc.7' });
    going.answer(undefined);
    expect([going.line.phase, going.line.id, going.kinds]).toEqual(['dark', undefined, ['circuitReleased']]);
  });
});

type Phase = CircuitLine['phase'];
const phases: readonly Phase[] = ['dark', 'signalling', 'up', 'failing', 'releasing', 'down-unknown'];

/** A line in each phase; where a question can be on its way, one is. */
function lineIn(phase: Phase): LineRig {
  const rig = new LineRig();
  if (phase === 'dark') return rig;
  if (phase === 'signalling' || phase === 'down-unknown') {
    rig.light();
    rig.store();
    if (phase === 'signalling') return rig;
    rig.answer(undefined, 'timeout');
    rig.wait(1);
    return rig;
  }
  rig.lit().wait(5);
  if (phase === 'releasing') {
    rig.turn((t) => rig.line.darken(t, 'idle'));
    rig.wait(0.3);
  }
  rig.steered = false;
  if (phase === 'failing') rig.turn((t) => rig.line.failed(t, rig.line.id!, 'fibre cut'));
  return rig;
}

const told =
  (state: ProvidedCircuit['state'] | undefined, error: 'refused' | 'timeout' | null = null) =>
  (rig: LineRig): void => {
    if (rig.asked.length > 0 && rig.line.id !== undefined) rig.answer(state, error);
  };
const event =
  (work: (line: CircuitLine, turn: Turn, id: string) => void) =>
  (rig: LineRig): void =>
    rig.turn((t) => work(rig.line, t, rig.line.id ?? 'two-dc.none'));
const plane =
  (shown: DataPlane | undefined) =>
  (rig: LineRig): void => {
    rig.plane = shown;
    rig.turn((t) => rig.line.advance(t));
  };
/** What a line is after each event in each phase, in the order of `phases`. */
const table: Record<string, readonly [(rig: LineRig) => void, ...Phase[]]> = {
  order: [
    event((l, t) => l.light(t, 'why')),
    'signalling',
    'signalling',
    'up',
    'failing',
    'releasing',
    'down-unknown',
  ],
  'give up': [
    event((l, t) => l.darken(t, 'why')),
    'dark',
    'releasing',
    'releasing',
    'failing',
    'releasing',
    'releasing',
  ],
  ready: [event((l, t, id) => l.granted(t, id)), 'dark', 'up', 'up', 'failing', 'releasing', 'up'],
  'ready of another': [
    event((l, t) => l.granted(t, 'x.1')),
    'dark',
    'signalling',
    'up',
    'failing',
    'releasing',
    'down-unknown',
  ],
  failed: [
    event((l, t, id) => l.failed(t, id, 'cut')),
    'dark',
    'releasing',
    'failing',
    'failing',
    'releasing',
    'releasing',
  ],
  vanished: [
    event((l, t, id) => l.gone(t, id, false)),
    'dark',
    'releasing',
    'failing',
    'failing',
    'dark',
    'releasing',
  ],
  released: [
    event((l, t, id) => l.gone(t, id, true)),
    'dark',
    'releasing',
    'failing',
    'failing',
    'dark',
    'releasing',
  ],
  refused: [told(undefined, 'refused'), 'dark', 'dark', 'up', 'failing', 'releasing', 'down-unknown'],
  'no answer': [
    told(undefined, 'timeout'),
    'dark',
    'down-unknown',
    'up',
    'failing',
    'releasing',
    'down-unknown',
  ],
  'it signals': [told('signalling'), 'dark', 'signalling', 'up', 'failing', 'releasing', 'signalling'],
  'it is up': [told('up'), 'dark', 'up', 'up', 'failing', 'releasing', 'up'],
  'it has failed': [told('failed'), 'dark', 'releasing', 'failing', 'failing', 'releasing', 'releasing'],
  'it is going': [told('releasing'), 'dark', 'releasing', 'failing', 'failing', 'releasing', 'releasing'],
  'it is gone': [told('gone'), 'dark', 'releasing', 'failing', 'failing', 'dark', 'releasing'],
  'there is none': [told(undefined), 'dark', 'releasing', 'failing', 'failing', 'dark', 'down-unknown'],
  'no signal': [plane('no-signal'), 'dark', 'signalling', 'failing', 'failing', 'releasing', 'down-unknown'],
  'no probe': [plane('silent'), 'dark', 'signalling', 'failing', 'failing', 'releasing', 'down-unknown'],
  'switches away': [plane(undefined), 'dark', 'signalling', 'up', 'failing', 'releasing', 'down-unknown'],
  'six seconds': [(rig) => rig.wait(6), 'dark', 'signalling', 'up', 'releasing', 'releasing', 'down-unknown'],
  'eighty seconds': [(rig) => rig.wait(80), 'dark', 'releasing', 'up', 'releasing', 'releasing', 'releasing'],
};

describe.each(Object.entries(table))('on "%s"', (_, [happens, ...expected]) => {
  it.each(phases.map((phase, i) => [phase, expected[i]!] as const))('%s becomes %s', (phase, next) => {
    const rig = lineIn(phase);
    expect(rig.line.phase).toBe(phase);
    const orders = rig.asked.filter((a) => a.request.kind === 'request').length;
    happens(rig);
    rig.store();
    expect(rig.line.phase).toBe(next);
    if (next !== 'up') expect(rig.line.carries).toBe(false);
    if (next === 'dark') expect(rig.line.id).toBeUndefined();
    // whatever is not dark has something to do or to wait for, and a limit for it
    else expect(rig.line.nextDeadline()).toBeLessThan(rig.now + 301);
    if (phase !== 'dark' && phase !== 'down-unknown')
      expect(rig.asked.filter((a) => a.request.kind === 'request')).toHaveLength(orders);
  });
});
