/** A guest without disk or system that dirties memory at a known pace: dirty-guest.s, assembled. */
const code = Buffer.from(
  [
    'fa31c08ed80f0116a47ce4920c02e6920f20c00c010f22c0ea1d7c080066b810008ed88ec08ed0bc007000008b3de47d',
    '00008b0de87d0000b87856341289c2c1e20d31d089c2c1ea1131d089c2c1e20531d0890783c70439cf72e28b3de47d00',
    '00ff07ff05e07d00000f3189c6f3900f3129f03b05f07d000072f281c7001000003b3dec7d000072d8ebd09000000000',
    '00000000ffff0000009acf00ffff00000092cf0017008c7c',
  ].join(''),
  'hex',
);

export interface DirtyGuest {
  /** where the written pages end; they begin at 2 MiB */
  readonly writtenTo: number;
  /** time stamp counter, ticks between two pages */
  readonly ticksPerPage: number;
}

/** Filled with noise up to here, so that its pages are worth sending. */
const filledTo = 0x0200_0000;
const floppyBytes = 1_474_560;

/** The counter of written pages, a 32-bit word in guest memory. */
export const counterAddress = 0x7de0;

/** A floppy image that boots it. */
export function floppyOf({ writtenTo, ticksPerPage }: DirtyGuest): Buffer {
  const image = Buffer.alloc(floppyBytes);
  code.copy(image);
  // counter, first page, end of the noise, end of the written pages, pause
  [0, 0x0020_0000, filledTo, writtenTo, ticksPerPage].forEach((word, i) => {
    image.writeUInt32LE(word, 480 + 4 * i);
  });
  image.writeUInt16LE(0xaa55, 510);
  return image;
}
