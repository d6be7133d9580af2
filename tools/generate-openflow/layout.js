/** Sizes of descriptor fields, shared by both directions. */

const WIDTHS = { u8: 1, u16: 2, u32: 4, u64: 8, length: 2, listLength: 2, listCount: 2, oxmHeader: 4 };

/** Fields of fixed width that may come after one of variable length. */
const LATE = ['pad', 'u8', 'u16', 'u32', 'u64', 'bytes'];

/** Bytes of a field of fixed width, `undefined` for the others. */
export function widthOf(field, structs) {
  if (field.kind in WIDTHS) return WIDTHS[field.kind];
  if (field.kind === 'u32s') return 4 * field.count;
  if (['bytes', 'text', 'pad'].includes(field.kind)) return field.length;
  if (field.kind === 'struct') return fixedSize(structs.get(field.of).fields, structs);
  return undefined;
}

/** Bytes of a structure without a length of its own and without parts of variable length. */
function fixedSize(fields, structs) {
  let total = 0;
  for (const field of fields) {
    const width = field.kind === 'length' ? undefined : widthOf(field, structs);
    if (width === undefined) return undefined;
    total += width;
  }
  return total;
}

/**
 * Splits fields into the fixed head, with the offset of each, and the variable rest.
 * `headBytes` counts from the start of the structure, `skip` of which belong to a header that is not in `fields`.
 */
export function split(fields, skip, structs) {
  const head = [];
  let offset = skip;
  let i = 0;
  for (; i < fields.length; i += 1) {
    const width = widthOf(fields[i], structs);
    if (width === undefined) break;
    head.push({ field: fields[i], offset, width });
    offset += width;
  }
  const variable = fields.slice(i);
  for (const field of variable) {
    if (widthOf(field, structs) !== undefined && !LATE.includes(field.kind))
      throw new Error(`${field.kind} after a field of variable length`);
  }
  return { head, headBytes: offset, variable };
}

export function at(base, offset) {
  return offset === 0 ? base : `${base} + ${offset}`;
}

/** How a family's elements begin. */
export function headerOf(family) {
  if (family.classFirst) return 'class-type-length';
  return family.lengthFirst ? 'length-type' : 'type-length';
}
