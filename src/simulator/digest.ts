/** A running hash of data, to compare two runs: FNV-1a over 32-bit words, two lanes. Not for security. */
export class Digest {
  private low = 0x811c9dc5;
  private high = 0x9dc5811c;

  addNumber(value: number): this {
    scratch[0] = value;
    this.word(words[0]!);
    this.word(words[1]!);
    return this;
  }

  addText(text: string): this {
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
    this.word(text.length);
    return this;
  }

  addBytes(bytes: Uint8Array): this {
    for (let i = 0; i < bytes.length; i++) this.word(bytes[i]!);
    this.word(bytes.length);
    return this;
  }

  /** Plain data: objects, lists, numbers, texts, bytes. */
  addValue(value: unknown): this {
    if (value instanceof Uint8Array) return this.addBytes(value);
    return this.addText(
      JSON.stringify(value, (_key, inner: unknown) => {
        if (typeof inner === 'bigint') return `${inner}n`;
        return inner instanceof Uint8Array ? Array.from(inner) : inner;
      }) ?? 'undefined',
    );
  }

  /** 16 hexadecimal digits */
  text(): string {
    return hex(this.high) + hex(this.low);
  }

  private word(value: number): void {
    this.low = Math.imul(this.low ^ value, 0x01000193);
    this.high = Math.imul(this.high ^ value ^ (this.low >>> 15), 0x01000193);
  }
}

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
