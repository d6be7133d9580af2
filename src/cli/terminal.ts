import { once } from 'node:events';

/** Where a command writes; tests collect what the process would print. */
export interface Terminal {
  /** Standard output; resolves when it may be given more. */
  out(text: string): Promise<void>;
  /** Standard error. */
  err(text: string): void;
  readonly input: NodeJS.ReadableStream;
  /** There is somebody who looks at standard output; undefined: it goes to a file or a program. */
  readonly screen?: Screen;
}

/** What can be drawn on and asks for no line feed before it tells what was typed. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Takes the keyboard until the returned function gives it back; `stop` is called for q, Ctrl-C, Ctrl-D and the signals that end. */
  untilStopped(stop: () => void): () => void;
}

/** @returns the terminal of this process; a reader that goes away (`steady events | head`) ends it quietly */
export function processTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  return {
    async out(text) {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    },
    err(text) {
      process.stderr.write(text);
    },
    input: process.stdin,
    ...(process.stdout.isTTY && { screen: processScreen() }),
  };
}

const stopKeys = ['q', 'Q', '\u0003', '\u0004'];

function processScreen(): Screen {
  const { stdin, stdout } = process;
  return {
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    untilStopped(stop) {
      const typed = (keys: Buffer) => {
        if ([...keys.toString()].some((key) => stopKeys.includes(key))) stop();
      };
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
      if (stdin.isTTY) stdin.setRawMode(true).on('data', typed).resume();
      return () => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
        if (stdin.isTTY) stdin.off('data', typed).setRawMode(false).pause();
      };
    },
  };
}
