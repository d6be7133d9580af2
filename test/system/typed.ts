import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { launcher } from './daemon.js';

/** Lines of code blocks that are indented by four spaces, without comments, and what stands in a shell's prompt. */
export function commandsOf(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => /^ {4}\S/.test(line) && !/^ {4}#/.test(line))
    .map((line) => line.trim().replace(/\s+# .*$/, ''))
    .filter((line) => /^(npx|npm|sudo|curl|steady|docker|echo|NODE_EXTRA|ovs-)/.test(line));
}

/** What the guide shows beside a demo, and a test runs there. */
export const isBesideDemo = (line: string): boolean =>
  /^(npx steady (?!migrate start vm1 hyp-b)|curl)/.test(line);

/** As a reader would type it; who is root needs no sudo, and this clone needs no npx. */
export function typed(line: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const command = line
    .replace(/^sudo /, '')
    .replace(/^npx steady|^npm start --/, (words) =>
      words === 'npx steady'
        ? `exec '${launcher}'`
        : `exec '${launcher}' run --http-port 0 --openflow-port 6653`,
    );
  return spawn('bash', ['-c', command], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The address of a controller that has just been started, from what it says first. */
export function addressOf(controller: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    controller.stdout?.on('data', (chunk) => {
      said += chunk;
      const port = /"httpPort":(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
    controller.once('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
}
