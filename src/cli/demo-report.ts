import type { ForecastView } from '../engine/view.js';
import type { MachineReport } from '../testbed/machine-observer.js';
import type { DelayFigures } from './demo-network.js';

/** What `--json FILE` holds. */
export interface DemoReport {
  readonly network: 'embedded' | 'ovs';
  readonly seed: number;
  readonly rttMs: number;
  readonly bufferMs: number;
  readonly migration: {
    readonly state: string;
    readonly seconds: number;
    readonly boundSeconds: number;
    readonly downtimeMs: number | null;
    readonly bytes: number;
    /** what was foretold at half-way and at the gate, and how far off it was; null: nothing was */
    readonly forecast: ForecastView | null;
    /** rungs of the ladder that were advised, in order */
    readonly rungs: readonly string[];
  };
  readonly video: {
    readonly alone: DelayFigures;
    readonly during: DelayFigures;
    readonly uncontrolled: DelayFigures;
  };
  readonly uncontrolled: { readonly seconds: number };
  /** what became of the machine, if it is a real one */
  readonly machine: { readonly during: MachineReport; readonly uncontrolled: MachineReport } | null;
  readonly certificate: {
    readonly slots: number;
    readonly violations: number;
    readonly vacuous: number;
    readonly assumptionBroken: number;
    readonly clipped: number;
  };
  readonly utilisationPercent: number;
  readonly leftoverRules: number;
  /** worst p99 of how late the traffic's sender was: above a few ms the host, not the network, made the delays */
  readonly senderLatenessMs: number;
  /** share of this machine's CPU time that its own host gave to others during the demo; null: not known */
  readonly hostStealPercent: number | null;
  /** with `--circuits`, at the end of the move */
  readonly circuits?: {
    readonly requested: number;
    readonly released: number;
    readonly open: number;
    readonly cost: number;
    readonly setupSeconds: number | null;
  };
}

export function summaryTable(report: DemoReport): string {
  const { migration, video, certificate } = report;
  const row = (name: string, figures: DelayFigures, seconds: string): string[] => [
    name,
    `${figures.p50Ms.toFixed(1)} ms`,
    `${figures.p99Ms.toFixed(1)} ms`,
    `${figures.lossPercent.toFixed(2)} %`,
    seconds,
  ];
  const rows = [
    ['case', 'video p50', 'video p99', 'video loss', 'migration'],
    row('video alone', video.alone, '-'),
    row('uncontrolled TCP', video.uncontrolled, `${report.uncontrolled.seconds.toFixed(1)} s`),
    row('Steady', video.during, `${migration.seconds.toFixed(1)} s`),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
  const line = (r: readonly string[]): string =>
    `  ${r.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   ')}`;
  const megabytes = (migration.bytes / 1e6).toFixed(0);
  return [
    '',
    `  ${report.network} network, seed ${report.seed}, RTT ${report.rttMs} ms, buffer ${report.bufferMs.toFixed(0)} ms, ${megabytes} MB moved`,
    '',
    ...rows.map(line),
    '',
    `  migration     ${migration.state} in ${migration.seconds.toFixed(1)} s; the capacity left over allows ${migration.boundSeconds.toFixed(1)} s (${(migration.seconds / migration.boundSeconds).toFixed(2)}x)`,
    `  machine down  ${migration.downtimeMs === null ? 'not measured' : `${migration.downtimeMs.toFixed(0)} ms`}`,
    ...forecastLine(report),
    ...(report.machine === null ? [] : machineLines(report.machine.during)),
    `  utilisation   ${report.utilisationPercent.toFixed(1)} % of the packet link${report.circuits ? "'s capacity, by both paths," : ''} while migrating`,
    `  certificate   ${certificate.slots} slots, ${certificate.violations} violations (${certificate.vacuous} slots with a bound above the delay promise, ${certificate.assumptionBroken} whose assumptions broke)`,
    `  rules left    ${report.leftoverRules}`,
    ...circuitLine(report),
    ...cautions(report),
    '',
  ].join('\n');
}

function forecastLine({ migration: { forecast, rungs } }: DemoReport): string[] {
  if (forecast === null) return [];
  const { finishErrorShare, expectedDowntimeMs } = forecast;
  const finish =
    finishErrorShare === null
      ? 'no end at half-way'
      : `its end at half-way ${Math.abs(100 * finishErrorShare).toFixed(0)} % of the time too ${finishErrorShare < 0 ? 'early' : 'late'}`;
  const downtime = expectedDowntimeMs === null ? '' : `, ${expectedDowntimeMs.toFixed(0)} ms of downtime`;
  return [`  foretold      ${finish}${downtime}; rungs advised: ${rungs.join(', ') || 'none'}`];
}

function circuitLine({ circuits }: DemoReport): string[] {
  if (circuits === undefined) return [];
  const { requested, released, open, cost, setupSeconds } = circuits;
  const setup = setupSeconds === null ? '' : `, set up in ${setupSeconds.toFixed(1)} s`;
  return [
    `  circuits      ${requested} ordered${setup}, ${released} released, ${open} still lit, cost ${cost.toFixed(1)}`,
  ];
}

function machineLines({ intact, boot, inquiry, clip, badPages, resets }: MachineReport): string[] {
  const state = intact
    ? 'it is the same one, its counter went on and every page is as it was written'
    : `IT IS NOT WHOLE: ${badPages} bad pages, ${resets} resets, ${inquiry.counterRegressions} steps back of its counter`;
  const gap = inquiry.longestGapMs === null ? 'no answer' : `${inquiry.longestGapMs.toFixed(0)} ms`;
  const lines = [
    `  the machine   ${boot}: ${state}`,
    `  its users     ${inquiry.lost} of ${inquiry.asked} questions without answer, longest silence ${gap}`,
  ];
  if (clip !== null)
    lines.push(
      `  its clip      ${clip.frames} frames, ${clip.continuityErrors} continuity errors, ${clip.stalls} stalls (${clip.stallSeconds.toFixed(1)} s) with a play-out buffer of 2 s`,
    );
  return lines;
}

/** What the host did to the figures belongs beside them. */
function cautions({ senderLatenessMs, hostStealPercent }: DemoReport): string[] {
  const lines: string[] = [];
  if (senderLatenessMs > 5)
    lines.push(`the traffic's own sender was ${senderLatenessMs.toFixed(0)} ms late at p99`);
  if (hostStealPercent !== null && hostStealPercent > 3)
    lines.push(`${hostStealPercent.toFixed(0)} % of this machine's CPU time was taken by its host`);
  return lines.map((line) => `  caution       ${line}: delays are partly the host's, not the network's`);
}
