import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { steady } from './terminal.js';

const shells = ['bash', 'zsh', 'fish'] as const;
let directory: string;
const script = (shell: string): string => join(directory, `steady.${shell}`);
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'steady-completion-'));
  for (const shell of shells) {
    const { code, stdout } = await steady(['completion', shell]);
    expect(code).toBe(0);
    writeFileSync(script(shell), stdout);
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

type Complete = (words: readonly string[]) => readonly string[];
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const run = (file: string, args: readonly string[]): string[] =>
  lines(execFileSync(file, args, { encoding: 'utf8', timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] }));

/** As bash does it when Tab is pressed behind the last word. */
const bash: Complete = (words) =>
  run('bash', [
    '--norc',
    '-uc',
    `source ${script('bash')}
     COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _steady
     [[ $\{#COMPREPLY[@]} == 0 ]] || printf '%s\\n' "$\{COMPREPLY[@]}"`,
    'bash',
    'steady',
    ...words,
  ]);
const fish: Complete = (words) =>
  run('fish', ['--no-config', '-c', `source ${script('fish')}; complete -C "steady ${words.join(' ')}"`]).map(
    (line) => line.split('\t')[0]!,
  );
/** The functions of its completion system only choose from what they are given; here all that fits is printed. */
const zsh: Complete = (words) =>
  run('zsh', [
    '-fc',
    `compdef() { }; _files() { }
     fitting() { for each in "$@"; do [[ $each == $words[CURRENT]* ]] && print -r -- $each; done; true }
     compadd() { shift; fitting "$@" }
     _describe() { fitting "$\{(@)$\{(@P)@[-1]}%%:*}" }
     source ${script('zsh')}; words=("$@"); CURRENT=$#; _steady`,
    'zsh',
    'steady',
    ...words,
  ]);

describe.each([
  ['bash', bash],
  ['fish', fish],
  ['zsh', zsh],
] as const)('completion in %s', (shell, complete) => {
  const here = shell === 'bash' || requireOrSkip(shell);
  const sorted = (words: readonly string[]): string[] => [...complete(words)].sort();

  it.skipIf(!here)('of commands, whatever there are', async () => {
    const names = [...(await steady(['--help'])).stdout.matchAll(/^ {2}([a-z]+) .*/gm)].map(
      ([, name]) => name!,
    );
    const commands = names.filter((name) => name !== 'help');
    expect(commands.length).toBeGreaterThan(12);
    expect(sorted([''])).toEqual(expect.arrayContaining(commands.sort()));
    expect(complete(['mig'])).toEqual(['migrate']);
    expect(sorted(['migrate', ''])).toEqual(
      expect.arrayContaining(['cancel', 'force-complete', 'list', 'show', 'start', 'watch']),
    );
    expect(complete(['migrate', 'li'])).toEqual(['list']);
  });
  it.skipIf(!here)('of options, and of their values', () => {
    expect(complete(['migrate', 'start', 'vm1', 'hyp-b', '--dry'])).toEqual(['--dry-run']);
    expect(complete(['status', '--dry'])).toEqual([]);
    expect(sorted(['links', '-o', ''])).toEqual(['json', 'table', 'yaml']);
    expect(sorted(['links', '--output', 'j'])).toEqual(['json']);
    // not of the command whose name is the value of an option
    expect(complete(['migrate', 'start', '--source', 'list', '--downt'])).toEqual(['--downtime-limit']);
  });
  it.skipIf(!here)('of arguments that are one of a few', () => {
    expect(sorted(['completion', ''])).toEqual(expect.arrayContaining([...shells].sort()));
    expect(sorted(['completion', 'f'])).toEqual(['fish']);
  });
});

it('of an unknown shell is a usage error', async () => {
  const { code, stderr } = await steady(['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
it('leaves files to bash', () => {
  expect(bash(['run', '--config', 'pack'])).toEqual([]);
  expect(run('bash', ['--norc', '-c', `source ${script('bash')}; complete -p steady`])).toEqual([
    'complete -o default -F _steady steady',
  ]);
});
