import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/io/config-file.js';
import { ConfigFolder } from './config-folder.js';

const { directory, write, problemsOf } = new ConfigFolder('steady-circuits-');
const topology = `topology: ${resolve('topologies/two-dc.yaml')}\n`;

const section = (links: string, provider = 'url: "http://127.0.0.1:9000"'): string =>
  `${topology}circuits:\n  provider: { ${provider} }\n  links: [ ${links} ]\n`;

describe('circuits in steady.yaml', () => {
  it('are read, with values where the file is silent', () => {
    expect(readConfig(write(section('{ link: circuit, budgetPerSecond: 0.5 }'))).config.circuits).toEqual({
      owner: 'two-dc',
      provider: { url: 'http://127.0.0.1:9000', timeoutSeconds: 5, tokenFile: undefined },
      links: [{ link: 'circuit', budgetPerSecond: 0.5, breakEvenSeconds: 1, minimumHoldSeconds: 10 }],
    });
    expect(readConfig(write(topology)).config).not.toHaveProperty('circuits');
  });

  it('may have a bill for what is sent', () => {
    const bill = (terms: string): string =>
      section(`{ link: circuit, budgetPerSecond: 1, percentileBill: { ${terms} } }`);
    const read = readConfig(write(bill('pricePerMegabitPerSecond: 0.5')));
    expect(read.config.circuits?.links[0]?.percentileBill).toEqual({
      pricePerBytesPerSecond: 4e-6,
      periodSeconds: 300,
      percentile: 0.95,
    });
    expect(problemsOf(bill('periodSeconds: 60'))[0]?.path).toBe('circuits.links[0].percentileBill');
    expect(problemsOf(bill('pricePerMegabitPerSecond: 1, percentile: 2'))).toHaveLength(1);
  });

  it('may carry a token, from a file beside this one', () => {
    writeFileSync(join(directory, 'token'), 'secret\n');
    const link = '{ link: circuit, budgetPerSecond: 1, minimumHoldSeconds: 60 }';
    const read = readConfig(write(section(link, 'url: "https://nms.example.net/v1", tokenFile: token')));
    expect(read.config.circuits?.provider?.tokenFile).toBe(join(directory, 'token'));
    expect(read.config.circuits?.links[0]?.minimumHoldSeconds).toBe(60);
    const inTheClear = section(link, 'url: "http://nms.example.net/v1", tokenFile: token');
    expect(problemsOf(inTheClear)).toMatchObject([
      { path: 'circuits.provider.url', message: 'a token would be sent in the clear' },
    ]);
    const missing = section(link, 'url: "https://nms.example.net/v1", tokenFile: absent');
    expect(problemsOf(missing)[0]?.message).toContain('cannot read it');
  });

  it.each([
    ['{ link: circuit }', 'budgetPerSecond'],
    ['{ link: wan, budgetPerSecond: 1 }', 'no link wan of kind circuit in the topology'],
    ['{ link: circiut, budgetPerSecond: 1 }', 'no link circiut of kind circuit'],
    [
      '{ link: circuit, budgetPerSecond: 1 }, { link: circuit, budgetPerSecond: 1 }',
      'circuit is already links[0]',
    ],
    ['{ link: circuit, budgetPerSecond: 1, minimumHoldSeconds: 1 }', 'takes 2 s to set up'],
    ['{ link: circuit, budgetPerSecond: -1 }', '-1'],
    ['', 'at least 1'],
  ])('are refused with the place: %s', (links, words) => {
    const [first] = problemsOf(section(links));
    expect(`${first?.path} ${first?.message}`).toContain(words);
    expect(first?.path.startsWith('circuits.links')).toBe(true);
    expect(first?.line).toBe(4);
  });

  it.each(['ftp://x', 'http://user:pw@host', 'nms.example.net', 'http://'])('no provider at %s', (url) => {
    const [first] = problemsOf(section('{ link: circuit, budgetPerSecond: 1 }', `url: "${url}"`));
    expect(first?.path).toBe('circuits.provider.url');
  });

  it('need a topology', () => {
    const [first] = problemsOf(section('{ link: circuit, budgetPerSecond: 1 }').replace(topology, ''));
    expect(first?.message).toBe('circuits need a topology');
  });
});
