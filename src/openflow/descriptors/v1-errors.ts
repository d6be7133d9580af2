import { type ErrorRow, OPENFLOW_10 } from './language.js';

/** Error types and their codes of OpenFlow 1.0.0, section 5.4.4; OFPET_HELLO_FAILED is the same in every version. */

function row(code: number, name: string, prefix: string, names: readonly string[]): ErrorRow {
  const codes = names.map((each, i) => ({ name: `${prefix}_${each}`, code: i }));
  return { code, name, versions: OPENFLOW_10, codes };
}

export const errorRows10: readonly ErrorRow[] = [
  row(1, 'OFPET_BAD_REQUEST', 'OFPBRC', [
    'BAD_VERSION',
    'BAD_TYPE',
    'BAD_STAT',
    'BAD_VENDOR',
    'BAD_SUBTYPE',
    'EPERM',
    'BAD_LEN',
    'BUFFER_EMPTY',
    'BUFFER_UNKNOWN',
  ]),
  row(2, 'OFPET_BAD_ACTION', 'OFPBAC', [
    'BAD_TYPE',
    'BAD_LEN',
    'BAD_VENDOR',
    'BAD_VENDOR_TYPE',
    'BAD_OUT_PORT',
    'BAD_ARGUMENT',
    'EPERM',
    'TOO_MANY',
    'BAD_QUEUE',
  ]),
  row(3, 'OFPET_FLOW_MOD_FAILED', 'OFPFMFC', [
    'ALL_TABLES_FULL',
    'OVERLAP',
    'EPERM',
    'BAD_EMERG_TIMEOUT',
    'BAD_COMMAND',
    'UNSUPPORTED',
  ]),
  row(4, 'OFPET_PORT_MOD_FAILED', 'OFPPMFC', ['BAD_PORT', 'BAD_HW_ADDR']),
  row(5, 'OFPET_QUEUE_OP_FAILED', 'OFPQOFC', ['BAD_PORT', 'BAD_QUEUE', 'EPERM']),
];
