import { describe, expect, it } from 'vitest';
import { diskProgress, memoryProgress, unknownStatus } from '../../src/engine/migration-progress.js';

/** What a source says that copies 100 bytes of memory and a disk of 1000; its counts are sums of both. */
const status = {
  ...unknownStatus,
  phase: 'active',
  totalBytes: 1100,
  transferredBytes: 430,
  remainingBytes: 680,
  disk: { totalBytes: 1000, copiedBytes: 400 },
} as const;

describe('the progress of a machine whose disk moves too', () => {
  it('is told apart, memory and disk', () => {
    expect(memoryProgress(status, 100, false)).toEqual({
      totalBytes: '100',
      processedBytes: '30',
      remainingBytes: '80',
    });
    expect(diskProgress(status, false)).toEqual({
      totalBytes: '1000',
      processedBytes: '400',
      remainingBytes: '600',
    });
  });

  it('has nothing left when it has moved', () => {
    expect(memoryProgress(status, 100, true).remainingBytes).toBe('0');
    expect(diskProgress(status, true)).toMatchObject({ processedBytes: '1000', remainingBytes: '0' });
  });

  it('of a disk that stays is nothing, and the sums are the memory', () => {
    const { disk: _, ...memoryAlone } = status;
    expect(diskProgress(memoryAlone, false)).toEqual({
      totalBytes: '0',
      processedBytes: '0',
      remainingBytes: '0',
    });
    expect(memoryProgress(memoryAlone, 1100, false)).toMatchObject({
      processedBytes: '430',
      remainingBytes: '680',
    });
  });
});
