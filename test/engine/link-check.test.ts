import { describe, expect, it } from 'vitest';
import { desiredRules, portsOf } from '../../src/network/index.js';
import { frameOf, packetOf } from '../../src/simulator/frame-bytes.js';
import type { PlantSwitch } from '../../src/simulator/plant-switch.js';
import { shippedTopology } from '../network/support/topologies.js';
import { Rig } from './rig.js';

const topology = { ...shippedTopology('three-site'), traffic: [] };
const isLldp = (frame: Uint8Array): boolean => frame[12] === 0x88 && frame[13] === 0xcc;

/** A network in which every beacon that comes in anywhere is noted. */
function setUp() {
  const rig = new Rig({ seed: 1, topology });
  const heard: { readonly at: string; readonly inPort: number; readonly frame: Uint8Array }[] = [];
  for (const [name, plant] of rig.simulation.switches) {
    const receive = plant.receive.bind(plant);
    plant.receive = (inPort, packet, now) => {
      const frame = frameOf(packet);
      if (isLldp(frame)) heard.push({ at: name, inPort, frame: frame.slice() });
      receive(inPort, packet, now);
    };
  }
  rig.settle(8);
  return { rig, heard };
}
const plantOf = (rig: Rig, name: string): PlantSwitch => rig.simulation.switches.get(name)!;
const portOf = (name: string, link: string): number =>
  portsOf(topology, name).find((p) => p.peer.kind === 'link' && p.peer.link.name === link)!.portNumber;
const inject = (rig: Rig, at: string, inPort: number, frame: Uint8Array): void => {
  const { simulation } = rig;
  plantOf(rig, at).receive(inPort, packetOf(frame, simulation.flows, simulation.pool, rig.now)!, rig.now);
  rig.settle(0.3);
};
const alarmEvents = (rig: Rig): string[] =>
  rig.harness.view!.events.filter((e) => e.what.startsWith('LLDP')).map((e) => e.what);
/** What a false frame must not change. */
const picture = (rig: Rig) => ({
  rules: rig.dumps(),
  links: rig.harness.view!.links.map(({ verifiedSecondsAgo, bitsPerSecond, ...rest }) => rest),
  revisions: rig.harness.view!.switches.map((s) => s.rules.revision),
});

describe('the check of links by LLDP', () => {
  it('confirms every link whose ports have a signal, again and again, and raises no alarm', () => {
    const { rig } = setUp();
    rig.settle(20);
    const { links, lldpAlarms } = rig.harness.view!;
    for (const link of links) {
      if (link.kind === 'circuit') expect(link.verifiedSecondsAgo).toBeNull();
      else expect([link.name, link.verifiedSecondsAgo! < 5.2]).toEqual([link.name, true]);
    }
    expect(lldpAlarms).toEqual([]);
    expect(alarmEvents(rig)).toEqual([]);
  });

  it('shows the age of a link that is no longer confirmed', () => {
    const { rig } = setUp();
    rig.simulation.setLinkUp('ac', false);
    rig.settle(20);
    const age = (name: string) => rig.harness.view!.links.find((l) => l.name === name)!.verifiedSecondsAgo!;
    expect(age('ac')).toBeGreaterThan(19);
    expect(age('bc')).toBeLessThan(6);
    expect(rig.harness.view!.lldpAlarms).toEqual([]);
  });

  const cases: readonly [string, (frame: Uint8Array) => Uint8Array, string][] = [
    ['sealed by somebody else', (f) => changed(f, f.length - 5), 'forged'],
    ['with another number', (f) => changed(f, f.length - 2 - 32 - 8 - 3), 'forged'],
    ['with another end', (f) => changed(f, f.length - 1), 'forged'],
    ['without its end', (f) => f.subarray(0, f.length - 2), 'forged'],
    ['with an end that promises more', (f) => changed(f, f.length - 2, 0x0f), 'malformed'],
    ['of another length', (f) => f.subarray(0, 40), 'malformed'],
    ['without a seal', (f) => unsealed(f), 'forged'],
    ['that came before', (f) => f, 'replayed'],
  ];

  it.each(cases)('makes one alarm of a beacon %s, and changes nothing', (_, make, cause) => {
    const { rig, heard } = setUp();
    const seen = heard.find((h) => h.at === 'gw-c')!;
    const before = picture(rig);
    for (let i = 0; i < 5; i++) inject(rig, seen.at, seen.inPort, make(seen.frame));
    const { lldpAlarms } = rig.harness.view!;
    expect(lldpAlarms).toEqual([
      expect.objectContaining({
        cause,
        dpid: '0000000000000005',
        portNumber: seen.inPort,
        alarms: 1,
        frames: 5,
      }),
    ]);
    expect(alarmEvents(rig)).toEqual([`LLDP that is ${cause}`]);
    expect(picture(rig)).toEqual(before);
    // At another port it is another alarm.
    inject(rig, 'gw-b', portOf('gw-b', 'bc'), make(seen.frame));
    expect(alarmEvents(rig)).toHaveLength(2);
    expect(picture(rig)).toEqual(before);
  });

  it('makes one alarm of a beacon that somebody carries to another port at once, and of what it finds wired otherwise', () => {
    const { rig } = setUp();
    const before = picture(rig);
    const gwC = plantOf(rig, 'gw-c');
    const [wired, other] = [portOf('gw-c', 'ac'), portOf('gw-c', 'bc')];
    const receive = gwC.receive.bind(gwC);
    // The two cables of gw-c are swapped, as far as LLDP goes.
    gwC.receive = (inPort, packet, now) =>
      receive(isLldp(frameOf(packet)) && inPort === wired ? other : inPort, packet, now);
    rig.settle(20);
    expect(rig.harness.view!.lldpAlarms).toEqual([
      expect.objectContaining({ cause: 'relayed', dpid: '0000000000000005', portNumber: other, alarms: 1 }),
    ]);
    expect(alarmEvents(rig)).toEqual(['LLDP that is relayed']);
    expect(rig.harness.view!.links.find((l) => l.name === 'ac')!.verifiedSecondsAgo).toBeGreaterThan(15);
    expect(picture(rig)).toEqual(before);
  });

  it('makes one alarm of beacons that come twice, at once', () => {
    const { rig } = setUp();
    const { flows, pool } = rig.simulation;
    const gwC = plantOf(rig, 'gw-c');
    const receive = gwC.receive.bind(gwC);
    gwC.receive = (inPort, packet, now) => {
      const frame = frameOf(packet);
      if (isLldp(frame)) receive(inPort, packetOf(frame, flows, pool, now)!, now);
      receive(inPort, packet, now);
    };
    rig.settle(20);
    const { lldpAlarms } = rig.harness.view!;
    expect(lldpAlarms.map((a) => [a.cause, a.alarms])).toEqual([
      ['replayed', 1],
      ['replayed', 1],
    ]);
    expect(rig.harness.view!.links.find((l) => l.name === 'ac')!.verifiedSecondsAgo).toBeLessThan(6);
  });

  it('hears nothing from where hosts are: their LLDP is dropped', () => {
    const { rig, heard } = setUp();
    const user = portsOf(topology, 'gw-c').find((p) => p.peer.kind === 'host')!;
    inject(rig, 'gw-c', user.portNumber, heard[0]!.frame);
    expect(rig.harness.view!.lldpAlarms).toEqual([]);
    const state = { vmLocation: new Map(), migrations: [], classes: [] };
    for (const s of topology.switches)
      for (const rule of desiredRules(topology, s.name, state)) {
        if (!rule.match.some((f) => f.field === 'eth_type' && 'value' in f && f.value === 0x88cc)) continue;
        const inPort = rule.match.find((f) => f.field === 'in_port')!;
        const port = portsOf(topology, s.name).find(
          (p) => 'value' in inPort && p.portNumber === inPort.value,
        )!;
        expect(port.peer.kind).toBe('link');
      }
  });
});

function changed(frame: Uint8Array, at: number, to = frame[at]! ^ 1): Uint8Array {
  const copy = frame.slice();
  copy[at] = to;
  return copy;
}
/** Chassis, port and time to live, as any other device sends them. */
function unsealed(frame: Uint8Array): Uint8Array {
  const organisation = frame.findIndex((octet, i) => i > 14 && octet === 0xfe);
  return Uint8Array.of(...frame.subarray(0, organisation), 0, 0);
}
