import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './daemon.js';
import { finish } from './enclosure.js';
import { addressOf, commandsOf, isBesideDemo, typed } from './typed.js';

const run = commandsOf('docs/guide.md').filter(isBesideDemo);

describe('the guide, beside a demo that has moved its machine', () => {
  let demo: ChildProcess;
  let over: Promise<unknown>;
  let server: string;
  beforeAll(async () => {
    demo = typed('npx steady demo --memory 10 --openflow-port 0 --http-port 0');
    over = finish(demo);
    server = await addressOf(demo);
    await eventually('its machine is moved', async () => {
      const answer = (await (await fetch(`${server}/v1/migrations`)).json()) as {
        items: readonly { state: string }[];
      };
      return answer.items[0]?.state === 'completed' || undefined;
    });
  });
  afterAll(async () => {
    demo.kill('SIGTERM');
    await over;
  });

  it.each(run)('is right: %s', async (line) => {
    const child = typed(line.replaceAll('http://127.0.0.1:8080', server), { STEADY_SERVER: server });
    const { code, output } = await finish(child);
    expect(code, output).toBe(0);
    expect(output).not.toBe('');
    // What is shown as refused in the guide is; nothing else is.
    const refused = line.includes(`-d '{"vm":"vm1"}'`);
    expect(output.includes('urn:steady:problem:'), output).toBe(refused);
  });
});
