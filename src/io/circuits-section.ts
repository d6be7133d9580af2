import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { PercentileTerms } from '../engine/circuit-bill.js';
import type { CircuitsConfig, ConfiguredCircuit } from '../engine/config.js';
import type { LinkSpec, Topology } from '../network/topology.js';
import { circuitDefaults, type RawConfig } from './config-schema.js';
import { didYouMean } from './schema-check.js';
import type { ConfigProblem, PathSegment, YamlDocument } from './yaml-document.js';

/** The section `circuits` of `steady.yaml`: what the form cannot say, and the values where it is silent. */

type Section = NonNullable<RawConfig['circuits']>;

const holdOf = (link: LinkSpec | undefined, wanted: number | undefined): number =>
  wanted ?? Math.max(circuitDefaults.leastHoldSeconds, link?.setupSeconds ?? 0);

export function circuitsOf(section: Section, topology: Topology, directory: string): CircuitsConfig {
  const { url, timeoutSeconds = circuitDefaults.timeoutSeconds, tokenFile } = section.provider;
  return {
    owner: section.owner ?? topology.name,
    provider: {
      url,
      timeoutSeconds,
      tokenFile: tokenFile === undefined ? undefined : resolve(directory, tokenFile),
    },
    links: section.links.map((c): ConfiguredCircuit => {
      const link = topology.links.find((l) => l.name === c.link);
      return {
        link: c.link,
        budgetPerSecond: c.budgetPerSecond,
        breakEvenSeconds: c.breakEvenSeconds ?? circuitDefaults.breakEvenSeconds,
        minimumHoldSeconds: holdOf(link, c.minimumHoldSeconds),
        ...(c.percentileBill && { percentileBill: billOf(c.percentileBill) }),
      };
    }),
  };
}

function billOf(bill: NonNullable<Section['links'][number]['percentileBill']>): PercentileTerms {
  const { pricePerMegabitPerSecond, periodSeconds = 300, percentile = 0.95 } = bill;
  return { pricePerBytesPerSecond: pricePerMegabitPerSecond / 125_000, periodSeconds, percentile };
}

export function checkCircuits(
  document: YamlDocument,
  section: Section,
  topology: Topology | undefined,
  directory: string,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const wrong = (path: readonly PathSegment[], message: string, hint?: string): void => {
    problems.push(document.problemAt(['circuits', ...path], message, hint));
  };
  checkProvider(section.provider, directory, wrong);
  if (topology === undefined) {
    wrong([], 'circuits need a topology', 'add `topology: FILE.yaml`');
    return problems;
  }
  const circuits = topology.links.filter((l) => l.kind === 'circuit');
  const names = circuits.map((l) => l.name);
  for (const [i, { link: name, minimumHoldSeconds }] of section.links.entries()) {
    const link = circuits.find((l) => l.name === name);
    const before = section.links.findIndex((l) => l.link === name);
    if (before < i) wrong(['links', i, 'link'], `${name} is already links[${before}]`);
    else if (link === undefined)
      wrong(
        ['links', i, 'link'],
        `no link ${name} of kind circuit in the topology`,
        didYouMean(name, names) ?? `it has: ${names.join(', ') || 'none'}`,
      );
    else if (link.capacityBitsPerSecond === undefined)
      wrong(['links', i, 'link'], `circuit ${name} has no capacityBitsPerSecond in the topology`);
    else if (holdOf(link, minimumHoldSeconds) < (link.setupSeconds ?? 0))
      wrong(
        ['links', i, 'minimumHoldSeconds'],
        `${name} takes ${link.setupSeconds} s to set up and would be held for ${minimumHoldSeconds} s only`,
        'hold it at least as long as its set-up takes',
      );
  }
  return problems;
}

const loopback = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

function checkProvider(
  provider: Section['provider'],
  directory: string,
  wrong: (path: readonly PathSegment[], message: string, hint?: string) => void,
): void {
  let url: URL;
  try {
    url = new URL(provider.url);
  } catch {
    wrong(['provider', 'url'], `${provider.url} is not a URL`);
    return;
  }
  if (provider.tokenFile === undefined) return;
  try {
    const token = readFileSync(resolve(directory, provider.tokenFile), 'utf8').trim();
    if (!/^[\x21-\x7e]+$/.test(token))
      wrong(['provider', 'tokenFile'], 'the file must hold one token of printable characters without blanks');
  } catch (cause) {
    wrong(
      ['provider', 'tokenFile'],
      `cannot read it: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
  if (url.protocol === 'http:' && !loopback.test(url.hostname))
    wrong(
      ['provider', 'url'],
      'a token would be sent in the clear',
      'use https, or a provider on this machine',
    );
}
