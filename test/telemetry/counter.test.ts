import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CounterColumn } from '../../src/openflow/index.js';
import { Counter } from '../../src/telemetry/index.js';

const runs = 200 * Number(process.env.STEADY_TEST_SCALE ?? 1);

function reading(value: bigint): CounterColumn {
  const column = new CounterColumn(1);
  column.high[0] = Number(value >> 32n);
  column.low[0] = Number(value & 0xffffffffn);
  return column;
}
function steps(values: readonly bigint[], most = 1e9) {
  const counter = new Counter();
  return values.map((v) => counter.step(reading(v), 0, most));
}

describe('a 64-bit counter', () => {
  it('counts exactly wherever it stands', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 2n), fc.integer({ min: 0, max: 1e9 }), (start, amount) => {
        const end = (start + BigInt(amount)) % 2n ** 64n;
        fc.pre(end !== 2n ** 64n - 1n);
        expect(steps([start, end])).toEqual([{ kind: 'first' }, { kind: 'counted', amount }]);
      }),
      { numRuns: runs },
    );
  });
  it('goes through 2^64 without losing a byte', () => {
    expect(steps([2n ** 64n - 1000n, 500n])[1]).toEqual({ kind: 'counted', amount: 1500 });
  });
  it('takes a fall through 2^32 for the wrap of a narrow counter', () => {
    expect(steps([2n ** 32n - 1000n, 500n])[1]).toEqual({ kind: 'counted', amount: 1500 });
  });
  it('takes any other fall for a reset, and counts on from there', () => {
    expect(steps([3_000_000_000n, 7n, 107n], 1e6)).toEqual([
      { kind: 'first' },
      { kind: 'reset' },
      { kind: 'counted', amount: 100 },
    ]);
  });
  it('takes more than the line carries for a reset', () => {
    expect(steps([10n, 10n + 2_000_000n], 1e6)[1]).toEqual({ kind: 'reset' });
  });
  it('says when the switch does not count', () => {
    expect(steps([5n, 2n ** 64n - 1n, 9n])).toEqual([
      { kind: 'first' },
      { kind: 'unsupported' },
      { kind: 'first' },
    ]);
  });
});
