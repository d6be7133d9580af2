/** A piece of the line as it is drawn, so that lines are told apart by more than their colour. */
interface Props {
  readonly colour: string;
  readonly width: number;
  readonly dash?: readonly number[] | undefined;
  readonly fill?: number | undefined;
}

export const Swatch = ({ colour, width, dash, fill }: Props) => (
  <svg class="swatch" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true">
    {fill !== undefined && <rect x="0" y="6" width="26" height="6" fill={colour} opacity={fill} />}
    <line
      x1="0"
      y1="6"
      x2="26"
      y2="6"
      stroke={colour}
      stroke-width={width}
      stroke-dasharray={dash?.join(' ')}
    />
  </svg>
);
