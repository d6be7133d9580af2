import type { MigrationJson } from '../api/schemas/index.js';

/** How much of it has been copied for good, 0 to 1: memory that is written again counts as not copied. */
export function doneShare({ state, progress: { memory, disk } }: MigrationJson): number {
  if (state === 'completed') return 1;
  const total = Number(memory.totalBytes) + Number(disk.totalBytes);
  if (total <= 0) return 0;
  const remaining = Number(memory.remainingBytes) + Number(disk.remainingBytes);
  return Math.min(1, Math.max(0, 1 - remaining / total));
}

/** `[=====>    ]  52 %` */
export function progressBar(share: number, width: number): string {
  const full = Math.floor(share * width);
  const head = full < width ? '>' : '';
  // whoever reads 100 % must be able to take it for done
  const percent = share >= 1 ? 100 : Math.min(99, Math.round(share * 100));
  return `[${('='.repeat(full) + head).padEnd(width)}] ${String(percent).padStart(3)} %`;
}
