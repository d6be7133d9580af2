import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/engine/journal.js';
import { readTopology } from '../../src/io/topology-file.js';
import type { Message } from '../../src/openflow/index.js';
import { error } from '../session/support/fake-switch.js';
import { DeskRig, emptyConfig, type FarEnd, nothingHeld } from './desk-rig.js';

const topology = readTopology(fileURLToPath(new URL('../../topologies/two-dc.yaml', import.meta.url)));
const config = { ...emptyConfig, topology };
const noGeneration = 0xffff_ffff_ffff_ffffn;
const [nochange, master] = [0, 2];

/** Answers as a switch that knows `generation` and takes every claim. */
function answerRole(rig: DeskRig, end: FarEnd, generation: bigint): { role: number; generation: bigint }[] {
  const asked = end.take('role_request');
  for (const { xid, role, generation_id } of asked)
    rig.say(end, {
      type: 'role_reply',
      xid,
      role: role === nochange ? 1 : role,
      generation_id: role === nochange ? generation : generation_id,
    } as Message);
  return asked.map((m) => ({ role: m.role, generation: m.generation_id }));
}
const reads = (end: FarEnd) => end.take('multipart_request').filter((m) => m.mp_type === 'flow');

describe('a controller that claims its switches', () => {
  it('reads the generation first, has a newer one on disk, claims with it, and only then looks at rules', () => {
    const journal: JournalRecord[] = [];
    const rig = new DeskRig(config, journal);
    const end = rig.join(1n);
    expect(answerRole(rig, end, 41n)).toEqual([{ role: nochange, generation: 0n }]);
    expect(end.heard).toEqual([]);
    expect(rig.appended.map((o) => o.record.entry)).toEqual([{ kind: 'generation', generation: '42' }]);
    rig.store();
    expect(answerRole(rig, end, 41n)).toEqual([{ role: master, generation: 42n }]);
    expect(reads(end)).toHaveLength(1);
    expect(rig.logged('error')).toEqual([]);
    // A second switch that knows less is claimed with the same one.
    const other = rig.join(2n);
    answerRole(rig, other, noGeneration);
    expect(rig.appended).toEqual([]);
    expect(answerRole(rig, other, noGeneration)).toEqual([{ role: master, generation: 42n }]);
    // The next life is above this one even if no switch remembers.
    const next = new DeskRig(config, journal);
    const again = next.join(1n);
    answerRole(next, again, noGeneration);
    next.store();
    expect(answerRole(next, again, noGeneration)).toEqual([{ role: master, generation: 43n }]);
  });

  it('claims nothing while the generation is not on disk, and asks the disk again', () => {
    const rig = new DeskRig(config, []);
    const end = rig.join(1n);
    answerRole(rig, end, 7n);
    rig.store('disk full');
    rig.wait(4);
    expect(end.take('role_request')).toEqual([]);
    expect(reads(end)).toEqual([]);
    expect(rig.logged('error')).toEqual(['no switch can be claimed']);
    expect(rig.appended).toEqual([]);
    rig.wait(2);
    rig.answerEchoes(end);
    expect(rig.appended.map((o) => o.record.entry)).toEqual([{ kind: 'generation', generation: '8' }]);
    rig.store();
    expect(end.take('role_request')).toMatchObject([{ role: master, generation_id: 8n }]);
  });

  it('reads again when its generation was stale, and gives up with an alarm after three times', () => {
    const rig = new DeskRig(config, []);
    const end = rig.join(1n);
    for (const [i, known] of [5n, 9n, 13n].entries()) {
      expect(answerRole(rig, end, known)).toEqual([{ role: nochange, generation: 0n }]);
      rig.store();
      const [claim] = end.take('role_request');
      expect(claim).toMatchObject({ role: master, generation_id: known + 1n });
      expect(rig.logged('error')).toHaveLength(0);
      rig.say(end, error(claim!.xid, 11, 0));
      expect(i).toBeLessThan(3);
    }
    expect(end.take('role_request')).toEqual([]);
    expect(rig.logged('error')).toEqual(['a switch refuses us as its master']);
    expect(reads(end)).toEqual([]);
  });

  it('compares generations as the circle that they are', () => {
    const rig = new DeskRig(config, []);
    const end = rig.join(1n);
    answerRole(rig, end, 0xffff_ffff_ffff_fff0n);
    // Read as a signed difference this is 16 behind our own 0, so nothing newer is needed than 1.
    expect(rig.appended.map((o) => o.record.entry)).toEqual([{ kind: 'generation', generation: '1' }]);
  });

  it('stops writing at the first sign that it was replaced, and does not win the switch back', () => {
    const rig = new DeskRig(config, []);
    const end = rig.join(1n);
    answerRole(rig, end, 0n);
    rig.store();
    answerRole(rig, end, 0n);
    for (const read of end.take('multipart_request')) rig.say(end, nothingHeld(read));
    const keeper = rig.desk.keepers.get('0000000000000001')!;
    expect(keeper.acknowledged).toBe(keeper.revision);
    rig.say(end, error(0xabc, 1, 10));
    // What a step of a migration was told of this switch holds no more.
    expect(keeper.acknowledged).toBe(-1);
    // It is connected, but counts as out of reach where rules are to be written.
    expect(rig.desk.link('0000000000000001')).toBeDefined();
    expect(rig.desk.writable('0000000000000001')).toBeUndefined();
    expect(rig.logged('error')).toEqual(['another controller has become master of a switch']);
    rig.wait(1);
    rig.answerEchoes(end);
    rig.turn((turn) => rig.desk.keepersChanged(turn));
    rig.wait(1.5);
    expect(end.heard.filter((m) => m.type !== 'echo_request')).toEqual([]);
    // It comes back with the generation of the other one: it is left alone.
    rig.lose(end);
    const back = rig.join(1n);
    answerRole(rig, back, 2n);
    rig.store();
    expect(back.heard).toEqual([]);
    expect(rig.logged('error')).toHaveLength(2);
  });

  it('claims a switch again that comes back with its own generation', () => {
    const rig = new DeskRig(config, []);
    const end = rig.join(1n);
    answerRole(rig, end, 0n);
    rig.store();
    answerRole(rig, end, 0n);
    rig.lose(end);
    const back = rig.join(1n);
    answerRole(rig, back, 1n);
    expect(answerRole(rig, back, 1n)).toEqual([{ role: master, generation: 1n }]);
    expect(reads(back)).toHaveLength(1);
  });

  it('says so when a switch does not do roles, or does not answer', () => {
    const rig = new DeskRig(config, []);
    const end = rig.join(1n);
    rig.say(end, error(end.take('role_request')[0]!.xid, 1, 1));
    expect(rig.logged('error')).toEqual(['a switch refuses us as its master']);
    const silent = rig.join(2n);
    silent.take('role_request');
    rig.say(silent, { type: 'echo_request', xid: 1, data: new Uint8Array(0) });
    rig.wait(5);
    expect(rig.logged('error')).toHaveLength(2);
    expect([reads(end), reads(silent)]).toEqual([[], []]);
  });

  it('leaves switches alone that are not in its topology', () => {
    const rig = new DeskRig(config, []);
    expect(rig.join(0x77n).heard).toEqual([]);
  });
});

describe('a controller that is one of equals', () => {
  it('asks for no role, and looks at the rules at once', () => {
    const end = new DeskRig(config).join(1n);
    expect(end.heard.map((m) => 'mp_type' in m && m.mp_type)).toEqual(['flow', 'group_desc']);
  });
});
