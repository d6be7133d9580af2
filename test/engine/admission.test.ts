import { describe, expect, it } from 'vitest';
import type { MigrationRequest } from '../../src/engine/input.js';
import { type MigrationPreview, planText } from '../../src/engine/migration-preview.js';
import { flowModOf, type Rule } from '../../src/network/rules.js';
import { parseMac } from '../../src/openflow/address.js';
import type { Action } from '../../src/openflow/index.js';
import { shippedTopology } from '../network/support/topologies.js';
import { Rig, type RigOptions, smallTopology } from './rig.js';

const quiet = (options: Partial<RigOptions> = {}): Rig => new Rig({ seed: 1, ...options }).settle(1);

/** Asks and expects a refusal that leaves no trace. */
function expectRefusal(rig: Rig, wanted: Partial<MigrationRequest>, slug: string, status: number): unknown {
  const before = rig.dumps();
  const records = rig.harness.journal.length;
  const answer = rig.answer(rig.migrate(wanted).request);
  expect(answer).toMatchObject({ ok: false, problem: { slug, status } });
  if (answer.ok) return undefined;
  expect(answer.problem.title).not.toBe('');
  expect(answer.problem.detail).toMatch(/\w.*\.$/);
  expect(rig.harness.journal).toHaveLength(records);
  expect(rig.dumps()).toEqual(before);
  return answer.problem.extra;
}

describe('a request that cannot be', () => {
  it.each<[string, number, Partial<MigrationRequest>, string[]]>([
    ['unknown-vm', 404, { vm: 'vm9', destination: 'hyp-b' }, ['/vm']],
    ['unknown-destination', 409, { destination: 'hyp-z' }, ['/destination']],
    ['unknown-destination', 409, { destination: 'user-b' }, ['/destination']],
    ['same-location', 409, { destination: 'hyp-a' }, ['/destination']],
    ['same-location', 409, { destination: 'a' }, ['/destination']],
    ['source-mismatch', 409, { source: 'hyp-b' }, ['/source']],
    ['source-mismatch', 409, { source: 'b' }, ['/source']],
    ['mode-not-supported', 422, { mode: 'postcopy' }, []],
    ['mode-not-supported', 422, { mode: 'hybrid' }, []],
    ['mode-not-supported', 422, { disk: 'mirror' }, []],
    ['deadline-infeasible', 409, { deadlineSeconds: 0.1 }, ['/deadlineSeconds']],
  ])('is refused: %s (%d), %j', (slug, status, wanted, pointers) => {
    const rig = quiet();
    const answer = rig.answer(rig.migrate(wanted).request);
    expect(answer.ok ? [] : (answer.problem.errors ?? []).map(({ pointer }) => pointer)).toEqual(pointers);
    expectRefusal(rig, wanted, slug, status);
    expectRefusal(rig, { ...wanted, dryRun: true }, slug, status);
    expect(rig.leftovers([])).toEqual([]);
  });

  it('is refused when a switch or an agent is away, and taken when it is back', () => {
    const rig = quiet();
    rig.harness.dropConnection('gw-b');
    expectRefusal(rig, {}, 'site-unreachable', 409);
    rig.settle(2);
    rig.harness.dropAgent('hyp-b', 1);
    rig.settle(0.1);
    expectRefusal(rig, {}, 'site-unreachable', 409);
    rig.settle(2);
    const { request, id } = rig.migrate({ source: 'a', destination: 'b' });
    expect(rig.answer(request)).toMatchObject({ ok: true, body: { source: 'hyp-a', destination: 'hyp-b' } });
    rig.finish(id);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('is refused when packets are too large for a link, and says which and by how much', () => {
    const topology = smallTopology();
    const small = (name: string) => ({
      ...topology,
      links: topology.links.map((l) => (l.name === name ? { ...l, mtuBytes: 1400 } : l)),
    });
    const rig = quiet({ topology: small('wan') });
    const facts = { link: 'wan', linkMtuBytes: 1400, neededBytes: 1500, packetsOf: 'stream' };
    expect(expectRefusal(rig, {}, 'mtu-too-small', 409)).toEqual(facts);
    expect(expectRefusal(rig, { dryRun: true }, 'mtu-too-small', 409)).toEqual(facts);
    expect(rig.harness.view!.links.map((l) => l.mtuBytes)).toEqual([1400, 1500, 1500, 1500]);
    // The circuit carries nothing of either at the moment.
    const dark = quiet({ topology: small('circuit') });
    expect(dark.answer(dark.migrate({ dryRun: true }).request)).toMatchObject({ ok: true });
  });

  it('is refused inside a site, where no queue would set its rate', () => {
    const topology = { ...shippedTopology('fat-tree-4'), traffic: [] };
    const rig = quiet({ topology });
    expectRefusal(rig, { vm: 'vm3', destination: 'h12' }, 'same-location', 409);
    const away = rig.answer(rig.migrate({ vm: 'vm1', destination: 'hyp-far', dryRun: true }).request);
    expect(away).toMatchObject({ ok: true });
  });

  it('is taken with a warning when only a detour is too small', () => {
    const three = shippedTopology('three-site');
    const topology = {
      ...three,
      traffic: [],
      links: three.links.map((l) => (l.name === 'ac' ? { ...l, mtuBytes: 1400 } : l)),
    };
    const rig = quiet({ topology });
    const answer = rig.answer(rig.migrate({ destination: 'hyp-b', dryRun: true }).request);
    expect(answer).toMatchObject({
      ok: true,
      body: {
        warnings: ['the memory stream', 'vm1'].map((whose) =>
          expect.stringContaining(`when another link fails, packets of ${whose} may come to link ac`),
        ),
      },
    });
  });

  it('is refused while the machine is moving', () => {
    const rig = quiet();
    const first = rig.migrate();
    // Even before the acceptance is durable.
    const second = rig.migrate();
    expect(rig.answer(second.request)).toMatchObject({
      ok: false,
      problem: { slug: 'vm-busy', status: 409 },
    });
    rig.settle(0.4);
    expectRefusal(rig, {}, 'vm-busy', 409);
    rig.finish(first.id);
    expect(rig.view(first.id)?.state).toBe('completed');
    expect(rig.leftovers([first.id])).toEqual([]);
  });

  it('is refused with the earliest deadline that it could have', () => {
    const rig = quiet({ topology: smallTopology({ memoryBytes: 150_000_000, traffic: true }) }).settle(2);
    const extra = expectRefusal(rig, { deadlineSeconds: 5 }, 'deadline-infeasible', 409);
    const { earliestDeadlineSeconds: earliest } = extra as { earliestDeadlineSeconds: number };
    // 150 MB at 50 Mbit/s take 24 s without anybody else.
    expect(earliest).toBeGreaterThan(24);
    expect(earliest).toBeLessThan(300);
    expectRefusal(rig, { deadlineSeconds: earliest - 1 }, 'deadline-infeasible', 409);
    const dry = rig.answer(rig.migrate({ deadlineSeconds: earliest + 1, dryRun: true }).request);
    expect(dry).toMatchObject({ ok: true, body: { admitted: true } });
    // A cap below the rate at which memory is dirtied: no deadline at all.
    const never = { deadlineSeconds: 1000, maxBandwidthBytesPerSecond: 100_000 };
    expect(expectRefusal(rig, never, 'deadline-infeasible', 409)).toEqual({ earliestDeadlineSeconds: null });
  });
});

describe('a dry run', () => {
  it('says what would happen and changes nothing', () => {
    const rig = quiet();
    const before = rig.dumps();
    const { request, id } = rig.migrate({ dryRun: true, deadlineSeconds: 100 }, { key: 'k', digest: 'd' });
    expect(rig.answer(request)).toMatchObject({
      ok: true,
      body: { admitted: true, source: 'hyp-a', destination: 'hyp-b' },
    });
    rig.settle(1);
    expect(rig.view(id)).toBeUndefined();
    expect(rig.harness.journal).toEqual([]);
    expect(rig.dumps()).toEqual(before);
    expect(rig.commands('prepare-incoming')).toBe(0);
    // A dry run does not use up the key.
    const real = rig.migrate({}, { key: 'k', digest: 'other' });
    expect(rig.answer(real.request).ok).toBe(true);
    rig.finish(real.id);
    expect(rig.leftovers([real.id])).toEqual([]);
  });
});

describe('the plan of a dry run', () => {
  it('names the rules that then come and go, to the letter', () => {
    const rig = quiet();
    const lines = () =>
      rig.topology.switches.flatMap(({ name }) => rig.rules(name).map((rule) => `${name} ${planText(rule)}`));
    const before = new Set(lines());
    const answer = rig.answer(rig.migrate({ dryRun: true, deadlineSeconds: 100 }).request);
    const { rules, path, predictedFinish } = (answer as { body: MigrationPreview }).body;
    expect(path).toMatchObject({
      links: ['up-a', 'wan', 'up-b'],
      switches: ['hv-a', 'gw-a', 'gw-b', 'hv-b'],
    });
    expect(Date.parse(predictedFinish ?? '')).toBeGreaterThan(0);
    const planned = (when: string, change: string) =>
      rules.filter((r) => r.when === when && r.change === change).map((r) => `${r.switch} ${r.rule}`);

    const { id } = rig.migrate({ deadlineSeconds: 100 });
    rig.harness.runWhile(() => rig.step(id) !== 'running', rig.now + 5, 0.002);
    rig.settle(0.2);
    expect(rig.step(id)).toBe('running');
    const during = new Set(lines());
    expect(planned('transfer', 'add').length).toBeGreaterThan(0);
    expect([...during].filter((line) => !before.has(line)).sort()).toEqual(planned('transfer', 'add').sort());
    rig.finish(id);
    const after = new Set(lines());
    expect(planned('switchover', 'add').length).toBeGreaterThan(0);
    expect([...after].filter((line) => !before.has(line)).sort()).toEqual(
      planned('switchover', 'add').sort(),
    );
    const gone = [...before].filter((line) => !after.has(line));
    for (const line of planned('switchover', 'delete')) expect(gone).toContain(line);
  });
});

describe('state of connections on the path', () => {
  const track: Action = {
    type: 'nx_ct',
    flags: 1,
    zone_src: 0,
    zone: 5,
    recirc_table: 255,
    alg: 0,
    actions: [{ type: 'nx_nat', flags: 1, range_present: 0 }],
  };
  const tracking = (mac: string): Rule => ({
    tableId: 7,
    priority: 9,
    match: [
      { field: 'eth_dst', value: parseMac(mac) },
      { field: 'eth_src', value: parseMac('02:00:00:00:09:08') },
    ],
    instructions: [{ type: 'apply_actions', actions: [track] }],
    cookie: 0x1234n,
    hardTimeoutSeconds: 0,
  });

  it.each([
    { of: 'the machine', mac: '02:00:00:00:01:01', warned: 1 },
    { of: 'somebody else', mac: '02:00:00:00:09:09', warned: 0 },
  ])('is named when it is of $of: $warned times', ({ mac, warned }) => {
    const rig = quiet();
    rig.simulation.switches.get('gw-a')!.tables.apply(flowModOf(tracking(mac), 'add'), rig.now);
    rig.settle(31);
    const dry = rig.answer(rig.migrate({ dryRun: true }).request) as { body: { warnings: string[] } };
    expect(dry.body.warnings).toHaveLength(warned);
    if (warned > 0)
      expect(dry.body.warnings[0]).toMatch(/^gw-a keeps state of connections .* vm1: ct, nat in table=7/);
    const { id } = rig.migrate();
    rig.settle(1);
    const told = rig.harness.view!.events.filter((e) => e.what === 'admitted with a warning');
    expect(told).toHaveLength(warned);
    expect(rig.view(id)).toBeDefined();
  });
});

describe('an Idempotency-Key', () => {
  it('gives the same migration again, refuses another body, and outlives the process', () => {
    const rig = quiet();
    const first = rig.migrate({}, { key: 'k', digest: 'd' });
    const body = (request: number): unknown => {
      const answer = rig.answer(request);
      return answer.ok ? (answer.body as { id: string }).id : answer.problem.slug;
    };
    // The repeat comes before the acceptance is durable, the third when it is running.
    const repeat = rig.migrate({}, { key: 'k', digest: 'd' });
    expect(body(first.request)).toBe(first.id);
    expect(body(repeat.request)).toBe(first.id);
    rig.settle(0.3);
    expect(body(rig.migrate({}, { key: 'k', digest: 'd' }).request)).toBe(first.id);
    const conflict = rig.answer(rig.migrate({}, { key: 'k', digest: 'e' }).request);
    expect(conflict).toMatchObject({ ok: false, problem: { slug: 'idempotency-conflict', status: 422 } });
    rig.kill(0.2);
    rig.settle(1);
    expect(body(rig.migrate({}, { key: 'k', digest: 'd' }).request)).toBe(first.id);
    expect(body(rig.migrate({}, { key: 'k', digest: 'e' }).request)).toBe('idempotency-conflict');
    rig.finish(first.id);
    expect(body(rig.migrate({}, { key: 'k', digest: 'd' }).request)).toBe(first.id);
    expect(rig.view(first.id)?.state).toBe('completed');
    expect(rig.simulation.connections).toHaveLength(1);
    expect(rig.leftovers([first.id])).toEqual([]);
  });
});

describe('a journal that refuses records', () => {
  it('starts nothing: the request and its repeat get a 503, once each', () => {
    const rig = quiet({ harness: { storeSeconds: 0.02 } });
    const before = rig.dumps();
    rig.harness.storeFailure = 'disk full';
    const first = rig.migrate({}, { key: 'k', digest: 'd' });
    const repeat = rig.migrate({}, { key: 'k', digest: 'd' });
    const cancel = rig.cancel(first.id);
    for (const request of [first.request, repeat.request, cancel])
      expect(rig.answer(request)).toMatchObject({
        ok: false,
        problem: { slug: 'store-failed', status: 503 },
      });
    rig.settle(2);
    expect(rig.view(first.id)).toBeUndefined();
    expect(rig.commands('prepare-incoming')).toBe(0);
    expect(rig.dumps()).toEqual(before);
    expect(rig.leftovers([first.id])).toEqual([]);
    // The disk has room again: the same key starts a migration.
    rig.harness.storeFailure = undefined;
    const second = rig.migrate({}, { key: 'k', digest: 'd' });
    expect(rig.answer(second.request).ok).toBe(true);
    rig.finish(second.id);
    expect(rig.view(second.id)?.state).toBe('completed');
    expect(rig.leftovers([second.id])).toEqual([]);
  });

  it('on the way of a migration holds it up, and no step is taken that is not written', () => {
    for (const afterSeconds of [0.005, 0.2, 1]) {
      const rig = quiet();
      const { id } = rig.migrate();
      rig.harness.runUntil(rig.now + afterSeconds);
      rig.harness.storeFailure = 'disk full';
      const written = rig.harness.journal.length;
      rig.harness.runUntil(rig.now + 3);
      expect(rig.harness.journal).toHaveLength(written);
      const last = rig.harness.journal.at(-1)!.entry;
      expect(rig.step(id)).toBe('step' in last ? last.step : 'accepted');
      rig.harness.storeFailure = undefined;
      rig.finish(id);
      expect(rig.view(id)?.state, `after ${afterSeconds} s`).toBe('completed');
      expect(rig.view(id)?.failureReason).toBeNull();
      expect(rig.leftovers([id]), `after ${afterSeconds} s`).toEqual([]);
    }
  });
});
