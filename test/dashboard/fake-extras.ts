/** What the scenes add to the network: a circuit in some state, what shadow mode would have done, alarms. */
import type { CircuitJson, SystemViewJson } from '../../src/api/schemas/index.js';
import type { BottleneckView } from '../../src/dashboard/model/types.js';
import { circuitView } from '../api/fake-application.js';

/** `lit` for so many seconds; undefined: it is on the way to that. */
export function fakeCircuit(at: string, lit: boolean, sinceSeconds: number): CircuitJson {
  return circuitView({
    ends: ['gw-a', 'gw-b'],
    state: lit ? 'up' : 'signalling',
    carries: lit,
    since: new Date(Date.parse(at) - sinceSeconds * 1000).toISOString(),
    reason: 'debt-outweighs-cost',
    advice: lit ? 'debt-outweighs-cost' : 'setting-up',
    percentileBill: { cost: 12.5, freePeriods: 431 },
    ledger: {
      requested: 3,
      granted: lit ? 3 : 2,
      released: 2,
      open: 1,
      cost: 42,
      strays: 0,
      measuredSetupSeconds: 2.1,
    },
  });
}

export const failedCircuit = (at: string): CircuitJson => ({
  ...fakeCircuit(at, false, 41),
  state: 'down-unknown',
  advice: 'failed',
  reason: 'the provider has not answered for 30 s',
  providerProblem: 'GET /circuits: connect ECONNREFUSED 192.0.2.7:8443',
});

export function fakeShadow(slots: number): BottleneckView['shadow'] {
  const outcome = (share: number, delayMs: number, worstDelayMs: number, lateSlots: number) => ({
    movedBytes: String(Math.round(share * slots * 0.02 * 6.25e6)),
    delayMs,
    worstDelayMs,
    lateSlots,
  });
  return {
    observedSeconds: slots * 0.02,
    slots,
    delayPromiseMs: 60,
    steady: outcome(0.58, 4.1, 31.4, 0),
    fixedShare: outcome(0.5, 22.8, 188, Math.round(slots * 0.081)),
    untouched: outcome(0, 0.7, 12.2, 0),
  };
}

export function withAlarms(view: SystemViewJson): SystemViewJson {
  return {
    ...view,
    lldpAlarms: [
      {
        cause: 'forged',
        dpid: '0000000000000003',
        portNumber: 4,
        alarms: 1,
        frames: 17,
        detail: 'the signature is not ours',
      },
    ],
    links: view.links.map((l) => (l.name === 'wan' ? { ...l, state: 'down', bitsPerSecond: null } : l)),
    bottlenecks: view.bottlenecks.map((b, i) =>
      i === 0
        ? { ...b, safeMode: true, safeReason: 'stale', sampleAgeMs: 840, policedBitsPerSecond: 38e6 }
        : { ...b, delayPromiseVoid: true },
    ),
    switches: view.switches.map((s) =>
      s.name === 'hv-b'
        ? {
            ...s,
            rules: { ...s.rules, installed: 11, refusal: 'table 0 is full (12 entries): 3 rules wait' },
          }
        : s,
    ),
    circuits: [failedCircuit(view.at)],
  };
}
