import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type QmpError, type QmpLimits, QmpSession } from '../../src/hypervisor/index.js';

const numRuns = 300 * Number(process.env.STEADY_TEST_SCALE ?? 1);
/** As QEMU 7.2.22 of Debian 12 greets. */
const greeting =
  '{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":"Debian 1:7.2+dfsg-7+deb12u18+b3"},"capabilities":["oob"]}}\r\n';
/** An event of the same. */
const event =
  '{"timestamp":{"seconds":1795600389,"microseconds":17733},"event":"MIGRATION","data":{"status":"setup"}}\r\n';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('QmpSession', () => {
  let log: string[];
  let now: number;
  let session: QmpSession;
  const open = (limits: Partial<QmpLimits> = {}): QmpSession => {
    session = new QmpSession(
      {
        write: (line) => log.push(line.trim()),
        onReady: ({ major, minor }) => log.push(`ready ${major}.${minor}`),
        onEvent: ({ name, data }) => log.push(`event ${name} ${JSON.stringify(data)}`),
        onFailed: (reason) => log.push(`failed ${reason}`),
      },
      () => now,
      limits,
    );
    return session;
  };
  const ready = async (limits?: Partial<QmpLimits>): Promise<QmpSession> => {
    open(limits).receive(bytes(greeting));
    session.receive(bytes('{"return":{},"id":1}\r\n'));
    await settle();
    log = [];
    return session;
  };
  const codeOf = (command: Promise<unknown>): Promise<unknown> =>
    command.then(
      (value) => value,
      (error: QmpError) => `${error.code} ${error.errorClass}`,
    );

  beforeEach(() => {
    log = [];
    now = 0;
  });

  it('negotiates, then carries commands, answers and events, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 20 }), async (cuts) => {
        log = [];
        open();
        const feed = (text: string): void => {
          const all = bytes(text);
          for (let from = 0, i = 0; from < all.length; i++) {
            const step = cuts[i % cuts.length]!;
            session.receive(all.subarray(from, from + step));
            from += step;
          }
        };
        feed(greeting);
        feed('{"return":{},"id":1}\r\n');
        await settle();
        const answer = session.execute('query-status');
        feed(`${event}{"return":{"status":"running"},"id":2}\r\n`);
        expect(await answer).toEqual({ status: 'running' });
        expect(log).toEqual([
          '{"execute":"qmp_capabilities","id":1}',
          'ready 7.2',
          '{"execute":"query-status","id":2}',
          'event MIGRATION {"status":"setup"}',
        ]);
      }),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  });

  it('says what QEMU refused, in its own words, and goes on', async () => {
    await ready();
    const refused = session.execute('migrate', { uri: 'nonsense' });
    session.receive(bytes('{"error":{"class":"GenericError","desc":"unknown migration protocol"},"id":2}\n'));
    expect(await codeOf(refused)).toBe('refused GenericError');
    await expect(refused).rejects.toThrow('migrate: unknown migration protocol');
    expect(session.ready).toBe(true);
  });

  it('takes no command before it is ready, and none after its end', async () => {
    open();
    expect(await codeOf(session.execute('stop'))).toBe('not-connected ');
    session.fail('gone');
    expect(await codeOf(session.execute('stop'))).toBe('not-connected ');
    expect(log).toEqual(['failed gone']);
  });

  it('bounds the commands in flight', async () => {
    await ready({ pending: 2 });
    const commands = [1, 2, 3].map(() => session.execute('query-migrate'));
    expect(await codeOf(commands[2]!)).toBe('too-many-commands ');
    expect(log).toHaveLength(2);
    session.fail('over');
    expect(await Promise.all(commands.slice(0, 2).map(codeOf))).toEqual(['disconnected ', 'disconnected ']);
  });

  it('gives up a QEMU that does not greet, or does not answer', async () => {
    open({ greetingMs: 100 });
    now = 99;
    session.tick();
    expect(log).toEqual([]);
    now = 100;
    session.tick();
    expect(log[0]).toContain('no greeting within 100 ms');
    now = 0;
    await ready({ commandMs: 50 });
    const first = session.execute('stop');
    now = 20;
    const second = session.execute('cont');
    now = 50;
    session.tick();
    expect(await codeOf(first)).toBe('deadline ');
    expect(await codeOf(second)).toBe('disconnected ');
    expect(log.at(-1)).toBe('failed no answer to stop within 50 ms');
  });

  it.each([
    ['another program', 'SSH-2.0-OpenSSH_9.2\r\n', 'is not JSON'],
    ['JSON that is no greeting', '{"event":"STOP"}\n', 'event before the greeting'],
    ['a greeting without version', '{"QMP":{}}\n', 'without a version'],
    ['a second greeting', greeting + greeting, 'greeted twice'],
    ['an answer to nothing', `${greeting}{"return":{},"id":77}\n`, 'a command that was not sent'],
    ['an answer without id', `${greeting}{"return":{}}\n`, 'without the id'],
    ['an error without id', `${greeting}{"error":{"class":"GenericError","desc":"bad"}}\n`, 'not sent: bad'],
    ['an event without name', `${greeting}{"event":7}\n`, 'without a name'],
    [
      'a refusal to negotiate',
      `${greeting}{"error":{"class":"X","desc":"no"},"id":1}\n`,
      'refused to negotiate',
    ],
    ['bytes that are no text', '\uD800', 'line'],
  ])('ends at %s', async (_what, text, reason) => {
    open({ lineBytes: 1000 });
    session.receive(bytes(text));
    if (text === '\uD800') session.receive(new Uint8Array(1001));
    await settle();
    expect(log.at(-1)).toMatch(/^failed/);
    expect(log.at(-1)).toContain(reason);
    expect(log.filter((l) => l.startsWith('failed'))).toHaveLength(1);
  });

  it('never throws, fails at most once and settles every command, whatever it is sent', async () => {
    const fragment = fc.oneof(
      fc.constantFrom(
        greeting,
        event,
        '{"return":{},"id":1}\n',
        '{"return":[],"id":2}\n',
        '{"QMP":1}\n',
        '\n',
      ),
      fc.json().map((text) => `${text}\n`),
      fc.string().map((text) => `${text}\n`),
    );
    const input = fc.array(fc.oneof(fragment.map(bytes), fc.uint8Array({ maxLength: 40 })), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(input, async (chunks) => {
        log = [];
        now = 0;
        open({ lineBytes: 500 });
        const outcomes: Promise<unknown>[] = [];
        for (const chunk of chunks) {
          session.receive(chunk);
          await settle();
          outcomes.push(codeOf(session.execute('query-migrate')));
        }
        now = 1e6;
        session.tick();
        await Promise.all(outcomes);
        expect(log.filter((l) => l.startsWith('failed')).length).toBeLessThanOrEqual(1);
      }),
      { numRuns },
    );
  });
});
