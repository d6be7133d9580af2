/** What a process that was started from a configuration lets the API do with it. */
export interface Configuration {
  /** what is in force, path in steady.yaml to value, and the number of its last change */
  read(): { readonly revision: number; readonly settings: Readonly<Record<string, unknown>> };
  /**
   * Reads the file again and takes up what it says.
   * @throws Error that says what is wrong with it; the old one is then in force
   */
  reload(): Promise<readonly { readonly setting: string; readonly effect: 'warm' | 'cold' | 'restart' }[]>;
}
