import { describe, expect, it } from 'vitest';
import { macOf, portsOf } from '../../src/network/index.js';
import { buildArp, buildEthernet, ETHERTYPE_RARP, rarpAnnouncement } from '../../src/packet/index.js';
import { packetOf } from '../../src/simulator/frame-bytes.js';
import { Rig } from './rig.js';

const broadcast = new Uint8Array(6).fill(0xff);
const news = (rig: Rig) => rig.harness.view!.events.filter((e) => e.what === 'a machine announces itself');

/** The machine sends a RARP from its place at a host, as a hypervisor does for it when it resumes. */
function announce(rig: Rig, host: string): void {
  const { simulation, topology } = rig;
  const [vm] = topology.vms;
  const source = macOf(vm!.mac);
  const header = { destination: broadcast, source, tags: [], etherType: ETHERTYPE_RARP };
  const frame = buildEthernet(header, buildArp(rarpAnnouncement(source)));
  const at = topology.hosts.find((h) => h.name === host)!.switch;
  const port = portsOf(topology, at).find((p) => p.peer.kind === 'vm')!;
  const packet = packetOf(frame, simulation.flows, simulation.pool, rig.now)!;
  simulation.switches.get(at)!.receive(port.portNumber, packet, rig.now);
  rig.harness.runUntil(rig.now + 0.002);
}

describe('the announcement of a machine', () => {
  it('is news once, from where it is being moved to, while it may resume there', () => {
    const rig = new Rig({ seed: 5 }).settle();
    const { id } = rig.migrate();
    const until = (step: string): void => {
      expect(rig.harness.runWhile(() => !rig.written(step), rig.now + 30, 0.001)).toBe(true);
    };
    announce(rig, 'hyp-b');
    until('running');
    announce(rig, 'hyp-b');
    expect(news(rig)).toEqual([]);

    until('stopping');
    announce(rig, 'hyp-a');
    expect(news(rig)).toEqual([]);
    announce(rig, 'hyp-b');
    announce(rig, 'hyp-b');
    expect(rig.finish(id)).toBe(true);
    expect(news(rig).map((e) => e.detail)).toEqual([`${id}: vm1 at hyp-b`]);
    announce(rig, 'hyp-b');
    expect(news(rig)).toHaveLength(1);
    expect(rig.view(id)!.state).toBe('completed');
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('is none when it comes after the machine was flipped', () => {
    const rig = new Rig({ seed: 5 }).settle();
    const { id } = rig.migrate();
    rig.harness.runWhile(() => !rig.written('cleaning'), rig.now + 30, 0.0002);
    announce(rig, 'hyp-b');
    expect(rig.finish(id)).toBe(true);
    expect(rig.view(id)!.state).toBe('completed');
    expect(news(rig)).toEqual([]);
  });
});
