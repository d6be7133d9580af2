import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DemoReport } from '../../src/cli/demo-report.js';
import { requireOrSkip } from '../support/require.js';
import { launcher } from './daemon.js';

/** The whole path by the command that the README gives, with a smaller machine. Speed is measured in bench/, not here. */
describe('the demo', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-demo-test-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function run(network: 'embedded' | 'ovs', memoryMegabytes: number): { report: DemoReport; output: string } {
    const file = join(directory, 'report.json');
    const args = [
      'demo',
      '--once',
      '--json',
      file,
      '--seed',
      '3',
      '--network',
      network,
      '--memory',
      String(memoryMegabytes),
    ];
    const result = spawnSync(
      process.execPath,
      [launcher, ...args, '--openflow-port', '0', '--http-port', '0'],
      {
        encoding: 'utf8',
        timeout: 280_000,
      },
    );
    expect(result.status, result.stderr).toBe(0);
    return { report: JSON.parse(readFileSync(file, 'utf8')) as DemoReport, output: result.stdout };
  }

  function expectWhole(report: DemoReport, network: string, megabytes: number): void {
    expect(report.network).toBe(network);
    expect(report.seed).toBe(3);
    expect(report.rttMs).toBe(40);
    expect(report.migration.state).toBe('completed');
    expect(report.migration.bytes).toBeGreaterThanOrEqual(megabytes * 1e6);
    expect(report.migration.downtimeMs).toBeGreaterThan(0);
    // Nothing is faster than the capacity that was left over.
    expect(report.migration.seconds).toBeGreaterThan(0.9 * report.migration.boundSeconds);
    expect(report.certificate.slots).toBeGreaterThan(50);
    expect(report.certificate.violations).toBe(0);
    expect(report.leftoverRules).toBe(0);
    // A round trip of 40 ms: one way takes at least 20.
    for (const figures of Object.values(report.video)) {
      expect(figures.p50Ms).toBeGreaterThanOrEqual(20);
      expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms);
    }
  }

  it('moves a machine over the embedded network', () => {
    const { report, output } = run('embedded', 15);
    expectWhole(report, 'embedded', 15);
    expect(JSON.parse(output.split('\n')[0]!)).toEqual({
      openflowPort: expect.any(Number),
      httpPort: expect.any(Number),
    });
  });

  it.skipIf(!requireOrSkip('ovs', 'gcc'))('moves a machine over Open vSwitch', () => {
    const { report } = run('ovs', 30);
    expectWhole(report, 'ovs', 30);
    // The uncontrolled case went through the same network and was felt there.
    expect(report.uncontrolled.seconds).toBeGreaterThan(0);
  });
});
