import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createApi, hashToken, newToken } from '../../src/api/index.js';
import { freePort } from '../../src/cli/free-port.js';
import { RecordingPlayer } from '../../src/io/recording-player.js';
import { readTopology } from '../../src/io/topology-file.js';
import { EmbeddedProcess } from '../../src/simulator/embedded-process.js';
import { keepPicture, launch, visit } from '../dashboard/browser.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess } from './daemon.js';

const secrets = { anna: newToken(), guest: newToken() };

/** The built page, a real controller and the embedded network: what an operator does in an evening. */
describe.skipIf(!requireOrSkip('chromium'))('an operator at the page', () => {
  let browser: Browser;
  let directory: string;
  let network: EmbeddedProcess;
  let daemon: DaemonProcess;
  let page: Page;
  let errors: string[];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'steady-journey-'));
    const file = readTopology('topologies/two-dc.yaml');
    const topology = { ...file, vms: file.vms.map((vm) => ({ ...vm, memoryBytes: 5e6 })) };
    const port = await freePort();
    network = await EmbeddedProcess.start({ topology, seed: 5, openflow: `tcp:127.0.0.1:${port}` });
    const { ovsdb, agents } = network.endpoints;
    const write = (name: string, content: unknown) =>
      writeFileSync(join(directory, name), stringify(content), { mode: 0o600 });
    write('topology.yaml', topology);
    write('tokens.yaml', {
      tokens: [
        { name: 'anna', scope: 'operate', sha256: hashToken(secrets.anna) },
        { name: 'guest', scope: 'read', sha256: hashToken(secrets.guest) },
      ],
    });
    write('steady.yaml', {
      openflow: { host: '127.0.0.1', port },
      http: { tokens: 'tokens.yaml' },
      topology: 'topology.yaml',
      switches: topology.switches.map(({ name }) => ({ name, ovsdb })),
      hypervisors: Object.entries(agents).map(([host, endpoint]) => ({ host, driver: 'transfer', endpoint })),
    });
    const at = (name: string) => join(directory, name);
    const args = ['--config', at('steady.yaml'), '--state', at('state'), '--record', at('recording')];
    daemon = await DaemonProcess.start([...args, '--openflow-port', String(port)]);
    await network.startTraffic();
    browser = await launch();
    ({ page, errors } = await visit(browser, `${daemon.url}/`));
  });
  afterAll(async () => {
    await browser?.close();
    await daemon?.kill('SIGTERM');
    await network?.close();
    rmSync(directory, { recursive: true, force: true });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await keepPicture(page, `journey-failed-at-${task.name.slice(0, 30)}`);
  });

  const enter = async (token: string): Promise<void> => {
    await page.getByLabel('Token', { exact: true }).fill(token);
    await page.getByRole('button', { name: 'Use this token' }).click();
  };
  const text = (panel: string): Promise<string> => page.locator(`#${panel}`).innerText();
  const check = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Check what it would do' }).click();
    await page.getByText('It would be admitted').waitFor();
  };

  it('is asked for a token, told that one is not known, and may only look with one that reads', async () => {
    await page.getByText('This controller asks for a token').waitFor();
    expect(await page.locator('main').count()).toBe(0);
    await enter(newToken());
    await page.locator('#access [role=alert]', { hasText: 'does not know this token' }).waitFor();
    await keepPicture(page, 'token-refused');
    await enter(secrets.guest);
    await page.locator('.facts', { hasText: 'read as guest' }).waitFor();
    await page.locator('#migrations', { hasText: 'has the scope read: you may look' }).waitFor();
    expect(await page.getByRole('button', { name: 'Move a machine' }).count()).toBe(0);
    expect(await page.locator('form.start').count()).toBe(0);
    expect(page.url()).toBe(`${daemon.url}/`);
  });

  it('leaves, comes back as an operator, and is still one when the page is loaded anew', async () => {
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByText('This controller asks for a token').waitFor();
    await enter(secrets.anna);
    await page.locator('.facts', { hasText: 'operate as anna' }).waitFor();
    await page.reload();
    await page.locator('.facts', { hasText: 'operate as anna' }).waitFor();
    await page.locator('.facts', { hasText: '4 of 4' }).waitFor();
  });

  it('checks a migration, starts exactly that, and watches it complete', async () => {
    await check();
    const verdict = await text('migrations');
    for (const word of ['hv-a → gw-a → gw-b → hv-b', 'predicted finish', 'would come or go on'])
      expect(verdict).toContain(word);
    await keepPicture(page, 'verdict');
    await page.getByRole('button', { name: 'Start: vm1 → hyp-b' }).click();
    await page.locator('#topology .token').waitFor();
    await page.locator('.migration-completed').waitFor({ timeout: 60_000 });
    expect(await page.locator('#topology .vm').getAttribute('aria-label')).toContain('lives at hyp-b');
    expect(await page.locator('.timeline li').count()).toBe(10);
  });

  it('compares the rules of a switch with what they should be', async () => {
    await page.getByRole('button', { name: 'Compare the rules of gw-a' }).click();
    await page.locator('#switches', { hasText: '✓ it holds what it should' }).waitFor();
  });

  it('starts another one slowly and cancels it: the machine stays', async () => {
    await page.getByRole('button', { name: 'Move a machine' }).click();
    await page.getByLabel('At most, Mbit/s').fill('a lot');
    await page.getByRole('button', { name: 'Check what it would do' }).click();
    expect(await page.locator('#start-mostMbps-error').innerText()).toContain('a number from');
    await page.getByLabel('At most, Mbit/s').fill('1');
    await check();
    await page.getByRole('button', { name: 'Start: vm1 → hyp-a' }).click();
    await page.locator('.migration-running').waitFor();
    await page.locator('.limits', { hasText: 'Its request caps it' }).waitFor();
    await page.getByRole('button', { name: 'Cancel the migration of vm1' }).click();
    expect(await page.locator('.confirm').innerText()).toContain('goes on running at hyp-b');
    await page.getByRole('button', { name: 'Yes, cancel it' }).click();
    await page.locator('.migration-cancelled').waitFor({ timeout: 60_000 });
    expect(await page.locator('#topology .vm').getAttribute('aria-label')).toContain('lives at hyp-b');
    // Chromium notes the refusals: at the start, of the wrong token, after leaving.
    expect(errors.map((e) => e.match(/401/)?.[0] ?? e)).toEqual(['401', '401', '401']);
  });

  it('does not wait for the end of a third, which then ends at once', async () => {
    await page.getByRole('button', { name: 'Move a machine' }).click();
    await page.getByLabel('At most, Mbit/s').fill('4');
    await check();
    await page.getByRole('button', { name: 'Start: vm1 → hyp-a' }).click();
    await page.getByRole('button', { name: 'Stop vm1 with whatever is left?' }).click();
    expect(await page.locator('.confirm').innerText()).toMatch(/vm1 stands still while .* are sent/);
    await page.getByRole('button', { name: 'Yes, move it now' }).click();
    await page.locator('#topology .vm[aria-label*="lives at hyp-a"]').waitFor({ timeout: 60_000 });
    await page.locator('.timeline', { hasText: 'stops by request' }).first().waitFor();
  });

  it('sees a link die, then every switch, then the controller', async () => {
    await network.setLinkUp('wan', false);
    await page.locator('#alarms', { hasText: 'link wan is down' }).waitFor();
    expect(await page.locator('#topology .level-down').count()).toBe(1);
    await network.close();
    await page.locator('#alarms', { hasText: 'switch gw-a is lost' }).waitFor();
    await page.locator('.facts', { hasText: '0 of 4' }).waitFor();
    await keepPicture(page, 'switches-lost');
    await daemon.kill('SIGTERM');
    await page.locator('.banner', { hasText: 'Old data' }).waitFor();
    await keepPicture(page, 'controller-gone');
  });

  it('looks at it again the next day, and can change nothing in a recording', async () => {
    const player = await RecordingPlayer.open(join(directory, 'recording'), { speed: 20, fromSeconds: 0 });
    const api = createApi({ application: player, dashboardDirectory: resolve('dist/dashboard') });
    try {
      await api.listen({ port: 0, host: '127.0.0.1' });
      const { port } = api.server.address() as AddressInfo;
      const played = player.play();
      const { page: replayed } = await visit(browser, `http://127.0.0.1:${port}/`);
      await replayed.locator('.facts', { hasText: 'recording' }).waitFor();
      await played;
      await replayed.locator('.migration-completed').first().waitFor();
      await replayed.getByText('2 earlier migrations').click();
      await replayed.locator('.migration-cancelled').waitFor();
      expect(await replayed.locator('.migration-completed').count()).toBe(2);
      expect(await replayed.getByRole('button', { name: 'Move a machine' }).count()).toBe(0);
      await keepPicture(replayed, 'recording');
      await replayed.close();
    } finally {
      player.stop();
      await api.close();
    }
  });
});
