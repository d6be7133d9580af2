import { describe, expect, it } from 'vitest';
import {
  type Access,
  accessWords,
  admissionOf,
  whyNoStart,
  whyOnlyLooking,
} from '../../src/dashboard/model/access.js';
import type { AccessView } from '../../src/dashboard/model/types.js';
import { viewOf } from '../api/fake-application.js';

const held = (change: Partial<AccessView> = {}): AccessView => ({
  name: 'anna',
  scope: 'operate',
  tokenNeeded: true,
  source: 'controller',
  ...change,
});
const granted = (change: Partial<AccessView> = {}): Access => ({ kind: 'granted', held: held(change) });
const past: Access = { kind: 'past' };
const refused = (status: number, detail = 'why') => ({ ok: false, refusal: { status, detail } }) as const;

describe('the door of the page', () => {
  it('opens, asks for a token, says that one is not taken, or waits for a better time', () => {
    expect(admissionOf({ ok: true, body: held() }, null)).toEqual(granted());
    expect(admissionOf(refused(401), null)).toEqual({ kind: 'locked', refusal: null });
    expect(admissionOf(refused(401), 'steady_x')).toMatchObject({
      kind: 'locked',
      refusal: expect.stringContaining('does not know this token'),
    });
    expect(admissionOf(refused(403, 'Host not allowed'), null)).toEqual({
      kind: 'locked',
      refusal: 'Host not allowed',
    });
    for (const status of [0, 429, 500, 503])
      expect(admissionOf(refused(status), 'steady_x')).toEqual({ kind: 'retry', reason: 'why' });
  });

  it('lets nobody change what he may not, and says why', () => {
    const active = viewOf();
    const shadow = viewOf({ mode: 'shadow' });
    expect(whyNoStart(granted(), active)).toBeNull();
    expect(whyNoStart(granted({ scope: 'admin' }), active)).toBeNull();
    expect(whyNoStart(granted(), shadow)).toContain('Shadow mode');
    expect(whyOnlyLooking(granted({ scope: 'read' }))).toContain('the scope operate');
    expect(whyOnlyLooking(granted({ scope: 'admin', source: 'recording' }))).toContain('recording');
    expect(whyOnlyLooking({ kind: 'unknown' })).not.toBeNull();
    expect(whyNoStart({ kind: 'locked', refusal: null }, active)).not.toBeNull();
  });

  it('says in the header who is looking', () => {
    expect(accessWords(granted()).word).toBe('operate as anna');
    expect(accessWords(granted({ tokenNeeded: false })).word).toBe('everything');
    expect(accessWords(granted({ source: 'recording', tokenNeeded: false })).word).toBe('recording');
    expect(accessWords({ kind: 'locked', refusal: null }).word).toBe('token needed');
  });

  it('whoever looks back can change nothing, whatever the token', () => {
    expect(whyOnlyLooking(past)).toContain('You look back');
    expect(whyNoStart(past, viewOf({ mode: 'active' }))).toContain('You look back');
  });
});
