import type { EndReading } from '../../controller/index.js';
import type { FarEnd } from '../network/index.js';
import type { Session, SessionEvent } from '../session/index.js';
import { PortSampler } from '../telemetry/index.js';
import { answerLimitSeconds } from './near-counters.js';
import type { Turn } from './turn.js';

/** Questions under way at once: a channel with WAN delay answers slots later. */
const mostQuestions = 16;
const sameInstantSeconds = 0.001;

/**
 * The counter at the far end of an opaque path. It is asked at the time that makes the answer comparable with a near
 * reading without interpolation: what the far gateway counts at t left ours at t - B.
 */
export class FarCounter {
  readonly #far: FarEnd;
  readonly #slotSeconds: number;
  #sampler: PortSampler;
  readonly #questions = new Map<number, number>();
  #askAt = Number.POSITIVE_INFINITY;
  #newestAt = Number.NEGATIVE_INFINITY;

  constructor(far: FarEnd, slotSeconds: number) {
    this.#far = far;
    this.#slotSeconds = slotSeconds;
    this.#sampler = new PortSampler(far.ingressPort);
  }

  get dpid(): string {
    return this.#far.dpid;
  }

  get ingressPort(): number {
    return this.#far.ingressPort;
  }
  /** smallest round trip of the last seconds to this switch; 0: none has answered yet */
  get roundTripSeconds(): number {
    return this.#sampler.roundTripSeconds;
  }

  /** A near reading is being taken now: ask so that this one is read B later (whole slots do not matter). */
  nearAsked(now: number, baseDelaySeconds: number): void {
    const oneWay = this.#sampler.roundTripSeconds / 2;
    const lag = Number.isNaN(baseDelaySeconds) ? 0 : baseDelaySeconds - oneWay;
    const offset = lag - Math.floor(lag / this.#slotSeconds) * this.#slotSeconds;
    // A hair before the next slot is this slot: timers cannot tell the two apart.
    this.#askAt = offset > this.#slotSeconds - sameInstantSeconds ? now : now + offset;
  }

  run(turn: Turn, session: Session | undefined): void {
    if (session === undefined) {
      this.#askAt = Number.POSITIVE_INFINITY;
      return;
    }
    if (turn.now < this.#askAt) return;
    this.#askAt = Number.POSITIVE_INFINITY;
    if (this.#questions.size >= mostQuestions) return;
    const body = { port_no: this.#far.ingressPort };
    const xid = session.request(
      { type: 'multipart_request', mp_type: 'port_stats', flags: 0, body },
      answerLimitSeconds(this.#slotSeconds),
      turn.now,
    );
    this.#questions.set(xid, turn.now);
  }

  nextDeadline(): number {
    return this.#askAt;
  }

  onEvent(turn: Turn, event: SessionEvent): { readonly ours: boolean; readonly reading?: EndReading } {
    if (event.kind !== 'samples' && event.kind !== 'failed') return { ours: false };
    const askedAt = this.#questions.get(event.xid);
    if (askedAt === undefined) return { ours: false };
    if (event.kind === 'samples' && event.more) return { ours: true };
    this.#questions.delete(event.xid);
    const reading =
      event.kind === 'samples' ? this.#sampler.onPortStats(event, askedAt, turn.now) : undefined;
    if (reading === undefined) return { ours: true };
    this.#newestAt = reading.at;
    return { ours: true, reading };
  }

  /** How much older the newest reading is than the channel explains, seconds. */
  overdueSeconds(now: number): number {
    return Math.max(0, now - this.#newestAt - this.#sampler.roundTripSeconds / 2);
  }

  switchLost(): void {
    this.#questions.clear();
    this.#sampler.forget();
    this.#newestAt = Number.NEGATIVE_INFINITY;
  }
}
