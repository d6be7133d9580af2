import { OFPP_MAX } from './constants.js';
import { OFPP10_MAX } from './constants10.js';
import { EncodeError } from './encode-error.js';

/** Port numbers of 1.0 (16 bits) and of later versions (32 bits); the reserved ones lie at the top of both. */

const DISTANCE = OFPP_MAX - OFPP10_MAX;

/** OFPP10_LOCAL becomes OFPP_LOCAL, and so on; ordinary ports keep their number. */
export function widePort(port: number): number {
  return port >= OFPP10_MAX ? port + DISTANCE : port;
}

/** Throws `EncodeError` for a port that 1.0 cannot name: 0xff00 to 0xfffffeff. */
export function narrowPort(port: number, path = 'port'): number {
  if (port >= 0 && port < OFPP10_MAX) return port;
  if (port >= OFPP_MAX && port <= 0xffffffff) return port - DISTANCE;
  throw new EncodeError(
    path,
    `port ${port} does not exist in OpenFlow 1.0: ordinary ports end at ${OFPP10_MAX - 1}`,
  );
}
