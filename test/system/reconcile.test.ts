import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReconcileRig } from '../../bench/durability/reconcile.js';
import { requireOrSkip } from '../support/require.js';

/** `npm run durability -- reconcile` says how long it takes. */
describe.skipIf(!requireOrSkip('ovs'))('a switch of Open vSwitch with a thousand rules', () => {
  let rig: ReconcileRig;
  beforeAll(async () => {
    rig = await ReconcileRig.open(490);
  });
  afterAll(async () => rig?.close());

  it('is given all of them after a reboot, each once', async () => {
    const { rules, flowMods } = await rig.reboot();
    expect(rules).toBeGreaterThan(1000);
    expect(flowMods).toBe(rules);
  });

  it('is given none when only its connection was lost', async () => {
    const { rules, flowMods } = await rig.reconnect();
    expect(rules).toBeGreaterThan(1000);
    expect(flowMods).toBe(0);
  });

  it('is given those that somebody has taken away, and no others', async () => {
    expect((await rig.lose(7)).flowMods).toBe(7);
  });
});
