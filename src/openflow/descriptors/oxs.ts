import { OPENFLOW_15, type OxsRow } from './language.js';

/** The statistics fields of class OFPXSC_OPENFLOW_BASIC: 1.5.1 7.2.4.4, table 15. */

export const OFPXSC_OPENFLOW_BASIC = 0x8002;

function row(id: number, name: string, form: OxsRow['form']): OxsRow {
  return { id, name, form, versions: OPENFLOW_15 };
}

export const oxsRows: readonly OxsRow[] = [
  row(0, 'duration', 'time'),
  row(1, 'idle_time', 'time'),
  row(3, 'flow_count', 'u32'),
  row(4, 'packet_count', 'u64'),
  row(5, 'byte_count', 'u64'),
];
