import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meaningOf, questionOf } from '../../src/circuit/http-messages.js';
import type { CircuitRequest } from '../../src/circuit/protocol.js';

const id = 'two-dc.circuit.1767225600000-1';
const terms = { ends: ['gw-a', 'gw-b'], capacityBitsPerSecond: 1e8, setupSeconds: 2 } as const;
const requests: Record<CircuitRequest['kind'], CircuitRequest> = {
  request: { kind: 'request', id, link: 'circuit', terms },
  release: { kind: 'release', id },
  status: { kind: 'status', id },
  list: { kind: 'list', owner: 'two-dc' },
};
const circuit = { id, link: 'circuit', state: 'up' };
const answer = (status: number, body: unknown = '', retryAfter: string | null = null) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  retryAfter,
});

describe('a question to the provider', () => {
  it('is named by the id, which makes it idempotent', () => {
    const { method, path, headers, body } = questionOf(requests.request);
    expect([method, path]).toEqual(['PUT', `circuits/${id}`]);
    expect(headers['idempotency-key']).toBe(id);
    expect(JSON.parse(body!)).toEqual({ link: 'circuit', ...terms });
    expect(questionOf(requests.release)).toMatchObject({ method: 'DELETE', path: `circuits/${id}` });
    expect(questionOf(requests.list).path).toBe('circuits?owner=two-dc');
  });
});

describe('the answer of the provider', () => {
  it('is a circuit, or all of them', () => {
    const known = [{ ...circuit, reason: '' }];
    for (const kind of ['request', 'release', 'status'] as const)
      expect(meaningOf(requests[kind], answer(200, circuit))).toEqual({ kind: 'circuits', circuits: known });
    const others = { items: [circuit, { ...circuit, id: 'two-dc-b.x.1' }] };
    expect(meaningOf(requests.list, answer(200, others))).toEqual({ kind: 'circuits', circuits: known });
  });

  it.each([
    ['release', answer(204)],
    ['release', answer(404)],
    ['status', answer(404, { detail: 'there is none' })],
  ] as const)('says that nothing is there: %s %j', (kind, told) => {
    expect(meaningOf(requests[kind], told)).toEqual({ kind: 'circuits', circuits: [] });
  });

  it.each([400, 401, 403, 404, 409, 422])('of status %i to an order is a definite no', (status) => {
    expect(meaningOf(requests.request, answer(status, { detail: 'no' }))).toEqual({
      kind: 'error',
      error: { code: 'refused', detail: `no (status ${status})` },
    });
  });

  it.each([408, 425, 429, 500, 502, 503, 504])(
    'of status %i settles nothing and is asked again',
    (status) => {
      for (const request of Object.values(requests))
        expect(meaningOf(request, answer(status, '<html>', '7'))).toEqual({
          kind: 'again',
          error: { code: 'unavailable', detail: `status ${status}` },
          waitSeconds: 7,
        });
    },
  );

  it('to a release is never taken for done unless it says so', () => {
    for (const status of [400, 401, 403, 409, 500])
      expect(meaningOf(requests.release, answer(status)).kind).not.toBe('circuits');
    expect(meaningOf(requests.release, answer(200, 'done'))).toMatchObject({ error: { code: 'protocol' } });
    expect(meaningOf(requests.list, answer(404))).toMatchObject({ error: { code: 'unavailable' } });
  });

  it.each([
    ['', 'not JSON'],
    ['{', 'not JSON'],
    [null, 'not a JSON object'],
    [{ ...circuit, id: 3 }, 'has no id'],
    [{ ...circuit, id: 'two-dc.other' }, 'the answer is about two-dc.other'],
    [{ ...circuit, link: undefined }, 'has no link'],
    [{ ...circuit, state: 'glowing' }, 'in a state that is not one of'],
    [{ ...circuit, reason: 5 }, 'is not a text'],
  ])('that is not what the description says is a protocol error: %j', (body, words) => {
    const meaning = meaningOf(requests.status, answer(200, body));
    expect(meaning).toMatchObject({ kind: 'error', error: { code: 'protocol' } });
    expect(JSON.stringify(meaning)).toContain(words);
  });

  it('never throws, and never invents a circuit', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(requests)),
        fc.integer({ min: 100, max: 599 }),
        fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify(circuit))),
        fc.option(fc.string()),
        (request, status, body, retryAfter) => {
          const meaning = meaningOf(request, { status, body, retryAfter });
          if (meaning.kind === 'circuits') for (const c of meaning.circuits) expect(c.id).toBe(id);
          if (meaning.kind === 'again') expect(meaning.waitSeconds).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});
