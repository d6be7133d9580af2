/** What the exit status of every command says; also in `steady --help`. */
export const exitCodes = {
  ok: 0,
  /** refused, failed or not as it should be */
  failed: 1,
  usage: 2,
  /** no controller answers at the given address */
  unreachable: 3,
  notFound: 4,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with a message for the person at the terminal, without a stack. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
