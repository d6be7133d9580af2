import type { Command } from 'commander';
import { answerLines, hexLineLimitCharacters, jsonLineLimitCharacters } from '../answer-lines.js';
import type { Terminal } from '../terminal.js';

const tooLong = (limit: number): string => `a line of more than ${limit} characters`;
const failure = (error: object): string => JSON.stringify({ ok: false, error });

/** `steady openflow …`: filters from standard input to standard output that answer every line. */
export function addOpenflowCommands(steady: Command, terminal: Terminal): void {
  const openflow = steady.command('openflow').description('look into OpenFlow messages');
  openflow
    .command('decode')
    .description(
      'read messages as hexadecimal digits, one a line, from standard input; print one JSON object a line',
    )
    .action(async () => {
      const { decodeLine } = await import('../../openflow/index.js');
      const detail = tooLong(hexLineLimitCharacters);
      await answerLines(
        terminal.input,
        {
          answer: decodeLine,
          tooLong: failure({ code: 'bad_hex', offset: 0, detail }),
          limitCharacters: hexLineLimitCharacters,
          encoding: 'latin1',
        },
        (answer) => terminal.out(`${answer}\n`),
      );
    });
  openflow
    .command('encode')
    .description(
      'read messages as JSON, one a line, as decode prints them or its "message" alone (OpenFlow 1.3 then); print one JSON object a line, with "hex"',
    )
    .action(async () => {
      const { encodeLine } = await import('../../openflow/index.js');
      const detail = tooLong(jsonLineLimitCharacters);
      await answerLines(
        terminal.input,
        {
          answer: encodeLine,
          tooLong: failure({ code: 'bad_json', path: '', detail }),
          limitCharacters: jsonLineLimitCharacters,
          encoding: 'utf8',
        },
        (answer) => terminal.out(`${answer}\n`),
      );
    });
  openflow
    .command('print')
    .description(
      'read messages as hexadecimal digits, one a line, from standard input; print each as text, in the words of ovs-ofctl, with a blank line after it',
    )
    .action(async () => {
      const { printLine } = await import('../../openflow/index.js');
      await answerLines(
        terminal.input,
        {
          answer: printLine,
          tooLong: `bad_hex at byte 0: ${tooLong(hexLineLimitCharacters)}`,
          limitCharacters: hexLineLimitCharacters,
          encoding: 'latin1',
        },
        (answer) => terminal.out(`${answer}\n\n`),
      );
    });
}
