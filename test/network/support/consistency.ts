import {
  desiredRules,
  diffRules,
  flipLevels,
  type MigrationIntent,
  type PacketFields,
  type PortSpec,
  type Rule,
  type Topology,
  waysTo,
} from '../../../src/network/index.js';
import { packetBetween, permutations, Walker } from './walker.js';

/** A move of one machine, as the switches see it. */
export interface Move {
  readonly topology: Topology;
  readonly vm: string;
  readonly source: string;
  readonly destination: string;
}

/** What switches shall hold: where the machine lives by the location entry, and what lies below and above it. */
interface Wanted {
  readonly at: string;
  readonly staged: boolean;
  readonly redirectSeconds?: number;
}

/** Groups of switches that get their messages in any order; the next group when all of the last have acknowledged. */
export type Levels = readonly (readonly string[])[];
/** `mixture`: it arrived, but went partly by the old way and partly by the new one. */
export type Fault = 'loop' | 'gap' | 'copies' | 'mixture' | 'changed';

interface Asker {
  readonly host: string;
  readonly port: PortSpec;
  readonly fields: PacketFields;
}

/** A packet on its way: at which switch, how many messages have been applied, what of its way was right. */
interface Spot {
  readonly applied: number;
  readonly name: string;
  readonly inPort: number;
  readonly path: readonly string[];
  readonly isOld: boolean;
  readonly isNew: boolean;
  /** later switches that wait for it: one of an earlier level sent it by its old entry */
  readonly awaitedAt: readonly string[];
}

/**
 * Holds a whole move against the table model, message by message.
 *
 * In `redirecting` a packet of every host goes in at every moment and is followed through the tables as they are when it comes to
 * each switch: between any two hops any number of messages may have been applied, in every order that barriers allow. It must go
 * the whole old way or the whole new one. A switch gets its message only when no packet is on its way to it that one of an earlier
 * level has sent by its old entry: that is what is waited for between levels. `drains` false: nobody waits.
 *
 * Every other message of a move must leave unchanged what its switch does with the machine's packets, so its order does not matter.
 */
export class ConsistencyChecker {
  readonly faults = new Map<Fault, string>();
  /** different moments on the ways of packets */
  spots = 0;
  readonly #move: Move;
  readonly #levels: Levels;
  readonly #drains: boolean;
  readonly #walker: Walker;
  readonly #askers: readonly Asker[];
  readonly #oldWays: ReturnType<typeof waysTo>;
  #seen = new Set<string>();

  constructor(move: Move, levels?: Levels, drains = true) {
    const { topology, source, destination } = move;
    this.#move = move;
    this.#levels = levels ?? flipLevels(topology, source, destination);
    this.#drains = drains;
    this.#oldWays = waysTo(topology, source);
    this.#walker = this.#network({ at: source, staged: false });
    const vm = topology.vms.find((v) => v.name === move.vm)!;
    this.#askers = topology.hosts.map((host) => ({
      host: host.name,
      port: this.#walker.map.hostPort(host)!,
      fields: packetBetween(host, vm),
    }));
  }

  /** @param most orders of switches that are tried */
  check(most = 100): void {
    const { source, destination } = this.#move;
    const staged = { at: source, staged: true };
    this.#unchanged('staging', staged);
    this.#redirect(staged, most);
    this.#unchanged('stopping', { ...staged, redirectSeconds: 0 });
    this.#unchanged('flipping', { at: destination, staged: true, redirectSeconds: 0 });
    this.#unchanged('cleaning', { at: destination, staged: false });
  }

  #redirect(staged: Wanted, most: number): void {
    const { source, destination } = this.#move;
    const before = hopsOf(this.#network(staged));
    const after = hopsOf(this.#network({ ...staged, redirectSeconds: 10 }));
    for (const s of this.#move.topology.switches) {
      const messages = this.#apply(s.name, { ...staged, redirectSeconds: 10 });
      // One message for a switch is all: it has turned or it has not.
      if (messages > 1) this.#found('changed', `${s.name} gets ${messages} messages`);
    }
    const ways = [source, destination].map((at) => this.#paths(hopsOf(this.#network({ at, staged: false }))));
    for (const order of ordersOf(this.#levels, most))
      for (const asker of this.#askers) {
        this.#seen = new Set();
        const hop = (name: string, inPort: number, applied: number): readonly PortSpec[] => {
          const place = order.indexOf(name);
          return (place >= 0 && place < applied ? after : before)(asker, name, inPort);
        };
        const [oldWay, newWay] = ways.map((paths) => paths.get(asker.host)!);
        for (let applied = 0; applied <= order.length; applied++)
          this.#walk(
            { asker, order, hop, oldWay: oldWay!, newWay: newWay! },
            {
              applied,
              name: asker.port.switch,
              inPort: asker.port.portNumber,
              path: [],
              isOld: true,
              isNew: true,
              awaitedAt: [],
            },
          );
      }
  }

  /** Follows one packet on; what was seen once is not looked at again. */
  #walk(run: Run, at: Spot): void {
    const key = `${at.applied} ${at.name} ${at.inPort} ${at.path.length} ${at.isOld} ${at.isNew} ${at.awaitedAt}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.spots++;
    const path = [...at.path, at.name];
    const tell = (fault: Fault): void =>
      this.#found(fault, `${run.order.join(' ')}: ${run.asker.host} by ${path.join(' ')}`);
    const outputs = run.hop(at.name, at.inPort, at.applied);
    if (path.length > 2 * this.#move.topology.switches.length) tell('loop');
    else if (outputs.length === 0) tell('gap');
    else if (outputs.length > 1) tell('copies');
    else this.#goOn(run, at, path, outputs[0]!, tell);
  }

  #goOn(run: Run, at: Spot, path: readonly string[], out: PortSpec, tell: (fault: Fault) => void): void {
    const isOn = (way: readonly string[]): boolean => way[2 * at.path.length + 1] === out.portName;
    const isOld = at.isOld && isOn(run.oldWay);
    const isNew = at.isNew && isOn(run.newWay);
    if (out.peer.kind !== 'link') {
      if (!isOld && !isNew) tell('mixture');
      return;
    }
    const { link, peer } = out.peer;
    const inPort = this.#walker.map.linkEnd(link, peer).portNumber;
    const awaitedAt = this.#awaitedAt(run, at).filter((name) => name !== peer);
    for (let applied = at.applied; applied <= run.order.length; applied++) {
      this.#walk(run, { applied, name: peer, inPort, path, isOld, isNew, awaitedAt });
      // The switch that it comes to next is waited for, too, as long as the packet is on the line.
      if (this.#drains && this.#awaitedAt(run, at).includes(run.order[applied] ?? '')) return;
    }
  }

  #awaitedAt({ order }: Run, at: Spot): string[] {
    const place = order.indexOf(at.name);
    const isOldEntry = place >= 0 && place >= at.applied;
    const level = (name: string): number => this.#levels.findIndex((l) => l.includes(name));
    const further = isOldEntry ? [...(this.#oldWays.get(at.name)?.keys() ?? [])] : [];
    const later = further.filter((name) => level(name) > level(at.name));
    return [...new Set([...at.awaitedAt.filter((name) => name !== at.name), ...later])].sort();
  }

  #paths(hops: Hops): Map<string, string[]> {
    const paths = new Map<string, string[]>();
    for (const asker of this.#askers) {
      const path: string[] = [];
      let [name, inPort] = [asker.port.switch, asker.port.portNumber];
      for (;;) {
        const out = hops(asker, name, inPort)[0]!;
        path.push(name, out.portName);
        if (out.peer.kind !== 'link') break;
        inPort = this.#walker.map.linkEnd(out.peer.link, out.peer.peer).portNumber;
        name = out.peer.peer;
      }
      paths.set(asker.host, path);
    }
    return paths;
  }

  /** Brings all switches there; no message may change what becomes of a packet. */
  #unchanged(phase: string, wanted: Wanted): void {
    const look = (name: string): string => {
      const hops = hopsOf(this.#walker);
      const ports = this.#walker.map.ports(name).map((p) => p.portNumber);
      return this.#askers.flatMap((a) => ports.map((p) => hops(a, name, p).map((o) => o.portName))).join();
    };
    for (const s of this.#move.topology.switches) {
      const before = look(s.name);
      this.#apply(s.name, wanted, () => {
        if (look(s.name) !== before) this.#found('changed', `${phase}: at ${s.name}`);
      });
    }
  }

  #apply(name: string, wanted: Wanted, each: () => void = () => undefined): number {
    const messages = diffRules(this.#desired(name, wanted), this.#walker.installed(name));
    for (const message of messages) {
      if (!this.#walker.switches.get(name)!.apply(message, 0).ok)
        throw new Error(`${name} refused a message`);
      each();
    }
    return messages.length;
  }

  #found(fault: Fault, where: string): void {
    if (!this.faults.has(fault)) this.faults.set(fault, where);
  }

  #network(wanted: Wanted): Walker {
    const walker = new Walker(this.#move.topology);
    for (const s of this.#move.topology.switches) walker.update(s.name, this.#desired(s.name, wanted));
    return walker;
  }

  #desired(name: string, { at, staged, ...redirection }: Wanted): Rule[] {
    const { topology, vm, source, destination } = this.#move;
    const intent: MigrationIntent = {
      ordinal: 1,
      epoch: 0,
      vm,
      source,
      destination,
      tcpPort: 4900,
      stage: staged ? 'staged' : 'running',
      granted: false,
      ...redirection,
    };
    const migrations = staged ? [intent] : [];
    return desiredRules(topology, name, { vmLocation: new Map([[vm, at]]), migrations, classes: [] });
  }
}

/** One packet in one order of messages. Ways: switch, port, switch, port ... */
interface Run {
  readonly asker: Asker;
  readonly order: readonly string[];
  readonly hop: (name: string, inPort: number, applied: number) => readonly PortSpec[];
  readonly oldWay: readonly string[];
  readonly newWay: readonly string[];
}

type Hops = (asker: Asker, name: string, inPort: number) => readonly PortSpec[];

/** What the tables as they are now do with a packet; each is looked up once. */
function hopsOf(walker: Walker): Hops {
  const known = new Map<string, readonly PortSpec[]>();
  const tables = new Map(walker.topology.switches.map((s) => [s.name, walker.switches.get(s.name)!]));
  const revisions = new Map([...tables].map(([name, table]) => [name, table.revision]));
  return ({ host, fields }, name, inPort) => {
    const table = tables.get(name)!;
    const key = `${host} ${name} ${inPort} ${table.revision === revisions.get(name) ? '' : table.revision}`;
    let ports = known.get(key);
    if (ports === undefined) {
      const { outputs } = table.lookup({ ...fields, in_port: inPort });
      ports = outputs.map((o) => walker.map.ports(name).find((p) => p.portNumber === o.port)!);
      known.set(key, ports);
    }
    return ports;
  };
}

/** Every order of switches in which one level follows the other, at most so many. */
function ordersOf(levels: Levels, most: number): string[][] {
  let orders: string[][] = [[]];
  for (const level of levels) {
    const within = level.length <= 5 ? permutations(level) : [[...level], [...level].reverse()];
    orders = orders.flatMap((before) => within.map((w) => [...before, ...w]));
    if (orders.length > most) orders = orders.filter((_, i) => i % Math.ceil(orders.length / most) === 0);
  }
  return orders;
}
