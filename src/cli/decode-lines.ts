/** Far more than the longest message with blanks between its digits; beyond it a line is not kept in memory. */
export const lineLimitCharacters = 1 << 20;

const tooLong = JSON.stringify({
  ok: false,
  error: { code: 'bad_hex', offset: 0, detail: `a line of more than ${lineLimitCharacters} characters` },
});

/**
 * Feeds each line that is not blank to `decode` and hands on its answer, in order, one for one. Works on the
 * stream as it comes: the first answer does not wait for the last line, and memory is bounded.
 */
export async function decodeLines(
  input: AsyncIterable<Uint8Array | string>,
  decode: (line: string) => string,
  answer: (text: string) => Promise<void>,
): Promise<void> {
  let line = '';
  let overflowed = false;
  const finish = async (): Promise<void> => {
    if (overflowed) await answer(tooLong);
    else if (line.trim() !== '') await answer(decode(line));
    line = '';
    overflowed = false;
  };
  for await (const chunk of input) {
    // a digit is a byte: bytes that are not ASCII become letters that are not digits
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); ; end = text.indexOf('\n', from)) {
      const piece = text.slice(from, end < 0 ? undefined : end);
      if (line.length + piece.length > lineLimitCharacters) {
        overflowed = true;
        line = '';
      } else if (!overflowed) line += piece;
      if (end < 0) break;
      await finish();
      from = end + 1;
    }
  }
  await finish();
}
