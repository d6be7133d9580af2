import type { EngineConfig } from '../../src/engine/config.js';
import { Engine } from '../../src/engine/engine.js';
import type { Input } from '../../src/engine/input.js';
import { Migration } from '../../src/engine/migration.js';
import { MigrationDesk } from '../../src/engine/migration-desk.js';
import type { Output } from '../../src/engine/output.js';
import { Redirection } from '../../src/engine/redirection.js';
import { RuleKeeper } from '../../src/engine/rule-keeper.js';
import { transitions } from '../../src/migration/index.js';
import { type Step, stepLimitSeconds } from '../../src/migration/life-cycle.js';
import { parseCookie } from '../../src/network/cookie.js';
import { RoleClaim } from '../../src/session/role-claim.js';
import { Transaction } from '../../src/session/transaction.js';
import type { InvariantName } from '../../src/simulator/chaos/invariants.js';
import type { WorldOptions } from '../../src/simulator/chaos/world.js';
import type { EngineLike } from '../../src/simulator/engine-harness.js';

/** A safety rule that is broken on purpose: the invariants must see it in some world. */
export interface Mutation {
  readonly name: string;
  /** what is not done any more */
  readonly breaks: string;
  /** one of these must be violated */
  readonly expects: readonly InvariantName[];
  /** faults that help to see it; undefined: all */
  readonly kinds?: WorldOptions['kinds'];
  /** the first world of seed 1 that is looked at: those before it were seen to show nothing; default 0 */
  readonly from?: number;
  /** breaks it; the function returned mends it again */
  plant(): () => void;
  readonly createEngine?: (config: EngineConfig) => EngineLike;
}

type Methods = Record<string, (...args: never[]) => unknown>;

/** Puts another method in the place of one; `original` is bound to the object at each call. */
function replaceMethod<T extends object>(
  prototype: T,
  name: keyof T & string,
  make: (original: (self: T, ...args: unknown[]) => unknown) => (self: T, ...args: unknown[]) => unknown,
): () => void {
  const methods = prototype as unknown as Methods;
  const original = methods[name] as (...args: unknown[]) => unknown;
  const replacement = make((self, ...args) => original.apply(self, args));
  methods[name] = function (this: T, ...args: unknown[]) {
    return replacement(this, ...args);
  } as never;
  return () => {
    methods[name] = original as never;
  };
}

/** Between the process and the engine. */
class Shim implements EngineLike {
  private readonly engine: EngineLike;
  private readonly change: (engine: EngineLike, input: Input, now: number) => Output[];

  constructor(config: EngineConfig, change: Shim['change']) {
    this.engine = new Engine(config);
    this.change = change;
  }

  step(input: Input, now: number): Output[] {
    return this.change(this.engine, input, now);
  }

  nextWakeup(now: number): number | undefined {
    return this.engine.nextWakeup(now);
  }
}

const nothing = (): void => {};

/** The engine is told that a record is durable as soon as it has written it, and nothing waits for that. */
function withoutFsync(engine: EngineLike, input: Input, now: number): Output[] {
  if (input.kind === 'stored' || input.kind === 'storeFailed') return [];
  const outputs = engine.step(input, now);
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i]!;
    if (output.kind === 'append')
      outputs.push(...engine.step({ kind: 'stored', record: output.record.number }, now));
  }
  return outputs.map((output) => ({ ...output, after: undefined })) as Output[];
}

const emptyRead = (xid: number, mp_type: string): unknown => ({
  kind: 'reply',
  xid,
  message: { type: 'multipart_reply', xid, flags: 0, mp_type, body: [] },
});

type News = ReturnType<RoleClaim['onEvent']>;

/** What the switch says of our role is taken for a yes. */
function believeMaster(wrongly: (news: News) => boolean): () => void {
  const believing = new WeakSet<RoleClaim>();
  const role = Object.getOwnPropertyDescriptor(RoleClaim.prototype, 'role')!;
  Object.defineProperty(RoleClaim.prototype, 'role', {
    configurable: true,
    get(this: RoleClaim) {
      return believing.has(this) ? 'master' : role.get!.call(this);
    },
  });
  const mend = replaceMethod(RoleClaim.prototype, 'onEvent', (original) => (self, event) => {
    const news = original(self, event) as News;
    if (!wrongly(news)) return news;
    const first = !believing.has(self);
    believing.add(self);
    return first && news?.kind === 'stale' ? { kind: 'held', role: 'master' } : undefined;
  });
  return () => {
    mend();
    Object.defineProperty(RoleClaim.prototype, 'role', role);
  };
}

/** The engine does not see the key; the journal still says it. */
function withoutKey(input: Input, keys: Map<string, string | null>): Input {
  if (input.kind !== 'api' || input.command.kind !== 'createMigration') return input;
  keys.set(input.command.id, input.command.idempotencyKey);
  return { ...input, command: { ...input.command, idempotencyKey: null } };
}
function withKey(output: Output, keys: ReadonlyMap<string, string | null>): Output {
  if (output.kind !== 'append' || output.record.entry.kind !== 'migrationAccepted') return output;
  const { record } = output;
  const idempotencyKey = keys.get(output.record.entry.id) ?? null;
  return { ...output, record: { ...record, entry: { ...output.record.entry, idempotencyKey } } };
}

export const mutations: readonly Mutation[] = [
  {
    name: 'skip-fsync',
    breaks: 'a record is on disk before anything follows from it',
    expects: ['I1', 'I5', 'I6', 'I9'],
    plant: () => nothing,
    createEngine: (config) => new Shim(config, withoutFsync),
  },
  {
    name: 'answer-early',
    breaks: 'a request is answered when its record is on disk',
    expects: ['I9'],
    plant: () => nothing,
    createEngine: (config) =>
      new Shim(
        config,
        (engine, input, now) =>
          engine.step(input, now).map((output) => ({ ...output, after: undefined })) as Output[],
      ),
  },
  {
    name: 'commit-after-error',
    breaks: 'a bundle is committed, and a batch counts as done, only without an error',
    expects: ['I15'],
    kinds: ['refuse'],
    plant: () => replaceMethod(Transaction.prototype, 'onError', () => () => false),
  },
  {
    name: 'reconcile-without-flight',
    breaks: 'what running migrations need is part of what a switch is compared with when it comes back',
    expects: ['I10'],
    kinds: ['reset'],
    plant: () =>
      replaceMethod(RuleKeeper.prototype, 'desire', (original) => (self, rules, ...rest) => {
        const all = rules as RuleKeeper['desired'];
        const base = all.filter((rule) => parseCookie(rule.cookie)?.ordinal === 0);
        return original(self, self.acknowledged === -1 ? base : all, ...rest);
      }),
  },
  {
    name: 'failed-read-is-empty',
    breaks: 'a reading that failed says nothing',
    expects: ['I11'],
    kinds: ['failed-read'],
    plant: () =>
      replaceMethod(RuleKeeper.prototype, 'onEvent', (original) => (self, turn, session, event) => {
        const { kind, xid } = event as { kind: string; xid: number };
        if (kind !== 'failed') return original(self, turn, session, event);
        const took = original(self, turn, session, emptyRead(xid, 'flow'));
        return original(self, turn, session, emptyRead(xid, 'group_desc')) || took;
      }),
  },
  {
    name: 'ignore-stale-generation',
    breaks: 'a claim that the switch calls stale is no claim',
    expects: ['I12'],
    kinds: ['stale-claim'],
    plant: () => believeMaster((news) => news?.kind === 'stale'),
  },
  {
    name: 'flip-outwards-in',
    breaks: 'the switch of the destination takes the new place first',
    expects: ['I3'],
    plant: () =>
      replaceMethod(
        MigrationDesk.prototype,
        'flipLevels',
        (original) =>
          (self, ...args) =>
            (original(self, ...args) as string[][]).toReversed(),
      ),
  },
  {
    name: 'stop-on-a-lease',
    breaks: 'the machine is stopped when every switch holds the redirection without its controller',
    expects: ['I15'],
    kinds: ['freeze'],
    plant: () => replaceMethod(Redirection.prototype, 'keep', () => () => undefined),
  },
  {
    name: 'roll-back-after-commit',
    breaks: 'after the commit point the only way is forward',
    expects: ['I5'],
    kinds: ['freeze', 'reboot', 'delay'],
    plant: () => {
      const rows = transitions as { from: Step; on: string; to: Step }[];
      rows.push({ from: 'flipping', on: 'cancelRequested', to: 'cancelling' });
      return () => void rows.pop();
    },
  },
  {
    name: 'wait-for-ever',
    breaks: 'every step has a limit',
    expects: ['I16'],
    kinds: ['agent-gone'],
    from: 9,
    plant: () => {
      const limits = stepLimitSeconds as Record<Step, number>;
      const before = { ...limits };
      for (const step of Object.keys(limits) as Step[]) limits[step] = Number.POSITIVE_INFINITY;
      return () => void Object.assign(limits, before);
    },
  },
  {
    name: 'forget-keys',
    breaks: 'a request with a known Idempotency-Key is the same request',
    expects: ['I6'],
    from: 5,
    plant: () => nothing,
    createEngine: (config) => {
      const keys = new Map<string, string | null>();
      return new Shim(config, (engine, input, now) => {
        const outputs = engine.step(withoutKey(input, keys), now);
        return outputs.map((output) => withKey(output, keys));
      });
    },
  },
  {
    name: 'stop-before-record',
    breaks: 'the machine is told to stop when the step is durable',
    expects: ['I9'],
    plant: () =>
      replaceMethod(Migration.prototype, 'happen', (original) => (self, turn, world, on, note) => {
        original(self, turn, world, on, note);
        const { id, source } = self.facts;
        const { command } = world as { command(t: unknown, host: string, request: unknown): number };
        if (on === 'redirected') command.call(world, turn, source, { execute: 'continue', migration: id });
      }),
  },
];
