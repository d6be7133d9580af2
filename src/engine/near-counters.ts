import { seconds } from '../../controller/index.js';
import type { Bottleneck } from '../network/index.js';
import type { Session, SessionEvent } from '../session/index.js';
import { BottleneckSampler, type Observation, PollSchedule, QueueDrops } from '../telemetry/index.js';
import type { Turn } from './turn.js';

/** OFPP_ANY and OFPQ_ALL (OpenFlow 1.3.5, 7.2.1 and 7.3.5.8) */
const allPorts = 0xffffffff;
const allQueues = 0xffffffff;

/** A request nobody answers is given up after this many slots, and not before a second. */
export const answerLimitSeconds = (slotSeconds: number): number => Math.max(1, 10 * slotSeconds);

interface Question {
  readonly ports: number;
  readonly queues: number;
  readonly sentAt: number;
}

/** The counters at our own end of a bottleneck: asked for once a slot, and answered in the order of the questions. */
export class NearCounters {
  readonly #spec: Bottleneck;
  readonly #slotSeconds: number;
  readonly #schedule: PollSchedule;
  #sampler: BottleneckSampler;
  #drops: QueueDrops;
  #questions: Question[] = [];
  #attached = false;
  #lastPollAt = Number.NEGATIVE_INFINITY;

  constructor(spec: Bottleneck, slotSeconds: number) {
    this.#spec = spec;
    this.#slotSeconds = slotSeconds;
    this.#schedule = new PollSchedule(seconds(slotSeconds));
    this.#sampler = new BottleneckSampler(spec);
    this.#drops = new QueueDrops(spec.egressPort);
  }

  /** smallest round trip of the last seconds to this switch */
  get roundTripSeconds(): number {
    return this.#sampler.roundTripSeconds;
  }

  /** `everySlots`: 1, or more where nobody waits for the counters. True: a question was sent. */
  run(turn: Turn, session: Session | undefined, everySlots: number): boolean {
    this.#attached = session !== undefined;
    if (session === undefined) this.#forgetQuestions();
    else if (turn.now >= this.#pollAt(everySlots) && this.#schedule.due(turn.now)) {
      this.#poll(turn, session);
      return true;
    }
    return false;
  }

  nextDeadline(everySlots: number): number {
    return this.#attached ? this.#pollAt(everySlots) : Number.POSITIVE_INFINITY;
  }

  #pollAt(everySlots: number): number {
    const due = this.#schedule.nextDue();
    return everySlots === 1 ? due : Math.max(due, this.#lastPollAt + everySlots * this.#slotSeconds);
  }

  /** Queue first: when the ports' answer is complete, the drops of the same instant are there. */
  #poll(turn: Turn, session: Session): void {
    this.#schedule.sent(turn.now);
    this.#lastPollAt = turn.now;
    const deadline = answerLimitSeconds(this.#slotSeconds);
    const port_no = this.#spec.egressPort;
    const queues = session.request(
      { type: 'multipart_request', mp_type: 'queue', flags: 0, body: { port_no, queue_id: allQueues } },
      deadline,
      turn.now,
    );
    const ports = session.request(
      { type: 'multipart_request', mp_type: 'port_stats', flags: 0, body: { port_no: allPorts } },
      deadline,
      turn.now,
    );
    this.#questions.push({ ports, queues, sentAt: turn.now });
  }

  /** `ours`: the event answered a question of these counters. */
  onEvent(turn: Turn, event: SessionEvent): { readonly ours: boolean; readonly observation?: Observation } {
    if (event.kind !== 'samples' && event.kind !== 'failed') return { ours: false };
    const question = this.#questions.find((q) => q.ports === event.xid || q.queues === event.xid);
    if (question === undefined) return { ours: false };
    if (event.xid === question.queues) {
      // A switch without queue statistics still has ports.
      if (event.kind === 'samples') this.#sampler.addQueueDrops(this.#drops.onQueueStats(event));
      return { ours: true };
    }
    const observation =
      event.kind === 'samples' ? this.#sampler.onPortStats(event, question.sentAt, turn.now) : undefined;
    if (event.kind === 'samples' && event.more) return { ours: true };
    this.#questions = this.#questions.filter((q) => q !== question);
    this.#schedule.answered();
    this.#schedule.roundTripIs(this.#sampler.roundTripSeconds);
    return observation === undefined ? { ours: true } : { ours: true, observation };
  }

  #forgetQuestions(): void {
    this.#questions = [];
    this.#schedule.forget();
  }

  /** The switch is gone: its counters may start anew. */
  switchLost(): void {
    this.#forgetQuestions();
    this.#sampler = new BottleneckSampler(this.#spec);
    this.#drops = new QueueDrops(this.#spec.egressPort);
  }
}
