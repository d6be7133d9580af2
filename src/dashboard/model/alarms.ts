/** What an operator must look at now, the worst first. Events say what happened; these go on. Pure. */
import { circuitStates, reasonWords } from './circuits.js';
import { formatBitsPerSecond, formatMs, formatSeconds, plural } from './format.js';
import { bottleneckName, switchNameOf } from './selection.js';
import type { BottleneckView, SystemView } from './types.js';

export interface Alarm {
  readonly key: string;
  readonly level: 'error' | 'warn';
  readonly title: string;
  /** what it means and what to do */
  readonly detail: string;
}

const lldpCauses: Readonly<Record<SystemView['lldpAlarms'][number]['cause'], string>> = {
  malformed: 'a frame that cannot be read',
  forged: 'a frame that is not ours, or was changed',
  replayed: 'an old frame of ours, sent again',
  relayed: 'a frame of ours that came in where no link is configured',
};
const safeReasons: Readonly<Record<NonNullable<BottleneckView['safeReason']>, string>> = {
  stale: 'the counters are too old to control by',
  certificate: 'the certificate failed: the model of this link is wrong',
  'real-queue': 'something is in the queue that the proof does not know of',
};

const switchAlarms = (view: SystemView): Alarm[] =>
  view.switches.flatMap((s): Alarm[] => {
    const name = s.name ?? s.dpid;
    if (s.state === 'lost')
      return [
        {
          key: `switch ${name}`,
          level: 'error',
          title: `switch ${name} is lost`,
          detail:
            'It goes on forwarding by the rules it has; nothing on it is known or changed until it connects again.',
        },
      ];
    if (s.state === 'connecting')
      return [
        {
          key: `switch ${name}`,
          level: 'warn',
          title: `switch ${name} has not connected yet`,
          detail:
            'It is in the topology. On an Open vSwitch: ovs-vsctl set-controller BRIDGE tcp:CONTROLLER:6653',
        },
      ];
    if (s.rules.refusal === null) return [];
    return [
      {
        key: `rules ${name}`,
        level: 'error',
        title: `switch ${name} does not hold what it should`,
        detail: s.rules.refusal,
      },
    ];
  });

const linkAlarms = (view: SystemView): Alarm[] => [
  ...view.links
    .filter((l) => l.state === 'down')
    .map(
      (l): Alarm => ({
        key: `link ${l.name}`,
        level: 'error',
        title: `link ${l.name} is down`,
        detail: `${l.from} → ${l.to}: no signal, or probes do not come through. What used it goes another way if there is one.`,
      }),
    ),
  ...view.lldpAlarms.map(
    (a): Alarm => ({
      key: `lldp ${a.cause} ${a.dpid} ${a.portNumber}`,
      level: a.cause === 'malformed' ? 'warn' : 'error',
      title: `LLDP at ${switchNameOf(view, a.dpid)} port ${a.portNumber}: ${lldpCauses[a.cause]}`,
      detail: `${a.detail} (${plural(a.frames, 'frame')}). The topology stays what is configured; check the wiring, or who sends this.`,
    }),
  ),
];

const queueAlarms = (view: SystemView): Alarm[] =>
  view.bottlenecks.flatMap((b): Alarm[] => {
    const where = bottleneckName(view, b);
    return [
      ...(b.safeMode
        ? [
            {
              key: `safe ${b.id}`,
              level: 'error' as const,
              title: `${where}: safe rate in force`,
              detail: `${b.safeReason === null ? 'it is not long ago that it was needed' : safeReasons[b.safeReason]}; migrations get a small fixed rate until that is over (${b.sampleAgeMs < 0 ? 'no counters have been read' : `counters are ${formatMs(b.sampleAgeMs)} old`}).`,
            },
          ]
        : []),
      ...(b.delayPromiseVoid
        ? [
            {
              key: `void ${b.id}`,
              level: 'warn' as const,
              title: `${where}: the delay promise is void`,
              detail:
                'Somebody else’s traffic takes whatever is left and keeps the queue full; migrations compete by their own TCP. A queue of their own for what must be quick would help.',
            },
          ]
        : []),
      ...(b.policedBitsPerSecond !== null
        ? [
            {
              key: `policed ${b.id}`,
              level: 'warn' as const,
              title: `${where}: a policer drops above ${formatBitsPerSecond(b.policedBitsPerSecond)}`,
              detail: 'It was found by its drops; migrations stay below it, with a margin.',
            },
          ]
        : []),
    ];
  });

const circuitAlarms = (view: SystemView): Alarm[] =>
  view.circuits.flatMap((c): Alarm[] => {
    const bad = c.state === 'failing' || c.state === 'down-unknown';
    const alarms: Alarm[] = [];
    if (bad || c.providerProblem !== null)
      alarms.push({
        key: `circuit ${c.name}`,
        level: 'warn',
        title: bad
          ? `circuit ${c.name}: ${circuitStates[c.state].word}`
          : `circuit ${c.name}: its provider has a problem`,
        detail: `${c.providerProblem ?? reasonWords(c)}. Copies go on over the packet path.`,
      });
    if (c.budget !== null && !c.budget.holds)
      alarms.push({
        key: `budget ${c.name}`,
        level: 'error',
        title: `circuit ${c.name}: its budget does not hold`,
        detail: 'More was spent than the bound allows: this is a defect, report it with the journal.',
      });
    return alarms;
  });

const deadlineAlarms = (view: SystemView): Alarm[] =>
  view.migrations.flatMap((m): Alarm[] => {
    const light = m.endedAt === null ? (m.service?.deadlineLight ?? null) : null;
    if (light === null || light === 'kept') return [];
    const left = m.deadlineSeconds! - (Date.parse(view.at) - Date.parse(m.createdAt)) / 1000;
    return [
      {
        key: `deadline ${m.id}`,
        level: light === 'at-risk' ? 'warn' : 'error',
        title: `migration of ${m.vm}: its deadline is ${light === 'at-risk' ? 'at risk' : light}`,
        detail: left > 0 ? `${formatSeconds(left)} are left.` : `It was ${formatSeconds(-left)} ago.`,
      },
    ];
  });

export function alarmsOf(view: SystemView): Alarm[] {
  const all = [
    ...queueAlarms(view),
    ...switchAlarms(view),
    ...linkAlarms(view),
    ...deadlineAlarms(view),
    ...circuitAlarms(view),
  ];
  return all.sort((a, b) => Number(a.level !== 'error') - Number(b.level !== 'error'));
}
