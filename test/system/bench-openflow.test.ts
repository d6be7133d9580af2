import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';

interface Run {
  readonly discipline: string;
  readonly version: number;
  readonly contestant: string;
  readonly result: {
    readonly answers: number;
    readonly faults: Record<string, number>;
    readonly lost: number;
    readonly quietUs: { readonly p50: number } | null;
  };
}

/** The measurements at a tiny count, so that they still run when somebody wants them; no figure is judged here. */
describe('the OpenFlow measurements', () => {
  const out = mkdtempSync(join(tmpdir(), 'steady-bench-smoke-'));
  afterAll(() => rmSync(out, { recursive: true, force: true }));
  const main = fileURLToPath(new URL('../../dist/bench/openflow/main.js', import.meta.url));
  const bench = (...args: string[]): string =>
    execFileSync(process.execPath, [main, ...args, '--out', out], {
      encoding: 'utf8',
      timeout: 240_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const packetIns = (...args: string[]): readonly Run[] => {
    bench('packet-in', '--rounds', '1', '--seconds', '0.3', '--warmup', '0.2', ...args);
    return (JSON.parse(readFileSync(join(out, 'openflow-packet-in.json'), 'utf8')) as { runs: Run[] }).runs;
  };

  it('have right answers from Steady and from the raw responder, in both versions', () => {
    const runs = packetIns(
      '--versions',
      '1,4',
      '--only',
      'saturation, 15',
      '--contestants',
      'steady,raw-learning',
    );
    expect(runs.map((r) => [r.version, r.contestant]).sort()).toEqual(
      [1, 4].flatMap((v) => ['raw-learning', 'steady'].map((c) => [v, c])),
    );
    for (const { result, contestant } of runs) {
      expect(result.answers, contestant).toBeGreaterThan(0);
      expect(result.faults).toEqual({});
      expect(result.lost).toBe(0);
    }
  });

  it('tell the round trips of a quiet switch apart', () => {
    const [run] = packetIns('--only', 'beside', '--contestants', 'steady');
    expect(run?.result.quietUs?.p50).toBeGreaterThan(0);
  });

  it('find fault with a responder that sends the same answer to everything', () => {
    const [run] = packetIns('--only', 'window 1, 1 switch', '--contestants', 'raw-fixed', '--check-all');
    expect(run?.result.answers).toBe(0);
    expect(Object.keys(run?.result.faults ?? {})).toContain('buffer');
  });

  it.skipIf(!requireOrSkip('testcontroller'))(
    'have right answers from the test controller of Open vSwitch',
    () => {
      const runs = packetIns(
        '--versions',
        '1,4',
        '--only',
        'window 1, 15',
        '--contestants',
        'ovs-testcontroller',
      );
      expect(runs).toHaveLength(2);
      for (const { result } of runs) expect([result.answers > 0, result.faults]).toEqual([true, {}]);
    },
  );

  it.skipIf(!requireOrSkip('osken'))('have right answers from os-ken', () => {
    const runs = packetIns('--versions', '1,4', '--only', 'window 1, 15', '--contestants', 'os-ken');
    expect(runs).toHaveLength(2);
    for (const { result } of runs) expect([result.answers > 0, result.faults]).toEqual([true, {}]);
  });

  it('count a whole table, in our way and in the raw one', () => {
    const table = bench('poll', '--rounds', '1', '--count', '2000');
    expect(table).toContain('listener, session and columns');
    expect(table).toContain('raw columns');
  });

  it('see every queue asked for, with and without a flood', () => {
    bench('control-loop', '--rounds', '1', '--seconds', '1', '--count', '6');
    const { runs } = JSON.parse(readFileSync(join(out, 'openflow-control-loop.json'), 'utf8')) as {
      runs: { flood: boolean; silent: number; polls: number; answersPerSecond: number }[];
    };
    expect(runs.map((r) => [r.flood, r.silent, r.polls > 0, r.answersPerSecond > 0])).toEqual([
      [false, 0, true, false],
      [true, 0, true, true],
    ]);
  });

  it.skipIf(!requireOrSkip('osken'))('agree with os-ken on bytes and totals', () => {
    const table = bench('codec', '--rounds', '1', '--count', '5000');
    expect(table).toMatch(/encode flow_mod \| os-ken/);
    expect(table).toMatch(/decode flow statistics \| os-ken/);
  });

  it.skipIf(!requireOrSkip('ovs'))('leave as many rules in Open vSwitch as they pushed', () => {
    expect(bench('push', '--rounds', '1', '--count', '100')).toContain('session, transaction');
  });
});
