import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import type { Input } from '../../src/engine/input.js';
import type { Output } from '../../src/engine/output.js';
import type { SystemView } from '../../src/engine/view.js';
import { digestOf, toLine } from '../../src/io/recording.js';
import { RecordingPlayer } from '../../src/io/recording-player.js';
import { Rig } from '../engine/rig.js';
import { spawnSteady } from './spawn-steady.js';
import { steady } from './terminal.js';

let directory: string;
let file: string;
/** what the controller showed when it was recorded, with the second */
const shown: { readonly seconds: number; readonly view: SystemView }[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'steady-serve-'));
  file = join(directory, 'recording');
  const lines: string[] = [];
  let startedAt: number | undefined;
  const rig = new Rig({
    seed: 4,
    createEngine: (config) => {
      const engine = new Engine(config);
      lines.push(toLine({ steadyRecording: 1, config }));
      const step = (input: Input, now: number): Output[] => {
        const outputs = engine.step(input, now);
        lines.push(toLine({ now, input, outputs: digestOf(outputs) }));
        startedAt ??= now;
        for (const output of outputs)
          if (output.kind === 'publish') shown.push({ seconds: now - startedAt, view: output.view });
        return outputs;
      };
      return { step, nextWakeup: (now) => engine.nextWakeup(now) };
    },
  }).settle(1);
  const { id } = rig.migrate();
  rig.finish(id);
  writeFileSync(file, `${lines.join('\n')}\n`);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a recording that is played', () => {
  it('shows the views that were shown, all of them and in order', async () => {
    const player = await RecordingPlayer.open(file, { speed: 1e9, fromSeconds: 0 });
    const seen: SystemView[] = [player.view()];
    player.onView((view) => seen.push(view));
    await player.play();
    expect(seen).toEqual(shown.map(({ view }) => view));
    expect(player.view().migrations[0]?.state).toBe('completed');
    expect(player.ended).toBe(true);
  });
  it('keeps its pace', async () => {
    const player = await RecordingPlayer.open(file, { speed: 2, fromSeconds: 1 });
    const since = performance.now();
    const late: number[] = [];
    player.onView((view) => {
      const at = shown.find((each) => each.view.at === view.at)?.seconds ?? 0;
      // never ahead of its time: how far behind is the machine's affair
      late.push((performance.now() - since) / 1000 - (at - 1) / 2);
      if (at > 2.5) player.stop();
    });
    await player.play();
    expect(late.length).toBeGreaterThan(10);
    expect(Math.min(...late)).toBeGreaterThan(-0.05);
  });
  it('refuses what is asked of it', async () => {
    const player = await RecordingPlayer.open(file, { speed: 1, fromSeconds: 0 });
    expect(await player.command()).toMatchObject({ ok: false, problem: { slug: 'recording', status: 409 } });
    player.stop();
  });
});

describe('steady replay --serve', () => {
  it('is the same interface as a controller, and ends when it is told to', async () => {
    const program = spawnSteady(['replay', file, '--serve', '--http-port', '0', '--speed', '1000']);
    try {
      const [line] = await program.untilLines(1);
      const base = `http://127.0.0.1:${JSON.parse(line ?? '{}').httpPort}`;
      const state = async () => (await (await fetch(`${base}/v1/state`)).json()) as SystemView;
      while ((await state()).migrations[0]?.state !== 'completed')
        await new Promise((r) => setTimeout(r, 20));
      expect((await state()).topology).toBe('two-dc');
      const tried = await fetch(`${base}/v1/migrations/x:cancel`, { method: 'POST' });
      expect(await tried.json()).toMatchObject({ status: 409, type: 'urn:steady:problem:recording' });
      expect((await fetch(`${base}/readyz`)).status).toBe(503);
    } finally {
      program.kill('SIGINT');
    }
    expect(await program.ended).toBe(0);
  });
  it('says what is no recording', async () => {
    const other = join(directory, 'other');
    writeFileSync(other, 'hello\n');
    expect(await steady(['replay', other, '--serve', '--http-port', '0'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not a recording'),
    });
    expect((await steady(['replay', join(directory, 'none'), '--serve'])).code).toBe(4);
  });
});
