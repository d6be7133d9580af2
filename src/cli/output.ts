import type { Terminal } from './terminal.js';

export const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Prints `data` as asked for; `table` makes the text for people. */
export async function print(
  terminal: Terminal,
  format: OutputFormat,
  data: unknown,
  table: () => string,
): Promise<void> {
  if (format === 'table') await terminal.out(table());
  else if (format === 'json') await terminal.out(`${JSON.stringify(data, null, 2)}\n`);
  else {
    const { stringify } = await import('yaml');
    await terminal.out(stringify(data));
  }
}

/** One of a sequence, as it comes: a line for people, a JSON line or a YAML document for programs. */
export async function printNext(
  terminal: Terminal,
  format: OutputFormat,
  data: unknown,
  line: () => string,
): Promise<void> {
  if (format === 'table') await terminal.out(`${line()}\n`);
  else if (format === 'json') await terminal.out(`${JSON.stringify(data)}\n`);
  else {
    const { stringify } = await import('yaml');
    await terminal.out(`---\n${stringify(data)}`);
  }
}
