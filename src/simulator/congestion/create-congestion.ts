import { Bbr } from './bbr.js';
import type { CongestionControl, CongestionName } from './congestion-control.js';
import { Copa } from './copa.js';
import { Cubic } from './cubic.js';
import { LedbatPlusPlus } from './ledbat-plus-plus.js';
import { Reno } from './reno.js';

export interface CongestionOptions {
  readonly congestion: CongestionName;
  /** of CUBIC: leave slow start when the round trip grows */
  readonly hystart: boolean;
  /** tells connections apart where an algorithm would throw dice: the phase of BBR's cycle */
  readonly variation: number;
}

/** RFC 6928 */
const initialWindow = 10;

/** A fresh congestion control. @throws RangeError for a name that does not exist */
export function createCongestion(options: CongestionOptions): CongestionControl {
  switch (options.congestion) {
    case 'cubic':
      return new Cubic({ hystart: options.hystart, initialWindow });
    case 'reno':
      return new Reno(initialWindow);
    case 'bbr':
      return new Bbr(initialWindow, options.variation);
    case 'ledbat++':
      return new LedbatPlusPlus();
    case 'copa':
      return new Copa(initialWindow);
    default:
      throw new RangeError(`there is no congestion control "${options.congestion as string}"`);
  }
}
