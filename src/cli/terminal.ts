import { once } from 'node:events';

/** Where a command writes; tests collect what the process would print. */
export interface Terminal {
  /** Standard output; resolves when it may be given more. */
  out(text: string): Promise<void>;
  /** Standard error. */
  err(text: string): void;
  readonly input: NodeJS.ReadableStream;
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
  };
}
