/** One call of `virsh` without its process: what it is given, and what came back. */

export interface VirshCall {
  /** all of them, without a shell in between */
  readonly args: readonly string[];
  readonly timeoutMs: number;
}

export interface VirshResult {
  /** null: ended by a signal, or never begun */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** why it has no end of its own; undefined: it has one */
  readonly broken?: 'missing' | 'timeout' | 'too-long';
}

export interface RunningVirsh {
  /** never rejects */
  readonly ended: Promise<VirshResult>;
  kill(): void;
}

/** Starts virsh; `io` has it. */
export type StartVirsh = (call: VirshCall) => RunningVirsh;

/**
 * `not-connected`: libvirtd could not be reached or went away; `timeout`: no answer, and it may be carried out yet; `refused`: libvirt said no;
 * `odd-answer`: not what virsh prints; `no-virsh`: it is not installed here.
 */
export type VirshErrorCode = 'not-connected' | 'timeout' | 'refused' | 'odd-answer' | 'no-virsh';

export class VirshError extends Error {
  readonly code: VirshErrorCode;
  constructor(code: VirshErrorCode, message: string) {
    super(message);
    this.name = 'VirshError';
    this.code = code;
  }
}

/** Words of libvirt 9.0 for a libvirtd that is not there, or no longer (LC_ALL=C). */
const connectionLost = [
  'failed to connect to the hypervisor',
  'Failed to connect socket',
  'Disconnected from',
  'client socket is closed',
  'End of file while reading data',
  'Cannot recv data',
  'connection closed due to keepalive timeout',
];

/** What a call that failed says; undefined: it succeeded. */
export function errorOf(what: string, result: VirshResult): VirshError | undefined {
  switch (result.broken) {
    case 'missing':
      return new VirshError('no-virsh', 'virsh is not installed here (Debian: libvirt-clients)');
    case 'timeout':
      return new VirshError('timeout', `virsh ${what}: no answer in time`);
    case 'too-long':
      return new VirshError('odd-answer', `virsh ${what}: its output has no end`);
    case undefined:
      break;
  }
  if (result.code === 0) return undefined;
  const said = messageOf(result.stderr);
  const lost = connectionLost.some((words) => result.stderr.includes(words));
  return new VirshError(lost ? 'not-connected' : 'refused', `virsh ${what}: ${said}`);
}

/** What virsh printed as errors, in one line. */
export function messageOf(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^error: /, '').trim());
  return (
    lines
      .filter((line) => line !== '')
      .join('; ')
      .slice(0, 500) || 'no reason given'
  );
}

/** @throws VirshError */
export async function askVirsh(start: StartVirsh, what: string, call: VirshCall): Promise<string> {
  const result = await start(call).ended;
  const error = errorOf(what, result);
  if (error !== undefined) throw error;
  return result.stdout;
}
