import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkSchema } from '../../src/io/schema-check.js';
import { parseTopology, readTopology } from '../../src/io/topology-file.js';
import { TopologySchema } from '../../src/io/topology-schema.js';
import { ConfigError, type ConfigProblem, parseYaml } from '../../src/io/yaml-document.js';
import { builtLink } from '../../src/network/topology.js';

const twoDc = 'topologies/two-dc.yaml';
// in block style, whatever the formatting of the committed file
const text = stringify(parse(readFileSync(twoDc, 'utf8')));
const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const directory = mkdtempSync(join(tmpdir(), 'steady-topology-'));
afterAll(() => rmSync(directory, { recursive: true }));

function problemsOf(source: string): readonly ConfigProblem[] {
  try {
    parseTopology('net.yaml', source);
  } catch (e) {
    if (e instanceof ConfigError) return e.problems;
    throw e;
  }
  return [];
}
/** the 1-based line and column where `needle` stands in `source` */
function positionOf(source: string, needle: string): { line: number; column: number } {
  const before = source.slice(0, source.indexOf(needle));
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
}

describe('readTopology', () => {
  it('reads the committed topology', () => {
    const topology = readTopology(twoDc);
    expect(topology.switches.map((s) => s.dpid)).toEqual([1, 2, 3, 4].map((n) => `000000000000000${n}`));
    expect(topology.links[0]).toMatchObject({ name: 'wan', capacityBitsPerSecond: 50e6, oneWayDelayMs: 20 });
    expect(topology.vms[0]?.hosts).toEqual(['hyp-a', 'hyp-b']);
  });

  it.each(readdirSync('topologies').filter((f) => f.endsWith('.yaml')))('accepts %s', (file) => {
    const topology = readTopology(join('topologies', file));
    expect(`${topology.name}.yaml`).toBe(file);
    for (const link of topology.links) expect(builtLink(link).bufferPackets).toBe(1000);
  });

  it('fills in the defaults of a carrier', () => {
    const source = text
      .replace(
        'capacityBitsPerSecond: 50000000',
        'opaque: true\n    carrier: { capacityBitsPerSecond: 1000 }',
      )
      .replace('oneWayDelayMs: 20', 'oneWayDelayMs: 0');
    expect(parseTopology('x', source).links[0]?.carrier).toEqual({
      capacityBitsPerSecond: 1000,
      oneWayDelayMs: 0,
      bufferPackets: 1000,
    });
  });

  it('fills in defaults', () => {
    const topology = parseTopology(
      'x',
      'name: x\nsites: [{name: a}]\nswitches: [{name: s, site: a, role: gateway, dpid: "0000000000000001"},' +
        '{name: t, site: a, role: hypervisor, dpid: "0000000000000002"}]\nlinks: [{name: l, kind: local, ends: [s, t]}]\n',
    );
    expect(topology.links[0]).toEqual({
      name: 'l',
      kind: 'local',
      ends: ['s', 't'],
      capacityBitsPerSecond: undefined,
      oneWayDelayMs: 0,
      bufferPackets: 1000,
    });
    expect(topology).toMatchObject({ description: '', hosts: [], vms: [], traffic: [] });
  });

  it('points at a misspelt key and names the nearest one', () => {
    const source = text.replace('bufferPackets: 1000', 'bufferPacket: 1000');
    const [problem, ...rest] = problemsOf(source);
    expect(rest).toEqual([]);
    expect(problem).toMatchObject({
      file: 'net.yaml',
      path: 'links[0].bufferPacket',
      message: 'unknown key',
      hint: 'did you mean "bufferPackets"?',
      ...positionOf(source, 'bufferPacket:'),
    });
  });

  it('reports every problem in the order of the file', () => {
    const source = text
      .replace('role: gateway', 'role: gatway')
      .replace('dpid: "0000000000000001"', 'dpid: 1')
      .replace('oneWayDelayMs: 20', 'oneWayDelayMs: -20')
      .replace('02:00:00:00:00:22', '03:00:00:00:00:22')
      .replace('kind: video', 'kind: vidio');
    const problems = problemsOf(source);
    expect(problems.map((p) => p.path)).toEqual([
      'switches[0].role',
      'switches[0].dpid',
      'links[0].oneWayDelayMs',
      'hosts[3].mac',
      'traffic[0]',
    ]);
    expect(problems[0]?.hint).toBe('did you mean "gateway"?');
    expect(problems[1]?.hint).toBe('put it in quotes: "1"');
    expect(problems[4]?.hint).toBe('did you mean "video"?');
    expect(problems[2]).toMatchObject(positionOf(source, '-20'));
  });

  it('says what is missing, at the object that lacks it', () => {
    const source = text.replace('    at: hyp-a\n', '');
    expect(problemsOf(source)).toMatchObject([
      { path: 'vms[0]', message: '"at" is missing', ...positionOf(source, 'name: vm1') },
    ]);
  });

  it('reports what the form cannot say, at the value that is wrong', () => {
    const source = text.replace('at: hyp-a', 'at: video-a').replace('      - gw-b\n', '      - gw-z\n');
    expect(problemsOf(source)).toMatchObject([
      { path: 'links[0].ends[1]', ...positionOf(source, 'gw-z') },
      { path: 'vms[0].at', ...positionOf(source, 'video-a\n    memoryBytes') },
    ]);
  });

  it.each([
    ['duplicate key', 'name: x\nname: y\n', 2],
    ['two documents', 'name: x\n---\nname: y\n', 2],
    ['broken flow', 'name: x\nsites: [a\n', 3],
    ['not a map', '- a\n- b\n', 1],
    ['empty', '', 1],
  ])('refuses %s with a position', (_, source, line) => {
    const problems = problemsOf(source);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]?.line).toBe(line);
  });

  it('does not expand a bomb of aliases', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
    expect(problemsOf(`a0: &a0 [x]\n${levels.join('\n')}\n`)[0]?.message).toMatch(/alias/i);
  });

  it('names a file that does not exist', () => {
    const path = join(directory, 'none.yaml');
    expect(() => readTopology(path)).toThrow(`${path}:1:1: cannot read: no such file`);
  });

  it('refuses a file beyond the limit', () => {
    const path = join(directory, 'large.yaml');
    writeFileSync(path, `# ${'x'.repeat(5 * 1024 * 1024)}\n${text}`);
    expect(() => readTopology(path)).toThrow(/larger than/);
  });
});

describe('our check against that of TypeBox', () => {
  const reference = Compile(TopologySchema);
  const original = parseYaml('x', text).value;
  const junk = fc.oneof(
    fc.constantFrom(null, 0, -1, 0.5, 1e13, '', 'x', 'local', 'video', '10.0.0.256', true, [], {}),
    fc.string(),
    fc.integer(),
    fc.jsonValue({ maxDepth: 2 }),
  );

  /** every path of the document, so that any one value can be replaced or removed */
  const paths: (string | number)[][] = [];
  (function walk(value: unknown, path: (string | number)[]): void {
    paths.push(path);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value))
      walk(child, [...path, Array.isArray(value) ? Number(key) : key]);
  })(original, []);

  const mutate = (path: (string | number)[], how: 'set' | 'remove' | 'add', value: unknown): unknown => {
    const copy = structuredClone(original) as Record<string, unknown>;
    let parent: Record<string | number, unknown> = copy;
    for (const segment of path.slice(0, -1)) parent = parent[segment] as typeof parent;
    const last = path.at(-1);
    if (last === undefined) return how === 'set' ? value : copy;
    if (how === 'set') parent[last] = value;
    else if (how === 'add') parent.extra = value;
    else if (Array.isArray(parent)) parent.splice(last as number, 1);
    else delete parent[last];
    return copy;
  };

  it('gives the same verdict on the committed topology with one value changed', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...paths),
        fc.constantFrom('set' as const, 'remove' as const, 'add' as const),
        junk,
        (path, how, value) => {
          const document = parseYaml('x', JSON.stringify(mutate(path, how, value)));
          const ours = checkSchema(document, TopologySchema).length === 0;
          expect(ours).toBe(reference.Check(document.value));
          if (!ours) refused++;
        },
      ),
      { numRuns: 400 * scale },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
