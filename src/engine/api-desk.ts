import {
  flowStatsRequest,
  type Message,
  type MultipartRequest,
  OFP_VERSION_10,
  portStatsRequest,
  queueStatsRequest,
  toJson,
} from '../openflow/index.js';
import type { SessionEvent } from '../session/index.js';
import type { ApiCommand, ApiResult, Problem } from './input.js';
import type { MigrationDesk } from './migration-desk.js';
import { problem } from './problem.js';
import { compareWithInstalled } from './rule-comparison.js';
import type { Link, SwitchDesk } from './switch-desk.js';
import type { Turn } from './turn.js';

/** Answers a request, in the turn in which the answer is known; `after`: not before that record is durable. */
export type Reply = (turn: Turn, result: ApiResult, after?: number) => void;

const readDeadlineSeconds = 5;
const all = 0xffffffff;

/** `Omit` over each member of the union. */
type WithoutXid<M> = M extends unknown ? Omit<M, 'xid'> : never;
type RequestBody = WithoutXid<MultipartRequest>;
const head = { type: 'multipart_request', flags: 0 } as const;

type ReadCommand = Extract<ApiCommand, { kind: 'readSwitch' | 'compareRules' }>;

/** Commands from REST: each gets exactly one reply, at once, when a record is durable, or when a switch has answered. */
export class ApiDesk {
  readonly #switches: SwitchDesk;
  readonly #migrations: MigrationDesk;
  readonly #waiting = new Map<string, { readonly request: number; readonly command: ReadCommand }>();

  constructor(switches: SwitchDesk, migrations: MigrationDesk) {
    this.#switches = switches;
    this.#migrations = migrations;
  }

  take(turn: Turn, request: number, command: ApiCommand): void {
    const reply: Reply = (at, result, after) =>
      at.emit({ kind: 'reply', request, result, ...(after === undefined ? {} : { after }) });
    const outdated = this.#outdated(command);
    if (outdated !== undefined) {
      reply(turn, { ok: false, problem: outdated });
      return;
    }
    switch (command.kind) {
      case 'createMigration':
        this.#migrations.create(turn, command, reply);
        return;
      case 'cancelMigration':
        this.#migrations.cancel(turn, command.id, reply);
        return;
      case 'forceComplete':
        this.#migrations.forceComplete(turn, command.id, reply);
        return;
      case 'readSwitch':
      case 'compareRules':
        this.#read(turn, request, command, reply);
        return;
    }
  }

  /** Somebody decided by a state of the migration that is no longer its state. */
  #outdated(command: ApiCommand): Problem | undefined {
    if (!('ifTransitions' in command) || command.ifTransitions === undefined) return undefined;
    const found = this.#migrations.view(command.id);
    if (found === undefined || command.ifTransitions.includes(found.phaseTransitions.length))
      return undefined;
    return problem(
      'precondition-failed',
      412,
      `Migration ${command.id} went on meanwhile: it is in ${found.step}.`,
    );
  }

  #read(turn: Turn, request: number, command: ReadCommand, reply: Reply): void {
    const link = this.#switches.link(command.dpid);
    if (link === undefined) {
      const known = this.#switches.keepers.has(command.dpid);
      reply(turn, {
        ok: false,
        problem: known
          ? problem(
              'switch-not-connected',
              409,
              `Switch ${command.dpid} is in the topology but not connected.`,
            )
          : problem('unknown-switch', 404, `No switch with datapath id ${command.dpid} is connected.`),
      });
      return;
    }
    if (link.session.version === OFP_VERSION_10) {
      const detail = `Switch ${command.dpid} speaks OpenFlow 1.0, of which nothing but packet-ins is used.`;
      reply(turn, { ok: false, problem: problem('switch-read-failed', 502, detail) });
      return;
    }
    const xid = link.session.request(
      requestFor(command.kind === 'readSwitch' ? command.what : 'flows'),
      readDeadlineSeconds,
      turn.now,
      'objects',
    );
    this.#switches.touch(link);
    this.#waiting.set(`${link.connection} ${xid}`, { request, command });
  }

  /** True if the event answered a read of ours. */
  onEvent(turn: Turn, link: Link, event: SessionEvent): boolean {
    if (event.kind !== 'reply' && event.kind !== 'failed') return false;
    const key = `${link.connection} ${event.xid}`;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return false;
    this.#waiting.delete(key);
    const result: ApiResult =
      event.kind === 'reply'
        ? { ok: true, body: this.#bodyOf(waiting.command, event.message) }
        : {
            ok: false,
            problem: problem(
              'switch-read-failed',
              502,
              `Switch ${waiting.command.dpid} did not answer: ${event.reason}.`,
            ),
          };
    turn.emit({ kind: 'reply', request: waiting.request, result });
    return true;
  }

  #bodyOf(command: ReadCommand, message: Message): unknown {
    if (command.kind === 'readSwitch') return (toJson(message) as { body: unknown }).body;
    const flows = message.type === 'multipart_reply' && message.mp_type === 'flow' ? message.body : [];
    return compareWithInstalled(this.#switches.keepers.get(command.dpid)?.desired ?? [], flows);
  }

  switchGone(turn: Turn, link: Link): void {
    for (const [key, waiting] of this.#waiting) {
      if (!key.startsWith(`${link.connection} `)) continue;
      this.#waiting.delete(key);
      const result: ApiResult = {
        ok: false,
        problem: problem(
          'switch-read-failed',
          502,
          `Switch ${waiting.command.dpid} was lost before it answered.`,
        ),
      };
      turn.emit({ kind: 'reply', request: waiting.request, result });
    }
  }
}

/** The session numbers what it sends; the numbers given here are not used. */
function requestFor(what: Extract<ReadCommand, { kind: 'readSwitch' }>['what']): RequestBody {
  switch (what) {
    case 'flows':
      return flowStatsRequest(0);
    case 'ports':
      return portStatsRequest(0);
    case 'queues':
      return queueStatsRequest(0);
    case 'meters':
      return { ...head, mp_type: 'meter', body: { meter_id: all } };
    case 'groups':
      return { ...head, mp_type: 'group', body: { group_id: 0xfffffffc } };
  }
}
