import type { ApiCommand, ApiResult } from '../../engine/input.js';
import type { VmSpec } from '../../network/topology.js';
import type { EventQueue } from '../event-queue.js';
import type { ControllerHost } from './controller-host.js';
import type { Draw } from './draw.js';
import { hasEnded, type Ledger } from './ledger.js';

const patienceSeconds = 5;

/**
 * Somebody who moves one machine again and again: asks with an Idempotency-Key, asks again when there is no answer, sometimes twice at
 * once, and sometimes changes his mind.
 */
export class User {
  private readonly vm: VmSpec;
  private readonly events: EventQueue;
  private readonly host: ControllerHost;
  private readonly ledger: Ledger;
  private readonly draw: Draw;
  /** one more migration may be begun */
  private readonly mayBegin: () => boolean;
  private readonly waiting = new Map<number, (result: ApiResult) => void>();
  private asked = 0;

  constructor(
    vm: VmSpec,
    events: EventQueue,
    host: ControllerHost,
    ledger: Ledger,
    draw: Draw,
    mayBegin: () => boolean,
  ) {
    this.vm = vm;
    this.events = events;
    this.host = host;
    this.ledger = ledger;
    this.draw = draw;
    this.mayBegin = mayBegin;
  }

  start(): void {
    this.later(this.draw.between(0.3, 2), () => this.begin());
  }

  /** True if the answer was for this user. */
  take(request: number, result: ApiResult): boolean {
    const then = this.waiting.get(request);
    this.waiting.delete(request);
    then?.(result);
    return then !== undefined;
  }

  private begin(): void {
    if (!this.mayBegin()) return;
    this.asked += 1;
    const id = `${this.vm.name}-${this.asked}`;
    const home = this.ledger.homeOf(this.vm.name);
    const destination = this.draw.pick(this.vm.hosts.filter((h) => h !== home));
    this.ask(id, destination);
    // At once, or long after by a proxy that was not sure.
    const again = this.draw.chance(0.2)
      ? this.draw.between(0, 0.2)
      : this.draw.chance(0.1)
        ? this.draw.between(2, 20)
        : 0;
    if (again > 0) this.later(again, () => this.post(id, destination, () => {}));
    if (this.draw.chance(0.15)) this.later(this.draw.between(0, 4), () => this.cancel(id));
  }

  private ask(id: string, destination: string): void {
    let heard = false;
    const request = this.post(id, destination, (result) => {
      heard = true;
      // What became of it is seen where everybody sees it; a refusal is tried again with a new key.
      if (result.ok) this.watch(id);
      else this.later(this.draw.between(0.5, 1.5), () => this.begin());
    });
    this.later(request === undefined ? 0.5 : patienceSeconds, () => {
      if (heard) return;
      if (request !== undefined) this.waiting.delete(request);
      this.ask(id, destination);
    });
  }

  private post(id: string, destination: string, then: (result: ApiResult) => void): number | undefined {
    return this.send(
      {
        kind: 'createMigration',
        id: `${id}-${this.draw.whole(0, 1e9)}`,
        idempotencyKey: id,
        bodyDigest: destination,
        request: {
          vm: this.vm.name,
          destination,
          mode: 'precopy',
          maxBandwidthBytesPerSecond: null,
          downtimeLimitMs: 300,
          disk: 'none',
          dryRun: false,
        },
      },
      then,
    );
  }

  private cancel(key: string): void {
    const migration = [...this.ledger.migrations.values()].find((m) => m.idempotencyKey === key);
    if (migration !== undefined) this.send({ kind: 'cancelMigration', id: migration.id }, () => {});
  }

  private send(command: ApiCommand, then: (result: ApiResult) => void): number | undefined {
    const request = this.host.nextRequest();
    this.waiting.set(request, then);
    if (this.host.api(request, command)) return request;
    this.waiting.delete(request);
    return undefined;
  }

  private watch(key: string): void {
    const migration = [...this.ledger.migrations.values()].find((m) => m.idempotencyKey === key);
    if (migration !== undefined && hasEnded(migration))
      this.later(this.draw.between(0.05, 0.4), () => this.begin());
    else this.later(0.25, () => this.watch(key));
  }

  private later(seconds: number, action: () => void): void {
    this.events.call(this.events.now + seconds, action);
  }
}
