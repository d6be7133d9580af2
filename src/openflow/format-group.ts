import { OFPG_ANY, OFPP_ANY } from './constants.js';
import { formatActions } from './format-flow.js';
import { reservedPort } from './format-match.js';
import type { Bucket, MeterBand } from './generated/types.js';
import { toHex } from './hex.js';

/** Groups and meters in the words of `ovs-ofctl dump-groups` and `dump-meters` (ovs-ofctl(8)). */

const GROUP_TYPES = ['all', 'select', 'indirect', 'ff'];
const METER_FLAGS = ['kbps', 'pktps', 'burst', 'stats'];

/** `group_id=5,type=ff,bucket=watch_port:1,actions=output:1`. */
export function formatGroup(id: number, type: number, buckets: readonly Bucket[]): string {
  return [`group_id=${id}`, `type=${GROUP_TYPES[type] ?? type}`, ...buckets.map(formatBucket)].join(',');
}

function formatBucket(bucket: Bucket): string {
  const words: string[] = [];
  if (bucket.weight !== 0) words.push(`weight:${bucket.weight}`);
  if (bucket.watch_port !== OFPP_ANY)
    words.push(`watch_port:${reservedPort(bucket.watch_port) ?? bucket.watch_port}`);
  if (bucket.watch_group !== OFPG_ANY) words.push(`watch_group:${bucket.watch_group}`);
  words.push(`actions=${formatActions(bucket.actions) || 'drop'}`);
  return `bucket=${words.join(',')}`;
}

/** The first line is the meter's, one for each band follows. */
export function formatMeter(id: number, flags: number, bands: readonly MeterBand[]): string[] {
  const words = [`meter=${id}`, ...METER_FLAGS.filter((_, bit) => (flags >> bit) & 1)];
  return [`${words.join(' ')} bands=`, ...bands.map(formatBand)];
}

function formatBand(band: MeterBand): string {
  if (band.type === 'raw') return `type=${band.code} data=${toHex(band.data)}`;
  const burst = band.burst_size === 0 ? '' : ` burst_size=${band.burst_size}`;
  const rate = `type=${band.type} rate=${band.rate}${burst}`;
  if (band.type === 'dscp_remark') return `${rate} prec_level=${band.prec_level}`;
  if (band.type === 'experimenter')
    return `${rate} experimenter=0x${band.experimenter.toString(16)} data=${toHex(band.data)}`;
  return rate;
}
