/** One migration: where it is in its life, how far, how fast, and what went wrong. */
import {
  formatBitsPerSecond,
  formatBytes,
  formatMs,
  formatPercent,
  formatSeconds,
  timeOfDay,
  trimmed,
} from '../model/format.js';
import { diskProgress, isActive, memoryProgress, type Progress } from '../model/selection.js';
import type { MigrationState, MigrationView, SystemView } from '../model/types.js';
import { LimitsNote } from './limits-note.js';
import { MigrationActions } from './migration-actions.js';

const road: readonly { readonly state: MigrationState; readonly word: string }[] = [
  { state: 'accepted', word: 'accepted' },
  { state: 'preparing', word: 'preparing' },
  { state: 'running', word: 'copying' },
  { state: 'switchover', word: 'switch-over' },
  { state: 'completed', word: 'completed' },
];

const steps: Readonly<Record<string, string>> = {
  accepted: 'accepted, being written to the journal',
  preparing: 'target listens, rules of the migration are installed',
  starting: 'source begins to send',
  running: 'memory is copied while the machine runs',
  staging: 'rules of the new location are staged beside the old ones',
  redirecting: 'packets for the machine are sent to where it will run, and wait there',
  stopping: 'machine pauses, the rest is sent',
  flipping: 'machine runs at the target, switches are flipped',
  cleaning: 'old rules are removed',
  completed: 'the machine runs at the target, nothing is left behind',
  cancelling: 'being cancelled, the source keeps the machine',
  cancelled: 'as asked; the machine runs at the source',
  failing: 'being put back, the source keeps the machine',
  failed: 'everything was put back',
};

const seconds = (at: string): number => Date.parse(at) / 1000;
const elapsed = (m: MigrationView, now: string): number =>
  Math.max(0, seconds(m.endedAt ?? now) - seconds(m.startedAt ?? m.createdAt));

/** How far on the road it came; a failed one shows where it left it. */
function reached(m: MigrationView): number {
  const states = [...m.phaseTransitions.map((p) => p.state), m.state];
  return Math.max(...states.map((s) => road.findIndex((r) => r.state === s)));
}

function Road({ migration }: { readonly migration: MigrationView }) {
  const at = reached(migration);
  const off = migration.state === 'failed' || migration.state === 'cancelled';
  return (
    <ol class="road" aria-label={`state: ${migration.state}`}>
      {road.map((r, i) => {
        const state =
          i < at || migration.state === 'completed' ? 'done' : i > at ? 'ahead' : off ? 'off' : 'here';
        return (
          <li key={r.state} class={`road-${state}`} aria-current={state === 'here' ? 'step' : undefined}>
            <span aria-hidden="true">
              {state === 'done' ? '✓' : state === 'off' ? '✕' : state === 'here' ? '●' : '○'}
            </span>{' '}
            {r.word}
          </li>
        );
      })}
    </ol>
  );
}

function Bar({
  name,
  progress,
  detail,
}: {
  readonly name: string;
  readonly progress: Progress;
  readonly detail: string;
}) {
  return (
    <div class="progress">
      <div class="progress-text">
        <b>
          {name} {formatPercent(progress.fraction)}
        </b>
        <span>
          {formatBytes(progress.remainingBytes)} of {formatBytes(progress.totalBytes)} left{detail}
        </span>
      </div>
      <div
        class="progress-track"
        role="progressbar"
        aria-label={`${name} copied`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(progress.fraction * 100)}
      >
        <span style={{ width: `${progress.fraction * 100}%` }} />
      </div>
    </div>
  );
}

function Numbers({ migration: m, now }: { readonly migration: MigrationView; readonly now: string }) {
  const active = isActive(m);
  const deadlineLeft =
    m.deadlineSeconds === null ? null : m.deadlineSeconds - Math.max(0, seconds(now) - seconds(m.createdAt));
  return (
    <dl class="numbers">
      {active && (
        <div title="What the control law grants this migration now">
          <dt>granted rate</dt>
          <dd>{formatBitsPerSecond(m.grantedBitsPerSecond)}</dd>
        </div>
      )}
      {active && (
        <div title="Predicted from the rate, what is left, and how fast the machine writes to its memory">
          <dt>predicted left</dt>
          <dd>{formatSeconds(m.predictedSecondsLeft)}</dd>
        </div>
      )}
      {active && m.dirtyBytesPerSecond > 0 && (
        <div title="What the machine writes to its memory while it is copied: it must be sent again">
          <dt>machine writes</dt>
          <dd>{formatBitsPerSecond(8 * m.dirtyBytesPerSecond)}</dd>
        </div>
      )}
      <div>
        <dt>{active ? 'so far' : 'took'}</dt>
        <dd>{formatSeconds(elapsed(m, now))}</dd>
      </div>
      {active && m.downtimeMs === null && m.service?.cutOver != null && (
        <div title={m.service.cutOver.reason}>
          <dt>if stopped now</dt>
          <dd class={m.service.cutOver.open ? '' : 'warn'}>
            {m.service.cutOver.downtimeMs < 0 ? 'without end' : formatMs(m.service.cutOver.downtimeMs)}
          </dd>
        </div>
      )}
      <div title="How long the machine stands still. Known once it runs again">
        <dt>downtime</dt>
        <dd>
          {m.downtimeMs === null ? '–' : formatMs(m.downtimeMs)}{' '}
          <small>limit {trimmed(formatMs(m.downtimeLimitMs))}</small>
        </dd>
      </div>
      {active && deadlineLeft !== null && (
        <div>
          <dt>deadline</dt>
          <dd class={deadlineLeft < (m.predictedSecondsLeft ?? 0) ? 'bad' : ''}>
            {deadlineLeft < 0
              ? `missed by ${formatSeconds(-deadlineLeft)}`
              : `in ${formatSeconds(deadlineLeft)}`}
          </dd>
        </div>
      )}
      {active && m.service?.deadlineLight != null && (
        <div title="Behind the plan that its deadline needs, and what the time kept back from the deadline would make good">
          <dt>behind plan</dt>
          <dd class={m.service.deadlineLight === 'kept' ? '' : 'bad'}>
            {formatBytes(Number(m.service.debtBytes))}{' '}
            <small>limit {formatBytes(Number(m.service.debtLimitBytes))}</small>
          </dd>
        </div>
      )}
    </dl>
  );
}

/** The steps with their times: when it began, how long it took. */
function Timeline({ migration: m, now }: { readonly migration: MigrationView; readonly now: string }) {
  const rows = m.phaseTransitions;
  return (
    <ol class="timeline">
      {rows.map((row, i) => {
        const next = rows[i + 1]?.at ?? m.endedAt ?? now;
        const took = seconds(next) - seconds(row.at);
        const last = i === rows.length - 1;
        return (
          <li
            key={`${row.step}${row.at}`}
            class={last ? (isActive(m) ? 'now' : m.state === 'failed' ? 'bad-step' : '') : ''}
          >
            <time dateTime={row.at}>{timeOfDay(row.at, true)}</time>
            <span>
              <b>{row.step}</b> {row.note !== '' ? row.note : (steps[row.step] ?? '')}
            </span>
            <span class="took">
              {last && !isActive(m) ? '' : took < 0.9995 ? formatMs(took * 1000) : formatSeconds(took)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

export function MigrationCard({
  migration: m,
  view,
  mayAct,
}: {
  readonly migration: MigrationView;
  readonly view: SystemView;
  readonly mayAct: boolean;
}) {
  const now = view.at;
  const vmHost = view.vms.find((v) => v.name === m.vm)?.host;
  const memory = memoryProgress(m);
  const disk = diskProgress(m);
  return (
    <article class={`migration migration-${m.state}`}>
      <h3>
        {m.vm}{' '}
        <span class="route">
          {m.source} → {m.destination}
        </span>{' '}
        <span class={`state state-${m.state}`}>{m.state === 'running' ? 'copying' : m.state}</span>
      </h3>
      <Road migration={m} />
      {m.failureReason !== null && (
        <p class="failure" role="alert">
          <b>Why: </b>
          {m.failureReason}
          {vmHost !== undefined && (
            <>
              {' '}
              The machine runs at <b>{vmHost}</b>.
            </>
          )}
        </p>
      )}
      {memory.totalBytes > 0 && (
        <Bar
          name="memory"
          progress={m.state === 'completed' ? { ...memory, fraction: 1 } : memory}
          detail={m.round > 0 ? `, round ${m.round}` : ''}
        />
      )}
      {disk.totalBytes > 0 && <Bar name="disk" progress={disk} detail="" />}
      <Numbers migration={m} now={now} />
      {isActive(m) && <LimitsNote view={view} migration={m} />}
      {mayAct && <MigrationActions migration={m} />}
      <Timeline migration={m} now={now} />
    </article>
  );
}
