import { expect } from 'vitest';
import {
  compareGroups,
  diffRules,
  groupsOf,
  ipv4Of,
  macOf,
  NetworkMap,
  type PacketFields,
  type PortSpec,
  type Rule,
  ruleFromStats,
  type Scalar,
  TableModel,
  type Topology,
  wirePortName,
} from '../../../src/network/index.js';

const macNumber = (mac: string): number => macOf(mac).reduce((sum, byte) => sum * 256 + byte, 0);
const everything = {
  table_id: 0xff,
  out_port: 0xffffffff,
  out_group: 0xffffffff,
  cookie: 0n,
  cookie_mask: 0n,
  match: [],
};

export interface Delivery {
  readonly port: PortSpec;
  readonly fields: PacketFields;
  readonly queues: readonly (number | undefined)[];
  readonly links: readonly string[];
}
export interface Walk {
  readonly deliveries: readonly Delivery[];
  readonly looped: boolean;
}

/** A network of table models that packets are walked through: an opinion on rules that knows nothing of intents. */
export class Walker {
  readonly topology: Topology;
  readonly map: NetworkMap;
  readonly switches = new Map<string, TableModel>();
  readonly #cut = new Set<string>();

  constructor(topology: Topology) {
    this.topology = topology;
    this.map = new NetworkMap(topology);
    for (const s of topology.switches)
      this.switches.set(s.name, new TableModel({ ports: this.map.ports(s.name).map((p) => p.portNumber) }));
  }

  installed(switchName: string): Rule[] {
    return this.switches.get(switchName)!.stats(everything, 0).map(ruleFromStats);
  }

  /** Brings one switch to the desired rules; `false` if it refused one. */
  update(switchName: string, desired: readonly Rule[]): boolean {
    const model = this.switches.get(switchName)!;
    const groups = compareGroups(groupsOf(desired), model.groups.list());
    const grouped = groups.changes.every((mod) => model.groups.apply({ ...mod, xid: 0 }).ok);
    const ruled = this.#rules(model, switchName, desired);
    for (const mod of groups.deletes) {
      expect(model.removeUsersOfGroup(mod.group_id)).toEqual([]);
      model.groups.apply({ ...mod, xid: 0 });
    }
    model.revision += 1;
    return grouped && ruled;
  }

  #rules(model: TableModel, switchName: string, desired: readonly Rule[]): boolean {
    return diffRules(desired, this.installed(switchName)).every((mod) => model.apply(mod, 0).ok);
  }

  /** Both ends of a link lose or get their signal. */
  signal(link: string, up: boolean): void {
    for (const s of this.topology.switches)
      for (const port of this.map.ports(s.name)) {
        if (port.peer.kind !== 'link' && port.peer.kind !== 'underlay') continue;
        if (port.peer.link.name !== link || port.portName !== wirePortName(port.peer.link, s.name)) continue;
        const { downPorts } = this.switches.get(s.name)!.groups;
        if (up) downPorts.delete(port.portNumber);
        else downPorts.add(port.portNumber);
      }
    if (up) this.#cut.delete(link);
    else this.#cut.add(link);
  }

  /** A link that carries nothing though its ports have a signal. */
  silence(link: string): void {
    this.#cut.add(link);
  }

  /** Sends one packet in at an access port and follows every copy of it. */
  walk(from: PortSpec, packet: PacketFields): Walk {
    const deliveries: Delivery[] = [];
    let looped = false;
    const follow = (
      switchName: string,
      fields: PacketFields,
      queues: readonly (number | undefined)[],
      links: readonly string[],
    ): void => {
      if (links.length > 2 * this.topology.switches.length) {
        looped = true;
        return;
      }
      for (const out of this.switches.get(switchName)!.lookup(fields).outputs) {
        const port = this.map.ports(switchName).find((p) => p.portNumber === out.port)!;
        const { peer } = port;
        if (peer.kind !== 'link') {
          deliveries.push({ port, fields: out.fields, queues: [...queues, out.queueId], links });
          continue;
        }
        if (this.#cut.has(peer.link.name)) continue;
        const entry = this.map
          .ports(peer.peer)
          .find((p) => p.peer.kind === 'link' && p.peer.link === peer.link)!.portNumber;
        const { metadata: _, ...headers } = out.fields;
        follow(
          peer.peer,
          { ...headers, in_port: entry },
          [...queues, out.queueId],
          [...links, peer.link.name],
        );
      }
    };
    follow(from.switch, { ...packet, in_port: from.portNumber }, [], []);
    return { deliveries, looped };
  }
}

export interface Endpoint {
  readonly name: string;
  readonly mac: string;
  readonly ip: string;
}
export type Headers = Readonly<Record<string, Scalar>>;

export const packetBetween = (from: Endpoint, to: Endpoint, more: Headers = {}): PacketFields => ({
  eth_src: macNumber(from.mac),
  eth_dst: macNumber(to.mac),
  eth_type: 0x0800,
  ip_dscp: 0,
  ip_proto: 17,
  udp_src: 40000,
  udp_dst: 40001,
  ipv4_src: ipv4Of(from.ip),
  ipv4_dst: ipv4Of(to.ip),
  ...more,
});

/** Every order of a list. */
export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((head, i) =>
    permutations([...list.slice(0, i), ...list.slice(i + 1)]).map((tail) => [head, ...tail]),
  );
}
