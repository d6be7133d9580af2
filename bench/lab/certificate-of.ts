import type { SystemView } from '../../src/engine/view.js';
import type { CertificateFigures } from './measures.js';

/** Of the bottleneck that was judged in most slots. */
export function certificateOf(view: SystemView | undefined): CertificateFigures | null {
  const judged = [...(view?.bottlenecks ?? [])].sort((a, b) => b.certificate.slots - a.certificate.slots)[0];
  if (judged === undefined || judged.certificate.slots === 0) return null;
  const { slots, violations, vacuousSlots, clippedSlots, assumptionBrokenSlots } = judged.certificate;
  return {
    slots,
    violations,
    vacuous: vacuousSlots,
    clipped: clippedSlots,
    assumptionBroken: assumptionBrokenSlots,
  };
}
