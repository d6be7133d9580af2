import { describe, expect, it } from 'vitest';
import type { SystemViewJson } from '../../../src/api/schemas/index.js';
import { explainMigration, type Limit } from '../../../src/api/words/migration-explanation.js';
import { forcedNote } from '../../../src/engine/migration-words.js';
import type { BottleneckView, CircuitView, MigrationView } from '../../../src/engine/view.js';
import { bottleneckView, circuitView, migrationOf, switchView, viewOf } from '../fake-application.js';

const copy = {
  passes: [{ bottleneck: 'gw-a:wan', priceBytes: 3e5 }],
  meanGrantedBitsPerSecond: 20e6,
  circuitBitsPerSecond: 0,
  measuredBitsPerSecond: 19e6,
  waitsFor: null,
};
const service: NonNullable<MigrationView['service']> = {
  weight: 1,
  plannedBitsPerSecond: null,
  debtBytes: '0',
  debtLimitBytes: '0',
  plannedBytes: '0',
  sentBytes: '0',
  deadlineLight: null,
  promisedFinish: null,
  advice: 'none',
  cutOver: null,
  rungs: [],
};
const planned = { ...service, plannedBitsPerSecond: 16e6, debtLimitBytes: '4000000' };
const running = (change: Partial<MigrationView> = {}): MigrationView =>
  migrationOf({ step: 'running', copy, service, ...change });

interface World {
  readonly bottleneck?: Partial<BottleneckView>;
  readonly others?: readonly MigrationView[];
  readonly more?: Partial<SystemViewJson>;
}
/** With a circuit that has nothing to say. */
const world = (m: MigrationView, { bottleneck, others = [], more = {} }: World = {}): SystemViewJson =>
  viewOf({
    migrations: [m, ...others],
    bottlenecks: [bottleneckView(bottleneck)],
    circuits: [],
    switches: ['a', 'b', 'c'].map((site) => switchView({ name: `gw-${site}`, site })),
    hosts: ['a', 'b'].map((site) => ({
      name: `hyp-${site}`,
      role: 'hypervisor',
      site,
      switch: `hv-${site}`,
    })),
    ...(more as object),
  });
const explain = (m: MigrationView, around?: World): readonly Limit[] =>
  explainMigration(world(m, around), m.id)!;

const share: Limit = {
  kind: 'bottleneck',
  sentence:
    'It gets what is left at gw-a:wan: of 50.0 Mbit/s others take 20.0 Mbit/s, the law grants 28.0 Mbit/s to migrations, and it has all of it.',
};

describe('a step that waits', () => {
  const agents = { ...copy, waitsFor: 'the agent of hyp-b is not connected' };
  const unread = { ...copy, waitsFor: 'rules are not read back: gw-b' };
  it.each<[Partial<MigrationView>, Limit]>([
    [
      { step: 'accepted' },
      {
        kind: 'journal',
        sentence: 'It was admitted and waits until its record is durable; nothing is moved before that.',
      },
    ],
    [
      { step: 'preparing', copy: agents },
      {
        kind: 'agents',
        sentence:
          'hyp-b is being made ready to receive, and the rules of the copy are being installed (the agent of hyp-b is not connected).',
      },
    ],
    [
      { step: 'starting', copy: { ...copy, waitsFor: 'the agents say none and incoming' } },
      {
        kind: 'first-byte',
        sentence: 'hyp-a was told to send and has not begun to (the agents say none and incoming).',
      },
    ],
    [
      { step: 'redirecting', copy: unread },
      {
        kind: 'drain',
        sentence:
          'Its packets are being turned to hyp-b, and what is still on the old way is waited for (rules are not read back: gw-b).',
      },
    ],
    [
      { step: 'stopping' },
      {
        kind: 'last-round',
        sentence:
          'The machine stands still while its last 100.0 MB are sent at 20.0 Mbit/s; it was agreed that this takes 300.0 ms at most.',
      },
    ],
    [
      { step: 'flipping', copy: unread },
      {
        kind: 'rules',
        sentence:
          'The machine runs at hyp-b; every switch is being told its new place (rules are not read back: gw-b).',
      },
    ],
    [
      { step: 'flipping', mode: 'hybrid' },
      {
        kind: 'post-copy',
        sentence:
          'The machine runs at hyp-b already (post-copy) and fetches the 100.0 MB that are still at hyp-a, at 20.0 Mbit/s.',
      },
    ],
    [
      { step: 'cleaning' },
      {
        kind: 'read-back',
        sentence:
          'The machine runs at hyp-b; the rules of the copy are being removed, and switches are read to see that none is left.',
      },
    ],
    [
      { step: 'cancelling', copy: agents },
      {
        kind: 'put-back',
        sentence:
          'It is being cancelled: everything is put back and the machine stays at hyp-a (the agent of hyp-b is not connected).',
      },
    ],
    [
      { step: 'failing', failureReason: 'no byte was moved for 60 s' },
      {
        kind: 'put-back',
        sentence: 'It failed (no byte was moved for 60 s), and what it has done is being put back.',
      },
    ],
  ])('%j', (change, limit) => {
    expect(explain(running(change))).toEqual([limit]);
  });
});

describe('the gate before the machine is stopped', () => {
  const staging = (
    cutOver: NonNullable<MigrationView['service']>['cutOver'],
    waitsFor: string | null = null,
  ) => explain(running({ step: 'staging', copy: { ...copy, waitsFor }, service: { ...service, cutOver } }));
  const closed = (reason: string) => ({ open: false, downtimeMs: 812, reason });
  it.each<[string, readonly Limit[], Limit]>([
    [
      'rules',
      staging(null, 'rules are not acknowledged'),
      {
        kind: 'rules',
        sentence:
          'What is left fits into the downtime; the rules of the new place are being staged (rules are not acknowledged).',
      },
    ],
    [
      'queue that has to drain',
      staging(null),
      {
        kind: 'drain',
        sentence:
          'What is left fits into the downtime; all who send through its queue are held back until that queue is empty.',
      },
    ],
    [
      'open',
      staging({ open: true, downtimeMs: 41, reason: 'open' }),
      { kind: 'drain', sentence: 'The cut-over gate is open; the machine is about to be stopped.' },
    ],
    [
      'limit below what the way takes',
      staging(closed('limit-below-fixed')),
      {
        kind: 'gate',
        sentence:
          'The cut-over gate is closed: stopped now, the machine would see 812.0 ms of downtime, and 300.0 ms were agreed. The way alone takes as long as the whole downtime that was agreed: a larger downtimeLimitMs is needed.',
      },
    ],
    [
      'queue',
      staging(closed('queue')),
      {
        kind: 'gate',
        sentence:
          "The cut-over gate is closed: stopped now, the machine would see 812.0 ms of downtime, and 300.0 ms were agreed. Too much stands in the queues of its way, and its last round would wait behind others' packets.",
      },
    ],
    [
      'rest, without end',
      staging({ open: false, downtimeMs: -1, reason: 'rest-too-large' }),
      {
        kind: 'gate',
        sentence:
          'The cut-over gate is closed: stopped now, the machine would see a downtime without end, and 300.0 ms were agreed. What is left is too much for the rate that is kept for the last round; another round makes it less.',
      },
    ],
  ])('%s', (_name, limits, limit) => {
    expect(limits).toEqual([limit]);
  });
});

it('who insists does not wait for the gate', () => {
  const note = {
    state: 'switchover',
    step: 'staging',
    at: '2026-01-01T00:00:06.500Z',
    note: forcedNote,
  } as const;
  const cutOver = { open: false, downtimeMs: 812, reason: 'rest-too-large' };
  const m = running({ step: 'staging', phaseTransitions: [note], service: { ...service, cutOver } });
  expect(explain(m)).toEqual([
    {
      kind: 'forced',
      sentence:
        'It ends by force: the machine is stopped with whatever is left (100.0 MB) as soon as the rules of its new place are staged and its queue is empty.',
    },
  ]);
  expect(explain({ ...m, step: 'stopping' })).toEqual([
    {
      kind: 'last-round',
      sentence:
        'The machine stands still while its last 100.0 MB are sent at 20.0 Mbit/s; it was stopped by force, however long that takes.',
    },
  ]);
});

describe('an end', () => {
  const endedAt = '2026-01-01T00:01:00.000Z';
  it.each<[Partial<MigrationView>, string]>([
    [
      { step: 'completed' },
      'The machine runs at hyp-b: it completed at 2026-01-01T00:01:00.000Z; nothing limits it any more.',
    ],
    [
      { step: 'cancelled' },
      'The machine runs at hyp-a: it was cancelled at 2026-01-01T00:01:00.000Z; nothing limits it any more.',
    ],
    [
      { step: 'failed', failureReason: 'a switch was lost' },
      'It failed (a switch was lost) at 2026-01-01T00:01:00.000Z; nothing limits it any more.',
    ],
  ])('%j', (change, sentence) => {
    expect(explain(running({ endedAt, ...change }))).toEqual([{ kind: 'ended', sentence }]);
  });
});

describe('the packet path', () => {
  it('grants what is left at the bottleneck', () => {
    expect(explain(running())).toEqual([share]);
  });
  it('is not said to have less than no traffic of others', () => {
    const [limit] = explain(running(), { bottleneck: { crossBitsPerSecond: -36_200 } });
    expect(limit!.sentence).toContain('others take 0 bit/s,');
  });
  it('is limited where a byte per second is worth the most', () => {
    const passes = [
      { bottleneck: 'gw-a:wan', priceBytes: 10 },
      { bottleneck: 'gw-m:wan2', priceBytes: 11 },
      { bottleneck: 'gw-n:gone', priceBytes: 12 },
    ];
    const bottlenecks = [bottleneckView(), bottleneckView({ id: 'gw-m:wan2', commandedBitsPerSecond: 21e6 })];
    const limits = explain(running({ copy: { ...copy, passes } }), { more: { bottlenecks } });
    expect(limits.map(({ sentence }) => sentence)).toEqual([
      'It gets what is left at gw-m:wan2, the scarcest of the 2 bottlenecks on its way: of 50.0 Mbit/s others take 20.0 Mbit/s, the law grants 21.0 Mbit/s to migrations, and it has all of it.',
    ]);
  });
  it('is shared by weight, and those go first who are further behind', () => {
    const others = [
      running({ id: 'm-2' }),
      running({ id: 'm-3', service: { ...planned, debtBytes: '2500000', deadlineLight: 'kept' } }),
      running({ id: 'm-4', copy: { ...copy, passes: [] } }),
    ];
    const limits = explain(running({ service: { ...service, weight: 3 }, grantedBitsPerSecond: 9e6 }), {
      others,
    });
    expect(limits.map(({ sentence }) => sentence)).toEqual([
      'It gets what is left at gw-a:wan: of 50.0 Mbit/s others take 20.0 Mbit/s, the law grants 28.0 Mbit/s to migrations, and with weight 3 beside m-2, m-3 it has 9.0 Mbit/s of it.',
      'At gw-a:wan those go first who are further behind the plans of their deadlines: m-3 (2.5 MB).',
    ]);
  });
  it('where nobody pays, is limited where it is narrowest', () => {
    const passes = ['gw-a:wan', 'gw-m:wan2'].map((bottleneck) => ({ bottleneck, priceBytes: 0 }));
    const bottlenecks = [bottleneckView(), bottleneckView({ id: 'gw-m:wan2', commandedBitsPerSecond: 21e6 })];
    const [limit] = explain(running({ copy: { ...copy, passes } }), { more: { bottlenecks } });
    expect(limit!.sentence).toContain('at gw-m:wan2, the scarcest of the 2 bottlenecks');
  });
  it('has more than is taken of it', () => {
    const split = { migrations: 1, grantedBitsPerSecond: 26e6, splits: 1000, violations: 0 };
    expect(explain(running(), { bottleneck: { split } })).toEqual([
      { kind: 'nothing', sentence: 'Nothing that is known limits it: it copies as fast as it can.' },
    ]);
  });
  it('is down', () => {
    const links = viewOf().links.map((link) => ({ ...link, state: 'down' as const }));
    expect(explain(running(), { more: { links } })[0]).toEqual({
      kind: 'link-down',
      sentence: 'The link wan is down, and with it the way through gw-a:wan.',
    });
  });
  it.each<[Partial<BottleneckView>, string]>([
    [
      { safeReason: 'stale', sampleAgeMs: 640 },
      'its counters did not come in time (the newest are 640.0 ms old)',
    ],
    [{ safeReason: 'certificate' }, 'its certificate was contradicted, so the model of this path is wrong'],
    [{ safeReason: 'real-queue' }, 'its queue is longer than the proof allows'],
    [{ safeReason: null }, 'nothing was measured there yet'],
  ])('is in safe mode: %j', (change, because) => {
    const safe = { ...change, safeMode: true, commandedBitsPerSecond: 5e6 };
    expect(explain(running(), { bottleneck: safe })).toEqual([
      {
        kind: 'safe-mode',
        sentence: `gw-a:wan is in safe mode, because ${because}: whoever passes it has the safe rate of 5.0 Mbit/s together, until several slots in a row were good.`,
      },
    ]);
  });
  it('has an elastic neighbour, for which no hypervisor is blamed', () => {
    const slow = { ...copy, measuredBitsPerSecond: 1e6 };
    expect(explain(running({ copy: slow }), { bottleneck: { delayPromiseVoid: true } })).toEqual([
      {
        kind: 'elastic-neighbour',
        sentence:
          'An elastic neighbour fills the queue of gw-a:wan and takes whatever is left to it: migrations compete by their own TCP for their fair share, of which 26.0 Mbit/s get through, and no delay is promised.',
      },
    ]);
  });
  it('has a policer behind it', () => {
    expect(explain(running(), { bottleneck: { policedBitsPerSecond: 30e6 } })).toEqual([
      share,
      {
        kind: 'policed',
        sentence: 'Behind gw-a:wan a policer drops what is above 30.0 Mbit/s; the rate stays below that.',
      },
    ]);
  });
  it('is still being learnt', () => {
    const learnt = { opaque: true, capacityUncertaintyBitsPerSecond: 6e6 };
    expect(explain(running(), { bottleneck: learnt })).toEqual([
      share,
      {
        kind: 'capacity-unknown',
        sentence:
          "The path behind gw-a:wan is a carrier's and still being learnt: its capacity is 50.0 Mbit/s give or take 6.0 Mbit/s, and only what is certain is granted.",
      },
    ]);
    const known = { ...learnt, capacityUncertaintyBitsPerSecond: 5e6 };
    expect(explain(running(), { bottleneck: known })).toEqual([share]);
  });
});

describe('what is not the network', () => {
  it('the cap of the request', () => {
    const capped = running({ maxBandwidthBytesPerSecond: 2.5e6 });
    expect(explain(capped)).toEqual([
      {
        kind: 'own-cap',
        sentence: 'Its request caps it: maxBandwidthBytesPerSecond allows 20.0 Mbit/s, and it has that.',
      },
    ]);
    expect(explain({ ...capped, maxBandwidthBytesPerSecond: 2.7e6 })).toEqual([share]);
  });
  it('the hypervisor, once the means have settled', () => {
    const slow = running({ copy: { ...copy, measuredBitsPerSecond: 13e6 } });
    expect(explain(slow)).toEqual([
      {
        kind: 'hypervisor',
        sentence:
          "The hypervisor of hyp-a brings over 13.0 Mbit/s of the 20.0 Mbit/s that it is granted: its own limit (processor, memory, its connection) holds it back and not the network's.",
      },
    ]);
    const justNow = { state: 'running', step: 'running', at: '2026-01-01T00:00:06.500Z', note: '' } as const;
    expect(explain({ ...slow, phaseTransitions: [justNow] })).toEqual([share]);
    expect(explain({ ...slow, copy: { ...copy, measuredBitsPerSecond: 15e6 } })).toEqual([share]);
  });
  it('the queue that could not be set', () => {
    const slow = running({ copy: { ...copy, measuredBitsPerSecond: 1e6 } });
    expect(explain(slow, { bottleneck: { enforcedBitsPerSecond: 0 } })).toEqual([
      {
        kind: 'queue-not-set',
        sentence:
          "The queue at the switch of hyp-a could not be set to what gw-a:wan grants: the switch's database refuses or does not answer (the log says which).",
      },
    ]);
  });
});

describe('the deadline', () => {
  const sentences = (
    change: Partial<typeof planned> & { deadlineLight: 'kept' | 'at-risk' | 'missed' | 'violated' },
  ) => explain(running({ deadlineSeconds: 60, service: { ...planned, ...change } })).slice(1);
  it('that is kept with nothing owed limits nothing', () => {
    expect(sentences({ deadlineLight: 'kept' })).toEqual([]);
  });
  it.each<[Parameters<typeof sentences>[0], Limit]>([
    [
      { deadlineLight: 'kept', debtBytes: '1500000' },
      {
        kind: 'deadline-debt',
        sentence:
          'It is 1.5 MB behind the plan of its deadline and gets more than its weight until that is made good; up to 4.0 MB the deadline is kept all the same.',
      },
    ],
    [
      { deadlineLight: 'at-risk', debtBytes: '5500000' },
      {
        kind: 'deadline-debt',
        sentence:
          'It is 5.5 MB behind the plan of its deadline, more than the 4.0 MB that the time kept back makes good: the deadline is at risk, and it goes before all who are less behind.',
      },
    ],
    [
      { deadlineLight: 'at-risk', plannedBitsPerSecond: 0 },
      { kind: 'deadline-missed', sentence: 'No rate of its way can keep its deadline any more.' },
    ],
    [
      { deadlineLight: 'missed' },
      {
        kind: 'deadline-missed',
        sentence: 'Its deadline is over; it goes on, with its weight alone and no plan.',
      },
    ],
    [
      { deadlineLight: 'violated' },
      {
        kind: 'deadline-debt',
        sentence:
          'It was sent less than its plan and its debt say together: the account of its deadline does not hold.',
      },
    ],
  ])('%j', (change, limit) => {
    expect(sentences(change)).toEqual([limit]);
  });
});

describe('a copy that does not converge', () => {
  const fast = { dirtyBytesPerSecond: 3e6, round: 3 };
  it.each([
    ['none', ''],
    ['more-rate', ' A larger share of its way would be enough.'],
    ['circuit', ' With a circuit it would.'],
    ['throttle', ' It would if its hypervisor slowed the machine down.'],
    ['post-copy', ' Post-copy would end it.'],
    ['refuse', ' Nothing that is allowed would change that.'],
  ] as const)('%s', (advice, more) => {
    expect(explain(running({ ...fast, service: { ...service, advice } })).slice(1)).toEqual([
      {
        kind: 'not-converging',
        sentence: `The copy does not converge: in round 3 the machine writes to its memory at 24.0 Mbit/s, and the copy has 20.0 Mbit/s.${more}`,
      },
    ]);
  });
  it('is not said before a round has ended', () => {
    expect(explain(running({ ...fast, round: 1 }))).toEqual([share]);
  });
});

describe('a circuit between its sites', () => {
  const ends = ['gw-a', 'gw-b'];
  const about = (change: Partial<CircuitView>): readonly Limit[] =>
    explain(running({ copy: { ...copy, circuitBitsPerSecond: 80e6 } }), {
      more: { circuits: [circuitView({ ends, ...change })] },
    }).slice(1);
  it.each<[Partial<CircuitView>, Limit['kind'], string]>([
    [
      { state: 'signalling' },
      'circuit-set-up',
      'The circuit circuit was ordered at 2026-01-01T00:00:09.000Z and is being set up, which takes 2.1 s; until then the packet path carries all.',
    ],
    [
      { state: 'up', carries: false },
      'circuit-set-up',
      'The circuit circuit is up, and waits for probes to come through before traffic is put on it.',
    ],
    [
      { state: 'up', carries: true },
      'circuit-carries',
      'The circuit circuit carries 80.0 Mbit/s of it beside the packet path; it could carry 100.0 Mbit/s.',
    ],
    [
      { state: 'down-unknown', reason: 'no answer', providerProblem: 'timeout: no answer within 5 s' },
      'circuit-lost',
      'The provider of the circuit circuit does not say how it is (timeout: no answer within 5 s); the packet path carries all.',
    ],
    [
      { state: 'failing', reason: 'no signal' },
      'circuit-lost',
      'The circuit circuit failed (no signal); the packet path carries all.',
    ],
    [{ state: 'releasing' }, 'circuit-dark', 'The circuit circuit is being released (idle).'],
    [
      { state: 'dark', advice: 'setup-takes-longer' },
      'circuit-dark',
      'The circuit circuit stays dark: setting it up would take longer than the rest of the copy.',
    ],
    [
      { state: 'dark', advice: 'not-worth-it' },
      'circuit-dark',
      'The circuit circuit stays dark: what it would save is worth less than it costs.',
    ],
    [
      { state: 'dark', advice: 'failed' },
      'circuit-dark',
      'The circuit circuit stays dark: it failed a short time ago.',
    ],
    [
      { state: 'dark', providerProblem: 'refused: maintenance' },
      'circuit-lost',
      'The circuit circuit cannot be had: its provider does not answer (refused: maintenance).',
    ],
  ])('%j', (change, kind, sentence) => {
    expect(about(change)).toEqual([{ kind, sentence }]);
  });
  it('says nothing where nobody would use it, and nothing of other sites', () => {
    expect(about({ state: 'dark', advice: 'idle' })).toEqual([]);
    expect(about({ state: 'up', carries: true, ends: ['gw-a', 'gw-x'] })).toEqual([]);
    expect(about({ state: 'up', carries: true, ends: ['gw-a', 'gw-a'] })).toEqual([]);
    expect(about({ state: 'up', carries: true, ends: ['gw-a', 'gw-c'] })).toEqual([]);
    expect(about({ state: 'up', carries: true, ends: ['gw-c', 'gw-b'] })).toEqual([]);
  });
});

it('a migration that the view does not have is not explained', () => {
  expect(explainMigration(viewOf(), 'm-1')).toBeUndefined();
});
it('without knowledge of its copy it says so', () => {
  expect(explain(migrationOf({ step: 'running' }))).toEqual([
    { kind: 'unknown', sentence: 'Nobody has said how its copy goes, so what limits it is not known.' },
  ]);
});
