import type { Refusal } from '../rest-client.js';

/** A request that was refused or did not arrive: what, why, and what to do. */
export const RefusalNote = ({ refusal }: { readonly refusal: Refusal }) => (
  <p class="failure" role="alert">
    <b>{refusal.title}.</b> {refusal.detail}
  </p>
);
