import {
  builtLink,
  type HostSpec,
  hostOf,
  type LinkSpec,
  type PortSpec,
  portsOf,
  type SwitchSpec,
  switchOf,
  type Topology,
  tunnelBytesOn,
  type VmSpec,
  vmOf,
  wirePortName,
} from '../network/topology.js';
import { parseMac } from '../openflow/address.js';
import type { TrafficSpec } from '../traffic/index.js';
import type { Carrier } from './carrier.js';
import type { EgressPort } from './egress-port.js';
import { ElasticFlow, type ElasticSpec } from './elastic-flow.js';
import { EventQueue } from './event-queue.js';
import { FakeSwitch } from './fake-switch.js';
import { FlowRegistry } from './flow-registry.js';
import { type AgentWorld, HypervisorAgent } from './hypervisor-agent.js';
import { linkEgress, type QueueOptions, unshaped } from './link-queues.js';
import type { MigrationStreams } from './migration-streams.js';
import {
  type Flow,
  type FlowHeaders,
  type Packet,
  PacketPool,
  type PacketSink,
  protocolTcp,
  protocolUdp,
} from './packet.js';
import { PlantSwitch } from './plant-switch.js';
import { headersBetween, stationOf } from './station.js';
import type { StreamSummary } from './stream-record.js';
import { TapQueue } from './tap-queue.js';
import { type TcpListener, TcpReceiver } from './tcp-receiver.js';
import { defaultTcpOptions, type TcpApplication, type TcpOptions, TcpSender } from './tcp-sender.js';
import { TrafficPlayer } from './traffic-player.js';
import { VmProbe } from './vm-probe.js';
import { type PacketReceiver, Wire } from './wire.js';

export interface SimulationOptions extends QueueOptions {
  /** of the traffic; the same seed is the same load */
  readonly seed: number;
  /** of the migrations' connections */
  readonly tcp?: Partial<TcpOptions>;
  /** long-lived TCP cross traffic; it uses `tcp` but for its congestion control */
  readonly elastic?: readonly ElasticSpec[];
  /** entries that one flow table takes */
  readonly maxTableEntries?: number;
  /** switches offer the bundle extension; default true */
  readonly bundles?: boolean;
  /** from the last byte of a machine until it runs at its new place; default 5 ms */
  readonly resumeSeconds?: number;
  /** circuits carry packets from the start; else their ports are down until `setLinkUp` */
  readonly circuitsUp?: boolean;
}

/** Bytes since the start, and what waits now. */
export interface WaitingRoom {
  readonly arrivedBytes: number;
  readonly sentBytes: number;
  readonly backlogBytes: number;
}

const firstEphemeralPort = 40_000;
const rememberedConnections = 256;

/**
 * The simulated network of a topology: switches with flow tables and queues, links, hosts, machines and their
 * traffic, in virtual time. Everything that happens in it follows from the topology, the options and the calls
 * made on it; it never reads a clock.
 */
export class NetworkSimulation implements AgentWorld {
  readonly topology: Topology;
  readonly resumeSeconds: number;
  readonly events = new EventQueue();
  readonly pool = new PacketPool();
  readonly flows = new FlowRegistry(this.pool);
  readonly switches = new Map<string, PlantSwitch>();
  /** the OpenFlow side of each switch */
  readonly controls = new Map<string, FakeSwitch>();
  readonly agents = new Map<string, HypervisorAgent>();
  readonly players = new Map<string, TrafficPlayer>();
  readonly probes = new Map<string, VmProbe>();
  /** elastic cross traffic, in the order of the options */
  readonly elasticFlows: ElasticFlow[] = [];
  /** packets that reached a host or machine to which they were not addressed, a machine that is not there, or one whose queue is full */
  strayPackets = 0;
  /** the newest connections, newest last; for measurements */
  readonly connections: { readonly sender: TcpSender; readonly receiver: TcpReceiver }[] = [];
  private readonly options: SimulationOptions;
  private readonly tcp: TcpOptions;
  private readonly wires = new Map<string, Wire[]>();
  /** by port name */
  private readonly carriers = new Map<string, Carrier>();
  private readonly vmHosts = new Map<string, { host: string; running: boolean }>();
  /** `VM@HOST`: where a machine is, or one is awaited */
  private readonly taps = new Map<string, TapQueue>();
  private nextPort = firstEphemeralPort;
  private trafficStarted = false;

  /** @throws RangeError when the topology names something that it does not have */
  constructor(topology: Topology, options: SimulationOptions) {
    this.topology = topology;
    this.options = options;
    this.resumeSeconds = options.resumeSeconds ?? 0.005;
    this.tcp = { ...defaultTcpOptions, ...options.tcp };
    for (const spec of topology.switches) this.addSwitch(spec);
    for (const spec of topology.switches) this.addPorts(spec);
    for (const vm of topology.vms) {
      this.vmHosts.set(vm.name, { host: vm.at, running: true });
      this.openTap(vm.name, vm.at);
    }
    for (const host of topology.hosts)
      if (host.role === 'hypervisor') this.agents.set(host.name, new HypervisorAgent(host.name, this));
    for (const spec of topology.traffic) this.addPlayer(spec);
    for (const vm of topology.vms) this.addProbe(vm);
    for (const spec of options.elastic ?? []) this.addElastic(spec);
    for (const link of topology.links)
      if (link.kind === 'circuit' && options.circuitsUp !== true) this.setLinkUp(link.name, false);
  }

  get now(): number {
    return this.events.now;
  }

  runUntil(seconds: number): void {
    this.events.runUntil(seconds);
  }

  /** Video, background and the reachability probes of the machines begin now, elastic flows when it is their time. */
  startTraffic(): void {
    if (!this.trafficStarted) for (const flow of this.elasticFlows) this.startElastic(flow);
    this.trafficStarted = true;
    for (const player of this.players.values()) player.start(this.now);
    for (const probe of this.probes.values()) probe.start(this.now);
  }

  /** @throws RangeError for an unknown stream */
  summary(stream: string, fromSeconds: number, toSeconds: number): StreamSummary {
    const record = this.players.get(stream)?.record ?? this.probes.get(stream)?.record;
    if (record === undefined) throw new RangeError(`there is no stream "${stream}" in ${this.topology.name}`);
    return record.summary(fromSeconds, toSeconds);
  }

  /** Both ends of a link lose or get their signal. @throws RangeError for an unknown link */
  setLinkUp(linkName: string, up: boolean): void {
    const wires = this.wires.get(linkName);
    if (wires === undefined) throw new RangeError(`there is no link "${linkName}"`);
    for (const wire of wires) wire.up = up;
    for (const { sw, spec } of this.portsOfLink(linkName)) {
      const port = sw.ports.get(spec.portNumber)!;
      port.up = up;
      if (up) sw.tables.groups.downPorts.delete(spec.portNumber);
      else sw.tables.groups.downPorts.add(spec.portNumber);
      sw.tables.revision += 1;
      this.controls.get(sw.name)!.portChanged(spec.portNumber);
    }
  }

  /**
   * Where packets wait that this switch sends into a link: its own port, or a carrier behind it.
   * @throws RangeError for a switch that is not at an end of the link
   */
  waitingRoom(linkName: string, switchName: string): WaitingRoom {
    const name = this.wirePort(linkName, switchName);
    const carrier = this.carriers.get(name);
    if (carrier !== undefined) {
      const { arrivedBytes, forwardedBytes, backlogBytes } = carrier.statistics();
      return { arrivedBytes, sentBytes: forwardedBytes, backlogBytes };
    }
    const egress = this.portNamed(name)?.egress;
    if (egress === undefined) throw new RangeError(`${switchName} is not at an end of a link "${linkName}"`);
    return {
      arrivedBytes: egress.queues.reduce((sum, queue) => sum + queue.arrivedBytes, 0),
      sentBytes: egress.txBytes,
      backlogBytes: egress.backlogBytes(),
    };
  }

  /** Both directions of a link run at this rate from now on; nobody is told. @throws RangeError for an unknown link */
  setLinkRate(linkName: string, bitsPerSecond: number): void {
    if (!this.wires.has(linkName)) throw new RangeError(`there is no link "${linkName}"`);
    for (const { sw, spec } of this.portsOfLink(linkName)) {
      const carrier = this.carriers.get(spec.portName);
      if (carrier === undefined) sw.ports.get(spec.portNumber)!.egress.setRate(bitsPerSecond);
      else carrier.setRate(bitsPerSecond);
    }
  }

  /** Bytes that the switch at the `from` end of the first packet link has sent into it. */
  wanBytesSent(): number {
    const link = this.topology.links.find((l) => l.kind === 'packet');
    return link === undefined ? 0 : (this.portNamed(wirePortName(link, link.ends[0]))?.egress.txBytes ?? 0);
  }

  /**
   * What an opaque link is inside, in the direction that begins at switch `end`.
   * @throws RangeError when the link is not opaque there
   */
  carrier(linkName: string, end: string): Carrier {
    const carrier = this.carriers.get(this.wirePort(linkName, end));
    if (carrier === undefined)
      throw new RangeError(`link "${linkName}" has no carrier behind switch "${end}": it is not opaque`);
    return carrier;
  }

  private wirePort(linkName: string, switchName: string): string {
    const link = this.topology.links.find((l) => l.name === linkName);
    return link === undefined ? '' : wirePortName(link, switchName);
  }

  portNamed(portName: string): { readonly sw: PlantSwitch; readonly egress: EgressPort } | undefined {
    for (const sw of this.switches.values()) {
      const port = sw.portNamed(portName);
      if (port !== undefined) return { sw, egress: port.egress };
    }
    return undefined;
  }

  vmRunsAt(vm: string, host: string): boolean {
    const state = this.vmHosts.get(vm);
    return state?.host === host && state.running;
  }
  stopVm(vm: string): void {
    const state = this.vmHosts.get(vm);
    if (state !== undefined) state.running = false;
  }
  /** What waited for it there comes to it now; where it was before, nothing waits for it any more. */
  resumeVm(vm: string, host: string): void {
    const before = this.vmHosts.get(vm)?.host;
    if (before !== undefined && before !== host) this.closeTap(vm, before);
    this.vmHosts.set(vm, { host, running: true });
    for (const packet of this.openTap(vm, host).empty()) packet.flow.sink.arrive(packet, this.now);
  }
  /** The queue in front of a machine at a host, if there is or was one since its last move there. */
  tapAt(vm: string, host: string): TapQueue | undefined {
    return this.taps.get(`${vm}@${host}`);
  }
  openTap(vm: string, host: string): TapQueue {
    const tap = this.tapAt(vm, host) ?? new TapQueue();
    this.taps.set(`${vm}@${host}`, tap);
    return tap;
  }
  closeTap(vm: string, host: string): void {
    for (const packet of this.tapAt(vm, host)?.empty() ?? []) this.stray(packet);
    this.taps.delete(`${vm}@${host}`);
  }
  vmHost(vm: string): string | undefined {
    return this.vmHosts.get(vm)?.host;
  }

  connect(
    fromHost: string,
    address: string,
    port: number,
    application: TcpApplication,
    streams: MigrationStreams,
  ): boolean {
    const target = this.topology.hosts.find((h) => h.ip === address);
    const agent = target && this.agents.get(target.name);
    const source = hostOf(this.topology, fromHost);
    if (target === undefined || agent === undefined || source === undefined) return false;
    const { sender, receiver } = this.join(
      source,
      target,
      port,
      application,
      agent.listener(port, streams),
      this.tcp,
    );
    streams.senders.push(sender);
    streams.receivers.push(receiver);
    this.connections.push({ sender, receiver });
    if (this.connections.length > rememberedConnections) {
      const oldest = this.connections.shift()!;
      this.flows.remove(oldest.sender.dataFlow);
      this.flows.remove(oldest.receiver.ackFlow);
    }
    return true;
  }

  /** Both ends of a new connection; the sender has still to connect. */
  private join(
    from: HostSpec,
    to: HostSpec,
    port: number,
    application: TcpApplication,
    listener: TcpListener,
    options: TcpOptions,
  ): { readonly sender: TcpSender; readonly receiver: TcpReceiver } {
    const { events, pool } = this;
    const portSrc = this.nextPort;
    this.nextPort = this.nextPort === 65_535 ? firstEphemeralPort : this.nextPort + 1;
    const here = stationOf(from);
    const there = stationOf(to);
    const sender = new TcpSender(events, pool, this.transmitterOf(from), application, options, portSrc);
    const receiver = new TcpReceiver(events, pool, this.transmitterOf(to), listener);
    sender.dataFlow = this.flow(headersBetween(here, there, protocolTcp, portSrc, port), receiver);
    receiver.ackFlow = this.flow(headersBetween(there, here, protocolTcp, port, portSrc), sender);
    return { sender, receiver };
  }

  /** A new flow between two stations. */
  flow(flowHeaders: FlowHeaders, sink: PacketSink): Flow {
    return this.flows.add(flowHeaders, sink);
  }

  private addElastic(spec: ElasticSpec): void {
    for (const name of [spec.from, spec.to])
      if (hostOf(this.topology, name) === undefined)
        throw new RangeError(`elastic traffic names "${name}", which is not a host of ${this.topology.name}`);
    for (let i = 0; i < spec.count; i++) {
      const name = `${spec.from}-${spec.to}-${spec.congestion}-${this.elasticFlows.length + 1}`;
      this.elasticFlows.push(new ElasticFlow(name, spec, this.events));
    }
  }

  private startElastic(flow: ElasticFlow): void {
    const { spec } = flow;
    const from = hostOf(this.topology, spec.from)!;
    const to = hostOf(this.topology, spec.to)!;
    const tcp = { ...this.tcp, congestion: spec.congestion };
    flow.sender = this.join(from, to, elasticPort, flow, flow, tcp).sender;
    this.events.call(this.now + spec.startSeconds, (now) => {
      flow.begin(now);
      flow.sender!.connect(now);
    });
    if (spec.stopSeconds !== undefined) this.events.call(this.now + spec.stopSeconds, () => flow.stop());
  }

  private addSwitch(spec: SwitchSpec): void {
    const ports = portsOf(this.topology, spec.name).map((p) => p.portNumber);
    const tableOptions = { ports, maxEntries: this.options.maxTableEntries };
    const sw = new PlantSwitch(spec.name, this.pool, tableOptions);
    this.switches.set(spec.name, sw);
    this.controls.set(
      spec.name,
      new FakeSwitch(sw, { dpid: spec.dpid, bundles: this.options.bundles }, this),
    );
  }

  private addPorts(spec: SwitchSpec): void {
    const sw = this.switches.get(spec.name)!;
    const dpid = BigInt(`0x${spec.dpid}`);
    for (const port of portsOf(this.topology, spec.name))
      sw.addPort({
        portNumber: port.portNumber,
        name: port.portName,
        hwAddr: parseMac(
          `0e:00:${hexByte(dpid >> 8n)}:${hexByte(dpid)}:00:${hexByte(BigInt(port.portNumber))}`,
        ),
        egress: this.egressOf(spec, port),
        up: true,
        rxPackets: 0,
        rxBytes: 0,
        rxDropped: 0,
      });
  }

  private egressOf(spec: SwitchSpec, port: PortSpec): EgressPort {
    const lose = (packet: Packet): void => this.pool.release(packet);
    if (port.peer.kind === 'host' || port.peer.kind === 'vm')
      return unshaped(this.events, new Wire(this.events, 0, this.stationBehind(port), lose), lose);
    const { link } = port.peer;
    if (port.peer.kind === 'link' && link.vxlan !== undefined)
      return unshaped(this.events, new Wire(this.events, 0, this.tunnelFrom(port.switch, link), lose), lose);
    const wire = new Wire(this.events, builtLink(link).oneWayDelayMs / 1000, this.farEnd(port), lose);
    this.wires.set(link.name, [...(this.wires.get(link.name) ?? []), wire]);
    return linkEgress(this.events, spec.role, link, wire, lose, this.options, (make) => {
      const carrier = this.sharedCarrier(port) ?? make();
      this.carriers.set(port.portName, carrier);
      return carrier;
    });
  }

  /** Into a tunnel: longer by its headers the packet leaves by the port below, without a second look at the tables. */
  private tunnelFrom(switchName: string, link: LinkSpec): PacketReceiver {
    const name = wirePortName(link, switchName);
    return {
      receive: (packet, now) => {
        packet.frameBytes += tunnelBytesOn(link);
        const below = this.switches.get(switchName)!.portNamed(name)!;
        if (below.up) below.egress.send(packet, now);
        else this.pool.release(packet);
      },
    };
  }

  /** Out of it: counted as it comes, and then a packet of the tunnel's own port. */
  private tunnelTo(switchName: string, link: LinkSpec, tunnelPort: number): PacketReceiver {
    const name = wirePortName(link, switchName);
    return {
      receive: (packet, now) => {
        const sw = this.switches.get(switchName)!;
        const below = sw.portNamed(name)!;
        if (!below.up) {
          this.pool.release(packet);
          return;
        }
        below.rxPackets++;
        below.rxBytes += packet.frameBytes;
        packet.frameBytes -= tunnelBytesOn(link);
        sw.receive(tunnelPort, packet, now);
      },
    };
  }

  /** The carrier of another link of the same group, in the same direction: from its first to its second end or back. */
  private sharedCarrier(port: PortSpec): Carrier | undefined {
    if (port.peer.kind !== 'link' && port.peer.kind !== 'underlay') return undefined;
    const { link } = port.peer;
    const group = this.options.sharedCarriers?.find((names) => names.includes(link.name)) ?? [];
    const direction = link.ends.indexOf(port.switch);
    return this.topology.links
      .filter((l) => group.includes(l.name))
      .map((l) => this.carriers.get(wirePortName(l, l.ends[direction]!)))
      .find((carrier) => carrier !== undefined);
  }

  private farEnd(port: PortSpec): PacketReceiver {
    if (port.peer.kind !== 'link' && port.peer.kind !== 'underlay')
      throw new RangeError(`${port.portName} is not a link`);
    const { link, peer } = port.peer;
    const far = portsOf(this.topology, peer).find(
      (p) => p.peer.kind === 'link' && p.peer.link.name === link.name,
    );
    const sw = this.switches.get(peer);
    if (far === undefined || sw === undefined)
      throw new RangeError(`link ${link.name} ends at ${peer}, which is not a switch of the topology`);
    if (port.peer.kind === 'underlay') return this.tunnelTo(peer, link, far.portNumber);
    return { receive: (packet, now) => sw.receive(far.portNumber, packet, now) };
  }

  private stationBehind(port: PortSpec): PacketReceiver {
    if (port.peer.kind === 'host') {
      const { mac } = stationOf(port.peer.host);
      return { receive: (packet, now) => this.arrive(packet, packet.flow.ethDst === mac, now) };
    }
    if (port.peer.kind === 'vm') {
      const { vm, host } = port.peer;
      const { mac } = stationOf(vm);
      return {
        receive: (packet, now) => {
          const isMine = packet.flow.ethDst === mac;
          if (isMine && !this.vmRunsAt(vm.name, host.name) && this.tapAt(vm.name, host.name)?.hold(packet))
            return;
          this.arrive(packet, isMine && this.vmRunsAt(vm.name, host.name), now);
        },
      };
    }
    throw new RangeError(`${port.portName} has no station behind it`);
  }

  private arrive(packet: Packet, isHere: boolean, nowSeconds: number): void {
    if (isHere) {
      packet.flow.sink.arrive(packet, nowSeconds);
      return;
    }
    this.stray(packet);
  }

  private stray(packet: Packet): void {
    this.strayPackets++;
    this.pool.release(packet);
  }

  private addPlayer(spec: TrafficSpec & { from: string; to: string; udpPort: number }): void {
    const from = this.station(spec.from);
    const to = this.station(spec.to);
    const player = new TrafficPlayer(
      spec,
      this.options.seed,
      this.events,
      this.pool,
      this.transmitterOf(from),
    );
    player.flow = this.flow(
      headersBetween(stationOf(from), stationOf(to), protocolUdp, spec.udpPort, spec.udpPort),
      player,
    );
    this.players.set(spec.name, player);
  }

  /** The first host of role `user` asks each machine, again and again, whether it is there. */
  private addProbe(vm: VmSpec): void {
    const user = this.topology.hosts.find((h) => h.role === 'user');
    if (user === undefined) return;
    const probe = new VmProbe(
      `probe-${vm.name}`,
      this.events,
      this.pool,
      this.transmitterOf(user),
      this.transmitterOf(vm),
    );
    const here = stationOf(user);
    const there = stationOf(vm);
    probe.requestFlow = this.flow(headersBetween(here, there, protocolUdp, probePort, probePort), probe.atVm);
    probe.replyFlow = this.flow(headersBetween(there, here, protocolUdp, probePort, probePort), probe.atUser);
    this.probes.set(probe.record.name, probe);
  }

  private station(name: string): HostSpec | VmSpec {
    const station = hostOf(this.topology, name) ?? vmOf(this.topology, name);
    if (station === undefined)
      throw new RangeError(`traffic names "${name}", which is neither a host nor a VM`);
    return station;
  }

  /** How a station puts a packet on the network: into the port of its switch, without delay. */
  private transmitterOf(station: HostSpec | VmSpec): (packet: Packet, nowSeconds: number) => void {
    const attachments = this.attachmentsOf(station);
    if ('switch' in station) {
      const { sw, portNumber } = attachments[0]!;
      return (packet, now) => sw.receive(portNumber, packet, now);
    }
    return (packet, now) => {
      const state = this.vmHosts.get(station.name)!;
      const at = state.running ? attachments.find((a) => a.host === state.host) : undefined;
      if (at === undefined) this.pool.release(packet);
      else at.sw.receive(at.portNumber, packet, now);
    };
  }

  private attachmentsOf(station: HostSpec | VmSpec): { sw: PlantSwitch; portNumber: number; host: string }[] {
    return this.topology.switches.flatMap((spec) =>
      portsOf(this.topology, spec.name).flatMap((port) => {
        const { peer } = port;
        if (peer.kind !== 'host' && peer.kind !== 'vm') return [];
        const mine = peer.kind === 'host' ? peer.host === station : peer.vm === station;
        if (!mine) return [];
        return [{ sw: this.switches.get(spec.name)!, portNumber: port.portNumber, host: peer.host.name }];
      }),
    );
  }

  private portsOfLink(linkName: string): { sw: PlantSwitch; spec: PortSpec }[] {
    const link = this.topology.links.find((l) => l.name === linkName)!;
    return link.ends.flatMap((end) => {
      const sw = switchOf(this.topology, end) && this.switches.get(end);
      const spec = portsOf(this.topology, end).find((p) => p.portName === wirePortName(link, end));
      return sw !== undefined && spec !== undefined ? [{ sw, spec }] : [];
    });
  }
}

const probePort = 7;
/** discard, RFC 863 */
const elasticPort = 9;

const hexByte = (value: bigint): string => (value & 0xffn).toString(16).padStart(2, '0');
