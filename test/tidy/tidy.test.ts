import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { diagram, transitions } from '../../src/migration/index.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((f) => f !== '' && existsSync(join(root, f)));
const text = (file: string): string => readFileSync(join(root, file), 'utf8');
const code = files.filter((f) => /\.(ts|tsx|js)$/.test(f) && !f.startsWith('src/openflow/generated/'));
const own = 'test/tidy/tidy.test.ts';

/** Rooms without Node, clock and randomness; project references forbid the wrong import, this forbids the rest. */
const pure = [
  'controller/',
  'src/openflow/',
  'src/packet/',
  'src/traffic/',
  'src/session/',
  'src/learning/',
  'src/network/',
  'src/telemetry/',
  'src/migration/',
  'src/engine/',
  'src/api/words/',
];
const isPure = (file: string): boolean => pure.some((room) => file.startsWith(room));

interface Rule {
  readonly name: string;
  readonly applies: (file: string) => boolean;
  readonly pattern: RegExp;
  readonly instead: string;
}
const rules: readonly Rule[] = [
  {
    name: 'clock in a pure room',
    applies: isPure,
    pattern: /\bDate\.now\b|\bnew Date\b|\bperformance\.now\b/,
    instead: 'take `now` as an argument',
  },
  {
    name: 'randomness in a pure room',
    applies: isPure,
    pattern: /\bMath\.random\b/,
    instead: 'take a seeded generator or a value as an argument',
  },
  {
    name: 'package import in a pure room',
    applies: isPure,
    pattern: /^\s*(?:import|export)\b[^'"]*\bfrom\s+['"](?!\.)/m,
    instead: 'pure rooms import nothing but our own files',
  },
  {
    name: 'unfinished work',
    applies: (f) => f !== own && /\.(ts|tsx|js|c|md|yaml|py)$/.test(f),
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/,
    instead: 'finish it or leave it out',
  },
  {
    name: 'test that is switched off',
    applies: (f) => f !== own && f.startsWith('test/'),
    pattern: /\b(?:it|test|describe)\.(?:only|todo)\b|expect\(true\)/,
    instead: 'run it, or print why it cannot run here',
  },
  {
    name: 'path of a machine',
    applies: (f) => f !== own,
    pattern: /(?:^|[\s"'`(=])\/(?:work|home|root)\//,
    instead: 'a path relative to the repository',
  },
];

/** The import rule of the house: which rooms a room may use. Kept equal to the project references. */
function importsOf(file: string): string[] {
  const found: string[] = [];
  for (const match of text(file).matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g))
    found.push(relative(root, resolve(root, dirname(file), match[1]!)));
  return found;
}
const inRoom = (file: string): boolean => /^(?:src|controller|bench\/lab|bench\/openflow)\//.test(file);
const roomOf = (file: string): string =>
  file.startsWith('controller/') ? 'controller' : file.split('/').slice(0, 2).join('/');

describe('house rules', () => {
  for (const rule of rules)
    it(`no ${rule.name}`, () => {
      const found = files
        .filter(
          (f) =>
            rule.applies(f) &&
            !/\.(png|svg|sqlite|lock)$|package-lock\.json$/.test(f) &&
            statSync(join(root, f)).size < 2_000_000,
        )
        .filter((f) => rule.pattern.test(text(f)));
      expect(found, `${rule.instead}`).toEqual([]);
    });

  it('the rules catch what they are for', () => {
    const samples: Record<string, string> = {
      'clock in a pure room': 'const t = Date.now();',
      'randomness in a pure room': 'Math.random()',
      'package import in a pure room': "import fs from 'node:fs';",
      'unfinished work': '// TODO later',
      'test that is switched off': "it.only('x')",
      'path of a machine': 'cat /home/x',
    };
    for (const rule of rules) expect(rule.pattern.test(samples[rule.name]!), rule.name).toBe(true);
  });

  it('every room imports only the rooms its project file refers to', () => {
    const wrong: string[] = [];
    for (const file of code.filter(inRoom)) {
      const room = roomOf(file);
      if (room === 'src/dashboard') continue;
      const project = JSON.parse(text(`${room}/tsconfig.json`)) as { references: { path: string }[] };
      const allowed = new Set([
        room,
        ...project.references.map((r) => relative(root, resolve(root, room, r.path))),
      ]);
      for (const target of importsOf(file))
        if (!allowed.has(roomOf(target))) wrong.push(`${file} imports ${target}`);
    }
    expect(wrong).toEqual([]);
  });

  it('controller imports nothing outside itself', () => {
    const wrong = code.filter(
      (f) => f.startsWith('controller/') && importsOf(f).some((t) => roomOf(t) !== 'controller'),
    );
    expect(wrong).toEqual([]);
  });

  it('the simulator takes nothing but units from the controller', () => {
    const wrong = code.filter(
      (f) =>
        f.startsWith('src/simulator/') &&
        importsOf(f).some((t) => t.startsWith('controller/') && t !== 'controller/units.js'),
    );
    expect(wrong).toEqual([]);
  });

  it('the page imports its data types from the API schemas only, and its sentences from the API words', () => {
    const wrong = code
      .filter((f) => f.startsWith('src/dashboard/'))
      .flatMap((f) =>
        importsOf(f)
          .filter((t) => !/^src\/(?:dashboard|api\/schemas|api\/words)\//.test(t))
          .map((t) => `${f} imports ${t}`),
      );
    expect(wrong).toEqual([]);
  });

  it('files stay readable: at most 600 lines', () => {
    const long = code
      .filter(inRoom)
      .map((f) => [f, text(f).split('\n').length] as const)
      .filter(([, lines]) => lines > 600);
    expect(long).toEqual([]);
  });

  it('ARCHITECTURE.md holds the diagram that the transition table gives', () => {
    expect(transitions.length).toBeGreaterThan(0);
    expect(text('ARCHITECTURE.md')).toContain(diagram());
  });
});
