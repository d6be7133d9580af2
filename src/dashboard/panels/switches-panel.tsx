/** Switches: whether each holds the rules it should, and the two side by side when somebody asks. */
import { useState } from 'preact/hooks';
import type { Access } from '../model/access.js';
import { flowFileName } from '../model/flow-file.js';
import { formatCount, formatSeconds, plural, timeOfDay } from '../model/format.js';
import type { ComparedRule, RuleComparison, SwitchView, SystemView } from '../model/types.js';
import { get, getText, type Refusal } from '../rest-client.js';
import { saveText } from '../save-text.js';
import { Empty, Panel } from './panel.js';
import { RefusalNote } from './refusal.js';

const standings: Readonly<Record<ComparedRule['standing'], { sign: string; word: string; level: string }>> = {
  missing: { sign: '−', word: 'missing', level: 'bad' },
  changed: { sign: '≠', word: 'changed', level: 'bad' },
  conflict: { sign: '✕', word: 'held by somebody else', level: 'bad' },
  extra: { sign: '+', word: 'not intended', level: 'bad' },
  held: { sign: '✓', word: 'as intended', level: 'good' },
  foreign: { sign: '·', word: 'of somebody else, left alone', level: 'muted' },
};
const isWrong = ({ standing }: ComparedRule): boolean => standings[standing].level === 'bad';

function RuleTable({ rules }: { readonly rules: readonly ComparedRule[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable by keyboard
    <div class="rule-list" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">standing</th>
            <th scope="col">rule, as ovs-ofctl writes it</th>
            <th scope="col" class="number">
              packets
            </th>
          </tr>
        </thead>
        <tbody>
          {rules.map((r) => {
            const { sign, word, level } = standings[r.standing];
            return (
              <tr key={`${r.tableId} ${r.intended ?? ''} ${r.installed ?? ''}`}>
                <td class={level}>
                  <span aria-hidden="true">{sign}</span> {word}
                  <small>{r.owner === 'other' ? '' : `of the ${r.owner}`}</small>
                </td>
                <td>
                  {r.intended !== null && <code>{r.intended}</code>}
                  {r.installed !== null && r.installed !== r.intended && (
                    <>
                      {r.intended !== null && <small> is there as </small>}
                      <code>{r.installed}</code>
                    </>
                  )}
                </td>
                <td class="number">{r.packets === null ? '–' : formatCount(Number(r.packets))}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface Compared {
  readonly dpid: string;
  readonly name: string;
  readonly at: string;
  readonly rules: readonly ComparedRule[];
}
/** Reads the flows anew: they are those of the moment of the press, counters included, not those compared above. */
function SaveFlows({ of: { dpid, name }, readable }: { readonly of: Compared; readonly readable: boolean }) {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Refusal | string | null>(null);
  const save = async (): Promise<void> => {
    setBusy(true);
    const answer = await getText(`/v1/switches/${dpid}/flows`);
    setBusy(false);
    if (!answer.ok) {
      setOutcome(answer.refusal);
      return;
    }
    const file = flowFileName(name, new Date());
    saveText(file, answer.body);
    setOutcome(`${plural(answer.body.split('\n').length - 1, 'flow')} saved as ${file}.`);
  };
  return (
    <div class="save">
      <button
        type="button"
        class="small"
        disabled={busy || !readable}
        onClick={() => void save()}
        title="Reads the flows from the switch now and saves them as ovs-ofctl dump-flows prints them"
      >
        {busy ? 'Reading…' : 'Save its flows as text'}
      </button>
      {typeof outcome === 'string' && <output>{outcome}</output>}
      {outcome !== null && typeof outcome !== 'string' && <RefusalNote refusal={outcome} />}
    </div>
  );
}

interface DifferenceProps {
  readonly compared: Compared;
  readonly readable: boolean;
}
function Difference({ compared, readable }: DifferenceProps) {
  const { name, at, rules } = compared;
  const wrong = rules.filter(isWrong);
  const held = rules.filter((r) => r.standing === 'held').length;
  return (
    <div class="difference">
      <p role="status">
        <b>{name}</b>, read at {timeOfDay(at)}:{' '}
        {wrong.length === 0 ? (
          <>
            <b class="good">✓ it holds what it should</b> ({plural(held, 'rule')})
          </>
        ) : (
          <b class="bad">
            ✕ {plural(wrong.length, 'difference')} in {plural(rules.length, 'rule')}
          </b>
        )}
        .
      </p>
      {wrong.length > 0 && <RuleTable rules={wrong} />}
      <details class="how">
        <summary>All {plural(rules.length, 'rule')}</summary>
        <RuleTable rules={rules} />
      </details>
      <SaveFlows key={compared.dpid} of={compared} readable={readable} />
    </div>
  );
}

interface RowProps {
  readonly of: SwitchView;
  readonly comparable: boolean;
  readonly busy: boolean;
  readonly onCompare: () => void;
}
function Row({ of: s, comparable, busy, onCompare }: RowProps) {
  const { desired, installed, revision, acknowledged } = s.rules;
  const differs = installed !== null && installed !== desired;
  return (
    <tr>
      <th scope="row">
        {s.name ?? s.dpid}
        <small>
          {s.role ?? 'not in the topology'}
          {s.site === null ? '' : `, site ${s.site}`}
        </small>
      </th>
      <td class={s.state === 'ready' ? '' : 'bad'}>
        {s.state}
        {s.state === 'ready' && <small> for {formatSeconds(s.connectedSeconds)}</small>}
      </td>
      <td class={differs || s.rules.refusal !== null ? 'bad' : ''}>
        {installed === null ? '–' : installed} of {desired}
        {s.state === 'ready' && acknowledged < revision && <small> revision {revision} is on its way</small>}
      </td>
      <td class="number">
        <button
          type="button"
          class="small"
          disabled={!comparable || busy || s.state !== 'ready'}
          onClick={onCompare}
          aria-label={`Compare the rules of ${s.name ?? s.dpid}`}
        >
          {busy ? 'Reading…' : 'Compare'}
        </button>
      </td>
    </tr>
  );
}

function Table({ view, access }: { readonly view: SystemView; readonly access: Access }) {
  const [compared, setCompared] = useState<Compared | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const compare = async (s: SwitchView): Promise<void> => {
    setBusy(s.dpid);
    const answer = await get<RuleComparison>(`/v1/switches/${s.dpid}/rules`);
    setBusy(null);
    setRefusal(answer.ok ? null : answer.refusal);
    setCompared(
      answer.ok
        ? {
            dpid: s.dpid,
            name: s.name ?? s.dpid,
            at: new Date().toISOString(),
            rules: answer.body.rules,
          }
        : null,
    );
  };
  const comparable = access.kind === 'granted' && access.held.source === 'controller';
  return (
    <>
      <table class="switch-table">
        <thead>
          <tr>
            <th scope="col">switch</th>
            <th scope="col">state</th>
            <th scope="col">rules installed, intended</th>
            <th scope="col" class="number">
              read it now
            </th>
          </tr>
        </thead>
        <tbody>
          {view.switches.map((s) => (
            <Row
              key={s.dpid === '' ? s.name : s.dpid}
              of={s}
              comparable={comparable}
              busy={busy === s.dpid}
              onCompare={() => void compare(s)}
            />
          ))}
        </tbody>
      </table>
      {access.kind === 'granted' && !comparable && (
        <p class="note">A recording has no switch that could be read.</p>
      )}
      {refusal !== null && <RefusalNote refusal={refusal} />}
      {compared !== null && <Difference compared={compared} readable={comparable} />}
    </>
  );
}

export function SwitchesPanel({
  view,
  access,
}: {
  readonly view: SystemView | null;
  readonly access: Access;
}) {
  return (
    <Panel
      id="switches"
      title="Switches and their rules"
      lead="How many rules each should hold and holds; “Compare” reads them from the switch and shows every difference."
    >
      {view === null ? (
        <Empty>Waiting for the first message of the stream.</Empty>
      ) : view.switches.length === 0 ? (
        <Empty>
          <b>No switch:</b> none has attached and no topology names one. On an Open vSwitch:{' '}
          <code>ovs-vsctl set-controller BRIDGE tcp:CONTROLLER:6653</code>
        </Empty>
      ) : (
        <Table view={view} access={access} />
      )}
    </Panel>
  );
}
