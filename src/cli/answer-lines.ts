import { StringDecoder } from 'node:string_decoder';

/** What a command does with each line of its input. */
export interface LineWork {
  readonly answer: (line: string) => string;
  /** Said instead of an answer to a line of more than `limitCharacters`, which is not kept in memory. */
  readonly tooLong: string;
  readonly limitCharacters: number;
  /** `latin1` where a character is a digit or a mistake: bytes that are not ASCII become letters that are not digits. */
  readonly encoding: 'latin1' | 'utf8';
}

/** Far more than the longest message has digits and blanks between them. */
export const hexLineLimitCharacters = 1 << 20;
/** A message of 64 KiB that is all lists of 4-byte elements takes less than 2 MiB as JSON. */
export const jsonLineLimitCharacters = 1 << 22;

/**
 * Hands each line that is not blank to `work.answer` and its answer to `out`, in order, one for one. Works on the
 * stream as it comes: the first answer does not wait for the last line, and memory is bounded.
 */
export async function answerLines(
  input: AsyncIterable<Uint8Array | string>,
  work: LineWork,
  out: (text: string) => Promise<void>,
): Promise<void> {
  const decoder = new StringDecoder(work.encoding);
  let line = '';
  let overflowed = false;
  const finish = async (): Promise<void> => {
    if (overflowed) await out(work.tooLong);
    else if (line.trim() !== '') await out(work.answer(line));
    line = '';
    overflowed = false;
  };
  for await (const chunk of input) {
    const text = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
    let from = 0;
    for (let end = text.indexOf('\n'); ; end = text.indexOf('\n', from)) {
      const piece = text.slice(from, end < 0 ? undefined : end);
      if (line.length + piece.length > work.limitCharacters) {
        overflowed = true;
        line = '';
      } else if (!overflowed) line += piece;
      if (end < 0) break;
      await finish();
      from = end + 1;
    }
  }
  line += decoder.end();
  await finish();
}
