import { describe, expect, it } from 'vitest';
import {
  bottlenecksBetween,
  bottlenecksOf,
  builtLink,
  NetworkMap,
  pacerOf,
  pathSites,
  type Topology,
  withoutCarriers,
} from '../../src/network/index.js';
import { ringTopology, shippedTopology } from './support/topologies.js';

const names = (topology: Topology, switchName: string, ports: readonly number[]): string[] =>
  new NetworkMap(topology)
    .ports(switchName)
    .filter((p) => ports.includes(p.portNumber))
    .map((p) => p.portName);

describe('the bottlenecks', () => {
  it('of two sites are the two ends of the packet link', () => {
    const topology = shippedTopology('two-dc');
    const all = bottlenecksOf(topology);
    expect(all.map((b) => b.id)).toEqual(['gw-a.wan', 'gw-b.wan']);
    const [a, b] = all;
    expect(a).toMatchObject({
      linkName: 'wan',
      switchName: 'gw-a',
      dpid: '0000000000000001',
      egressPort: 1,
      capacityBitsPerSecond: 50e6,
      bufferPackets: 1000,
      opaque: false,
      videoQueueId: undefined,
    });
    expect(names(topology, 'gw-a', a!.arrivalPorts)).toEqual(['gw-a.up-a', 'gw-a.video-a', 'gw-a.cross-a']);
    expect(names(topology, 'gw-a', a!.ownPorts)).toEqual(['gw-a.up-a']);
    expect(names(topology, 'gw-a', a!.otherPorts)).toEqual([
      'gw-a.circuit',
      'gw-a.up-a',
      'gw-a.video-a',
      'gw-a.cross-a',
    ]);
    expect(names(topology, 'gw-b', b!.ownPorts)).toEqual(['gw-b.up-b']);
  });

  it('of a triangle have no transit traffic, of a ring they have', () => {
    const triangle = shippedTopology('three-site');
    expect(bottlenecksOf(triangle).map((b) => b.id)).toEqual([
      'gw-a.ab',
      'gw-a.ac',
      'gw-b.ab',
      'gw-b.bc',
      'gw-c.ac',
      'gw-c.bc',
    ]);
    for (const b of bottlenecksOf(triangle))
      for (const name of names(triangle, b.switchName, b.arrivalPorts))
        expect(name).not.toMatch(/\.(ab|ac|bc|circuit)$/);
    const ring = ringTopology(4);
    const transit = bottlenecksOf(ring).filter((b) =>
      names(ring, b.switchName, b.arrivalPorts).some((n) => n.includes('.w')),
    );
    // Opposite sites are reached over one neighbour each (ties go to the lowest port), so some gateways carry transit.
    expect(transit.map((b) => b.id)).toEqual(['g1.w4', 'g2.w1', 'g2.w2', 'g3.w2']);
  });

  it('name the port of the far gateway that receives what left', () => {
    const topology = shippedTopology('three-site');
    const map = new NetworkMap(topology);
    for (const b of bottlenecksOf(topology)) {
      const far = map.ports(b.far.switchName).find((p) => p.portNumber === b.far.ingressPort);
      expect(far?.portName).toBe(`${b.far.switchName}.${b.linkName}`);
      expect(far?.peer).toMatchObject({ kind: 'link', peer: b.switchName });
      expect(b.far.dpid).toBe(map.switch(b.far.switchName)?.dpid);
      expect(b.far.switchName).not.toBe(b.switchName);
    }
  });

  it('of a carrier are opaque: neither capacity nor delay reaches the controller', () => {
    const topology = shippedTopology('two-dc-opaque');
    expect(bottlenecksOf(topology)).toMatchObject([
      { id: 'gw-a.wan', opaque: true, far: { switchName: 'gw-b', ingressPort: 1 } },
      { id: 'gw-b.wan', opaque: true, far: { switchName: 'gw-a', ingressPort: 1 } },
    ]);
    for (const b of bottlenecksOf(topology)) {
      expect(b.capacityBitsPerSecond).toBeUndefined();
      expect(b.capacityLimitBitsPerSecond).toBeUndefined();
    }
    expect(builtLink(topology.links[0]!)).toEqual({
      capacityBitsPerSecond: 50e6,
      oneWayDelayMs: 20,
      bufferPackets: 1000,
    });
    const known = withoutCarriers(topology);
    expect(JSON.stringify(known.links[0])).not.toMatch(/carrier|50000000/);
    expect(() => builtLink(known.links[0]!)).toThrow(/say under "carrier"/);
    expect(bottlenecksOf(known)).toEqual(bottlenecksOf(topology));
  });

  it('have a queue for the video where the topology says so', () => {
    expect(bottlenecksOf(shippedTopology('two-dc-priority')).map((b) => b.videoQueueId)).toEqual([1, 1]);
  });

  it('on a way are those that it passes', () => {
    const topology = shippedTopology('three-site');
    expect(bottlenecksBetween(topology, 'hyp-a', 'hyp-b')).toEqual(['gw-a.ab']);
    expect(bottlenecksBetween(topology, 'video-a', 'user-c')).toEqual(['gw-a.ac']);
    expect(bottlenecksBetween(topology, 'hyp-a', 'video-a')).toEqual([]);
    expect(bottlenecksBetween(topology, 'hyp-a', 'nobody')).toBeUndefined();
    expect(bottlenecksBetween(ringTopology(4), 'hyp1', 'hyp3')).toEqual(['g1.w1', 'g2.w2']);
  });
});

describe('paths and pacers', () => {
  it('name the sites on the way', () => {
    expect(pathSites(shippedTopology('three-site'), 'a', 'c')).toEqual(['a', 'c']);
    expect(pathSites(ringTopology(4), 's1', 's3')).toEqual(['s1', 's2', 's3']);
    expect(pathSites(ringTopology(4), 's1', 's1')).toEqual(['s1']);
    expect(pathSites(ringTopology(4), 's1', 'nowhere')).toBeUndefined();
  });

  it('find the uplink of a hypervisor’s switch', () => {
    expect(pacerOf(shippedTopology('two-dc'), 'hyp-b')).toEqual({
      switchName: 'hv-b',
      dpid: '0000000000000004',
      portName: 'hv-b.up-b',
      portNumber: 1,
      grantedQueueId: 1,
      safeQueueId: 2,
      circuitQueueId: 3,
    });
    expect(pacerOf(shippedTopology('two-dc'), 'video-a')).toBeUndefined();
    expect(pacerOf(shippedTopology('two-dc'), 'nobody')).toBeUndefined();
  });
});
