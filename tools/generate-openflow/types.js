/** Emits the TypeScript types of all messages and their parts. */
import {
  BANNER,
  familyType,
  hasPadding,
  holds,
  memberType,
  messageType,
  multipartType,
  pascal,
  structType,
  unionType,
  VERSIONS,
  vendorType,
} from './names.js';

const INTEGERS = { u8: 'number', u16: 'number', u32: 'number', u64: 'bigint' };

export function emitTypes(catalogue) {
  const families = new Set(catalogue.tlvFamilies.map((family) => family.name));
  const out = [BANNER];
  out.push(EMPTY_BODY);
  out.push(oxmTypes(catalogue.oxm));
  out.push(oxsTypes(catalogue.oxs));
  for (const family of catalogue.tlvFamilies) out.push(familyTypes(family, families));
  for (const row of catalogue.structs) {
    out.push(`/** ${row.source}. */\n${interfaceText(structType(row.name), [], row, families)}`);
  }
  for (const row of catalogue.messages) out.push(messageTypes(row, catalogue, families));
  for (const version of VERSIONS) out.push(versionUnions(catalogue, version));
  const unions = VERSIONS.map((version) => unionType('message', version));
  out.push(`/** A message of any version. */\nexport type AnyMessage = ${unions.join(' | ')};\n`);
  out.push(`export type MessageType = AnyMessage['type'];\n`);
  out.push(`export type MultipartType = MultipartReply['mp_type'];\n`);
  if (out.some((text) => text.includes('LearnSpec[]')))
    out.splice(1, 0, `import type { LearnSpec } from '../learn-specs.js';\n`);
  return out.join('\n');
}

const EMPTY_BODY = `/** The body of a multipart request that has none. */
export type EmptyBody = Readonly<Record<string, never>>;
`;

function fieldType(field, families, versions) {
  switch (field.kind) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
      return INTEGERS[field.kind];
    case 'bytes':
    case 'rest':
      return 'Uint8Array';
    case 'text':
      return 'string';
    case 'u32s':
    case 'u8List':
    case 'u16List':
    case 'u32List':
      return 'readonly number[]';
    case 'struct':
      return structType(field.of);
    case 'match':
    case 'oxms':
      return 'readonly OxmField[]';
    case 'oxmHeader':
    case 'oxmRef':
      return 'OxmRef';
    case 'learnSpecs':
      return 'readonly LearnSpec[]';
    case 'oxm':
      return 'OxmField';
    case 'stats':
      return 'readonly OxsField[]';
    case 'oxmId':
      return 'OxmId';
    case 'oxmIds':
      return 'readonly OxmId[]';
    case 'list':
      return `readonly ${families.has(field.of) ? familyType(field.of) : structType(field.of)}[]`;
    case 'message':
      return VERSIONS.filter((version) => holds(versions, version))
        .map((version) => unionType('message', version))
        .join(' | ');
    default:
      return undefined;
  }
}

function interfaceText(name, head, { fields, versions }, families, outerPadding = false) {
  const lines = [...head];
  for (const field of fields) {
    const type = fieldType(field, families, versions);
    if (type !== undefined) lines.push(`  readonly ${field.name}: ${type};`);
    if (field.kind === 'leftover') {
      lines.push('  /** What could not be read as one more element, to the end; never empty. */');
      lines.push(`  ${field.name}?: Uint8Array;`);
    }
    if (field.kind === 'when') {
      const bits = `0x${field.mask.toString(16)}`;
      lines.push(`  /** There if and only if \`${field.flags}\` has ${bits}. */`);
      lines.push(`  ${field.field.name}?: ${fieldType(field.field, families, versions)};`);
    }
  }
  if (outerPadding || hasPadding(fields)) {
    lines.push('  /** All padding bytes of this structure in order; present only when one is not zero. */');
    lines.push('  padding?: Uint8Array;');
  }
  return `export interface ${name} {\n${lines.join('\n')}\n}\n`;
}

function familyTypes(family, families) {
  const outer = family.padding === 'outside';
  const out = [];
  for (const row of family.rows) {
    const head = [`  readonly type: '${row.name}';`];
    out.push(interfaceText(memberType(family, row), head, row, families, outer));
  }
  const raw = ["  readonly type: 'raw';", '  readonly code: number;', '  readonly data: Uint8Array;'];
  out.push('/** An element of a type that has no row, kept as it came. */');
  out.push(interfaceText(memberType(family, { name: 'raw' }), raw, { fields: [] }, families, outer));
  const vendors = family.rows.filter((row) => row.experimenter !== undefined);
  const plain = family.rows.filter((row) => row.experimenter === undefined);
  const members = [...plain, { name: 'raw' }].map((row) => memberType(family, row));
  if (vendors.length > 0) {
    members.push(vendorType(family.name));
    const names = vendors.map((row) => `  | ${memberType(family, row)}`);
    out.push(`export type ${vendorType(family.name)} =\n${names.join('\n')};\n`);
  }
  const union = members.map((name) => `  | ${name}`).join('\n');
  out.push(`/** ${family.source}. */\nexport type ${familyType(family.name)} =\n${union};\n`);
  return out.join('\n');
}

function messageTypes(row, catalogue, families) {
  if (row.multipart === undefined) {
    const head = [`  readonly type: '${row.name}';`, '  readonly xid: number;'];
    return `/** ${row.source}. */\n${interfaceText(messageType(row), head, row, families)}`;
  }
  const out = [];
  for (const part of catalogue.multiparts) {
    if (part.versions.to < row.versions.from || part.versions.from > row.versions.to) continue;
    const body = part[row.multipart];
    const type =
      body.shape === 'empty'
        ? 'EmptyBody'
        : body.shape === 'one'
          ? structType(body.of)
          : `readonly ${structType(body.of)}[]`;
    const head = [
      `  readonly type: '${row.name}';`,
      '  readonly xid: number;',
      `  readonly mp_type: '${part.name}';`,
      '  readonly flags: number;',
      `  readonly body: ${type};`,
    ];
    const pads = part.experimenter?.pad > 0 ? [{ kind: 'pad' }] : [];
    const own = { ...row, fields: [...row.fields, ...pads] };
    out.push(interfaceText(multipartType(row.multipart, part), head, own, families));
  }
  return out.join('\n');
}

/** All messages of a version, and its multipart requests and replies. */
function versionUnions(catalogue, version) {
  const live = (rows) => rows.filter((row) => holds(row.versions, version));
  const union = (doc, name, members) =>
    `/** ${doc} */\nexport type ${unionType(name, version)} =\n${members.map((member) => `  | ${member}`).join('\n')};\n`;
  const out = [];
  const members = [];
  for (const row of live(catalogue.messages)) {
    members.push(row.multipart === undefined ? messageType(row) : unionType(row.name, version));
    if (row.multipart === undefined) continue;
    const parts = live(catalogue.multiparts).map((part) => multipartType(row.multipart, part));
    out.push(union(`${row.source}.`, row.name, parts));
  }
  out.push(union(`Every message of wire version ${version}.`, 'message', members));
  return out.join('\n');
}

const OXM_VALUE = { number: 'number', bigint: 'bigint', bytes: 'Uint8Array' };

function oxmTypes(rows) {
  const out = [];
  for (const form of ['number', 'bigint', 'bytes']) {
    const names = rows.filter((row) => row.form === form).map((row) => `  | '${row.name}'`);
    out.push(`export type Oxm${pascal(form)}Name =\n${names.join('\n')};\n`);
  }
  const members = ['number', 'bigint', 'bytes'].map(
    (form) => `export interface Oxm${pascal(form)} {
  readonly field: Oxm${pascal(form)}Name;
  readonly value: ${OXM_VALUE[form]};
  readonly mask?: ${OXM_VALUE[form]};
}
`,
  );
  out.push(...members);
  out.push(`/** A match field of a class or number that has no row; \`payload\` is everything after the 4-byte header. */
export interface OxmRaw {
  readonly field: 'raw';
  readonly oxm_class: number;
  readonly oxm_field: number;
  readonly has_mask: boolean;
  readonly payload: Uint8Array;
}

/** One OXM TLV of a match or of a set_field action. 1.3.5 A.2.3. */
export type OxmField = OxmNumber | OxmBigint | OxmBytes | OxmRaw;
export type OxmName = OxmNumberName | OxmBigintName | OxmBytesName;

/** A field named by its header: the name if the header is the field's own, without a mask and of its full length. */
export type OxmRef = OxmName | OxmId;

/** A header without a value, as table features list them. 1.3.5 A.3.5.5.2. */
export interface OxmId {
  readonly oxm_class: number;
  readonly oxm_field: number;
  readonly has_mask: boolean;
  readonly oxm_length: number;
  /** Present if and only if the class is OFPXMC_EXPERIMENTER. */
  readonly experimenter?: number;
}
`);
  return out.join('\n');
}

const OXS_VALUE = {
  u32: ['  readonly value: number;'],
  u64: ['  readonly value: bigint;'],
  time: ['  readonly seconds: number;', '  readonly nanoseconds: number;'],
};

function oxsTypes(rows) {
  const members = [];
  const out = [];
  for (const [form, value] of Object.entries(OXS_VALUE)) {
    const names = rows.filter((row) => row.form === form).map((row) => `'${row.name}'`);
    const type = `Oxs${pascal(form)}`;
    members.push(type);
    out.push(`export interface ${type} {\n  readonly field: ${names.join(' | ')};\n${value.join('\n')}\n}\n`);
  }
  out.push(`/** A statistics field of a class or number that has no row; \`payload\` is everything after the 4-byte header. */
export interface OxsRaw {
  readonly field: 'raw';
  readonly oxs_class: number;
  readonly oxs_field: number;
  /** The bit between the field and the length, 0 in 1.5. */
  readonly reserved: number;
  readonly payload: Uint8Array;
}

/** One OXS TLV of an \`ofp_stats\`. 1.5.1 7.2.4. */
export type OxsField = ${[...members, 'OxsRaw'].join(' | ')};
`);
  return out.join('\n');
}
