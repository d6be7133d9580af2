import { spawn } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerLines } from '../../src/cli/answer-lines.js';
import { launcher, spawned, steady } from './terminal.js';

const runs = 50 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const hello = '0400000800000001';

describe('steady openflow decode', () => {
  it('prints one object for each line that is not blank', async () => {
    const input = `${hello}\n\n   \t\r\nzz\n04 00 00 08 00 00 00 02\r\n0400\n0900000800000001`;
    const { code, stdout, stderr } = await steady(['openflow', 'decode'], input);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map((answer) => answer.ok)).toEqual([true, false, true, false, false]);
    expect(answers[0]).toEqual({
      ok: true,
      version: 4,
      type: 'hello',
      message: { type: 'hello', xid: 1, elements: [] },
      reencoded: hello,
    });
    for (const answer of answers.filter((each) => !each.ok))
      expect(answer.error).toEqual({
        code: expect.any(String),
        offset: expect.any(Number),
        detail: expect.any(String),
      });
  });

  it('answers anything, line for line', async () => {
    const line = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.stringMatching(/^[0-9a-f]{0,80}$/),
      fc.stringMatching(/^04[01][0-9a-f]00[0-9a-f]{2}[0-9a-f]{8}[0-9a-f]{0,60}$/),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
        const { code, stdout } = await steady(['openflow', 'decode'], lines.join('\n'));
        expect(code).toBe(0);
        // as the program sees them: bytes
        const seen = Buffer.from(lines.join('\n')).toString('latin1').split('\n');
        const answers = stdout.split('\n').slice(0, -1);
        expect(answers).toHaveLength(seen.filter((each) => each.trim() !== '').length);
        for (const answer of answers) expect(typeof JSON.parse(answer).ok).toBe('boolean');
      }),
      { numRuns: runs },
    );
  });

  it('answers before the input ends', async () => {
    const child = spawn(process.execPath, [launcher, 'openflow', 'decode'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const first = new Promise<string>((resolve) =>
      child.stdout.once('data', (chunk) => resolve(String(chunk))),
    );
    child.stdin.write(`${hello}\n`);
    expect(JSON.parse(await first).ok).toBe(true);
    const code = new Promise((resolve) => child.on('close', resolve));
    child.stdin.end();
    expect(await code).toBe(0);
  });

  it('ends quietly when nobody reads its answers', async () => {
    const child = spawn(process.execPath, [launcher, 'openflow', 'decode'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdin.on('error', () => {});
    child.stdout.once('data', () => child.stdout.destroy());
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.stdin.write(`${hello}\n`.repeat(50_000));
    expect(await ended).toBe(0);
    expect(stderr).toBe('');
  });

  it('works through a large input in order', async () => {
    const count = 3_000;
    const lines = Array.from({ length: count }, (_, i) => `04000008${i.toString(16).padStart(8, '0')}`);
    const { code, stdout } = await spawned(['openflow', 'decode'], lines.join('\n'));
    expect(code).toBe(0);
    const xids = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).message.xid);
    expect(xids).toEqual(lines.map((_, i) => i));
  });
});

describe('lines', () => {
  const limitCharacters = 1000;
  const answered = async (
    chunks: (string | Uint8Array)[],
    encoding: 'latin1' | 'utf8' = 'latin1',
  ): Promise<string[]> => {
    const answers: string[] = [];
    const input = (async function* () {
      yield* chunks;
    })();
    const work = { answer: (line: string) => `<${line}>`, tooLong: 'too long', limitCharacters, encoding };
    await answerLines(input, work, async (answer) => void answers.push(answer));
    return answers;
  };
  it('do not depend on how they are cut into chunks', () =>
    fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('a', '0', '\n', ' ', '\r', 'ß', '€'), maxLength: 40 }),
        fc.array(fc.nat(5)),
        async (text, cuts) => {
          const chunks: Uint8Array[] = [];
          let rest = Uint8Array.from(Buffer.from(text));
          for (const cut of cuts) {
            chunks.push(rest.slice(0, cut));
            rest = rest.slice(cut);
          }
          const expected = text
            .split('\n')
            .filter((line) => line.trim() !== '')
            .map((line) => `<${line}>`);
          expect(await answered([...chunks, rest], 'utf8')).toEqual(expected);
        },
      ),
      { numRuns: 4 * runs },
    ));
  it('without end are answered once and not kept', async () => {
    const many = Array.from({ length: 16 }, () => '0'.repeat(250));
    expect(await answered([...many, '\nab\n', ...many])).toEqual(['too long', '<ab>', 'too long']);
    expect((await answered(['0'.repeat(limitCharacters)]))[0]).toHaveLength(limitCharacters + 2);
  });
  it('of every command have a limit', async () => {
    const line = '0'.repeat(5_000_000);
    for (const command of ['decode', 'encode']) {
      const { code, stdout } = await steady(['openflow', command], line);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        ok: false,
        error: { detail: expect.stringContaining('a line of more than') },
      });
    }
    expect((await steady(['openflow', 'print'], line)).stdout).toContain('a line of more than');
  });
});
