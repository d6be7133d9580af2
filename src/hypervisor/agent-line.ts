/** Reading what an agent says, on the side of its client. */
import type { AgentError } from './agent-request.js';
import {
  type AgentEventLine,
  type AgentEventName,
  type AgentLine,
  type AgentPhase,
  type AgentStatus,
  agentGreeting,
} from './protocol.js';

export type ParsedAgentLine =
  | { readonly ok: true; readonly line: AgentLine }
  | { readonly ok: false; readonly error: AgentError };

const phases: readonly AgentPhase[] = [
  'none',
  'incoming',
  'active',
  'pre-switchover',
  'stopped',
  'resumed',
  'completed',
  'cancelled',
  'failed',
];
const events: readonly AgentEventName[] = [
  'ROUND',
  'PRE_SWITCHOVER',
  'STOP',
  'RESUME',
  'COMPLETED',
  'CANCELLED',
  'FAILED',
];

/** An error means that the peer is not an agent of this protocol: close the connection. */
export function parseAgentLine(text: string): ParsedAgentLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad('not JSON');
  }
  if (!isObject(value)) return bad('not an object');
  if ('event' in value)
    return isEvent(value) ? { ok: true, line: value } : bad('not an event of the protocol');
  if (!Number.isSafeInteger(value.id)) return bad('neither an event nor an answer with an id');
  const id = value.id as number;
  if (isObject(value.error)) {
    const { code, detail } = value.error;
    if (typeof code !== 'string' || typeof detail !== 'string')
      return bad('an error without code and detail');
    return { ok: true, line: { id, error: { code, detail } } };
  }
  const answer = value.return;
  if (isObject(answer) && answer.agent === agentGreeting.agent) {
    if (answer.version === agentGreeting.version) return { ok: true, line: { id, return: agentGreeting } };
    const detail = `the agent speaks version ${JSON.stringify(answer.version)} of the protocol, not ${agentGreeting.version}`;
    return { ok: false, error: { code: 'version', detail: `${detail}: start an agent of this release` } };
  }
  return isStatus(answer) ? { ok: true, line: { id, return: answer } } : bad('an answer without a status');
}

const bad = (problem: string): ParsedAgentLine => ({
  ok: false,
  error: { code: 'bad-line', detail: `the agent sent a line that is ${problem}` },
});

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isEvent(value: Fields): value is Fields & AgentEventLine {
  return (
    (events as readonly unknown[]).includes(value.event) &&
    typeof value.migration === 'string' &&
    isStatus(value.status)
  );
}

const isDisk = (value: unknown): boolean =>
  isObject(value) && ['totalBytes', 'copiedBytes'].every((key) => Number.isFinite(value[key]));

function isStatus(value: unknown): value is AgentStatus {
  if (!isObject(value) || !(phases as readonly unknown[]).includes(value.phase)) return false;
  const numbers = ['round', 'totalBytes', 'transferredBytes', 'remainingBytes', 'dirtyBytesPerSecond'];
  return (
    numbers.every((key) => Number.isFinite(value[key])) &&
    (value.downtimeMs === null || Number.isFinite(value.downtimeMs)) &&
    typeof value.detail === 'string' &&
    (value.disk === undefined || isDisk(value.disk))
  );
}
