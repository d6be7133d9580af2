import { describe, expect, it } from 'vitest';
import { goldens } from '../openflow/golden-files.js';
import { spawned, steady } from './terminal.js';

/** `steady openflow encode` and `print`; `decode` and the reading of lines are in `decode.test.ts`. */

const hexLines = goldens.map(({ hex }) => hex).join('\n');

describe('steady openflow encode', () => {
  it('undoes decode, line for line, in programs of their own', async () => {
    const decoded = await spawned(['openflow', 'decode'], hexLines);
    const { code, stdout, stderr } = await spawned(['openflow', 'encode'], decoded.stdout);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map((answer) => answer.hex)).toEqual(goldens.map(({ hex }) => hex));
  });

  it('says which property is wrong, and goes on', async () => {
    const input = '{"type":"barrier_request"}\n\nnot json\n{"type":"barrier_request","xid":1}\n';
    const { code, stdout } = await steady(['openflow', 'encode'], input);
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        ok: false,
        error: { code: 'bad_property', path: 'barrier_request.xid', detail: 'expected a number' },
      },
      { ok: false, error: { code: 'bad_json', path: '', detail: expect.any(String) } },
      { ok: true, version: 4, type: 'barrier_request', hex: '0414000800000001' },
    ]);
  });
});

describe('steady openflow print', () => {
  it('prints a block for each message', async () => {
    const { code, stdout, stderr } = await spawned(['openflow', 'print'], hexLines);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const blocks = stdout.split('\n\n').slice(0, -1);
    expect(blocks).toHaveLength(goldens.length);
    for (const block of blocks)
      expect(block).toMatch(/^OFP(T|ST)_[A-Z0-9_]+( request| reply)? \(OF1\.\d\) \(xid=0x/);
  });

  it('says what is wrong with a line, and goes on', async () => {
    const { code, stdout } = await steady(['openflow', 'print'], 'zz\n0414000900000001\n04140008 00000001\n');
    expect(code).toBe(0);
    expect(stdout).toBe(
      'bad_hex at byte 0: "z" is no hexadecimal digit\n\n' +
        'truncated at byte 8: header.length is 9, but there are 8 bytes\n\n' +
        'OFPT_BARRIER_REQUEST (OF1.3) (xid=0x1):\n\n',
    );
  });
});
