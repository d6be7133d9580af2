import { describe, expect, it } from 'vitest';
import type { Job } from '../../bench/lab/job.js';
import { runLoops } from '../../bench/lab/loops-job.js';
import { rowNamed } from '../../bench/lab/rows.js';
import { runJob } from '../../bench/lab/run-job.js';
import type { Scenario } from '../../bench/lab/scenario.js';
import { scenarioNamed } from '../../bench/lab/scenarios/index.js';
import { runSimulated } from '../../bench/lab/sim-job.js';
import { twoDc } from '../simulator/fixtures.js';

const base = twoDc();
const small: Scenario = { ...scenarioNamed('s2'), setting: { memoryBytes: 12_000_000 }, limitSeconds: 60 };
const run = (rowName: string, scenario = small, seed = 1) =>
  runSimulated(base, { scenario, setting: scenario.setting, row: rowNamed(rowName), deployment: 'B', seed });

describe('a job in virtual time', () => {
  it('measures CUBIC and Steady on the same load, and shows what the difference is', async () => {
    const cubic = (await run('cubic')).measures;
    const { measures: steady, series } = await run('steady');
    for (const m of [cubic, steady]) {
      expect(m.completed).toBe(true);
      expect(m.movedBytes).toBeGreaterThanOrEqual(12_000_000);
      expect(m.alone.lossPercent).toBe(0);
      expect(m.alone.sentPackets).toBe(m.video.sentPackets);
      expect(m.video.sentPackets).toBeGreaterThan(1000);
      expect(m.alone.p99Ms).toBeLessThan(45);
      expect(m.seconds).toBeGreaterThan(m.boundSeconds);
    }
    expect(cubic.video.p99Ms - cubic.alone.p99Ms).toBeGreaterThan(50);
    expect(steady.video.p99Ms - steady.alone.p99Ms).toBeLessThan(6);
    expect(cubic.queue!.maxMs).toBeGreaterThan(steady.queue!.maxMs);
    expect(cubic.certificate).toBeNull();
    expect(steady.certificate!.slots).toBeGreaterThan(100);
    // nobody who keeps to rho can be faster than the one who knows the load; the last request ends some ms later
    expect(steady.seconds).toBeGreaterThan(steady.oracle!.seconds!);
    expect(steady.seconds).toBeLessThan(1.5 * steady.oracle!.seconds!);
    const from = Math.round(5 / series!.stepSeconds);
    const sent = series!.ownMbps.slice(from).reduce((sum, rate) => sum + rate * series!.stepSeconds, 0) / 8;
    expect(sent).toBeGreaterThan((steady.movedBytes / 1e6) * 1.04);
    expect(sent).toBeLessThan((steady.movedBytes / 1e6) * 1.15);
  });

  it('is the same run again', async () => {
    const first = await run('steady', { ...small, setting: { memoryBytes: 3_000_000 } }, 4);
    expect(await run('steady', { ...small, setting: { memoryBytes: 3_000_000 } }, 4)).toEqual(first);
  });

  it('halves the link behind the back of the controller', async () => {
    const s9 = scenarioNamed('s9');
    const setting = {
      ...s9.setting,
      memoryBytes: 25_000_000,
      linkChanges: [{ atSeconds: 6, capacityShare: 0.5 }],
    };
    const dropped = (await run('cubic', { ...s9, setting, step: undefined })).measures;
    const { linkChanges: _, ...whole } = setting;
    const full = (await run('cubic', { ...s9, setting: whole, step: undefined })).measures;
    expect(dropped.seconds).toBeGreaterThan(1.5 * full.seconds);
    expect(dropped.boundSeconds).toBeGreaterThan(1.5 * full.boundSeconds);
  });

  it('finds scenario, variant and row by name', async () => {
    const job = {
      scenario: 's2',
      network: 'sim',
      deployment: 'B',
      variant: 'x=1',
      row: 'steady',
      seed: 1,
    } as const;
    await expect(runJob(job, new AbortController().signal)).rejects.toThrow('no variant');
    await expect(
      runJob({ ...job, variant: '', row: 'nobody' }, new AbortController().signal),
    ).rejects.toThrow('no row "nobody"');
  });
});

describe('two control loops on one queue', () => {
  const scenario = { ...scenarioNamed('s10'), limitSeconds: 30 };
  const loops = (rowName: string) =>
    runLoops(base, { scenario, setting: scenario.setting, row: rowNamed(rowName), seed: 1 }).measures;

  it('share equally when each takes what it is told', () => {
    const { fairness, movedBytes } = loops('static-cap');
    expect(fairness!.overall).toBeCloseTo(1, 6);
    expect(fairness!.inEachSecond).toBeCloseTo(1, 6);
    // a quarter of 6.25 MB/s for 30 s and for 20 s
    expect(movedBytes / 1e6).toBeCloseTo((30 + 20) * 1.5625, 0);
  });

  it('stay within the queue that one would make, and use the path', () => {
    const { video, alone, utilisation, fairness } = loops('steady');
    expect(fairness!.overall).toBeGreaterThan(0.8);
    expect(fairness!.inEachSecond).toBeGreaterThan(0.5);
    expect(video.p99Ms - alone.p99Ms).toBeLessThan(20);
    expect(utilisation).toBeGreaterThan(0.8);
  });
});

describe('what cannot be run', () => {
  const job = { network: 'sim', deployment: 'B', variant: '', seed: 1 } as const;
  const attempt = (changes: Partial<Job> & Pick<Job, 'scenario' | 'row'>) =>
    runJob({ ...job, ...changes }, new AbortController().signal);

  it.each([
    [{ scenario: 's3', row: 'cubic' }, 'several: take the row none'],
    [{ scenario: 's10', row: 'cubic' }, 'no control law'],
    [{ scenario: 's9', row: 'steady', network: 'ovs' }, 'not on ovs'],
  ] as const)('is refused with a reason: %o', async (changes, reason) => {
    await expect(attempt(changes)).rejects.toThrow(reason);
  });
});
