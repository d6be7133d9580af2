import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import { doneShare, progressBar } from '../../src/cli/progress-bar.js';
import type { Screen } from '../../src/cli/terminal.js';
import { fitted, topLines } from '../../src/cli/top-lines.js';
import {
  bottleneckView,
  circuitView,
  FakeApplication,
  migrationOf,
  viewOf,
} from '../api/fake-application.js';
import { steady } from './terminal.js';

const [esc, bell] = ['\u001b', '\u0007'];

describe('what steady top shows', () => {
  const ended = (n: number) =>
    migrationOf({
      id: `m-${n}`,
      createdAt: `2026-01-01T00:00:0${n}.000Z`,
      state: 'failed',
      step: 'failed',
      endedAt: 'then',
    });
  const violated = {
    ...bottleneckView().certificate,
    light: 'violated',
    sentence: 'The model is wrong.',
  } as const;
  it('is the light of each queue, with its sentence where it is not green', () => {
    const lines = topLines(
      viewOf({ bottlenecks: [bottleneckView(), bottleneckView({ id: 'b2', certificate: violated })] }),
    );
    expect(lines[0]).toContain('two-dc  policy steady  switches 1 of 2 ready');
    expect(lines[3]!.split(/ {2,}/).slice(0, 5)).toEqual([
      'gw-a:wan',
      'green',
      'inside',
      '2.0 ms',
      '30.0 ms',
    ]);
    expect(lines[4]!.split(/ {2,}/).slice(0, 3)).toEqual(['b2', 'violated', 'inside']);
    expect(lines[5]).toBe('b2: The model is wrong.');
  });
  it('is what limits each migration under way, and the latest five that have ended', () => {
    const current = migrationOf({ id: 'm-0', createdAt: '2025-12-31T00:00:00.000Z', step: 'stopping' });
    const lines = topLines(viewOf({ migrations: [1, 2, 3, 4, 5, 6].map(ended).concat(current) }));
    const at = lines.findIndex((line) => line.startsWith('MIGRATION'));
    const shown = lines.slice(at + 1, at + 7).map((line) => line.split(/ {2,}/));
    expect(shown.map(([id]) => id)).toEqual(['m-0', 'm-6', 'm-5', 'm-4', 'm-3', 'm-2']);
    expect(shown[0]!.at(-1)).toBe('last-round');
    expect(lines[at + 7]).toMatch(/^m-0: The machine stands still/);
    expect(lines.join('\n')).toContain('Circuit circuit: releasing, idle');
    const dark = topLines(viewOf({ circuits: [circuitView({ state: 'dark' })] }));
    expect(dark.join('\n')).not.toContain('Circuit');
  });
  it('does not let a name steer the terminal', () => {
    const events = [{ seq: 1, at: 't', level: 'info', what: `evil${esc}[2J`, detail: bell }] as const;
    expect(topLines(viewOf({ events })).at(-1)).toBe('t  info   evil?[2J: ?');
  });
  it('is cut to the screen', () => {
    expect(fitted(['ab  cdef', 'gh', 'ij'], 5, 3)).toEqual(['ab  c', 'gh']);
    expect(fitted(['ab cd ef wonderful', ''], 7, 9)).toEqual(['ab cd', '  ef', '  wonde', '']);
  });
});

describe('the bar', () => {
  const of = (remaining: string, total = '200') =>
    doneShare(
      migrationOf({
        progress: {
          memory: { totalBytes: total, processedBytes: '0', remainingBytes: remaining },
          disk: { totalBytes: '0', processedBytes: '0', remainingBytes: '0' },
        },
      }),
    );
  it('is as long as what is copied for good', () => {
    expect([of('200'), of('150'), of('0'), of('250'), of('0', '0')]).toEqual([0, 0.25, 1, 0, 0]);
    expect(progressBar(0, 4)).toBe('[>   ]   0 %');
    expect(progressBar(0.5, 4)).toBe('[==> ]  50 %');
    expect(progressBar(0.999, 4)).toBe('[===>]  99 %');
    expect(progressBar(1, 4)).toBe('[====] 100 %');
  });
});

describe('on a screen', () => {
  let application: FakeApplication;
  let app: FastifyInstance;
  let server: string;
  let stop: (() => void) | undefined;
  const screen: Screen = {
    columns: 60,
    rows: 12,
    untilStopped(toStop) {
      stop = toStop;
      return () => {
        stop = undefined;
      };
    },
  };
  beforeEach(async () => {
    application = new FakeApplication();
    app = createApi({ application, dashboardDirectory: '/nonexistent', streamLimits: { intervalMs: 5 } });
    server = await app.listen({ port: 0 });
  });
  afterEach(() => app.close());
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('steady top draws until it is told to stop, and leaves the screen as it was', async () => {
    const running = steady(['top', '--interval', '0.1', '--server', server], '', screen);
    await until(() => application.listeners.size > 0 && stop !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    application.publish({ version: '9.9.9' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    stop!();
    const { code, stdout, stderr } = await running;
    expect({ code, stderr, stop }).toEqual({ code: 0, stderr: '', stop: undefined });
    expect(stdout.startsWith(`${esc}[?1049h${esc}[?25l`)).toBe(true);
    expect(stdout.endsWith(`${esc}[?25h${esc}[?1049l`)).toBe(true);
    const pictures = stdout.split(`${esc}[H`).slice(1);
    expect(pictures.length).toBeGreaterThanOrEqual(2);
    expect(pictures[0]).toContain('Steady 0.1.0');
    expect(pictures.at(-1)).toContain('Steady 9.9.9');
    for (const picture of pictures) {
      const lines = picture.split('\r\n').slice(0, -1);
      expect(lines.length).toBeLessThan(screen.rows);
      for (const line of lines) expect(line.replace(`${esc}[K`, '').length).toBeLessThanOrEqual(60);
    }
  });
  it('steady top --once, or where nobody looks, prints it once', async () => {
    for (const [more, on] of [
      [['--once'], screen],
      [[], undefined],
    ] as const) {
      const { code, stdout } = await steady(['top', ...more, '--server', server], '', on);
      expect(code).toBe(0);
      expect(stdout).toContain('gw-a:wan');
      expect(stdout).not.toContain(esc);
    }
    const { stdout } = await steady(['top', '-o', 'json', '--server', server], '', screen);
    expect(JSON.parse(stdout)).toEqual(application.current);
  });
  it('steady top of nobody is exit status 3, and the screen stays as it is', async () => {
    await app.close();
    const { code, stdout } = await steady(['top', '--server', server], '', screen);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });
  it('steady migrate watch draws one line over itself, and leaves one for each step', async () => {
    const first = migrationOf({ step: 'running', round: 1 });
    application.publish({ migrations: [first] });
    const watching = steady(['migrate', 'watch', 'm-1', '--server', server], '', { ...screen, columns: 300 });
    await until(() => application.listeners.size > 0);
    const progress = {
      ...first.progress,
      memory: { totalBytes: '150000000', processedBytes: '0', remainingBytes: '15000000' },
    };
    for (const change of [{ progress }, { progress, step: 'staging', state: 'switchover' }] as const) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      application.publish({ migrations: [{ ...first, ...change }] });
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
    const last = { ...first, state: 'completed', step: 'completed', endedAt: 't', downtimeMs: 41 } as const;
    application.publish({ migrations: [last] });
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    const left = stdout.split('\n').map((line) => line.split(`\r${esc}[K`).at(-1));
    expect(left).toEqual([
      '[===========================>  ]  90 %  m-1  running  15.0 MB of 150.0 MB left  at 20.0 Mbit/s  round 1  about 40.0 s more',
      '[===========================>  ]  90 %  m-1  switchover (staging)  15.0 MB of 150.0 MB left  at 20.0 Mbit/s  round 1  about 40.0 s more',
      'm-1  completed  round 1  downtime 41.0 ms',
      '',
    ]);
    expect(stdout).toContain('33 %');
  });
});
