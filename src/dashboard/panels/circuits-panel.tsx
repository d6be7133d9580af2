/** Circuits: what each is doing, for whom, since when, and what it costs. */
import { adviceWords, circuitStates, reasonWords, usersOf } from '../model/circuits.js';
import {
  digits,
  formatBitsPerSecond,
  formatCount,
  formatMs,
  formatSeconds,
  trimmed,
} from '../model/format.js';
import type { CircuitView, SystemView } from '../model/types.js';
import { Empty, Panel } from './panel.js';

const money = (n: number): string => trimmed(digits(n));

function Ledger({ circuit: c }: { readonly circuit: CircuitView }) {
  const { ledger, budget } = c;
  return (
    <dl class="numbers">
      <div title="Orders since the journal was begun: asked for, granted, given back">
        <dt>ordered, granted, returned</dt>
        <dd>
          {formatCount(ledger.requested)}, {formatCount(ledger.granted)}, {formatCount(ledger.released)}{' '}
          {ledger.open > 0 && <small>({ledger.open} open)</small>}
        </dd>
      </div>
      <div title="Of all granted orders, since the journal was begun; the unit is that of the configured prices">
        <dt>cost so far</dt>
        <dd>{money(ledger.cost)}</dd>
      </div>
      {budget !== null && (
        <div title="In this life of the controller: what was spent never exceeds the bound">
          <dt>budget</dt>
          <dd class={budget.holds ? '' : 'bad'}>
            {money(budget.spent)} of {money(budget.bound)}{' '}
            <small>{budget.holds ? `debt ${money(budget.debt)}` : 'does not hold'}</small>
          </dd>
        </div>
      )}
      <div title="From the order to the grant: as it was the last time, and as configured">
        <dt>set-up</dt>
        <dd>
          {ledger.measuredSetupSeconds === null ? '–' : formatSeconds(ledger.measuredSetupSeconds)}{' '}
          <small>expected {trimmed(formatSeconds(c.setupSeconds))}</small>
        </dd>
      </div>
      {c.percentileBill !== null && (
        <div title="Billed by the 95th percentile of what is sent, this month">
          <dt>bill this month</dt>
          <dd>
            {money(c.percentileBill.cost)}{' '}
            <small>{formatCount(c.percentileBill.freePeriods)} free periods left</small>
          </dd>
        </div>
      )}
      {ledger.strays > 0 && (
        <div title="Found at the provider without an order of ours, and given back">
          <dt>strays</dt>
          <dd class="warn">{formatCount(ledger.strays)}</dd>
        </div>
      )}
    </dl>
  );
}

function Card({ circuit: c, view }: { readonly circuit: CircuitView; readonly view: SystemView }) {
  const state = circuitStates[c.state];
  const users = usersOf(c, view);
  // Not among the circuits of the configuration.
  const nobodyMay = c.state === 'dark' && c.advice === null && c.budget === null;
  const inState = c.since === null ? null : (Date.parse(view.at) - Date.parse(c.since)) / 1000;
  return (
    <article class={`circuit circuit-${c.state}`}>
      <h3>
        {c.name}{' '}
        <span class="route">
          {c.ends.join(' ↔ ')}, {trimmed(formatBitsPerSecond(c.capacityBitsPerSecond))},{' '}
          {trimmed(formatMs(c.oneWayDelayMs))}
        </span>
        <span class={`state circuit-sign ${state.level}`}>
          <span aria-hidden="true">{state.sign}</span> {c.state}
        </span>
      </h3>
      <p>
        {state.word}
        {inState !== null && inState >= 0 && <> (for {formatSeconds(inState)})</>}
        {c.reason !== '' && <>; {reasonWords(c)}</>}.
      </p>
      {c.providerProblem !== null && (
        <p class="failure" role="alert">
          <b>The provider answered with an error: </b>
          {c.providerProblem}
        </p>
      )}
      <p>
        {users.length > 0 ? (
          <>
            Carries <b>{users.map((m) => `${m.vm} (${m.source} → ${m.destination})`).join(', ')}</b>, beside
            the packet path.
          </>
        ) : c.carries ? (
          'May carry, and nothing uses it.'
        ) : (
          'Carries nothing.'
        )}
        {c.advice !== null && <> Policy: {adviceWords[c.advice]}.</>}
        {c.forced && <b> A promise cannot be kept without it.</b>}
      </p>
      {nobodyMay && (
        <p>
          To have it ordered, name a provider under <code>circuits</code> in <code>steady.yaml</code>;{' '}
          <code>npm run demo -- --circuits</code> shows it.
        </p>
      )}
      {!nobodyMay && <Ledger circuit={c} />}
      <p>
        <small>
          {trimmed(money(c.costPerSetup))} for an order and {trimmed(money(c.costPerSecond))} for a second
          {c.id !== null && (
            <>
              ; order <code>{c.id}</code>
            </>
          )}
        </small>
      </p>
    </article>
  );
}

function WhyNone({ view }: { readonly view: SystemView }) {
  const onMap = view.links.filter((l) => l.kind === 'circuit').map((l) => l.name);
  if (onMap.length === 0)
    return (
      <Empty>
        <b>No circuit:</b>{' '}
        {view.topology === null
          ? 'no topology is configured.'
          : `the topology ${view.topology} has no link that could be ordered.`}
      </Empty>
    );
  return (
    <Empty>
      <b>
        {onMap.join(', ')} {onMap.length === 1 ? 'stays' : 'stay'} dark:
      </b>{' '}
      the configuration names no provider to order from (<code>circuits</code> in <code>steady.yaml</code>).
      To see one used: <code>npm run demo -- --circuits</code>.
    </Empty>
  );
}

export const CircuitsPanel = ({ view }: { readonly view: SystemView | null }) => (
  <Panel
    id="circuits"
    title="Circuits"
    lead="Links that are ordered from a provider when they pay, and given back."
    how={
      <p>
        States after RFC 3473. An order costs a set-up and every second; policy orders when the wait of the
        machines weighs more than that, or when a promise cannot be kept otherwise. A debt collects what was
        spent above the budget, so that spending stays below the bound whatever happens.
      </p>
    }
  >
    {view === null ? (
      <Empty>Waiting for the first message of the stream.</Empty>
    ) : view.circuits.length === 0 ? (
      <WhyNone view={view} />
    ) : (
      view.circuits.map((c) => <Card key={c.name} circuit={c} view={view} />)
    )}
  </Panel>
);
