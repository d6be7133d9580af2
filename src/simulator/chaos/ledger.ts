import type { JournalRecord } from '../../engine/journal.js';

/** One migration as the durable records tell it. */
export interface KnownMigration {
  readonly id: string;
  readonly ordinal: number;
  readonly vm: string;
  readonly source: string;
  readonly destination: string;
  readonly idempotencyKey: string | null;
  /** all steps in order, the present one last */
  readonly steps: string[];
  enteredAt: number;
  /** the note of the present step names something that could not be reached */
  incomplete: boolean;
}

export const endSteps: readonly string[] = ['completed', 'cancelled', 'failed'];
export const stepOf = (migration: KnownMigration): string => migration.steps.at(-1)!;
export const hasEnded = (migration: KnownMigration): boolean => endSteps.includes(stepOf(migration));
/** The machine lives at the destination and does not come back. */
export const isCommitted = (migration: KnownMigration): boolean => migration.steps.includes('flipping');

/** Its packets may be on their way to either place. */
export const isTurning = (migration: KnownMigration): boolean =>
  (migration.steps.includes('redirecting') || migration.steps.includes('flipping')) &&
  stepOf(migration) !== 'cleaning';

/** What the durable journal says, read independently of the engine. */
export class Ledger {
  readonly migrations = new Map<string, KnownMigration>();
  readonly byOrdinal = new Map<number, KnownMigration>();
  /** newest generation under which switches are claimed */
  generation: bigint | undefined;
  private readonly homes: Map<string, string>;

  constructor(vms: readonly { readonly name: string; readonly at: string }[]) {
    this.homes = new Map(vms.map((vm) => [vm.name, vm.at]));
  }

  take({ entry }: JournalRecord, now: number): void {
    if (entry.kind === 'generation') this.generation = BigInt(entry.generation);
    else if (entry.kind === 'migrationAccepted') {
      const migration: KnownMigration = {
        id: entry.id,
        ordinal: entry.ordinal,
        vm: entry.request.vm,
        source: entry.source,
        destination: entry.request.destination,
        idempotencyKey: entry.idempotencyKey,
        steps: ['accepted'],
        enteredAt: now,
        incomplete: false,
      };
      this.migrations.set(entry.id, migration);
      this.byOrdinal.set(entry.ordinal, migration);
    } else if (entry.kind === 'migrationStep') {
      const migration = this.migrations.get(entry.id);
      if (migration === undefined) return;
      migration.steps.push(entry.step);
      migration.enteredAt = now;
      migration.incomplete = entry.note.includes('not reached');
      if (entry.step === 'flipping') this.homes.set(migration.vm, migration.destination);
    }
  }

  live(): KnownMigration[] {
    return [...this.migrations.values()].filter((m) => !hasEnded(m));
  }

  liveOf(vm: string): KnownMigration | undefined {
    return this.live().find((m) => m.vm === vm);
  }

  /** Where a machine lives. */
  homeOf(vm: string): string {
    return this.homes.get(vm)!;
  }

  /** What location entries may say of it: while it is being flipped, the old place or the new one. */
  homesOf(vm: string): readonly string[] {
    const migration = this.liveOf(vm);
    return migration !== undefined && stepOf(migration) === 'flipping'
      ? [migration.source, migration.destination]
      : [this.homeOf(vm)];
  }

  /** Where switches may send its packets: from the redirection until the flip is complete, or all is taken back, also to the other place. */
  placesOf(vm: string): readonly string[] {
    const migration = this.liveOf(vm);
    return migration !== undefined && isTurning(migration)
      ? [migration.source, migration.destination]
      : [this.homeOf(vm)];
  }
}
