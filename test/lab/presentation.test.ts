import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../bench/lab/groups.js';
import { plantError } from '../../bench/lab/plant-error.js';
import { scatter } from '../../bench/lab/plots.js';
import { appendLine, rawFileOf } from '../../bench/lab/raw-file.js';
import { writeReport } from '../../bench/lab/report.js';
import { betterRivals } from '../../bench/lab/rivals.js';
import { rounded } from '../../bench/lab/rounding.js';
import { niceStep, type Plot, renderPlots } from '../../bench/lab/svg-plot.js';
import { intervalText, spreadText, tableOf } from '../../bench/lab/table.js';
import { measures, record } from './fixtures.js';

const records = [
  record('cubic', 1, { measures: measures({ seconds: 40 }) }),
  record('cubic', 2, { measures: measures({ seconds: 50 }) }),
  record('steady', 1, { measures: measures({ seconds: 44 }) }),
  record('steady', 2, { measures: measures({ seconds: 60, completed: false }) }),
  record('steady', 3, { measures: null, error: 'it broke' }),
];

describe('tables', () => {
  it('say how many runs there were, and what was left out', () => {
    const lines = tableOf(groupsOf(records)).split('\n');
    expect(lines).toHaveLength(4);
    const cells = (line: string): string[] => line.split(' | ').map((c) => c.replaceAll('|', '').trim());
    expect(new Set(lines.filter((_, i) => i !== 1).map((l) => cells(l).length)).size).toBe(1);
    expect(cells(lines[2]!).slice(0, 4)).toEqual(['cubic', '2', '45.0 (40.0 to 50.0)', '1.00 [1.00, 1.00]']);
    expect(cells(lines[3]!).slice(0, 4)).toEqual(['steady', '1, 1 not completed, 1 failed', '44.0', '1.10']);
  });

  it('show median, lowest and highest, or what an interval is', () => {
    expect(spreadText([1, 2, 30])).toBe('2.00 (1.00 to 30.0)');
    expect(spreadText([100.4, 100.4])).toBe('100');
    expect(spreadText([])).toBe('-');
    expect(intervalText([5])).toBe('5.00');
    expect(intervalText([1, 2, 3])).toBe('2.00 [1.00, 3.00]');
  });
});

describe('plots', () => {
  const plot: Plot = {
    title: 'a < b & c',
    x: { label: 'x, s', scale: 'linear', fromZero: true },
    y: { label: 'y, ms', scale: 'log', floor: 0.1 },
    series: [
      {
        name: 'one',
        mark: 'line',
        points: [
          [0, 0.1],
          [10, 100],
        ],
      },
      { name: 'two', mark: 'dots', points: [[5, -3]] },
    ],
  };
  const svg = renderPlots([plot, plot]);

  it('carry title, axes with units and a legend, and are well-formed', () => {
    for (const words of ['a &lt; b &amp; c', 'x, s', 'y, ms', 'one', 'two'])
      expect(svg).toContain(`>${words}</text>`);
    const opened = svg.match(/<[a-z]+[^>]*[^/]>/g)!.length;
    expect(svg.match(/<\/[a-z]+>/g)).toHaveLength(opened);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('put values where the axes say: the ends of the line at two corners, what is below the floor on it', () => {
    // the frame is 498 by 256 pixels, its lower left corner at 72, 290
    expect(svg).toContain('d="M72 290 L570 34"');
    expect(svg).toContain('<rect x="317.5" y="286.5" width="7" height="7"');
  });

  it('choose round ticks', () => {
    expect([0.2, 0.21, 3, 7, 12].map(niceStep)).toEqual([0.2, 0.5, 5, 10, 20]);
    expect(renderPlots([{ ...plot, series: [] }])).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('draw one point a completed seed', () => {
    const series = scatter('title', groupsOf(records)).series;
    expect(series.map((s) => s.points)).toEqual([
      [
        [1, 2],
        [1, 2],
      ],
      [[1.1, 2]],
    ]);
  });
});

describe('the error of the simulated plant', () => {
  it('is simulated less measured, seed by seed', () => {
    const slower = measures({ seconds: 50, video: { ...measures().video, p99Ms: 45, lossPercent: 1 } });
    const both = groupsOf([
      record('cubic', 1, { measures: measures({ seconds: 40 }) }),
      record('cubic', 2),
      record('cubic', 1, { network: 'ovs', measures: slower }),
      record('steady', 1, { network: 'ovs' }),
    ]);
    expect(plantError(both)).toContain('| S2 | cubic | 1 | -20.0 | -5.00 | -1.00 |');
    expect(plantError(both)).not.toContain('steady');
    expect(plantError(both.filter((g) => g.network === 'sim'))).toBe('');
  });
});

describe('rivals', () => {
  const video = (p99Ms: number) => ({ ...measures().video, p99Ms });
  const rivals = (row: string, seconds: number, p99Ms: number, completed = true) =>
    betterRivals(
      groupsOf([
        record('steady', 1, { measures: measures({ seconds: 50, video: video(43) }) }),
        record(row, 1, { measures: measures({ seconds, completed, video: video(p99Ms) }) }),
      ]),
    );

  it('are named where they are better, and in what', () => {
    expect(rivals('cubic', 40, 39)).toContain('S2 sim B: **cubic** is faster and gentler (added p99 1.0 ms');
    expect(rivals('cubic', 40, 43.5)).toContain('is faster and as gentle');
    expect(rivals('static-cap', 90, 38)).toContain('is gentler and slower');
    expect(rivals('static-cap', 50.5, 38)).toContain('is gentler and as fast');
  });

  it('are not where they pay for it with delay, make no difference, or do not get to the end', () => {
    expect(rivals('cubic', 40, 45)).toBe('');
    expect(rivals('cubic', 49.5, 43)).toBe('');
    expect(rivals('cubic', 40, 38, false)).toBe('');
    expect(rivals('steady-98', 40, 38)).toBe('');
  });
});

describe('the report', () => {
  it('is made from the raw files alone', () => {
    const directory = mkdtempSync(join(tmpdir(), 'steady-lab-report-'));
    try {
      mkdirSync(directory, { recursive: true });
      for (const one of records) appendLine(rawFileOf(directory, 's2', 'sim'), rounded(one));
      const text = writeReport(directory, undefined);
      expect(text).toContain('npm run lab -- s2 --network sim --policies cubic,steady --seeds 3');
      expect(text).toContain('Failed: `s2/sim/B//steady/3`: it broke');
      expect(text).toContain('2 cores (a processor)');
      expect(text).toContain('* S1 ');
      expect(text).toContain('increaseShare 0.02, 0.05');
      expect(text).not.toContain('[object');
      for (const [, file] of text.matchAll(/\]\(plots\/([^)]+)\)/g))
        expect(readdirSync(join(directory, 'plots'))).toContain(file);
      expect(readFileSync(join(directory, 'README.md'), 'utf8')).toBe(text);
      expect(writeReport(directory, undefined)).toBe(text);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('keeps six digits of a figure', () => {
    expect(rounded({ a: [1.23456789, null], b: 'x', c: Number.POSITIVE_INFINITY })).toEqual({
      a: [1.23457, null],
      b: 'x',
      c: null,
    });
  });
});
