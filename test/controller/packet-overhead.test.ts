import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketOverhead } from '../../controller/index.js';
import { randomSource } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const slot = 0.02;

interface Given {
  readonly seed: number;
  readonly header: number;
  /** share of the packets that get it */
  readonly share?: number;
  readonly lossShare?: number;
  readonly seconds?: number;
}

/** A FIFO of packets of mixed lengths that is read every slot; 40 Mbit/s on a line of 50 in frames of video and more. */
function fitted({ seed, header, share = 1, lossShare = 0, seconds = 30 }: Given): PacketOverhead {
  const overhead = new PacketOverhead();
  const random = randomSource(seed);
  const queue: number[] = [];
  let credit = 0;
  for (let k = 1; k * slot < seconds; k++) {
    const passage = { arrivedBytes: 0, arrivedPackets: 0, departedBytes: 0, departedPackets: 0 };
    let load = (k % 2 === 0 ? 1.5 : 0.1) * 6_250_000 * slot;
    while (load > 0) {
      const length = random() < 0.4 ? 66 + Math.floor(100 * random()) : 1514;
      load -= length;
      passage.arrivedPackets += 1;
      passage.arrivedBytes += length;
      if (random() >= lossShare) queue.push(length);
    }
    credit = Math.min(credit, 0) + 6_250_000 * slot;
    while (queue.length > 0 && credit > 0) {
      const length = queue.shift()! + (random() < share ? header : 0);
      credit -= length;
      passage.departedPackets += 1;
      passage.departedBytes += length;
    }
    overhead.observe(k * slot, passage);
  }
  return overhead;
}

describe('the header that a packet gets or loses between two counters', () => {
  it.each([4, -4, 50, -54, 8])('is found: %i bytes', (header) => {
    const overhead = fitted({ seed: 3, header });
    expect(overhead.bytesPerPacket).toBeCloseTo(header, 0);
    expect(overhead.uncertaintyBytesPerPacket).toBeLessThan(1);
  });

  it('is nothing while nothing is known, and where there is none', () => {
    const fresh = new PacketOverhead();
    expect([fresh.bytesPerPacket, fresh.uncertaintyBytesPerPacket]).toEqual([0, Number.POSITIVE_INFINITY]);
    expect(fitted({ seed: 4, header: 4, seconds: 1 }).bytesPerPacket).toBe(0);
    const none = fitted({ seed: 5, header: 0 });
    expect(none.bytesPerPacket).toBe(0);
    expect(none.uncertaintyBytesPerPacket).toBeLessThan(1);
  });

  it('is the mean where only some packets have it, in spite of losses', () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer({ min: 1, max: 1e6 }),
          header: fc.constantFrom(-50, -4, 0, 4, 50),
          share: fc.constantFrom(0.5, 1),
          lossShare: fc.constantFrom(0, 0.001),
        }),
        (given) => {
          const overhead = fitted(given);
          const truth = given.header * given.share;
          // a lost packet is counted with the mean length, which is up to 760 bytes wrong
          const tolerated = 0.3 + 3 * overhead.uncertaintyBytesPerPacket + 760 * given.lossShare;
          expect(Math.abs(overhead.bytesPerPacket - truth)).toBeLessThan(tolerated);
          expect(overhead.uncertaintyBytesPerPacket).toBeLessThan(2);
        },
      ),
      { numRuns: Math.round(20 * scale) },
    );
  });

  it('is not fitted from counters that do not count the same packets', () => {
    const overhead = new PacketOverhead();
    // segments of a large send, counted before and after they are cut
    for (let k = 1; k < 1000; k++)
      overhead.observe(k * slot, {
        arrivedBytes: 120_000,
        arrivedPackets: 10,
        departedBytes: 124_600,
        departedPackets: 80,
      });
    expect(overhead.bytesPerPacket).toBe(0);
    expect(overhead.uncertaintyBytesPerPacket).toBe(Number.POSITIVE_INFINITY);
  });

  it('survives counters that start anew', () => {
    const overhead = fitted({ seed: 7, header: 4 });
    overhead.restart();
    expect(overhead.bytesPerPacket).toBeCloseTo(4, 0);
  });
});
