/** What admission would decide now, before anything is started. */
import { formatBitsPerSecond, formatMs, formatSeconds, plural, timeOfDay, trimmed } from '../model/format.js';
import type { MigrationVerdict } from '../model/types.js';

const moments = [
  { when: 'transfer', word: 'while it is copied' },
  { when: 'switchover', word: 'from the switch-over on' },
] as const;

function Rules({ rules }: { readonly rules: MigrationVerdict['rules'] }) {
  const switches = [...new Set(rules.map((r) => r.switch))];
  return (
    <details class="how">
      <summary>
        {plural(rules.length, 'rule')} would come or go on {plural(switches.length, 'switch', 'switches')}
      </summary>
      {moments.map(({ when, word }) => {
        const these = rules.filter((r) => r.when === when);
        return (
          these.length > 0 && (
            <div key={when}>
              <h4>{word}</h4>
              <ul class="rules">
                {these.map((r) => (
                  <li key={`${r.switch}${r.change}${r.rule}`}>
                    <b>
                      {r.change === 'add' ? '+' : '−'} {r.switch}
                    </b>{' '}
                    <code>{r.rule}</code>
                  </li>
                ))}
              </ul>
            </div>
          )
        );
      })}
    </details>
  );
}

const asSentence = (text: string): string =>
  text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;

export function Verdict({ verdict: v, at }: { readonly verdict: MigrationVerdict; readonly at: string }) {
  return (
    <div class="verdict-note" role="status">
      <p>
        <b class="good">✓ It would be admitted.</b> {asSentence(v.verdict)}{' '}
        <small>(checked at {timeOfDay(at)})</small>
      </p>
      {v.predictedSeconds === null && (
        <p class="failure">
          <b>No end in sight.</b> At the rate that is left now the machine writes as fast as it is copied; the
          copy would end only if more rate comes free, or if it is forced.
        </p>
      )}
      {v.warnings.map((warning) => (
        <p key={warning} class="warning">
          <span aria-hidden="true">⚠</span> {warning}
        </p>
      ))}
      <dl class="numbers">
        <div>
          <dt>predicted time</dt>
          <dd>{formatSeconds(v.predictedSeconds)}</dd>
        </div>
        <div>
          <dt>predicted finish</dt>
          <dd>{v.predictedFinish === null ? '–' : timeOfDay(v.predictedFinish)}</dd>
        </div>
        <div>
          <dt>rate left for it</dt>
          <dd>{formatBitsPerSecond(v.residualBitsPerSecond)}</dd>
        </div>
      </dl>
      <dl class="numbers">
        <div class="wide">
          <dt>way of the copy</dt>
          <dd>
            {v.path === null ? (
              'no packet path joins the two'
            ) : (
              <>
                {v.path.switches.join(' → ')}{' '}
                <small>
                  {plural(v.path.links.length, 'link')}, {trimmed(formatMs(v.path.oneWayDelayMs))} one way
                </small>
              </>
            )}
          </dd>
        </div>
      </dl>
      <Rules rules={v.rules} />
    </div>
  );
}
