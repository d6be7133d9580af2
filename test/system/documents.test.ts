import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launcher } from './daemon.js';
import { finish } from './enclosure.js';

/** Lines of code blocks that are indented by four spaces, without comments, and what stands in a shell's prompt. */
function commandsOf(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => /^ {4}\S/.test(line) && !/^ {4}#/.test(line))
    .map((line) => line.trim().replace(/\s+# .*$/, ''))
    .filter((line) => /^(npx|npm|sudo|curl|steady|docker|echo|NODE_EXTRA|ovs-)/.test(line));
}

/**
 * Commands of the documents that need more than a controller with a demo, and the test that runs the same. A line of a document is
 * covered if it begins with the text on the left, and the file on the right says the text in the middle.
 */
const elsewhere: readonly (readonly [begin: string, says: string, file: string])[] = [
  ['npm ci && npm run demo', "'demo'", 'test/system/demo.test.ts'],
  ['npm run demo', "'demo'", 'test/system/demo.test.ts'],
  ['sudo npm run demo -- --once --network ovs', "'--network'", 'test/system/demo.test.ts'],
  ['npm ci && npm test', 'npm test', '.ci/run'],
  ['npm start -- --learning-switch', '--learning-switch', 'test/system/learning-switch.test.ts'],
  ['npm start -- --config /tmp/steady-mininet', '--machines', 'test/system/mininet.test.ts'],
  ['npm start -- --config', "'--config'", 'test/system/recovery.test.ts'],
  ['npm start', "'run'", 'test/system/daemon.ts'],
  [
    'sudo ovs-vsctl set bridge br0 protocols',
    'protocols=OpenFlow10,OpenFlow13',
    'test/system/foreign-switch.test.ts',
  ],
  ['sudo ovs-vsctl set-controller br0 tcp', 'set-controller', 'test/system/foreign-switch.test.ts'],
  ['sudo ovs-vsctl set-ssl', 'set-ssl', 'test/system/openflow-tls.test.ts'],
  ['sudo ovs-vsctl set-controller br0 ssl', 'ssl:', 'test/system/openflow-tls.test.ts'],
  ['npx steady token', "'token'", 'test/cli/token.test.ts'],
  ['NODE_EXTRA_CA_CERTS', 'NODE_EXTRA_CA_CERTS', 'test/system/access.test.ts'],
  ['sudo npx steady testbed', "'testbed'", 'test/testbed/command-line.test.ts'],
  ['npx steady migrate start vm1 hyp-b --watch', "'--watch'", 'test/system/mininet.test.ts'],
  ['sudo service openvswitch-switch', 'startOpenVSwitch', 'test/system/mininet.test.ts'],
  ['sudo topologies/mininet.py two-dc', "'two-dc'", 'test/system/mininet.test.ts'],
  ['curl -i -X POST http://127.0.0.1:8080/v1/migrations', '/v1/migrations', 'test/api/migrations.test.ts'],
  ['echo 0414', '0414', 'test/cli/openflow.test.ts'],
  ['echo \'{"type":"barrier_request"', 'barrier_request', 'test/cli/openflow.test.ts'],
];

const guide = commandsOf('docs/guide.md');
const run = guide.filter((line) => /^(npx steady (?!migrate start vm1 hyp-b)|curl)/.test(line));

describe('a command of a document', () => {
  const others = [...commandsOf('README.md'), ...guide.filter((line) => !run.includes(line))];
  it.each(others)('is run by a test: %s', (line) => {
    if (run.includes(line)) return;
    const known = elsewhere.find(([begin]) => line.startsWith(begin));
    expect(known, 'no test runs it: name one in `elsewhere`').toBeDefined();
    expect(readFileSync(known![2], 'utf8')).toContain(known![1]);
  });
});

describe('the guide, beside a demo', () => {
  const demo = spawn(process.execPath, [launcher, 'demo', '--openflow-port', '0', '--http-port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const over = finish(demo);
  let server: string;
  beforeAll(async () => {
    let said = '';
    server = await new Promise<string>((resolve, reject) => {
      demo.stdout.on('data', (chunk) => {
        said += chunk;
        const port = /"httpPort":(\d+)/.exec(said)?.[1];
        if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
      });
      demo.once('exit', (code) => reject(new Error(`the demo ended with ${code}`)));
    });
  });
  afterAll(async () => {
    demo.kill('SIGTERM');
    await over;
  });

  it.each(run)('is right: %s', async (line) => {
    const command = line.replaceAll('http://127.0.0.1:8080', server).replace(/^npx steady/, `'${launcher}'`);
    const child = spawn('bash', ['-c', command], { env: { ...process.env, STEADY_SERVER: server } });
    const { code, output } = await finish(child);
    expect(code, output).toBe(0);
    expect(output).not.toBe('');
    // What is shown as refused in the guide is; nothing else is.
    const refused = line.includes(`-d '{"vm":"vm1"}'`);
    expect(output.includes('urn:steady:problem:'), output).toBe(refused);
  });
});
