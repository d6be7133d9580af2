import { bytesPerSecond, type PolicyConfig, seconds, usualFairShare } from '../../controller/index.js';
import type { ControlConfig } from './config.js';

/** `control` of the configuration in the controller's own words and units. */
export const policyConfigOf = (
  control: ControlConfig,
  delayPromiseMs: number,
  opaque: boolean,
): PolicyConfig => ({
  slotSeconds: seconds(control.slotMs / 1000),
  targetUtilisation: control.targetUtilisation,
  cautiousUtilisation: control.cautiousUtilisation,
  gain: control.gain,
  virtualTargetBytes: control.virtualTargetBytes,
  forecastSlots: control.forecastSlots,
  safeBytesPerSecond: bytesPerSecond(control.safeBitsPerSecond / 8),
  staticShare: control.staticShare,
  fairShare: control.fairShare ?? (opaque ? usualFairShare : 0),
  delayPromiseSeconds: seconds(delayPromiseMs / 1000),
  rivals: control.rivals,
});
