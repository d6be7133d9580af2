import type { PolicyDecision, RealQueueLight, SlotCertificate } from '../../controller/index.js';
import type { CertificateLight, CertificateView, QueueLight } from './view.js';

/** What the two lights of a bottleneck are made from. */
export interface CertificateFacts {
  /** the newest one, kept while the path is idle so that its counts go on being shown */
  readonly certificate: SlotCertificate | null;
  readonly decision: PolicyDecision | undefined;
  /** the counters are too old to say anything */
  readonly stale: boolean;
  /** a migration uses the path */
  readonly demanded: boolean;
}

/** The newest certificate with its two lights: one for the proof, one for the queue that packets wait in. */
export function certificateView(facts: CertificateFacts): CertificateView {
  const { certificate } = facts;
  const light = proofLight(facts);
  const realQueue = queueLight(facts);
  return {
    light,
    sentence: proofSentences[light],
    realQueue,
    realQueueSentence: queueSentences[realQueue],
    slots: certificate?.slots ?? 0,
    violations: certificate?.violations ?? 0,
    vacuousSlots: certificate?.vacuous ?? 0,
    clippedSlots: certificate?.clipped ?? 0,
    assumptionBrokenSlots: certificate?.assumptionBroken ?? 0,
    provedShare: certificate?.provedShare ?? 0,
    lyapunov: certificate?.lyapunov ?? 0,
    lyapunovBound: certificate?.lyapunovBound ?? 0,
    drift: certificate?.drift ?? 0,
    radiusBytes: certificate?.radiusBytes ?? 0,
    disturbanceBytes: certificate?.disturbanceBytes ?? 0,
    forecastErrorBytesPerSecond: certificate?.forecastErrorBytesPerSecond ?? 0,
    measurementErrorBytes: certificate?.measurementErrorBytes ?? 0,
    delayErrorBytes: certificate?.delayErrorBytes ?? 0,
    capacityErrorBytesPerSecond: certificate?.capacityErrorBytesPerSecond ?? 0,
    headRoomSuffices: certificate?.headRoomSuffices ?? false,
  };
}

function proofLight({ decision, demanded, stale }: CertificateFacts): CertificateLight {
  if (stale) return 'stale';
  if (demanded && decision?.mode === 'shared') return 'shared';
  const certificate = decision?.certificate;
  if (!demanded || certificate === null || certificate === undefined) return 'idle';
  if (certificate.verdict === 'violated') return 'violated';
  if (certificate.verdict === 'assumption-broken') return 'assumption-broken';
  return certificate.isVacuous ? 'vacuous' : 'green';
}

/** A queue is watched whether or not a migration uses the path. */
function queueLight({ decision, stale }: CertificateFacts): QueueLight {
  return stale ? 'unknown' : (decision?.realQueue ?? ('unknown' satisfies RealQueueLight));
}

const proofSentences: Readonly<Record<CertificateLight, string>> = {
  green: 'The proof holds in this slot: the queue stays within its bound.',
  vacuous: 'The proof holds, but its bound is larger than the delay promised: true, and of no use.',
  'assumption-broken': 'The traffic changed more than the proof assumes; this slot proves nothing.',
  violated: 'The proof was contradicted while its assumptions held: the model of this path is wrong.',
  stale: 'The counters are too old: migrations run at the safe rate.',
  shared:
    'An elastic neighbour fills this queue: migrations compete by their own TCP, and no delay is promised.',
  idle: 'No migration uses this path; there is nothing to control.',
};
const queueSentences: Readonly<Record<QueueLight, string>> = {
  inside: 'The queue that packets wait in is below its bound and was seen to empty.',
  standing: 'The queue has not been empty for half a second: below its bound, but it should not stand.',
  outside: 'The queue is above its bound: something is in it that the proof does not know of.',
  contradicted:
    'Counters and capacity contradict each other: the line is slower, or the queue fuller, than believed.',
  unknown: 'The queue was not seen empty since the start or since packets were lost: nothing is known of it.',
};
