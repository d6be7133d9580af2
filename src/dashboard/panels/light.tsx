import type { CertificateLight, QueueLight } from '../model/types.js';

export type LightName = CertificateLight | QueueLight;

/** A sign and a word beside the colour: nobody has to tell red from green. */
export const lights: Readonly<Record<LightName, { readonly sign: string; readonly word: string }>> = {
  green: { sign: '✓', word: 'steady, proved' },
  vacuous: { sign: '≈', word: 'proof says little' },
  'assumption-broken': { sign: '?', word: 'assumption broken' },
  violated: { sign: '✕', word: 'violated' },
  stale: { sign: '…', word: 'samples too old' },
  shared: { sign: '∥', word: 'queue shared, no promise' },
  idle: { sign: '–', word: 'idle' },
  inside: { sign: '✓', word: 'queue empties' },
  standing: { sign: '≡', word: 'queue stands' },
  outside: { sign: '✕', word: 'queue above its bound' },
  contradicted: { sign: '✕', word: 'counters contradict' },
  unknown: { sign: '?', word: 'unknown' },
};

export const Light = ({ light }: { readonly light: LightName }) => (
  <span class={`light light-${light}`}>
    <span class="light-sign" aria-hidden="true">
      {lights[light].sign}
    </span>
    {lights[light].word}
  </span>
);
