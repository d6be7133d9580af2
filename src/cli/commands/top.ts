import type { Command } from 'commander';
import type { ApiClient } from '../client.js';
import { print } from '../output.js';
import type { Screen, Terminal } from '../terminal.js';
import { fitted, topLines } from '../top-lines.js';
import { type ClientOptions, clientOf, positiveNumber, withClient } from './options.js';

interface TopOptions extends ClientOptions {
  readonly interval: number;
  readonly once?: true;
}

/** `steady top`: queues, lights and migrations, anew every second. */
export function addTopCommand(steady: Command, terminal: Terminal): void {
  withClient(
    steady
      .command('top')
      .description('queues, lights and migrations as they change; q ends it. Printed once where nobody looks')
      .option('--interval <seconds>', 'from one picture to the next, 0.1 to 60', positiveNumber, 1)
      .option('--once', 'print it once'),
  ).action(async (options: TopOptions) => {
    const client = clientOf(options);
    const { screen } = terminal;
    if (screen === undefined || options.once || options.output !== 'table') {
      const view = await client.state();
      await print(terminal, options.output, view, () => `${topLines(view).join('\n')}\n`);
      return;
    }
    const intervalMs = Math.min(60_000, Math.max(100, Math.round(options.interval * 1000)));
    await live(client, intervalMs, terminal, screen);
  });
}

const openScreen = '\u001b[?1049h\u001b[?25l';
const closeScreen = '\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearToEndOfLine = '\u001b[K';
const clearBelow = '\u001b[J';

/** On a screen of its own, so that what was there before is there again afterwards. */
async function live(
  client: ApiClient,
  intervalMs: number,
  terminal: Terminal,
  screen: Screen,
): Promise<void> {
  // whoever cannot be reached is told so where it stays to be read
  await client.state();
  const stop = new AbortController();
  const giveBack = screen.untilStopped(() => stop.abort());
  try {
    await terminal.out(openScreen);
    for await (const view of client.views({ intervalMs, signal: stop.signal })) {
      const lines = fitted(topLines(view), screen.columns, screen.rows);
      await terminal.out(
        `${home}${lines.map((line) => `${line}${clearToEndOfLine}\r\n`).join('')}${clearBelow}`,
      );
    }
  } finally {
    await terminal.out(closeScreen);
    giveBack();
  }
}
