import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';

const program = fileURLToPath(new URL('../../bench/switch-over.js', import.meta.url));
const pauseMs = 300;

interface Probe {
  readonly host: string;
  readonly asked: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly overtaken: { readonly inward: number; readonly outward: number };
  readonly counterRegressions: number;
  readonly places: readonly string[];
}
interface Move {
  readonly from: string;
  readonly to: string;
  readonly pauseMs: number;
  readonly redirectingMs: number;
  readonly waited: number;
  readonly refused: number;
  readonly late: number;
  readonly sockets: number;
  readonly uncounted: number;
  readonly probes: readonly Probe[];
}

/** Moves of a machine that stands still for 300 ms each time, on Open vSwitch, under numbered questions. */
async function movesOf(...args: string[]): Promise<Move[]> {
  const directory = mkdtempSync(join(tmpdir(), 'steady-switch-over-'));
  const file = join(directory, 'moves.json');
  const argv = [program, '--pause-ms', String(pauseMs), '--json', file, ...args];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    const [code] = await once(child, 'close');
    expect(code, said).toBe(0);
    return (JSON.parse(readFileSync(file, 'utf8')) as { moves: Move[] }).moves;
  } finally {
    // It takes its testbed down when it is asked to end.
    child.kill('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  }
}

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('a machine that moves on Open vSwitch', () => {
  it('misses none of a thousand questions a second, hears none twice and all in their order', async () => {
    const moves = await movesOf('--moves', '2', '--hz', '1000', '--from', 'user-b,cross-a@200');
    expect(moves.map((m) => m.to)).toEqual(['hyp-b', 'hyp-a']);
    for (const move of moves) {
      const told = JSON.stringify(move);
      expect(move.pauseMs, told).toBeGreaterThanOrEqual(pauseMs);
      expect(move.waited, told).toBeGreaterThan(pauseMs);
      expect([move.refused, move.late, move.sockets, move.uncounted], told).toEqual([0, 0, 0, 0]);
      for (const probe of move.probes) {
        expect(probe.asked, told).toBeGreaterThan(300);
        expect(probe, told).toMatchObject({
          lost: 0,
          duplicates: 0,
          overtaken: { inward: 0, outward: 0 },
          counterRegressions: 0,
          places: [move.from, move.to],
        });
      }
    }
  });

  it('misses what the pause predicts where its packets follow it', async () => {
    const [move] = await movesOf('--moves', '1', '--from', 'user-b', '--switchover', 'follow');
    const { lost, duplicates } = move!.probes[0]!;
    const told = JSON.stringify(move);
    expect(lost, told).toBeGreaterThan(0.9 * move!.pauseMs);
    expect(lost, told).toBeLessThan(move!.pauseMs + 250);
    expect(duplicates, told).toBe(0);
  });
});
