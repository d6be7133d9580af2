import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../../src/cli/free-port.js';
import { defaultConfig } from '../../src/io/config-file.js';
import { RunningEngine } from '../../src/io/running-engine.js';
import { JournalStore } from '../../src/store/index.js';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

it.each(['null', '{"a":', '[]', '{"kind":7}'])(
  'a journal with the record %s is refused by name, and nothing listens',
  async (entry) => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'steady-damaged-'));
    try {
      const store = new JournalStore(stateDirectory);
      store.append({ number: 1, wallMs: 0, entry: '{"kind":"generation","generation":"1"}' });
      store.append({ number: 2, wallMs: 0, entry });
      store.close();
      const { config } = defaultConfig();
      const port = await freePort();
      const options = {
        config,
        openflow: { host: '127.0.0.1', port },
        stateDirectory,
        recordFile: undefined,
        log,
      };
      await expect(RunningEngine.start(options as never)).rejects.toThrow(
        /journal\.sqlite: record 2 cannot be read: restore/,
      );
      const refused = await new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(false);
        });
        socket.once('error', () => resolve(true));
      });
      expect(refused).toBe(true);
    } finally {
      rmSync(stateDirectory, { recursive: true, force: true });
    }
  },
);
