import type { Topology } from '../network/topology.js';

/**
 * The same network once more, of somebody else: every name with `2` behind it, every address and datapath id changed.
 * The port numbers are those of the original.
 */
export function twinOf(topology: Topology): Topology {
  const second = (name: string): string => `${name}2`;
  const mac = (address: string): string => address.replace(/^02:00/, '02:02');
  const ip = (address: string): string => address.replace(/^10\.99\./, '10.98.');
  return {
    name: second(topology.name),
    description: topology.description,
    sites: topology.sites.map((s) => ({ ...s, name: second(s.name) })),
    switches: topology.switches.map((s) => ({
      ...s,
      name: second(s.name),
      site: second(s.site),
      dpid: s.dpid.replace(/^0{8}/, '00000002'),
    })),
    links: topology.links.map((l) => ({
      ...l,
      name: second(l.name),
      ends: [second(l.ends[0]), second(l.ends[1])] as const,
    })),
    hosts: topology.hosts.map((h) => ({
      ...h,
      name: second(h.name),
      switch: second(h.switch),
      mac: mac(h.mac),
      ip: ip(h.ip),
    })),
    vms: topology.vms.map((v) => ({
      ...v,
      name: second(v.name),
      mac: mac(v.mac),
      ip: ip(v.ip),
      hosts: v.hosts.map(second),
      at: second(v.at),
    })),
    traffic: topology.traffic.map((t) => ({
      ...t,
      name: second(t.name),
      from: second(t.from),
      to: second(t.to),
    })),
  };
}

/** Two networks that know nothing of each other, in one simulation; what they share is `sharedCarriers`. */
export function sideBySide(one: Topology, other: Topology): Topology {
  return {
    name: `${one.name}-and-${other.name}`,
    description: '',
    sites: [...one.sites, ...other.sites],
    switches: [...one.switches, ...other.switches],
    links: [...one.links, ...other.links],
    hosts: [...one.hosts, ...other.hosts],
    vms: [...one.vms, ...other.vms],
    traffic: [...one.traffic, ...other.traffic],
  };
}
