/** A network with one machine, and what is true of it, read past the controller. */
export interface Plant {
  readonly configPath: string;
  readonly stateDirectory: string;
  readonly openflowPort: number;
  readonly vm: string;
  /** the machine's two places */
  readonly hosts: readonly [string, string];
  /** names of places at which the machine runs now */
  running(): Promise<readonly string[]>;
  /** somebody who asks the machine gets an answer */
  reachable(): Promise<boolean>;
  /** all rules by switch, as text without counters */
  rules(): Promise<Readonly<Record<string, string>>>;
  /** ids of circuits that are ordered or lit at the provider */
  circuits(): Promise<readonly string[]>;
  /** what must never happen, and did, since the last call */
  offences(): readonly string[];
  close(): Promise<void>;
}
