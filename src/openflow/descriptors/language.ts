/**
 * The vocabulary in which OpenFlow is described. Every structure of the protocol is a `StructRow`, every family of
 * type-length-value elements a `TlvFamily`; the generator turns them into straight-line code, the interpreter of the
 * tests and the JSON converter walk them directly. A row says for which wire versions it holds, so that another
 * version of the protocol is more rows and not more code.
 */

/** Wire versions (the first byte of every message): 1 = 1.0, 4 = 1.3, 5 = 1.4, 6 = 1.5. Both ends are included. */
export interface VersionRange {
  readonly from: number;
  readonly to: number;
}

/** Structures that never changed between 1.0 and 1.5. */
export const EVERY_VERSION: VersionRange = { from: 1, to: 6 };
export const OPENFLOW_10: VersionRange = { from: 1, to: 1 };
export const OPENFLOW_13: VersionRange = { from: 4, to: 4 };
export const OPENFLOW_13_TO_14: VersionRange = { from: 4, to: 5 };
export const OPENFLOW_14: VersionRange = { from: 5, to: 5 };
export const OPENFLOW_15: VersionRange = { from: 6, to: 6 };
export const SINCE_13: VersionRange = { from: 4, to: 6 };
export const SINCE_14: VersionRange = { from: 5, to: 6 };

export type Field =
  /** An unsigned integer; `u64` becomes a bigint, the others a number. */
  | { readonly kind: 'u8' | 'u16' | 'u32' | 'u64'; readonly name: string }
  /** A fixed array of 32-bit numbers. */
  | { readonly kind: 'u32s'; readonly name: string; readonly count: number }
  /** A fixed run of opaque bytes, such as a MAC address. */
  | { readonly kind: 'bytes'; readonly name: string; readonly length: number }
  /** A fixed run of text, filled with NUL. */
  | { readonly kind: 'text'; readonly name: string; readonly length: number }
  /** Bytes that must be zero; kept in the hidden property `padding` when they are not. */
  | { readonly kind: 'pad'; readonly length: number }
  /** The length of this structure itself (16 bits). Never a property: it is computed. */
  | { readonly kind: 'length' }
  /** The length in bytes of the list called `of` (16 bits). Computed too. */
  | { readonly kind: 'listLength'; readonly of: string }
  /** The number of entries of the list called `of` (16 bits). Computed too. */
  | { readonly kind: 'listCount'; readonly of: string }
  /** A structure in place; one with a length of its own may only come after the fixed fields. */
  | { readonly kind: 'struct'; readonly name: string; readonly of: string }
  /** An `ofp_match` with its trailing padding to a multiple of 8. */
  | { readonly kind: 'match'; readonly name: string }
  /** One OXM TLV, then padding that brings the structure to a multiple of 8. */
  | { readonly kind: 'oxm'; readonly name: string }
  /** Zeros that bring a structure, whose length counts them, to a multiple of 8. */
  | { readonly kind: 'padEnd' }
  /** An `ofp_stats` of 1.5: OXS TLVs, with its trailing padding to a multiple of 8. */
  | { readonly kind: 'stats'; readonly name: string }
  /** OXM TLVs up to the end or as far as `listLength` says; `aligned`: then zeros to a multiple of 8. */
  | { readonly kind: 'oxms'; readonly name: string; readonly aligned?: true }
  /** An OXM header without a value. */
  | { readonly kind: 'oxmId'; readonly name: string }
  /** The same with the field's name where it has one: always 4 bytes, or (`oxmRef`) 8 for those of experimenters. */
  | { readonly kind: 'oxmHeader' | 'oxmRef'; readonly name: string }
  /** OXM headers without values (table features). */
  | { readonly kind: 'oxmIds'; readonly name: string }
  /** Structures or TLVs one after the other, up to the end of the enclosing one or as far as `listLength` says. */
  | { readonly kind: 'list'; readonly name: string; readonly of: string }
  /** Numbers up to the end of the enclosing structure. */
  | { readonly kind: 'u8List' | 'u32List'; readonly name: string }
  /** As many 16-bit numbers as `listCount` says. */
  | { readonly kind: 'u16List'; readonly name: string }
  /** Steps of the Nicira action `learn`, up to one that is zero or to the end. */
  | { readonly kind: 'learnSpecs'; readonly name: string }
  /** There only if `flags`, a number of the fixed head, has the bits of `mask`. */
  | { readonly kind: 'when'; readonly flags: string; readonly mask: number; readonly field: OptionalField }
  /** Padding up to the end: to a multiple of 8 and at least as far as `least` bytes from the start. */
  | { readonly kind: 'tail'; readonly least: number }
  /** Opaque bytes up to the end of the enclosing structure. */
  | { readonly kind: 'rest'; readonly name: string }
  /** Bytes from the first one on that is no element of the list before it: kept, not refused. Absent if there are none. */
  | { readonly kind: 'leftover'; readonly name: string }
  /** A whole message inside a message; what follows it (properties of bundles) starts at the next multiple of 8. */
  | { readonly kind: 'message'; readonly name: string };

/** What a `when` can hold. */
export type OptionalField =
  | { readonly kind: 'u16' | 'u32' | 'oxmRef'; readonly name: string }
  | { readonly kind: 'bytes'; readonly name: string; readonly length: number };

export interface StructRow {
  /** snake_case as in the specification; the TypeScript name is its PascalCase. */
  readonly name: string;
  readonly versions: VersionRange;
  readonly fields: readonly Field[];
  /** Where the specification defines it. */
  readonly source: string;
}

/** One member of a family of TLVs; `fields` come after the family's header. */
export interface TlvRow {
  /** The value of the property `type`. */
  readonly name: string;
  /** The number on the wire. */
  readonly code: number;
  readonly versions: VersionRange;
  readonly fields: readonly Field[];
  /** A vendor's element: `code` is that of experimenters, and these numbers follow the header. */
  readonly experimenter?: Experimenter;
}

/** Who defines an extension, and the number that tells it from others of the same one. */
export interface Experimenter {
  readonly id: number;
  readonly type: number;
}

/**
 * Elements with a type and a length. Types that no row names are kept as `{type: 'raw', code, data}`, those of unknown
 * vendors as the family's row `experimenter` has them.
 */
export interface TlvFamily {
  readonly name: string;
  readonly source: string;
  /** Bytes of a vendor's own type after its identifier: 2 in actions, 4 everywhere else. */
  readonly subtypeBytes?: 2 | 4;
  /** `inside`: the length counts the padding, and is a multiple of 8. `outside`: zeros to the next multiple of 8 follow. */
  readonly padding: 'inside' | 'outside';
  /** The smallest legal value of the length. */
  readonly minLength: number;
  /** Type and length have 16 bits each, in this order, if nothing else is said: the length comes before the type. */
  readonly lengthFirst?: true;
  /** A class of 16 bits and a type of 8 bits, which together are the code, come before a length of 8 bits. */
  readonly classFirst?: true;
  /** An element of a known type that is shorter than its row, or longer than a row of fixed size, stays raw. */
  readonly lenient?: true;
  readonly rows: readonly TlvRow[];
}

export interface MessageRow extends StructRow {
  /** The `type` byte of the header. */
  readonly code: number;
  /** Messages defined by an experimenter share code 4 and are told apart by these two words. */
  readonly experimenter?: Experimenter;
  /** A vendor's message that is malformed is an error; without it, it is one of a vendor whom nobody knows. */
  readonly strict?: true;
  /** `request` or `reply`: the body is chosen by the multipart type. `fields` are the padding between flags and body. */
  readonly multipart?: 'request' | 'reply';
}

export interface MultipartRow {
  /** The value of the property `mp_type`. */
  readonly name: string;
  readonly code: number;
  readonly versions: VersionRange;
  /** A vendor's body: `code` is 0xffff, and two words come before it; then `pad` bytes (those of 1.0). */
  readonly experimenter?: Experimenter & { readonly pad: number };
  readonly request: MultipartBody;
  readonly reply: MultipartBody;
}

/** `list` bodies are arrays of structures, `one` a single structure, `empty` nothing. */
export type MultipartBody =
  | { readonly shape: 'empty' }
  | { readonly shape: 'one'; readonly of: string }
  | { readonly shape: 'list'; readonly of: string };

/** How the value of an OXM field is held in memory. */
export type OxmForm = 'number' | 'bigint' | 'bytes';

export interface OxmRow {
  readonly name: string;
  readonly oxmClass: number;
  readonly id: number;
  /** Fields of class OFPXMC_EXPERIMENTER have the vendor's identifier before the value. */
  readonly experimenter?: number;
  /** The value may have any number of bytes up to `bytes`. */
  readonly variable?: true;
  readonly versions: VersionRange;
  /** Meaningful bits, at the low end of the value. */
  readonly bits: number;
  /** Bytes of the value; a mask takes as many again. */
  readonly bytes: number;
  readonly form: OxmForm;
  readonly maskable: boolean;
  /** Alternatives, of which one must hold: field and admissible values (none given: it must merely be present). */
  readonly prerequisites: readonly OxmPrerequisite[];
}

export interface OxmPrerequisite {
  readonly field: string;
  readonly values?: readonly number[];
}

/** A statistics field of 1.5: `time` is seconds and nanoseconds, 32 bits each. */
export interface OxsRow {
  readonly name: string;
  readonly id: number;
  readonly versions: VersionRange;
  readonly form: 'u32' | 'u64' | 'time';
}

export interface ErrorRow {
  readonly name: string;
  readonly code: number;
  readonly versions: VersionRange;
  readonly codes: readonly {
    readonly name: string;
    readonly code: number;
    readonly versions?: VersionRange;
  }[];
}

export function holds(range: VersionRange, version: number): boolean {
  return version >= range.from && version <= range.to;
}

export const u8 = (name: string): Field => ({ kind: 'u8', name });
export const u16 = (name: string): Field => ({ kind: 'u16', name });
export const u32 = (name: string): Field => ({ kind: 'u32', name });
export const u64 = (name: string): Field => ({ kind: 'u64', name });
export const u32s = (name: string, count: number): Field => ({ kind: 'u32s', name, count });
export const bytes = (name: string, length: number): Field => ({ kind: 'bytes', name, length });
export const text = (name: string, length: number): Field => ({ kind: 'text', name, length });
export const pad = (length: number): Field => ({ kind: 'pad', length });
export const length: Field = { kind: 'length' };
export const listLength = (of: string): Field => ({ kind: 'listLength', of });
export const struct = (name: string, of: string): Field => ({ kind: 'struct', name, of });
export const match = (name: string): Field => ({ kind: 'match', name });
export const oxm = (name: string): Field => ({ kind: 'oxm', name });
export const alignedOxms = (name: string): Field => ({ kind: 'oxms', name, aligned: true });
export const oxmHeader = (name: string): Field => ({ kind: 'oxmHeader', name });
export const oxmRef = (name: string): OptionalField => ({ kind: 'oxmRef', name });
export const padEnd: Field = { kind: 'padEnd' };
export const stats = (name: string): Field => ({ kind: 'stats', name });
export const oxms = (name: string): Field => ({ kind: 'oxms', name });
export const oxmId = (name: string): Field => ({ kind: 'oxmId', name });
export const oxmIds = (name: string): Field => ({ kind: 'oxmIds', name });
export const list = (name: string, of: string): Field => ({ kind: 'list', name, of });
export const u8List = (name: string): Field => ({ kind: 'u8List', name });
export const listCount = (of: string): Field => ({ kind: 'listCount', of });
export const u16List = (name: string): Field => ({ kind: 'u16List', name });
export const learnSpecs = (name: string): Field => ({ kind: 'learnSpecs', name });
export const tail = (least = 0): Field => ({ kind: 'tail', least });
export const when = (flags: string, mask: number, field: OptionalField): Field => ({
  kind: 'when',
  flags,
  mask,
  field,
});
export const u32List = (name: string): Field => ({ kind: 'u32List', name });
export const rest = (name: string): Field => ({ kind: 'rest', name });
export const leftover = (name: string): Field => ({ kind: 'leftover', name });
export const message = (name: string): Field => ({ kind: 'message', name });
