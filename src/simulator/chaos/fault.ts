import type { Draw } from './draw.js';

/** What goes wrong. Names of switches and hosts are those of the world's topology. */
export type Mishap =
  /** a connection that carries nothing any more and stands all the same */
  | { readonly kind: 'drop'; readonly switch: string }
  | {
      readonly kind: 'delay';
      readonly switch: string;
      readonly moreSeconds: number;
      readonly forSeconds: number;
    }
  | { readonly kind: 'reset'; readonly switch: string }
  | { readonly kind: 'freeze'; readonly switch: string; readonly forSeconds: number }
  | { readonly kind: 'reboot'; readonly switch: string; readonly offSeconds: number; readonly told: boolean }
  | { readonly kind: 'table-full'; readonly switch: string; readonly forSeconds: number }
  /** the next rules are refused with this error */
  | {
      readonly kind: 'refuse';
      readonly switch: string;
      readonly error: readonly [number, number];
      readonly count: number;
    }
  /** the next answer of a kind is never given, though the switch has done what it was told */
  | { readonly kind: 'lost-answer'; readonly switch: string; readonly to: 'barrier' | 'commit' }
  /** the next reading of the rules fails */
  | { readonly kind: 'failed-read'; readonly switch: string; readonly how: 'error' | 'silence' | 'reset' }
  | { readonly kind: 'kill'; readonly downSeconds: number }
  | { readonly kind: 'disk-error'; readonly count: number }
  | { readonly kind: 'disk-full'; readonly forSeconds: number }
  | { readonly kind: 'agent-away'; readonly host: string; readonly forSeconds: number }
  /** for longer than any step may wait */
  | { readonly kind: 'agent-gone'; readonly host: string; readonly forSeconds: number }
  | { readonly kind: 'agent-silent'; readonly host: string; readonly forSeconds: number }
  | { readonly kind: 'broken-stream'; readonly host: string }
  /** another controller becomes master of a switch; ours is killed a while later and comes back */
  | { readonly kind: 'rival'; readonly switch: string; readonly forSeconds: number }
  /** another controller claims the switch between our reading of its generation and our claim */
  | { readonly kind: 'stale-claim'; readonly switch: string; readonly forSeconds: number };

/** At an instant, or some time after the n-th record (from 1) of a step was written or had become durable. */
export type Trigger =
  | { readonly atSeconds: number }
  | {
      readonly step: string;
      readonly nth: number;
      readonly moment: 'written' | 'durable';
      readonly afterSeconds: number;
    };

export interface Fault {
  /** its place in the list that was drawn; stays the same when others are left out */
  readonly number: number;
  readonly trigger: Trigger;
  readonly mishap: Mishap;
}

/** What the faults of a world are drawn for. */
export interface FaultGround {
  readonly switches: readonly string[];
  readonly hosts: readonly string[];
  readonly migrations: number;
  /** our controller claims its switches */
  readonly master: boolean;
  /** only these happen, equally often; undefined: all, the more interesting ones more often */
  readonly kinds?: readonly Mishap['kind'][] | undefined;
  /** in which instants fall */
  readonly durationSeconds: number;
}

/** BAD_ACTION/BAD_OUT_PORT, BAD_ACTION/BAD_OUT_GROUP, FLOW_MOD_FAILED/UNKNOWN, FLOW_MOD_FAILED/TABLE_FULL, BAD_REQUEST/EPERM */
const errors: readonly (readonly [number, number])[] = [
  [2, 4],
  [2, 9],
  [5, 0],
  [5, 1],
  [1, 5],
];
const steps = [
  'migrationAccepted',
  'preparing',
  'starting',
  'running',
  'staging',
  'redirecting',
  'redirecting',
  'stopping',
  'flipping',
  'cleaning',
  'completed',
  'cancelling',
  'failing',
];
const faultsPerMigration = 0.7;

/** The faults of one world, in the order in which they were drawn. */
export function drawFaults(draw: Draw, ground: FaultGround): Fault[] {
  const count = draw.chance(0.1)
    ? 0
    : Math.round(ground.migrations * draw.between(0.2, 2 * faultsPerMigration));
  return Array.from({ length: count }, (_, number) => ({
    number,
    trigger: drawTrigger(draw, ground),
    mishap: drawMishap(draw, ground),
  }));
}

function drawTrigger(draw: Draw, ground: FaultGround): Trigger {
  if (draw.chance(0.3)) return { atSeconds: draw.between(0.1, ground.durationSeconds) };
  return {
    step: draw.pick(steps),
    nth: draw.whole(1, ground.migrations),
    moment: draw.pick(['written', 'durable'] as const),
    afterSeconds: draw.chance(0.4) ? 0 : draw.between(0, 0.3),
  };
}

function drawMishap(draw: Draw, ground: FaultGround): Mishap {
  const sw = draw.pick(ground.switches);
  const host = draw.pick(ground.hosts);
  const all: readonly Mishap['kind'][] = [
    'drop',
    'delay',
    'delay',
    'reset',
    'reset',
    'freeze',
    'reboot',
    'reboot',
    'table-full',
    'refuse',
    'refuse',
    'lost-answer',
    'failed-read',
    'failed-read',
    'kill',
    'kill',
    'kill',
    'disk-error',
    'disk-full',
    'agent-away',
    'agent-silent',
    'agent-gone',
    'broken-stream',
    ...(ground.master ? (['rival', 'stale-claim', 'stale-claim'] as const) : []),
  ];
  const kind = draw.pick(ground.kinds ?? all);
  switch (kind) {
    case 'delay':
      return { kind, switch: sw, moreSeconds: draw.between(0.05, 1.5), forSeconds: draw.between(0.1, 3) };
    case 'freeze':
      return { kind, switch: sw, forSeconds: draw.pick([0.5, 3, 15]) * draw.between(0.5, 1.2) };
    case 'reboot':
      return { kind, switch: sw, offSeconds: draw.between(0.1, 3), told: draw.chance(0.6) };
    case 'table-full':
      return { kind, switch: sw, forSeconds: draw.between(0.5, 16) };
    case 'refuse':
      return { kind, switch: sw, error: draw.pick(errors), count: draw.whole(1, 3) };
    case 'lost-answer':
      return { kind, switch: sw, to: draw.pick(['barrier', 'commit'] as const) };
    case 'failed-read':
      return { kind, switch: sw, how: draw.pick(['error', 'silence', 'reset'] as const) };
    case 'kill':
      return { kind, downSeconds: draw.pick([0, 0.05, 0.5, 4, 14]) * draw.between(0.5, 1.2) };
    case 'disk-error':
      return { kind, count: draw.whole(1, 2) };
    case 'disk-full':
      return { kind, forSeconds: draw.between(0.2, 5) };
    case 'agent-away':
    case 'agent-silent':
      return { kind, host, forSeconds: draw.between(0.1, 7) };
    case 'agent-gone':
      return { kind, host, forSeconds: 60 };
    case 'broken-stream':
      return { kind, host };
    case 'rival':
    case 'stale-claim':
      return { kind, switch: sw, forSeconds: draw.between(0.5, 8) };
    case 'drop':
    case 'reset':
      return { kind, switch: sw };
  }
}
