import fc from 'fast-check';
import { catalogue } from '../../src/openflow/descriptors/index.js';

/** Random values of the kinds of fields that only vendors' actions have. */

const uint = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });

const names = (wide: boolean): string[] =>
  catalogue.oxm.filter((row) => wide || row.experimenter === undefined).map((row) => row.name);

/** A header that no field has: an unknown class, or a vendor's field number beyond all tables. */
const strange = {
  oxm_class: fc.constantFrom(2, 0x7fff, 0x9000),
  oxm_field: uint(7),
  has_mask: fc.boolean(),
  oxm_length: uint(8),
};

/** Fields named by a header of 4 bytes. */
export const oxmHeaderArbitrary: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...names(false)) },
  fc.record(strange),
);

/** Fields named by 4 bytes, or by 8 if they are an experimenter's. */
export const oxmRefArbitrary: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...names(true)) },
  fc.record(strange),
  fc.record({
    ...strange,
    oxm_class: fc.constant(0xffff),
    oxm_field: fc.integer({ min: 100, max: 127 }),
    experimenter: uint(32),
  }),
);

const place = (type: string): fc.Arbitrary<unknown> =>
  fc.record({ type: fc.constant(type), field: oxmRefArbitrary, offset: uint(16) });

export const learnSpecArbitrary: fc.Arbitrary<unknown> = fc.integer({ min: 1, max: 2047 }).chain((n_bits) => {
  const length = 2 * Math.ceil(n_bits / 16);
  const value = fc.uint8Array({ minLength: length, maxLength: length });
  return fc.record({
    n_bits: fc.constant(n_bits),
    src: fc.oneof(place('field'), fc.record({ type: fc.constant('immediate'), value })),
    dst: fc.oneof(place('match'), place('load'), fc.record({ type: fc.constant('output') })),
  });
});
