import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  closeReasonOf,
  descReply,
  encoded,
  featuresReply,
  flowStats,
  hello,
  joined,
  portDescReply,
  portStatus,
  raw,
  readyWire,
  Wire,
} from './support/fake-switch.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('what is not OpenFlow', () => {
  it.each([
    ['a header with length 0', raw(4, 2, 1).with(3, 0), 2],
    ['a header with length 7', raw(4, 2, 1).with(3, 7), 2],
    ['an HTTP request', Uint8Array.from('GET / HTTP/1.1\r\n\r\n', (c) => c.charCodeAt(0)), 0],
    ['an unknown type', raw(4, 30, 1), 1],
    ['a barrier reply with a body', raw(4, 21, 1, [0, 0, 0, 0]), undefined],
    ['a port status that is cut', encoded(portStatus(1)).slice(0, 40).with(3, 40), undefined],
    ['a multipart reply shorter than its header', raw(4, 19, 1, [0, 1, 0, 0]), undefined],
  ])('ends the session: %s', (_, bytes, offset) => {
    const wire = readyWire();
    wire.sayBytes(0, bytes);
    const reason = closeReasonOf(wire.takeEvents())!;
    expect(reason.code).toBe('malformed');
    expect(reason.offset).toBeTypeOf('number');
    if (offset !== undefined) expect(reason.offset).toBe(offset);
    expect(reason.detail.length).toBeGreaterThan(10);
    expect(wire.hear()).toMatchObject([{ type: 'error', error_type: 1 }]);
  });

  it.each([0, 1, 3, 9, 0xffff])(
    'ends the session at a HELLO element of length %i, and does not hang',
    (length) => {
      const wire = new Wire();
      wire.session.start(0);
      wire.sayBytes(0, raw(4, 0, 1, [0, 1, length >> 8, length & 0xff, 0, 0, 0, 0x10]));
      expect(closeReasonOf(wire.takeEvents())).toMatchObject({ code: 'malformed' });
    },
  );

  it('tells nothing more after the end, whatever comes', () => {
    const wire = readyWire();
    wire.session.close('enough');
    expect(wire.takeEvents()).toHaveLength(1);
    wire.sayBytes(0, joined(encoded(portStatus(1)), encoded(hello())));
    wire.session.timeout(1000);
    wire.session.close('again');
    expect(wire.session.send({ type: 'barrier_request' })).toBeGreaterThan(0);
    expect(wire.takeEvents()).toEqual([]);
    expect(wire.session.takeBytes()).toBeUndefined();
    expect(wire.session.nextDeadline()).toBeUndefined();
  });

  it('never makes the session throw, say two farewells, or keep on after its end', () => {
    const good = fc.constantFrom(
      encoded(hello()),
      encoded(featuresReply(2)),
      encoded(descReply(4)),
      encoded(portDescReply(5)),
      encoded(portStatus(1)),
      encoded({ type: 'multipart_reply', xid: 6, mp_type: 'flow', flags: 1, body: [flowStats(1n)] }),
      encoded({ type: 'echo_request', xid: 9, data: new Uint8Array(3) }),
      raw(4, 21, 6),
    );
    const spoilt = fc
      .tuple(good, fc.nat(200), fc.nat(255))
      .map(([bytes, at, value]) => bytes.with(at % bytes.length, value));
    const junk = fc.uint8Array({ maxLength: 40 });
    const pieces = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: good },
        { weight: 3, arbitrary: spoilt },
        { weight: 1, arbitrary: junk },
      ),
      {
        maxLength: 12,
      },
    );
    let closed = 0;
    let survived = 0;
    fc.assert(
      fc.property(pieces, fc.boolean(), (parts, fromReady) => {
        const wire = fromReady ? readyWire() : new Wire();
        if (fromReady)
          wire.session.request({ type: 'multipart_request', mp_type: 'port_desc', flags: 0, body: {} }, 1, 0);
        for (const part of parts) wire.sayBytes(0, part);
        const events = wire.takeEvents();
        const reason = closeReasonOf(events);
        if (reason) {
          closed += 1;
          expect(events.at(-1)!.kind).toBe('closed');
          expect(wire.session.state).toBe('closed');
          expect(['malformed', 'protocol', 'version', 'auxiliary', 'refused', 'overflow']).toContain(
            reason.code,
          );
        } else survived += 1;
        const farewells = wire.hear().filter((m) => m.type === 'error');
        expect(farewells.length).toBeLessThanOrEqual(reason ? 1 : 0);
      }),
      { numRuns: 500 * scale },
    );
    expect(closed).toBeGreaterThan(0);
    expect(survived).toBeGreaterThan(0);
  });
});
