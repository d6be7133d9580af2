import { describe, expect, it } from 'vitest';
import { BacklogEstimator, bytes, bytesPerSecond, instant, seconds } from '../../controller/index.js';
import { LineBytes } from '../../src/engine/line-bytes.js';
import type { Observation } from '../../src/telemetry/index.js';

const slot = 0.02;
const packets = 100;

/** A port that puts a tag on each packet of 1000 bytes, or takes one off, and has no queue at all. */
function reading(k: number, tag: number, more: Partial<Observation> = {}): Observation {
  return {
    at: instant(k * slot),
    intervalSeconds: seconds(slot),
    arrivedBytes: bytes(packets * 1000),
    ownBytes: bytes(0),
    circuitBytes: bytes(0),
    departedBytes: bytes(packets * (1000 + tag)),
    droppedBytes: bytes(0),
    arrivedPackets: packets,
    departedPackets: packets,
    timeUncertaintySeconds: seconds(0.0001),
    roundTripSeconds: seconds(0.001),
    late: false,
    gap: false,
    ...more,
  };
}

/** backlog after a minute on a line that this load fills to 95 %, so that it is never proved empty */
function backlog(tag: number, counted: boolean): number {
  const line = new LineBytes();
  const estimator = new BacklogEstimator({
    capacityBytesPerSecond: bytesPerSecond((packets * (1000 + tag)) / slot / 0.95),
    slotSeconds: seconds(slot),
    bufferBytes: bytes(1e9),
  });
  let newest = 0;
  for (let k = 1; k < 3000; k++) {
    const one = reading(k, tag, counted ? {} : { arrivedPackets: undefined });
    newest = estimator.update(line.of(one)).backlogBytes;
    if (k === 250) estimator.assume(bytes(0));
  }
  return newest;
}

describe('arrivals of a port that changes the headers', () => {
  it('are as long as what leaves, so no queue is seen that is not there', () => {
    expect(backlog(-4, false)).toBeGreaterThan(1_000_000);
    expect(backlog(-4, true)).toBeLessThan(3 * 1514);
    expect(backlog(4, true)).toBeLessThan(3 * 1514);
  });

  it('are what was counted while nothing is known, and where the switch counts no packets', () => {
    const line = new LineBytes();
    expect(line.of(reading(1, 4)).arrivedBytes).toBe(packets * 1000);
    expect(line.view).toBeNull();
    for (let k = 2; k < 1000; k++) line.of(reading(k, 4));
    expect(line.view!.bytes).toBeCloseTo(4, 6);
    expect(line.of(reading(1000, 4)).arrivedBytes).toBeCloseTo(packets * 1004, 6);
    expect(line.of(reading(1001, 4, { departedPackets: undefined })).arrivedBytes).toBe(packets * 1000);
    expect(line.of(reading(1002, 4, { gap: true, arrivedBytes: bytes(0) })).arrivedBytes).toBe(0);
  });
});
