import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import {
  type ClassMark,
  contains,
  desiredRules,
  type NetworkState,
  parsePrefix,
  ruleKey,
} from '../../src/network/index.js';
import { shippedTopology } from './support/topologies.js';
import { packetBetween, Walker } from './support/walker.js';

const topology = shippedTopology('two-dc');
const host = (name: string) => topology.hosts.find((h) => h.name === name)!;
const stateOf = (classes: readonly ClassMark[]): NetworkState => ({
  vmLocation: new Map(),
  migrations: [],
  classes,
});

/** With which code point packets of one host arrive at another. */
function marksOf(classes: readonly ClassMark[]) {
  const walker = new Walker(topology);
  for (const { name } of topology.switches) {
    const rules = desiredRules(topology, name, stateOf(classes));
    expect(new Set(rules.map(ruleKey)).size).toBe(rules.length);
    expect(walker.update(name, rules)).toBe(true);
  }
  return (from: string, to: string, more: Record<string, number> = {}) =>
    walker.walk(walker.map.hostPort(host(from))!, packetBetween(host(from), host(to), more)).deliveries[0]!
      .fields.ip_dscp;
}
const udp = { ip_proto: 17, udp_src: 9 };
const tcp = { ip_proto: 6, tcp_src: 9 };

describe('a class of traffic is recognised', () => {
  it('by its port, of one protocol', () => {
    const mark = marksOf([{ name: 'voice', dscp: 44, tcpPort: 5060 }]);
    expect(mark('video-a', 'user-b', { ...tcp, tcp_dst: 5060 })).toBe(44);
    expect(mark('video-a', 'user-b', { ...tcp, tcp_dst: 5061 })).toBe(0);
    expect(mark('video-a', 'user-b', { ...udp, udp_dst: 5060 })).toBe(0);
  });
  it('by where it comes from', () => {
    const mark = marksOf([{ name: 'studio', dscp: 40, source: '10.99.0.16/29' }]);
    // .21 is in .16 to .23, .22 too, .12 is not
    expect(mark('video-a', 'user-b')).toBe(40);
    expect(mark('cross-a', 'user-b')).toBe(40);
    expect(mark('hyp-b', 'user-b')).toBe(0);
    expect(marksOf([{ name: 'studio', dscp: 40, source: '10.99.0.21' }])('cross-a', 'user-b')).toBe(0);
  });
  it('by where it goes, and by port and address together', () => {
    const mark = marksOf([{ name: 'screens', dscp: 36, udpPort: 5004, destination: '10.99.0.31' }]);
    expect(mark('video-a', 'user-b', { ...udp, udp_dst: 5004 })).toBe(36);
    expect(mark('video-a', 'hyp-b', { ...udp, udp_dst: 5004 })).toBe(0);
    expect(mark('video-a', 'user-b', { ...udp, udp_dst: 5005 })).toBe(0);
  });
  it('by the mark of its senders when it says nothing else, and needs no rule then', () => {
    const mark = marksOf([{ name: 'marked', dscp: 46 }]);
    expect(mark('video-a', 'user-b', { ip_dscp: 46 })).toBe(46);
    expect(mark('video-a', 'user-b')).toBe(0);
    for (const { name } of topology.switches)
      expect(desiredRules(topology, name, stateOf([{ name: 'marked', dscp: 46 }]))).toHaveLength(
        desiredRules(topology, name, stateOf([])).length,
      );
  });
  it('by the first of two that fit', () => {
    const port: ClassMark = { name: 'port', dscp: 30, udpPort: 5004 };
    const place: ClassMark = { name: 'place', dscp: 28, destination: '10.99.0.0/16' };
    const packet = { ...udp, udp_dst: 5004 };
    expect(marksOf([port, place])('video-a', 'user-b', packet)).toBe(30);
    expect(marksOf([place, port])('video-a', 'user-b', packet)).toBe(28);
    expect(marksOf([port, place])('video-a', 'user-b', { ...udp, udp_dst: 1 })).toBe(28);
  });
});

describe('a range of addresses', () => {
  it.each([
    '10.99.0.16/29',
    '0.0.0.0/0',
    '10.1.2.3',
    '255.255.255.255/1',
    '2001:db8::/33',
    '::/0',
    'fe80::1',
  ])('%s is what ipaddr.js takes it for', (text) => {
    const prefix = parsePrefix(text)!;
    const cidr = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
    const range = ipaddr.parseCIDR(cidr);
    for (const address of [
      '10.99.0.15',
      '10.99.0.16',
      '10.99.0.23',
      '10.99.0.24',
      '10.1.2.3',
      '128.0.0.0',
      '2001:db8:7fff::',
      '2001:db8:8000::',
      'fe80::1',
      '::',
    ]) {
      const parsed = ipaddr.parse(address);
      const wanted = parsed.kind() === range[0].kind() && parsed.match(range as never);
      expect(contains(prefix, address), address).toBe(wanted);
    }
  });
  it.each(['', '10.1.2', '10.1.2.3/33', '10.1.2.3/', '10.0.0.0/8/8', '::/129', 'a/8', '10.0.0.256'])(
    '%j is none',
    (text) => {
      expect(parsePrefix(text)).toBeUndefined();
    },
  );
});
