/** The certificate in words: what was checked, how often, and what it does not say. */

import { formatBitsPerSecond, formatBytes, formatCount, formatMs, formatPercent } from '../model/format.js';
import { bytesToMs } from '../model/history.js';
import { bottleneckName, slotShares } from '../model/selection.js';
import type { BottleneckView, SystemView } from '../model/types.js';
import { Light } from './light.js';
import { Empty, Panel } from './panel.js';

interface Props {
  readonly view: SystemView | null;
  readonly bottleneck: BottleneckView | undefined;
  readonly old: boolean;
}

interface Share {
  readonly name: string;
  readonly className: string;
  readonly slots: number;
  readonly explain: string;
}

function sharesOf(b: BottleneckView): Share[] {
  const s = slotShares(b.certificate);
  return [
    {
      name: 'proved',
      className: 'proved',
      slots: s.proved,
      explain: 'assumptions held, the inequality held, and the bound is below the delay promise',
    },
    {
      name: 'vacuous',
      className: 'vacuous',
      slots: s.vacuous,
      explain: 'it held, but the bound was larger than the delay promise: true and of no use',
    },
    {
      name: 'assumption broken',
      className: 'broken',
      slots: s.assumptionBroken,
      explain:
        'an error was larger than the ε frozen before the slot: the theorem says nothing here, so it is counted apart',
    },
    {
      name: 'violations',
      className: 'violated',
      slots: s.violations,
      explain: 'the assumptions held and the inequality failed. This must be 0',
    },
  ];
}

function Counts({ bottleneck }: { readonly bottleneck: BottleneckView }) {
  const c = bottleneck.certificate;
  const shares = sharesOf(bottleneck);
  const part = (n: number): string => (c.slots > 0 ? formatPercent(n / c.slots) : '–');
  return (
    <>
      <div
        class="share-bar"
        role="img"
        aria-label={shares.map((s) => `${s.name} ${part(s.slots)}`).join(', ')}
      >
        {shares.map(
          (s) =>
            s.slots > 0 && (
              <span key={s.name} class={`share share-${s.className}`} style={{ flexGrow: String(s.slots) }} />
            ),
        )}
      </div>
      <table class="counts">
        <thead>
          <tr>
            <th scope="col">of {formatCount(c.slots)} slots</th>
            <th scope="col" class="number">
              slots
            </th>
            <th scope="col" class="number">
              share
            </th>
          </tr>
        </thead>
        <tbody>
          {shares.map((s) => (
            <tr key={s.name} class={s.className === 'violated' && s.slots > 0 ? 'bad' : ''}>
              <th scope="row">
                <span class={`share-key share-${s.className}`} aria-hidden="true" />
                {s.name}
                <small>{s.explain}</small>
              </th>
              <td class="number">{formatCount(s.slots)}</td>
              <td class="number">{part(s.slots)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">
              <span class="share-key" aria-hidden="true" />
              clipped
              <small>
                the rate was not what the law asked for (nothing, or all there was to send); these slots are
                among those above
              </small>
            </th>
            <td class="number">{formatCount(c.clippedSlots)}</td>
            <td class="number">{part(c.clippedSlots)}</td>
          </tr>
        </tbody>
      </table>
    </>
  );
}

function Errors({ bottleneck }: { readonly bottleneck: BottleneckView }) {
  const c = bottleneck.certificate;
  const asTime = (bytes: number): string => formatMs(bytesToMs(bytes, bottleneck.capacityBitsPerSecond));
  return (
    <dl class="errors">
      {bottleneck.opaque && (
        <>
          <div>
            <dt>capacity, learnt from what comes out</dt>
            <dd>
              {bottleneck.capacityBitsPerSecond > 0
                ? formatBitsPerSecond(bottleneck.capacityBitsPerSecond)
                : 'not known yet: the safe rate teaches it'}
            </dd>
          </div>
          <div>
            <dt>base delay, by probes</dt>
            <dd>{bottleneck.baseDelayMs === null ? 'not known yet' : formatMs(bottleneck.baseDelayMs)}</dd>
          </div>
        </>
      )}
      {bottleneck.packetOverhead !== null && bottleneck.packetOverhead.bytes !== 0 && (
        <div>
          <dt>header behind the queue, fitted from packet counters and corrected</dt>
          <dd>
            {bottleneck.packetOverhead.bytes.toFixed(1)} B a packet{' '}
            <small>(± {bottleneck.packetOverhead.uncertaintyBytes.toFixed(1)})</small>
          </dd>
        </div>
      )}
      <div>
        <dt>ε of the forecast</dt>
        <dd>{formatBitsPerSecond(c.forecastErrorBytesPerSecond * 8)}</dd>
      </div>
      <div>
        <dt>ε of what it adds up to</dt>
        <dd>
          {formatBytes(c.disturbanceBytes)} <small>({asTime(c.disturbanceBytes)})</small>
        </dd>
      </div>
      <div>
        <dt>ε of a reading</dt>
        <dd>
          {formatBytes(c.measurementErrorBytes)} <small>({asTime(c.measurementErrorBytes)})</small>
        </dd>
      </div>
      <div>
        <dt>ε of the loop’s delay</dt>
        <dd>
          {formatBytes(c.delayErrorBytes)} <small>({asTime(c.delayErrorBytes)})</small>
        </dd>
      </div>
      <div>
        <dt>ε of the capacity</dt>
        <dd>{formatBitsPerSecond(c.capacityErrorBytesPerSecond * 8)}</dd>
      </div>
      <div>
        <dt>radius R of the ball</dt>
        <dd>
          {formatBytes(c.radiusBytes)} <small>({asTime(c.radiusBytes)})</small>
        </dd>
      </div>
    </dl>
  );
}

export function CertificatePanel({ view, bottleneck, old }: Props) {
  const lead = 'In every slot the theorem is held against what was measured. This is the score.';
  if (view === null || bottleneck === undefined)
    return (
      <Panel id="certificate" title="Certificate" lead={lead}>
        <Empty>
          {view === null ? (
            'Waiting for the first message of the stream.'
          ) : (
            <>
              <b>Nothing to certify:</b> no bottleneck is measured, see “Queue, rates, proof”.
            </>
          )}
        </Empty>
      </Panel>
    );
  const c = bottleneck.certificate;
  return (
    <Panel
      id="certificate"
      title="Certificate"
      lead={lead}
      aside={
        <>
          <Light light={old ? 'unknown' : c.light} /> <Light light={old ? 'unknown' : c.realQueue} />
        </>
      }
      how={
        <p>
          Theorem 1: as long as what forecast and actuator add to the virtual queue stays within ε, L falls
          towards the ball of radius R in every slot, and the queue stays in it afterwards. Theorem 2: then
          the real queue stays below the proved bound. Every ε is measured and frozen before the slot it
          judges, so the certificate can fail: it is a measurement, not a slogan. The theorems speak of a
          virtual queue; the second light watches the real one.
        </p>
      }
    >
      <p class="sentence">
        <b>{bottleneckName(view, bottleneck)}</b>
        {old ? ', last seen: ' : ': '}
        {c.sentence}
      </p>
      <p class="sentence">
        <b>The real queue</b>
        {old ? ', last seen: ' : ': '}
        {c.realQueueSentence}
      </p>
      {c.slots === 0 ? (
        <Empty>
          No slot has been checked yet: there is something to check as soon as the counters of{' '}
          {bottleneckName(view, bottleneck)} are read.
        </Empty>
      ) : (
        <Counts bottleneck={bottleneck} />
      )}
      {(c.slots > 0 || bottleneck.opaque) && <Errors bottleneck={bottleneck} />}
    </Panel>
  );
}
