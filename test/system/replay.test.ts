import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { freePort } from '../../src/cli/free-port.js';
import type { MigrationView } from '../../src/engine/view.js';
import { replay } from '../../src/io/replay.js';
import { readTopology } from '../../src/io/topology-file.js';
import { EmbeddedProcess } from '../../src/simulator/embedded-process.js';
import { DaemonProcess, eventually } from './daemon.js';

/** A whole migration over real sockets, recorded; then the same inputs again, without any socket. */
describe('a recording', () => {
  let directory: string;
  let recording: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-replay-'));
    recording = join(directory, 'recording');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function record(): Promise<void> {
    const file = readTopology('topologies/two-dc.yaml');
    const topology = { ...file, vms: file.vms.map((vm) => ({ ...vm, memoryBytes: 5e6 })) };
    const port = await freePort();
    const network = await EmbeddedProcess.start({ topology, seed: 5, openflow: `tcp:127.0.0.1:${port}` });
    let daemon: DaemonProcess | undefined;
    try {
      const { ovsdb, agents } = network.endpoints;
      writeFileSync(join(directory, 'topology.yaml'), stringify(topology));
      const config = {
        openflow: { host: '127.0.0.1', port },
        topology: 'topology.yaml',
        switches: topology.switches.map(({ name }) => ({ name, ovsdb })),
        hypervisors: Object.entries(agents).map(([host, endpoint]) => ({
          host,
          driver: 'transfer',
          endpoint,
        })),
      };
      writeFileSync(join(directory, 'steady.yaml'), stringify(config));
      const args = [
        '--config',
        join(directory, 'steady.yaml'),
        '--state',
        join(directory, 'state'),
        '--record',
        recording,
      ];
      daemon = await DaemonProcess.start([...args, '--openflow-port', String(port)]);
      await network.startTraffic();
      const id = await eventually('the migration is accepted', async () => {
        const answer = await daemon!.post('/v1/migrations', {
          vm: 'vm1',
          destination: 'hyp-b',
          downtimeLimitMs: 300,
        });
        const body = (await answer.json()) as MigrationView;
        return answer.status === 202 ? body.id : undefined;
      });
      await eventually('the migration is completed', async () =>
        (await daemon!.get<MigrationView>(`/v1/migrations/${id}`)).state === 'completed' ? true : undefined,
      );
    } finally {
      await daemon?.kill('SIGTERM');
      await network.close();
    }
  }

  it('gives the same outputs to the bit, and a changed input gives others', async () => {
    await record();
    const same = await replay(recording);
    expect(same).toMatchObject({ equal: true, firstDifference: null, torn: false });
    expect(same.steps).toBeGreaterThan(100);

    const lines = readFileSync(recording, 'utf8').split('\n');
    const index = lines.findIndex((line) => line.includes('"kind":"createMigration"'));
    expect(index).toBeGreaterThan(0);
    const changed = join(directory, 'changed');
    writeFileSync(changed, lines.with(index, lines[index]!.replace('"hyp-b"', '"hyp-a"')).join('\n'));
    const other = await replay(changed);
    expect(other.equal).toBe(false);
    expect(other.firstDifference?.line).toBe(index + 1);

    // The recorder was killed in the middle of a line: what is whole is replayed, and the cut is said.
    truncateSync(recording, readFileSync(recording).length - 20);
    expect(await replay(recording)).toMatchObject({ equal: true, torn: true });
  });

  it('that is none is refused with its line', async () => {
    writeFileSync(recording, '{"hello":1}\n');
    await expect(replay(recording)).rejects.toThrow(/recording:1: not a recording/);
    writeFileSync(recording, '');
    await expect(replay(recording)).rejects.toThrow(/empty/);
  });
});
