import type { EngineConfig } from './config.js';

/**
 * OpenFlow does not authenticate a datapath id (CVE-2018-1000155): whoever connects may claim any. Where certificates
 * are required, the common name of a switch's certificate must be the one that is configured for that switch, else the
 * datapath id itself. Answers why this connection cannot be that switch; undefined: it can.
 */
export function whyNotThisSwitch(
  config: Pick<EngineConfig, 'openflow' | 'switches' | 'topology'>,
  dpid: string,
  certificate: string | undefined,
): string | undefined {
  if (config.openflow?.certificates !== true) return undefined;
  const name = config.topology?.switches.find((s) => s.dpid === dpid)?.name;
  const expected = config.switches.find((s) => s.name === name)?.certificate ?? dpid;
  if (certificate === expected) return undefined;
  const has =
    certificate === undefined || certificate === '' ? 'none' : `that of ${JSON.stringify(certificate)}`;
  return `datapath id ${dpid} needs a certificate of ${JSON.stringify(expected)}, and this switch has ${has}`;
}
