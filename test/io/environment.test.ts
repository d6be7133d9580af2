import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { defaultConfig, readConfig } from '../../src/io/config-file.js';
import { ConfigSchema } from '../../src/io/config-schema.js';
import { overridable } from '../../src/io/environment.js';
import { ConfigError } from '../../src/io/yaml-document.js';

const directory = mkdtempSync(join(tmpdir(), 'steady-environment-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'steady.yaml');
writeFileSync(file, 'http: { port: 1234, names: [one] }\ncontrol: { slotMs: 40 }\n');

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

describe('environment overrides', () => {
  it('win over the file, which wins over the defaults', () => {
    const { listen, config } = readConfig(file, {
      STEADY_HTTP_HOST: '0.0.0.0',
      STEADY_HTTP_INSECURE: 'true',
      STEADY_HTTP_NAMES: 'steady, controller',
      STEADY_CONTROL_SLOT_MS: '100',
      STEADY_SERVER: 'http://x',
      OTHER: 'y',
    });
    expect(listen.http).toMatchObject({
      host: '0.0.0.0',
      port: 1234,
      insecure: true,
      names: ['steady', 'controller'],
    });
    expect(config.control).toMatchObject({ slotMs: 100, gain: 0.4 });
    expect(readConfig(file).listen.http.names).toEqual(['one']);
  });
  it('work without a file, with paths from the working directory', () => {
    const { topologyPath, config } = defaultConfig({ STEADY_TOPOLOGY: 'topologies/two-dc.yaml' });
    expect(topologyPath).toBe(resolve('topologies/two-dc.yaml'));
    expect(config.topology?.name).toBe('two-dc');
  });
  it('are held against the schema, and the variable is named', () => {
    expect(messageOf(() => readConfig(file, { STEADY_HTTP_PORT: 'http' }))).toMatch(
      /^environment variable STEADY_HTTP_PORT:1:1: http.port: must be an? (?:whole number|integer|number), is "http"/,
    );
    expect(messageOf(() => readConfig(file, { STEADY_HTTP_INSECURE: 'yes' }))).toContain(
      'STEADY_HTTP_INSECURE',
    );
    expect(messageOf(() => readConfig(file, { STEADY_TOPOLOGY: 'nowhere.yaml' }))).toContain(
      'environment variable STEADY_TOPOLOGY:1:1: topology:',
    );
  });
  it('do not pass over a misspelt name', () => {
    expect(messageOf(() => readConfig(file, { STEADY_HTTP_PORTS: '1' }))).toMatch(
      /environment variable STEADY_HTTP_PORTS:1:1: no such setting \(.*STEADY_HTTP_PORT/,
    );
  });
  it('are there for every single value', () => {
    const names = [...overridable(ConfigSchema).keys()];
    expect(names).toContain('STEADY_OPENFLOW_TLS_REQUIRE_CLIENT_CERTIFICATE');
    expect(names).toContain('STEADY_CONTROL_SAFE_BITS_PER_SECOND');
    expect(names).not.toContain('STEADY_SWITCHES');
  });
});
