import { describe, expect, it } from 'vitest';
import type { Topology } from '../../src/network/topology.js';
import { channelDelays } from '../../src/testbed/controller-target.js';
import { TestbedError } from '../../src/testbed/errors.js';
import { parseClasses } from '../../src/testbed/inspect.js';
import { planTestbed, prefixOf } from '../../src/testbed/plan.js';
import { probeFrame } from '../../src/testbed/probe-frame.js';
import { classifiedQueues, qosOf } from '../../src/testbed/shaping.js';
import { twoDc } from './testbed-support.js';

const plan = planTestbed(twoDc(), '/tmp/x');

describe('planTestbed', () => {
  it('gives a host one namespace, and a VM one at each of its hosts', () => {
    expect(plan.stations.map((s) => [s.name, s.port.portName])).toEqual([
      ['video-a', 'gw-a.video-a'],
      ['cross-a', 'gw-a.cross-a'],
      ['hyp-a', 'hv-a.hyp-a'],
      ['vm1@hyp-a', 'hv-a.vm1'],
      ['user-b', 'gw-b.user-b'],
      ['hyp-b', 'hv-b.hyp-b'],
      ['vm1@hyp-b', 'hv-b.vm1'],
    ]);
    const places = plan.stations.filter((s) => s.vm !== undefined);
    expect(new Set(places.map((s) => s.mac))).toEqual(new Set(['02:00:00:00:01:01']));
  });

  it('puts a relay into links with delay only', () => {
    expect(plan.wires.map((w) => [w.link.name, w.relayEnds?.length])).toEqual([
      ['wan', 2],
      ['circuit', 2],
      ['up-a', undefined],
      ['up-b', undefined],
    ]);
  });

  it('shapes both ends of a WAN link, and an uplink at the hypervisor only', () => {
    expect(plan.shapedPorts.map((s) => `${s.kind} ${s.port.portName}`)).toEqual([
      'wan gw-a.wan',
      'wan gw-b.wan',
      'wan gw-a.circuit',
      'wan gw-b.circuit',
      'uplink hv-a.up-a',
      'uplink hv-b.up-b',
    ]);
    expect(qosOf(plan.shapedPorts[0]!)).toEqual({
      type: 'linux-htb',
      maxBitsPerSecond: 50e6,
      queues: { 0: { maxBitsPerSecond: 50e6 } },
    });
    expect(Object.keys(qosOf(plan.shapedPorts[4]!).queues)).toEqual(['0', '1', '2', '3']);
  });

  it('shapes nothing of an opaque link, and puts a relay into it whatever its delay', () => {
    const links = twoDc('-opaque').links.map((l) =>
      l.carrier === undefined ? l : { ...l, carrier: { ...l.carrier, oneWayDelayMs: 0 } },
    );
    const opaque = planTestbed({ ...twoDc('-opaque'), links }, '/tmp/x');
    expect(opaque.shapedPorts.map((s) => s.port.portName)).not.toContain('gw-a.wan');
    expect(opaque.wires[0]?.relayEnds).toHaveLength(2);
  });

  it('gives the video a queue that is served first, with guarantees that the port can keep', () => {
    const [wan, , circuit] = planTestbed(twoDc('-priority'), '/tmp/x').shapedPorts;
    const { queues } = qosOf(wan!);
    expect(queues[1]?.priority).toBeLessThan(queues[0]!.priority!);
    expect(queues[0]!.minBitsPerSecond! + queues[1]!.minBitsPerSecond!).toBeLessThanOrEqual(50e6);
    expect(classifiedQueues(wan!)).toEqual([{ queueId: 1, dscp: 46 }]);
    expect(classifiedQueues(circuit!)).toEqual([]);
  });

  it('delays the control channels of all sites but the first, or of those that are named', () => {
    expect(channelDelays(twoDc(), 20)).toEqual({ 'gw-b': 20, 'hv-b': 20 });
    expect(channelDelays(twoDc(), { 'gw-a': 3 })).toEqual({ 'gw-a': 3 });
    expect(channelDelays(twoDc())).toEqual({});
  });

  it('names namespaces after the directory, whatever its spelling', () => {
    expect(prefixOf('/tmp/y/../x/')).toBe(plan.prefix);
    expect(prefixOf('/tmp/x2')).not.toBe(plan.prefix);
  });

  it.each([`/tmp/${'x'.repeat(70)}`, '/tmp/a b', '/', '/tmp/$(x)'])('refuses directory %s', (directory) => {
    expect(() => planTestbed({} as Topology, directory)).toThrow(TestbedError);
  });
});

describe('probeFrame', () => {
  it('is a frame of the least length with a right header checksum and the class asked for', () => {
    const bytes = Buffer.from(probeFrame(34), 'hex');
    expect(bytes).toHaveLength(60);
    expect(bytes.readUInt16BE(12)).toBe(0x0800);
    expect(bytes[15]).toBe(34 << 2);
    let sum = 0;
    for (let i = 14; i < 34; i += 2) sum += bytes.readUInt16BE(i);
    expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff); // RFC 1071: sum with its checksum is all ones
  });
});

describe('parseClasses', () => {
  it('reads what tc prints', () => {
    const text = `class htb 1:fffe root rate 1Gbit ceil 1Gbit burst 1375b cburst 1375b 
 Sent 9 bytes 9 pkt (dropped 0, overlimits 0 requeues 0) 
 backlog 0b 0p requeues 0
class htb 1:3 parent 1:fffe prio 0 rate 12Kbit ceil 2500Kbit burst 1563b cburst 1564b 
 Sent 480 bytes 8 pkt (dropped 3, overlimits 4 requeues 0) 
 backlog 1446Kb 1000p requeues 0
 lended: 8 borrowed: 0 giants: 0
class htb 1:1 parent 1:fffe prio 0 rate 12Kbit ceil 50Mbit burst 1563b cburst 1500b 
 Sent 60 bytes 1 pkt (dropped 0, overlimits 0 requeues 0) 
 backlog 14b 1p requeues 0
`;
    expect(parseClasses(text)).toEqual([
      {
        queueId: 0,
        maxBitsPerSecond: 50e6,
        sentBytes: 60,
        sentPackets: 1,
        droppedPackets: 0,
        backlogBytes: 14,
        backlogPackets: 1,
      },
      {
        queueId: 2,
        maxBitsPerSecond: 2.5e6,
        sentBytes: 480,
        sentPackets: 8,
        droppedPackets: 3,
        backlogBytes: 1446 * 1024,
        backlogPackets: 1000,
      },
    ]);
    expect(parseClasses('')).toEqual([]);
  });
});
