import { describe, expect, it } from 'vitest';
import { readTopology } from '../../src/io/topology-file.js';
import {
  desiredRules,
  livenessFrame,
  livenessNumberOf,
  livenessNumbers,
  probeFrame,
  probeNumberOf,
  probeNumbers,
} from '../../src/network/index.js';

const state = { vmLocation: new Map(), migrations: [], classes: [] };
const probeRules = (file: string, name: string): unknown[] =>
  desiredRules(readTopology(`topologies/${file}.yaml`), name, state).filter((r) => r.priority === 400);

describe('a probe of an opaque path', () => {
  it('is a valid UDP packet that carries its number', () => {
    for (let number = 0; number < probeNumbers; number++) {
      const frame = probeFrame(number);
      expect(frame).toHaveLength(60);
      const view = new DataView(frame.buffer);
      let sum = 0;
      for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      // RFC 1071: a correct header sums to all ones
      expect(sum).toBe(0xffff);
      expect(view.getUint16(16)).toBe(46);
      expect(view.getUint16(38)).toBe(26);
      expect(probeNumberOf(frame)).toBe(number);
    }
  });

  it('is known from everything else', () => {
    const frame = probeFrame(7);
    expect(probeNumberOf(frame.subarray(0, 37))).toBeUndefined();
    expect(probeNumberOf(new Uint8Array(0))).toBeUndefined();
    for (const at of [0, 5, 12, 23, 36]) {
      const other = frame.slice();
      other[at]! ^= 1;
      expect(probeNumberOf(other)).toBeUndefined();
    }
    const beyond = frame.slice();
    beyond[34] = 0;
    expect(probeNumberOf(beyond)).toBeUndefined();
  });

  it('is handed to the controller where a wide-area link comes in, and nowhere else', () => {
    const rule = (inPort: number) =>
      expect.objectContaining({
        tableId: 0,
        match: [
          { field: 'in_port', value: inPort },
          { field: 'eth_dst', value: Uint8Array.from([2, 0x53, 0x54, 0x50, 0, 2]) },
        ],
        instructions: [
          { type: 'apply_actions', actions: [{ type: 'output', port: 0xfffffffd, max_len: 64 }] },
        ],
      });
    for (const file of ['two-dc', 'two-dc-opaque']) {
      // the packet link and the circuit
      for (const name of ['gw-a', 'gw-b']) expect(probeRules(file, name)).toEqual([rule(1), rule(2)]);
      expect(probeRules(file, 'hv-a')).toEqual([]);
    }
  });

  it('that asks whether a link lives is another than one that measures it', () => {
    for (const number of [0, 1, livenessNumbers - 1]) {
      expect(livenessNumberOf(livenessFrame(number))).toBe(number);
      expect(probeNumberOf(livenessFrame(number))).toBeUndefined();
    }
    expect(livenessNumberOf(probeFrame(probeNumbers - 1))).toBeUndefined();
    expect(livenessNumberOf(probeFrame(probeNumbers + livenessNumbers))).toBeUndefined();
  });
});
