import { describe, expect, it } from 'vitest';
import { type Draft, firstDraft, mended, requestOf } from '../../src/dashboard/model/migration-draft.js';
import { clearOfEnds } from '../../src/dashboard/model/route.js';
import { viewOf } from '../api/fake-application.js';

const host = (name: string, role = 'hypervisor') => ({ name, role, site: name.slice(-1), switch: 'gw-a' });
const view = viewOf({ hosts: [host('hyp-a'), host('video-a', 'source'), host('hyp-b'), host('hyp-c')] });
const draft = firstDraft(view)!;
const filled = (change: Partial<Draft>) => requestOf({ ...draft, ...change });

describe('the form of a migration', () => {
  it('proposes the first machine that can go somewhere, and only hypervisors it is not at', () => {
    expect(draft).toMatchObject({ vm: 'vm1', destination: 'hyp-b' });
    const busy = { ...view.vms[0]!, migration: 'm-1' };
    expect(firstDraft({ ...view, vms: [busy] })).toBeUndefined();
    expect(firstDraft({ ...view, hosts: [host('hyp-a')] })).toBeUndefined();
    expect(firstDraft({ ...view, vms: [busy, { ...view.vms[0]!, name: 'vm2' }] })?.vm).toBe('vm2');
  });

  it('follows the machine: the place it has come to is none to go to', () => {
    const moved = { ...view, vms: [{ ...view.vms[0]!, host: 'hyp-b' }] };
    expect(mended(draft, moved).destination).toBe('hyp-a');
    expect(mended({ ...draft, destination: 'hyp-c' }, moved).destination).toBe('hyp-c');
  });

  it('sends what was typed in the units of the interface, and nothing for what was left empty', () => {
    expect(filled({ downtimeLimitMs: '' })).toEqual({
      ok: true,
      request: { vm: 'vm1', destination: 'hyp-b', mode: 'precopy', disk: 'none' },
    });
    expect(filled({ mostMbps: ' 8 ', deadlineSeconds: '90' })).toEqual({
      ok: true,
      request: {
        vm: 'vm1',
        destination: 'hyp-b',
        mode: 'precopy',
        disk: 'none',
        deadlineSeconds: 90,
        maxBandwidthBytesPerSecond: 1e6,
        downtimeLimitMs: 300,
      },
    });
  });

  it('says at the field what is no number, or one that would be refused', () => {
    for (const mostMbps of ['much', '0', '-3', 'Infinity'])
      expect(filled({ mostMbps }), mostMbps).toMatchObject({
        ok: false,
        errors: { mostMbps: expect.stringContaining('number from') },
      });
    expect(filled({ downtimeLimitMs: '600001', deadlineSeconds: 'x' })).toMatchObject({
      ok: false,
      errors: { downtimeLimitMs: expect.anything(), deadlineSeconds: expect.anything() },
    });
  });
});

describe('a machine on its way', () => {
  it('is drawn clear of the switches at both ends, in order', () => {
    const line = [
      { x: 0, y: 0 },
      { x: 200, y: 0 },
    ];
    expect(clearOfEnds(0, line, 40)).toBeCloseTo(0.2);
    expect(clearOfEnds(0.5, line, 40)).toBeCloseTo(0.5);
    expect(clearOfEnds(1, line, 40)).toBeCloseTo(0.8);
    expect(clearOfEnds(0, line, 500)).toBe(0.5);
    expect(clearOfEnds(1, [line[0]!], 5)).toBe(0.5);
  });
});
