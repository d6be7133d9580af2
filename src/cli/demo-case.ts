import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlConfig } from '../engine/config.js';
import type { MigrationView, SystemView } from '../engine/view.js';
import { parseCookie } from '../network/cookie.js';
import { type Daemon, startDaemon } from './daemon.js';
import { DemoError, type DemoNetwork, demoCircuits } from './demo-network.js';

const readyLimitSeconds = 30;
const migrationLimitSeconds = 600;

export interface CaseOptions {
  readonly network: DemoNetwork;
  /** laid over the network's own settings */
  readonly control: Partial<ControlConfig>;
  /** it may order the circuits of the network; default false */
  readonly circuits?: boolean;
  readonly openflowPort: number;
  readonly httpPort: number;
  readonly progress: (line: string) => void;
}

/** A controller on a network, for the length of one case. */
export class DemoCase {
  readonly daemon: Daemon;
  readonly #network: DemoNetwork;
  readonly #state: string;
  readonly #progress: (line: string) => void;

  static async start(options: CaseOptions): Promise<DemoCase> {
    const { network } = options;
    const state = mkdtempSync(join(tmpdir(), 'steady-demo-'));
    const { topology } = network.steady.config;
    const provider = options.circuits === true ? network.circuitProvider : undefined;
    const steady = {
      ...network.steady,
      config: {
        ...network.steady.config,
        control: { ...network.steady.config.control, ...options.control },
        ...(provider !== undefined && topology !== undefined
          ? { circuits: demoCircuits(topology, provider) }
          : {}),
      },
    };
    const daemon = await startDaemon({
      steady,
      openflowPort: options.openflowPort,
      httpPort: options.httpPort,
      stateDirectory: state,
      recordFile: undefined,
      logLevel: 'error',
    });
    const running = new DemoCase(daemon, network, state, options.progress);
    try {
      await network.attach(daemon.openflowPort);
      await running.#untilReady();
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  }

  private constructor(daemon: Daemon, network: DemoNetwork, state: string, progress: (line: string) => void) {
    this.daemon = daemon;
    this.#network = network;
    this.#state = state;
    this.#progress = progress;
  }

  get view(): SystemView {
    return this.daemon.application.view();
  }

  async #untilReady(): Promise<void> {
    for (let waited = 0; waited < readyLimitSeconds; waited += 0.1) {
      const { switches } = this.view;
      const settled = switches.filter(
        (s) => s.name !== null && s.state === 'ready' && s.rules.acknowledged === s.rules.revision,
      );
      if (settled.length === this.#network.steady.config.topology?.switches.length) return;
      await sleep(100);
    }
    const missing = this.view.switches.filter(
      (s) => s.state !== 'ready' || s.rules.acknowledged !== s.rules.revision,
    );
    throw new DemoError(
      `not ready within ${readyLimitSeconds} s: ${missing.map((s) => s.name ?? s.dpid).join(', ')}`,
    );
  }

  /** Asks by REST, as a user would, and waits for the end. */
  async migrate(
    vm: string,
    destination: string,
    mode: MigrationView['mode'] = 'precopy',
  ): Promise<MigrationView> {
    const base = `http://127.0.0.1:${this.daemon.httpPort}`;
    let accepted: Response | undefined;
    for (let waited = 0; waited < readyLimitSeconds; waited += 0.2) {
      accepted = await fetch(`${base}/v1/migrations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ vm, destination, mode, downtimeLimitMs: 300 }),
      });
      // The agents may still be connecting: the answer says so, and asking again is what a user would do.
      if (accepted.status !== 409) break;
      await sleep(200);
    }
    if (accepted?.status !== 202) throw new DemoError(`the migration was refused: ${await accepted?.text()}`);
    const location = accepted.headers.get('location');
    let shown = '';
    for (let waited = 0; waited < migrationLimitSeconds; waited += 0.1) {
      const migration = (await (await fetch(`${base}${location}`)).json()) as MigrationView;
      const line = progressLine(migration, this.view);
      if (line.key !== shown) this.#progress(line.text);
      shown = line.key;
      if (['completed', 'failed', 'cancelled'].includes(migration.state)) return migration;
      await sleep(100);
    }
    throw new DemoError(`the migration has not ended within ${migrationLimitSeconds} s`);
  }

  /** Rules of migrations that are still in any switch. */
  async leftoverRules(): Promise<number> {
    let left = 0;
    for (const { dpid } of this.view.switches) {
      const response = await fetch(`http://127.0.0.1:${this.daemon.httpPort}/v1/switches/${dpid}/flows`);
      if (!response.ok) throw new DemoError(`flows of ${dpid} cannot be read: ${await response.text()}`);
      const { items } = (await response.json()) as { items: { cookie: string }[] };
      left += items.filter((flow) => (parseCookie(BigInt(flow.cookie))?.ordinal ?? 0) !== 0).length;
    }
    return left;
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
    rmSync(this.#state, { recursive: true, force: true });
  }
}

/** One line for every step and every tenth of the bytes. */
function progressLine(migration: MigrationView, view: SystemView): { key: string; text: string } {
  const { processedBytes, totalBytes } = migration.progress.memory;
  const tenth = Math.floor((10 * Number(processedBytes)) / Math.max(1, Number(totalBytes)));
  const bottleneck = view.bottlenecks.find((b) => b.commandedBitsPerSecond > 0);
  const rate = (migration.grantedBitsPerSecond / 1e6).toFixed(1);
  const queue =
    bottleneck === undefined
      ? ''
      : `, queue ${bottleneck.backlogMs.toFixed(1)} ms, ${bottleneck.certificate.violations} violations`;
  const percent = Math.min(100, Math.round((100 * Number(processedBytes)) / Math.max(1, Number(totalBytes))));
  const detail =
    migration.state === 'running'
      ? `${percent} % at ${rate} Mbit/s${queue}`
      : (migration.phaseTransitions.at(-1)?.note ?? '');
  return { key: `${migration.step} ${tenth}`, text: `  ${migration.step.padEnd(10)} ${detail}` };
}
