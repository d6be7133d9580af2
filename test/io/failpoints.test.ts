import { describe, expect, it } from 'vitest';
import { FailpointNames } from '../../src/io/failpoint-name.js';
import { Failpoints, failpointVariable } from '../../src/io/failpoints.js';

const step = (number: number, name: string) =>
  ({
    kind: 'append',
    record: {
      number,
      wallMs: 0,
      entry: { kind: 'migrationStep', id: 'm', step: name, state: 'running', note: '' },
    },
  }) as const;
const message = (type: number, ...more: number[]): Uint8Array =>
  Uint8Array.from([4, type, 0, 8 + more.length, 0, 0, 0, 1, ...more]);
const flowModAndBarrier = Uint8Array.from([...message(14, 0, 0), ...message(20)]);

describe('names of the points at which the controller may die', () => {
  it('begin with the newest record and count what is equal', () => {
    const names = new FailpointNames();
    expect(names.output({ kind: 'send', connection: 1, bytes: flowModAndBarrier })).toBe(
      'start: send barrier_request+flow_mod#1',
    );
    expect(names.output(step(1, 'staging'))).toBe('start: append staging#1');
    expect(names.input({ kind: 'stored', record: 1 })).toBe('staging: ack append staging#1');
    for (const n of [1, 2])
      expect(names.output({ kind: 'send', connection: n, bytes: flowModAndBarrier })).toBe(
        `staging: send barrier_request+flow_mod#${n}`,
      );
  });

  it('do not depend on when a circuit is ordered', () => {
    const names = new FailpointNames();
    names.output(step(1, 'running'));
    const entry = { kind: 'circuitGranted', id: 'c', link: 'l' } as const;
    expect(names.output({ kind: 'append', record: { number: 2, wallMs: 0, entry } })).toBe(
      'running: append circuitGranted#1',
    );
    expect(names.output({ kind: 'setQueue' } as never)).toBe('running: send queue#1');
  });

  it('find a reply that comes in pieces, each connection by itself', () => {
    const names = new FailpointNames();
    const reply = message(21);
    const piece = (connection: number, from: number, to: number) =>
      names.input({ kind: 'bytesReceived', connection, chunk: reply.subarray(from, to) });
    expect(piece(1, 0, 5)).toBe('start: ack read#1');
    expect(piece(2, 0, 8)).toBe('start: ack barrier_reply#1');
    expect(piece(1, 5, 8)).toBe('start: ack barrier_reply#2');
  });

  it('have what is routine once in a stage', () => {
    const names = new FailpointNames();
    const read = { kind: 'send', connection: 1, bytes: message(18, 0, 0) } as const;
    expect(names.output(read)).toBe('start: send read#1');
    expect(names.output(read)).toBeUndefined();
    names.output(step(1, 'running'));
    expect(names.output(read)).toBe('running: send read#1');
  });
});

describe('failpoints', () => {
  it('do not exist without the variable', () => {
    expect(Failpoints.fromEnvironment({}, 'journal.sqlite')).toBeUndefined();
  });

  it('say what the variable may be', () => {
    for (const text of ['kill:staging', 'torn:before:x', 'explode:x'])
      expect(() => Failpoints.fromEnvironment({ [failpointVariable]: text }, 'j')).toThrow(
        /STEADY_FAILPOINT/,
      );
  });
});
