import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { readConfig } from '../../src/io/config-file.js';
import { ConfigError, type ConfigProblem } from '../../src/io/yaml-document.js';

/** A directory for the configurations of one test file; it goes when the file's tests are over. */
export class ConfigFolder {
  readonly directory: string;
  #count = 0;

  constructor(prefix: string) {
    this.directory = mkdtempSync(join(tmpdir(), prefix));
    afterAll(() => rmSync(this.directory, { recursive: true }));
  }

  readonly write = (text: string): string => {
    const path = join(this.directory, `${this.#count++}.yaml`);
    writeFileSync(path, text);
    return path;
  };

  readonly problemsOf = (text: string): readonly ConfigProblem[] => {
    try {
      readConfig(this.write(text));
    } catch (e) {
      if (e instanceof ConfigError) return e.problems;
      throw e;
    }
    return [];
  };
}
