import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort } from '../../src/cli/free-port.js';
import type { SwitchView } from '../../src/engine/view.js';
import { portsOf, type Topology } from '../../src/network/topology.js';
import { PrivateOvs } from '../openflow/private-ovs.js';
import { ControlLinks } from './control-links.js';
import { ControllerProcess } from './controller-process.js';
import { smallNetwork } from './small-network.js';

export interface Reconciled {
  /** rules in the switch when all was done */
  readonly rules: number;
  /** changes of rules that were sent for it */
  readonly flowMods: number;
  /** from the connection to the last acknowledgement; of a reboot also from the kill */
  readonly ms: number;
  readonly sinceKillMs: number;
}

const limitMs = 30_000;
const gateway = 'gw-a';

/** Two data centres with so many machines that the gateway holds about `rules` rules. */
function manyMachines(machines: number): Topology {
  const small = smallNetwork();
  const [first] = small.vms;
  const hex = (n: number): string => n.toString(16).padStart(2, '0');
  const vms = Array.from({ length: machines }, (_, i) => ({
    ...first!,
    name: `vm${i + 1}`,
    mac: `02:00:00:01:${hex(i >> 8)}:${hex(i & 255)}`,
    ip: `10.99.${16 + (i >> 8)}.${i & 255}`,
  }));
  return { ...small, vms };
}

/** One switch of a real Open vSwitch with many rules, and its controller. */
export class ReconcileRig {
  readonly #ovs: PrivateOvs;
  readonly #links: ControlLinks;
  readonly #controller: ControllerProcess;
  readonly #directory: string;
  readonly #dpid: string;

  static async open(machines: number): Promise<ReconcileRig> {
    const topology = manyMachines(machines);
    const directory = mkdtempSync(join(tmpdir(), 'steady-reconcile-'));
    const openflowPort = await freePort();
    const ovs = new PrivateOvs();
    const links = await ControlLinks.open(openflowPort);
    writeFileSync(join(directory, 'topology.yaml'), JSON.stringify(topology));
    writeFileSync(join(directory, 'steady.yaml'), stringify({ topology: 'topology.yaml' }));
    const { dpid } = topology.switches.find((s) => s.name === gateway)!;
    const args = ['set', 'bridge', 'br', `other-config:datapath-id=${dpid}`];
    for (const { portName, portNumber } of portsOf(topology, gateway))
      args.push(
        ...['--', 'add-port', 'br', portName],
        ...['--', 'set', 'interface', portName, 'type=dummy', `ofport_request=${portNumber}`],
      );
    ovs.vsctl(...args);
    const target = `target="tcp:127.0.0.1:${links.port}"`;
    const controller = ['create', 'controller', target, 'connection_mode=out-of-band', 'max_backoff=1000'];
    ovs.vsctl('--', '--id=@c', ...controller, '--', 'set', 'bridge', 'br', 'controller=@c');
    const configPath = join(directory, 'steady.yaml');
    const stateDirectory = join(directory, 'state');
    const process = new ControllerProcess({ configPath, stateDirectory, openflowPort });
    const rig = new ReconcileRig(ovs, links, process, directory, dpid);
    try {
      await rig.#settled(0);
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  private constructor(
    ovs: PrivateOvs,
    links: ControlLinks,
    controller: ControllerProcess,
    directory: string,
    dpid: string,
  ) {
    this.#ovs = ovs;
    this.#links = links;
    this.#controller = controller;
    this.#directory = directory;
    this.#dpid = dpid;
  }

  /** Every rule acknowledged on a connection that began after `fromMs`. */
  async #settled(fromMs: number): Promise<number> {
    const limit = performance.now() + limitMs;
    while (performance.now() < limit) {
      if (this.#controller.failure !== undefined) throw new Error(this.#controller.failure);
      const answer = await this.#controller.ask<{ items: SwitchView[] }>('/v1/switches', 200);
      const view = answer?.items.find((s) => s.dpid === this.#dpid);
      const isNew =
        this.#links.lastConnectedAtMs > fromMs && view?.address.endsWith(`:${this.#links.lastPort}`);
      if (isNew && view?.state === 'ready' && isTrue(view)) return performance.now();
      await sleep(2);
    }
    throw new Error(`the switch is not as it should be within ${limitMs / 1000} s`);
  }

  async #after(fault: () => void): Promise<Reconciled> {
    const { flowMods } = this.#links;
    const from = performance.now();
    fault();
    const done = await this.#settled(from);
    return {
      rules: this.#ovs.flowCount(),
      flowMods: this.#links.flowMods - flowMods,
      ms: Math.round(done - this.#links.lastConnectedAtMs),
      sinceKillMs: Math.round(done - from),
    };
  }

  /** Killed and started again: nothing is in its tables. */
  reboot(): Promise<Reconciled> {
    return this.#after(() => this.#ovs.rebootSwitch());
  }
  /** The connection is reset, and all rules are still there. */
  reconnect(): Promise<Reconciled> {
    return this.#after(() => this.#links.reset());
  }
  /** The connection is reset, and somebody has taken the rules of some machines away. */
  lose(machines: number): Promise<Reconciled> {
    return this.#after(() => {
      for (let i = 0; i < machines; i++)
        this.#ovs.ofctl('del-flows', `table=1,eth_dst=02:00:00:01:00:${i.toString(16).padStart(2, '0')}`);
      this.#links.reset();
    });
  }

  async close(): Promise<void> {
    await this.#controller.kill();
    this.#links.close();
    this.#ovs.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const isTrue = ({ rules }: SwitchView): boolean =>
  rules.acknowledged === rules.revision && rules.installed === rules.desired;
