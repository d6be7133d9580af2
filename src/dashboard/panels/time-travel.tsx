/** The slider over what the page has kept: everything below it shows that moment until somebody returns. */
import { formatSeconds, timeOfDay, trimmed } from '../model/format.js';
import type { SystemView } from '../model/types.js';
import { secondsOf } from '../model/view-ring.js';

interface Props {
  /** kept views; they are a second apart, and further where nothing came */
  readonly count: number;
  /** of the one that is shown; the last: the present */
  readonly index: number;
  /** time of the oldest and of the newest, whole seconds of the stream's clock */
  readonly from: number;
  readonly to: number;
  /** the view that is shown instead of the present; null: the present is shown */
  readonly past: SystemView | null;
  /** null: back to the present */
  readonly onTravel: (index: number | null) => void;
}

export const momentWord = (past: SystemView): string => `at ${timeOfDay(past.at)}`;

export function TimeTravel({ count, index, from, to, past, onTravel }: Props) {
  const ago = past === null ? 0 : Math.max(0, to - Math.floor(secondsOf(past)));
  const word = past === null ? 'now' : `${momentWord(past)}, ${trimmed(formatSeconds(ago))} ago`;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || past === null) return;
    event.preventDefault();
    onTravel(null);
  };
  return (
    <section class={`travel ${past === null ? '' : 'travelling'}`} aria-label="Looking back">
      <label>
        Look back{' '}
        <input
          type="range"
          min={0}
          max={count - 1}
          step={1}
          value={index}
          disabled={count < 2}
          aria-valuetext={word}
          title="Arrow keys: a second; Page keys: more; End or Escape: now"
          onInput={(e) => {
            const chosen = Number(e.currentTarget.value);
            onTravel(chosen >= count - 1 ? null : chosen);
          }}
          onKeyDown={onKeyDown}
        />
      </label>
      <output>{word}</output>
      <button type="button" disabled={past === null} onClick={() => onTravel(null)}>
        Now
      </button>
      {past === null ? (
        <small>
          {count < 2
            ? 'nothing kept yet'
            : `${trimmed(formatSeconds(to - from))} are kept in this page, a view a second`}
        </small>
      ) : (
        <small>
          All panels below show that moment, as this page kept it; the head of the page is the present.
          Nothing can be started or stopped from the past.
        </small>
      )}
    </section>
  );
}
