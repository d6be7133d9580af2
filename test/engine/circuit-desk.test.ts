import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fate } from '../../src/circuit/provider-model.js';
import { RandomStream } from '../../src/traffic/random.js';
import { scale } from '../simulator/fixtures.js';
import { busy, CircuitDeskRig, idle } from './circuit-desk-rig.js';

const up = (rig: CircuitDeskRig) => (): boolean => rig.circuit.carries;
const dark = (rig: CircuitDeskRig) => (): boolean => rig.circuit.state === 'dark';

function litRig(...terms: ConstructorParameters<typeof CircuitDeskRig>): CircuitDeskRig {
  const rig = new CircuitDeskRig(...terms);
  rig.demand = busy;
  expect(rig.until(up(rig), 10)).toBe(true);
  return rig;
}

describe('the desk of circuits', () => {
  it('orders under an id that names owner, link and time, and tells what may be steered onto', () => {
    const rig = litRig();
    expect(rig.asked.find((r) => r.kind === 'request')).toMatchObject({
      id: expect.stringMatching(/^two-dc\.circuit\.1800000001\d{3}-1$/),
      link: 'circuit',
    });
    expect(rig.desk.usable()).toMatchObject([
      { link: 'circuit', sites: ['a', 'b'], capacityBytesPerSecond: 12.5e6 },
    ]);
    rig.demand = idle;
    expect(rig.until(dark(rig), 60)).toBe(true);
    expect(rig.desk.usable()).toEqual([]);
    expect(rig.leftovers()).toEqual([]);
  });

  it('is released at most a set-up price after it is idle, and not before its shortest hold', () => {
    const rig = litRig();
    const litAt = rig.now;
    rig.demand = idle;
    expect(rig.until(() => rig.circuit.state === 'releasing', 60)).toBe(true);
    // kappa_0 = 10, kappa = 1 a second: ten seconds of waiting cost as much as another set-up
    expect(rig.now - litAt).toBeGreaterThanOrEqual(9.5);
    expect(rig.now - litAt).toBeLessThan(13);
  });

  it('is not taken away from a machine in its last round', () => {
    const rig = litRig();
    rig.demand = { ...idle, lastRound: true };
    rig.run(60);
    expect(rig.circuit).toMatchObject({ state: 'up', advice: 'idle' });
    rig.demand = idle;
    rig.run(1.1);
    expect(rig.circuit.state).toBe('releasing');
  });

  it('pays more for each order that its budget does not cover', () => {
    const rig = litRig({ budgetPerSecond: 0, breakEvenSeconds: 60 });
    rig.demand = idle;
    rig.until(dark(rig), 60);
    const { debt, spent } = rig.circuit.budget!;
    expect(debt).toBeCloseTo(spent, 6);
    rig.demand = busy;
    rig.run(30);
    expect(rig.circuit).toMatchObject({ state: 'dark', advice: 'not-worth-it' });
    const rich = litRig({ budgetPerSecond: 5, breakEvenSeconds: 60 });
    rich.demand = idle;
    rich.until(dark(rich), 60);
    rich.demand = busy;
    expect(rich.until(up(rich), 10)).toBe(true);
  });

  it('adopts an order that timed out but was granted', () => {
    const rig = new CircuitDeskRig();
    rig.heard = false;
    rig.fateOf = ({ kind }) => ({ kind: kind === 'request' ? 'unanswered' : 'answered' });
    rig.demand = busy;
    expect(rig.until(() => rig.circuit.state === 'down-unknown', 10)).toBe(true);
    expect(rig.until(up(rig), 10)).toBe(true);
    expect(rig.asked.filter((r) => r.kind === 'request')).toHaveLength(1);
    rig.demand = idle;
    rig.until(dark(rig), 60);
    expect(rig.leftovers()).toEqual([]);
  });

  it('releases within one list what was granted after it was given up', () => {
    const rig = new CircuitDeskRig();
    // the order and every answer about it is lost for longer than anybody waits
    let deaf = true;
    rig.fateOf = ({ kind }): Fate => ({ kind: deaf && kind !== 'list' ? 'unanswered' : 'answered' });
    rig.demand = busy;
    rig.until(() => rig.circuit.state === 'releasing', 120);
    rig.demand = idle;
    deaf = false;
    expect(rig.until(dark(rig), 60)).toBe(true);
    expect(rig.leftovers()).toEqual([]);
  });

  it('releases a circuit of its own that no order accounts for, and counts it apart', () => {
    const rig = new CircuitDeskRig();
    const terms = { ends: ['gw-a', 'gw-b'], capacityBitsPerSecond: 1e8, setupSeconds: 2 } as const;
    rig.model.handle({ kind: 'request', id: 'two-dc.circuit.1-1', link: 'circuit', terms }, 0);
    rig.run(35);
    rig.model.advance(rig.now);
    expect(rig.model.circuits()).toEqual([]);
    expect(rig.circuit.ledger).toMatchObject({ requested: 0, released: 0, open: 0, strays: 1 });
    rig.model.handle({ kind: 'request', id: 'others.circuit.1-1', link: 'circuit', terms }, rig.now);
    rig.run(65);
    expect(rig.model.circuits()).toHaveLength(1);
  });

  it('takes no order for a stray that was settled while the list was on its way', () => {
    const rig = litRig();
    // the list of half a minute is made while the circuit is up, and read when it is gone
    rig.answerDelay = ({ kind }) => (kind === 'list' ? 20 : 0.02);
    rig.until(() => rig.asked.filter((r) => r.kind === 'list').length === 2, 40);
    rig.demand = idle;
    expect(rig.until(dark(rig), 18)).toBe(true);
    rig.run(20);
    expect(rig.circuit.ledger.strays).toBe(0);
    expect(rig.leftovers()).toEqual([]);
  });

  it('says that its provider does not answer, and goes on asking', () => {
    const rig = new CircuitDeskRig();
    rig.fateOf = () => ({ kind: 'lost' });
    rig.run(12);
    expect(rig.circuit.providerProblem).toBe('timeout: no answer');
    rig.fateOf = () => ({ kind: 'answered' });
    rig.run(20);
    expect(rig.circuit.providerProblem).toBeNull();
    expect(rig.log.list().map((e) => e.what)).toEqual([
      'the provider of circuits does not answer',
      'the provider of circuits answers again',
    ]);
  });

  it('asks nobody and waits for nothing without circuits in the configuration, but says what is open', () => {
    const lit = litRig();
    const rig = new CircuitDeskRig({}, false);
    rig.run(100);
    expect(rig.asked).toEqual([]);
    rig.journal.push(...lit.journal);
    rig.kill();
    rig.run(100);
    expect(rig.asked).toEqual([]);
    expect(rig.desk.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(rig.circuit.ledger.open).toBe(1);
  });

  it('releases what is open on a link that is not in the configuration any more', () => {
    const rig = litRig();
    (rig.config.circuits!.links as unknown[]).length = 0;
    rig.kill();
    expect(rig.until(() => rig.model.circuits().length === 0, 30)).toBe(true);
    rig.run(3);
    expect(rig.leftovers()).toEqual([]);
  });
});

describe('a controller that is killed', () => {
  it('while it signals: the order is adopted, and none is made anew', () => {
    for (const after of [0.001, 0.01, 0.03, 0.5, 1.5, 2.01, 2.04]) {
      const rig = new CircuitDeskRig();
      rig.run(0.999);
      rig.demand = busy;
      rig.run(after);
      rig.kill(0.5);
      expect(rig.until(up(rig), 15)).toBe(true);
      expect(rig.circuit.ledger.requested).toBe(1);
      rig.demand = idle;
      rig.until(dark(rig), 60);
      expect(rig.leftovers()).toEqual([]);
    }
  });

  it('while it releases: the release goes on', () => {
    for (const after of [0.01, 0.25, 0.3, 0.35, 0.5]) {
      const rig = litRig();
      rig.demand = idle;
      rig.until(() => rig.circuit.state === 'releasing', 60);
      rig.run(after);
      rig.kill(1);
      expect(rig.until(dark(rig), 60)).toBe(true);
      rig.run(2);
      expect(rig.leftovers()).toEqual([]);
    }
  });
});

/** Anything may go wrong at any time, for two minutes; then nothing is wanted any more and everybody behaves. */
function chaos(seed: number): CircuitDeskRig {
  const random = RandomStream.of(seed, 'circuits');
  const rig = new CircuitDeskRig({ breakEvenSeconds: 0.01, minimumHoldSeconds: 2 });
  const chance = (share: number): boolean => random.nextFraction() < share;
  const bad = 0.5 * random.nextFraction();
  rig.fateOf = ({ kind }): Fate => {
    if (!chance(bad)) return { kind: 'answered' };
    if (kind === 'request' && chance(0.4)) return { kind: 'refused', detail: 'no capacity' };
    return chance(0.5) ? { kind: 'lost' } : { kind: 'unanswered' };
  };
  rig.delay = () => 0.01 + (chance(bad / 2) ? 8 : 0.3) * random.nextFraction();
  rig.storeSeconds = () => 0.1 * random.nextFraction();
  rig.storeFails = () => chance(bad / 4);
  rig.plane = (lit) =>
    chance(bad / 50) ? (chance(0.5) ? undefined : 'silent') : lit ? 'carries' : 'no-signal';
  for (let at = 0; at < 120; at += 6 * random.nextFraction()) {
    rig.run(Math.max(0, at - rig.now));
    rig.demand = chance(0.6) ? busy : idle;
    rig.steered = !chance(bad / 2);
    rig.heard = !chance(bad);
    if (chance(bad / 3)) rig.fail();
    if (chance(bad / 6)) rig.vanish();
    if (chance(bad / 4)) rig.kill(3 * random.nextFraction());
  }
  rig.demand = idle;
  rig.steered = true;
  rig.heard = true;
  rig.fateOf = () => ({ kind: 'answered' });
  rig.storeFails = () => false;
  rig.plane = (lit) => (lit ? 'carries' : 'no-signal');
  rig.delay = () => 0.02;
  return rig;
}

describe('whatever provider, disk, data plane and kills do', () => {
  it('every order is released, nothing is left lit, and nothing waits for ever', () => {
    let orders = 0;
    let lost = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const rig = chaos(seed);
        // the longest of: a question's limit, a release's back-off, a list, the shortest hold and the ski rental
        rig.run(150);
        expect(rig.leftovers(), `seed ${seed}`).toEqual([]);
        orders += rig.circuit.ledger.requested;
        lost += rig.lost.length;
      }),
      { numRuns: 60 * scale },
    );
    // else it would show nothing
    expect(orders).toBeGreaterThan(100 * scale);
    expect(lost).toBeGreaterThan(5 * scale);
  });
});
