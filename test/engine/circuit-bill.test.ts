import { describe, expect, it } from 'vitest';
import { CircuitBill } from '../../src/engine/circuit-bill.js';
import { busy, CircuitDeskRig, idle } from './circuit-desk-rig.js';

const terms = { pricePerBytesPerSecond: 2, periodSeconds: 300, percentile: 0.95 };
/** 2027-02-01T00:00:00Z; February has 8064 periods of five minutes, of which 403 are thrown away */
const february = Date.UTC(2027, 1, 1);
const freeInFebruary = 403;

describe('the percentile bill of a circuit', () => {
  it('throws the highest periods of the month away, and bills the next by its mean rate', () => {
    const bill = new CircuitBill(terms);
    expect(bill.carried(february, 3000)).toBeUndefined();
    expect(bill.freePeriods).toBe(freeInFebruary);
    for (let p = 1; p <= freeInFebruary + 1; p++) bill.carried(february + p * 300_000, 3000);
    // 3000 bytes in 300 s
    expect(bill.freePeriods).toBe(0);
    expect(bill.cost).toBe(2 * 10);
  });

  it('asks for what the rest of the period would add, and for nothing while periods are free', () => {
    const bill = new CircuitBill(terms);
    bill.carried(february, 0);
    expect(bill.costPerSecond(february, 100)).toBe(0);
    for (let p = 0; p <= freeInFebruary; p++) bill.restore({ period: february / 300_000 + p, bytes: 3000 });
    const now = february + (freeInFebruary + 1) * 300_000;
    bill.carried(now, 0);
    expect(bill.freePeriods).toBe(0);
    expect(bill.cost).toBe(20);
    // at 10 bytes/s nothing is added: that much is billed already; the next above it is what pushes one down
    expect(bill.costPerSecond(now, 10)).toBe(0);
    expect(bill.costPerSecond(now, 100)).toBe(0);
    const fresh = new CircuitBill({ ...terms, percentile: 1 });
    fresh.carried(february, 300);
    // (300 + 100 * 300) / 300 bytes/s instead of 1: 100 more, 2 each, over 300 s
    expect(fresh.costPerSecond(february, 100)).toBeCloseTo(200 / 300, 9);
    expect(fresh.costPerSecond(february + 150_000, 100)).toBeCloseTo(100 / 150, 9);
  });

  it('begins anew with each month, and remembers the periods of an earlier life', () => {
    const bill = new CircuitBill({ ...terms, percentile: 1 });
    bill.restore({ period: february / 300_000, bytes: 6000 });
    bill.restore({ period: february / 300_000 + 1, bytes: 3000 });
    expect(bill.carried(february + 600_000, 0)).toEqual({ period: february / 300_000 + 1, bytes: 3000 });
    expect(bill.cost).toBe(2 * 20);
    bill.carried(Date.UTC(2027, 2, 1), 600);
    expect(bill.cost).toBe(0);
    bill.carried(Date.UTC(2027, 2, 1, 0, 5), 0);
    expect(bill.cost).toBe(2 * 2);
  });

  it('is written down period by period, and makes an order dearer', () => {
    const percentileBill = { pricePerBytesPerSecond: 1, periodSeconds: 5, percentile: 1 };
    const rig = new CircuitDeskRig({ percentileBill });
    rig.carried = () => (rig.circuit.carries ? 1000 : 0);
    rig.demand = busy;
    rig.run(30);
    // 12.5e6 bytes/s for 1 each is more than any debt of this machine is worth
    expect(rig.circuit).toMatchObject({ state: 'dark', advice: 'not-worth-it' });
    const cheap = new CircuitDeskRig({ percentileBill: { ...percentileBill, pricePerBytesPerSecond: 1e-9 } });
    cheap.carried = () => (cheap.circuit.carries ? 1000 : 0);
    cheap.demand = busy;
    cheap.run(22);
    expect(cheap.circuit.carries).toBe(true);
    const metered = cheap.journal.filter((r) => r.entry.kind === 'circuitMetered');
    expect(metered.length).toBeGreaterThanOrEqual(3);
    expect(metered.at(-1)!.entry).toMatchObject({ link: 'circuit', bytes: 5000 });
    const { cost } = cheap.circuit.percentileBill!;
    expect(cost).toBeCloseTo(1e-6, 12);
    cheap.kill();
    cheap.run(0.5);
    expect(cheap.circuit.percentileBill!.cost).toBeCloseTo(1e-6, 12);
    cheap.demand = idle;
    cheap.until(() => cheap.circuit.state === 'dark', 60);
    cheap.run(1);
    expect(cheap.leftovers()).toEqual([]);
  });
});
