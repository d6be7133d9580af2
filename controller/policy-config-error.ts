/** A setting that no policy can work with. `setting` names it in the words of `PolicyConfig`. */
export class PolicyConfigError extends Error {
  readonly setting: string;

  constructor(setting: string, detail: string) {
    super(`${setting}: ${detail}`);
    this.name = 'PolicyConfigError';
    this.setting = setting;
  }
}
