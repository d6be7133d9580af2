import { describe, expect, it } from 'vitest';
import { drawOf } from './draw.js';
import { Rig, scale, slowHarness, smallTopology } from './rig.js';

const switches = smallTopology().switches.map((s) => s.name);

/** Runs one migration, does something to the world `at` seconds after the request, and expects a defined end. */
function survive(seed: number, told: string, doHarm: (rig: Rig) => void, at: number, seconds = 90): string {
  const rig = new Rig({ seed, harness: slowHarness(drawOf(seed)) }).settle(1);
  const { id } = rig.migrate();
  rig.simulation.events.call(rig.now + at, () => doHarm(rig));
  rig.finish(id, seconds);
  rig.harness.runUntil(Math.max(rig.now, 1 + at) + 3);
  const what = `seed ${seed}, ${told} ${at} s after the request`;
  expect(rig.leftovers([id]), what).toEqual([]);
  expect(rig.simulation.connections.length, `${what}: transfers begun`).toBeLessThanOrEqual(1);
  return rig.view(id)?.state ?? 'unknown';
}

describe('what may go wrong on the way', () => {
  it.each(switches)('the control connection of %s is lost', (name) => {
    for (let i = 1; i <= 3 * scale; i++) {
      const at = drawOf(i)(0, 1.6);
      expect(survive(i, `${name} lost`, (rig) => rig.harness.dropConnection(name), at)).toBe('completed');
    }
  });

  it.each(switches)('%s restarts with empty tables', (name) => {
    for (let i = 1; i <= 3 * scale; i++) {
      const at = drawOf(100 + i)(0, 1.6);
      expect(survive(i, `${name} rebooted`, (rig) => rig.reboot(name), at)).toBe('completed');
    }
  });

  it('all switches are lost at once', () => {
    const harm = (rig: Rig): void => {
      for (const name of switches) rig.harness.dropConnection(name);
    };
    for (let i = 1; i <= 3 * scale; i++)
      expect(survive(i, 'all lost', harm, drawOf(200 + i)(0, 1.6))).toBe('completed');
  });

  it.each(['hyp-a', 'hyp-b'])('the connection to the agent of %s is lost', (host) => {
    for (let i = 1; i <= 4 * scale; i++) {
      const draw = drawOf(300 + i);
      // Early: while the first commands are on their way.
      const at = i % 2 === 0 ? draw(0, 0.2) : draw(0, 1.6);
      const away = draw(0.01, 3);
      const harm = (rig: Rig): void => rig.harness.dropAgent(host, away);
      expect(survive(i, `agent of ${host} away ${away} s`, harm, at)).toBe('completed');
    }
  });

  it('a command whose answer is lost with the connection is not a refusal', () => {
    for (const host of ['hyp-a', 'hyp-b']) {
      const rig = new Rig({ seed: 1, harness: { agentDelaySeconds: 0.02 } }).settle(1);
      const { id } = rig.migrate();
      const execute = host === 'hyp-a' ? 'migrate' : 'prepare-incoming';
      rig.harness.runWhile(() => rig.commands(execute) === 0, rig.now + 2, 0.001);
      rig.harness.dropAgent(host, 0.2);
      rig.finish(id);
      expect(rig.view(id)?.state, `${execute} to ${host}`).toBe('completed');
      expect(rig.leftovers([id])).toEqual([]);
    }
  });

  it('a switch that is silent for longer than an echo may take has refused nothing', () => {
    // Staging waits for it; a redirection half made is taken back after its own limit.
    for (const [step, end] of [
      ['staging', /^completed null$/],
      ['redirecting', /^failed step redirecting took longer than 5 s/],
    ] as const)
      for (const name of ['hv-a', 'gw-a', 'hv-b']) {
        const rig = new Rig({ seed: 1 }).settle(1);
        const { id } = rig.migrate();
        rig.harness.runWhile(() => !rig.written(step), rig.now + 20, 0.001);
        rig.freeze(name);
        rig.harness.runUntil(rig.now + 7);
        rig.frozen.delete(name);
        rig.finish(id);
        const { state, failureReason } = rig.view(id)!;
        expect(`${state} ${failureReason}`, `${name} frozen at ${step}`).toMatch(end);
        expect(rig.leftovers([id])).toEqual([]);
      }
  });

  it('the link between the sites flaps', () => {
    for (let i = 1; i <= 3 * scale; i++) {
      const draw = drawOf(400 + i);
      const downSeconds = draw(0.05, 1);
      const harm = (rig: Rig): void => {
        rig.simulation.setLinkUp('wan', false);
        rig.simulation.events.call(rig.now + downSeconds, () => rig.simulation.setLinkUp('wan', true));
      };
      expect(['completed', 'failed']).toContain(survive(i, `wan down ${downSeconds} s`, harm, draw(0, 1.5)));
    }
  });

  it('agents stay away: a cancel comes to its end, and what was left is stopped when they are back', () => {
    const cases = [
      { away: ['hyp-b'], after: 'prepare-incoming' },
      { away: ['hyp-a', 'hyp-b'], after: 'migrate' },
    ] as const;
    for (const { away, after } of cases)
      for (const dies of [false, true]) {
        const rig = new Rig({ seed: 7, harness: { agentDelaySeconds: 0.02 } }).settle(1);
        // A machine that never converges at this rate: only the controller can end its transfer.
        const { id } = rig.migrate({ maxBandwidthBytesPerSecond: 100_000 });
        rig.harness.runWhile(() => rig.commands(after) === 0, rig.now + 2, 0.001);
        rig.harness.runUntil(rig.now + 0.025);
        for (const host of away) rig.harness.dropAgent(host, 50);
        rig.harness.runUntil(rig.now + 1);
        expect(rig.answer(rig.cancel(id)).ok).toBe(true);
        rig.finish(id, 60);
        const told = `${away} away after ${after}, ${dies ? 'and a new life' : 'one life'}`;
        expect(rig.view(id)?.state, told).toBe('cancelled');
        expect(rig.leftovers([id]), told).not.toEqual([]);
        // A new life finds the agents at once; the old one, when they are back.
        if (dies) rig.kill(0.1);
        rig.harness.runUntil(rig.now + (dies ? 3 : 55));
        expect(rig.leftovers([id]), told).toEqual([]);
      }
  });

  it('both agents go away while the machine stops: nobody guesses where it runs', () => {
    for (const dies of [false, true]) {
      const rig = new Rig({ seed: 8 }).settle(1);
      const { id } = rig.migrate();
      rig.harness.runWhile(() => rig.commands('continue') === 0, rig.now + 20, 0.001);
      for (const host of ['hyp-a', 'hyp-b']) rig.harness.dropAgent(host, 150);
      rig.harness.runUntil(rig.now + 140);
      // It runs at the target, and nobody knows.
      expect(rig.simulation.vmHost('vm1')).toBe('hyp-b');
      expect(rig.view(id)?.endedAt).toBeNull();
      if (dies) rig.kill(0.1);
      rig.harness.runUntil(rig.now + 20);
      expect(rig.view(id)?.state).toBe('completed');
      expect(rig.leftovers([id])).toEqual([]);
    }
  });

  it('tables that somebody else empties while the connection stands are filled again by the audit', () => {
    const rig = new Rig({ seed: 9 }).settle(1);
    rig.simulation.switches.get('gw-a')!.tables.clear();
    rig.harness.runUntil(rig.now + 35);
    expect(rig.leftovers([])).toEqual([]);
  });

  it('a cancel reaches an agent whose answer to the first command is still on its way', () => {
    const rig = new Rig({ seed: 11, harness: { agentDelaySeconds: 0.05 } }).settle(1);
    const { id } = rig.migrate();
    rig.harness.runWhile(() => rig.commands('migrate') === 0, rig.now + 2, 0.001);
    expect(rig.answer(rig.cancel(id)).ok).toBe(true);
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('cancelled');
    expect(rig.commands('cancel')).toBe(2);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('a switch without bundles does as well', () => {
    const rig = new Rig({ seed: 10, simulation: { bundles: false } }).settle(1);
    const { id } = rig.migrate();
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('completed');
    expect(rig.leftovers([id])).toEqual([]);
  });
});
