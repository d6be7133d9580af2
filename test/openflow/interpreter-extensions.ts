import { catalogue } from '../../src/openflow/descriptors/index.js';

/** The kinds of fields that only vendors' actions have, walked byte by byte. */

export interface Walker {
  integer(at: number, width: number): bigint;
  take(at: number, width: number, path: string, note?: string): number;
  slice(at: number, end: number, path: string, note?: string): Uint8Array;
}

interface Found {
  readonly value: unknown;
  readonly next: number;
}

/** A field by its header: its name if the header is exactly the field's own. */
export function oxmRef(walker: Walker, at: number, limit: number, path: string, wide: boolean): Found {
  const [oxmClass, bits, length] = [
    walker.integer(at, 2),
    walker.integer(at + 2, 1),
    walker.integer(at + 3, 1),
  ];
  const vendor = wide && oxmClass === 0xffffn;
  const next = at + (vendor ? 8 : 4);
  if (next > limit) throw new RangeError(`${path} is cut off`);
  const experimenter = vendor ? Number(walker.integer(at + 4, 4)) : undefined;
  const row = catalogue.oxm.find(
    (each) =>
      BigInt(each.oxmClass) === oxmClass &&
      BigInt(2 * each.id) === bits &&
      each.experimenter === experimenter &&
      BigInt(each.bytes + (vendor ? 4 : 0)) === length,
  );
  walker.take(at, 4, path, row?.name ?? 'raw');
  if (vendor) walker.take(at + 4, 4, `${path}.experimenter`);
  if (row !== undefined) return { value: row.name, next };
  const id = {
    oxm_class: Number(oxmClass),
    oxm_field: Number(bits >> 1n),
    has_mask: (bits & 1n) === 1n,
    oxm_length: Number(length),
  };
  return { value: experimenter === undefined ? id : { ...id, experimenter }, next };
}

export function learnSpecs(walker: Walker, from: number, limit: number, path: string): Found {
  const list: unknown[] = [];
  let at = from;
  while (limit - at >= 2 && walker.integer(at, 2) !== 0n) {
    const here = `${path}[${list.length}]`;
    const head = walker.take(at, 2, `${here}.head`);
    const n_bits = head % 2048;
    const dstType = ['match', 'load', 'output'][Math.floor(head / 2048) % 4];
    if (dstType === undefined || n_bits === 0 || head >= 0x4000) throw new RangeError(here);
    at += 2;
    const field = (type: string, label: string): unknown => {
      const { value, next } = oxmRef(walker, at, limit, `${here}.${label}.field`, true);
      if (next + 2 > limit) throw new RangeError(here);
      const offset = walker.take(next, 2, `${here}.${label}.offset`);
      at = next + 2;
      return { type, field: value, offset };
    };
    let src: unknown;
    if (Math.floor(head / 8192) % 2 === 1) {
      const stop = at + 2 * Math.ceil(n_bits / 16);
      if (stop > limit) throw new RangeError(here);
      src = { type: 'immediate', value: walker.slice(at, stop, `${here}.src.value`) };
      at = stop;
    } else src = field('field', 'src');
    list.push({ n_bits, src, dst: dstType === 'output' ? { type: 'output' } : field(dstType, 'dst') });
  }
  return { value: list, next: at };
}
