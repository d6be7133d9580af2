import type { MigrationJson } from '../schemas/index.js';
import type { Limit } from './migration-explanation.js';
import { formatBytes, formatRate } from './quantities.js';

type Service = NonNullable<MigrationJson['service']>;

/** What its own deadline, and memory that is written as fast as it is copied, do to a migration. */
export function promiseLimits(m: MigrationJson): readonly Limit[] {
  return [...deadlineLimits(m.service), ...convergenceLimits(m)];
}

function deadlineLimits(service: MigrationJson['service']): readonly Limit[] {
  if (service === null || service.deadlineLight === null) return [];
  const debt = Number(service.debtBytes);
  const limit = formatBytes(service.debtLimitBytes);
  const of = (kind: Limit['kind'], sentence: string): readonly Limit[] => [{ kind, sentence }];
  switch (service.deadlineLight) {
    case 'missed':
      return of('deadline-missed', 'Its deadline is over; it goes on, with its weight alone and no plan.');
    case 'violated':
      return of(
        'deadline-debt',
        'It was sent less than its plan and its debt say together: the account of its deadline does not hold.',
      );
    case 'at-risk':
      return service.plannedBitsPerSecond === 0
        ? of('deadline-missed', 'No rate of its way can keep its deadline any more.')
        : of(
            'deadline-debt',
            `It is ${formatBytes(debt)} behind the plan of its deadline, more than the ${limit} that the time kept back makes good: the deadline is at risk, and it goes before all who are less behind.`,
          );
    case 'kept':
      return debt > 0
        ? of(
            'deadline-debt',
            `It is ${formatBytes(debt)} behind the plan of its deadline and gets more than its weight until that is made good; up to ${limit} the deadline is kept all the same.`,
          )
        : [];
  }
}

/** What the ladder would do next, in the order of its rungs. */
const advices: Readonly<Record<Service['advice'], string>> = {
  none: '',
  'more-rate': ' A larger share of its way would be enough.',
  circuit: ' With a circuit it would.',
  throttle: ' It would if its hypervisor slowed the machine down.',
  'post-copy': ' Post-copy would end it.',
  refuse: ' Nothing that is allowed would change that.',
};

function convergenceLimits(m: MigrationJson): readonly Limit[] {
  const { copy, round, service } = m;
  const dirty = m.dirtyBytesPerSecond * 8;
  // in the first round nothing can have been written again
  if (copy === undefined || round < 2 || dirty < copy.meanGrantedBitsPerSecond) return [];
  return [
    {
      kind: 'not-converging',
      sentence: `The copy does not converge: in round ${round} the machine writes to its memory at ${formatRate(dirty)}, and the copy has ${formatRate(copy.meanGrantedBitsPerSecond)}.${advices[service?.advice ?? 'none']}`,
    },
  ];
}
