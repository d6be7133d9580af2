import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import { FakeApplication } from '../api/fake-application.js';
import { requireOrSkip } from '../support/require.js';
import { buildPage, inkOf, launch, type Visit, visit } from './browser.js';
import { FakeStream } from './fake-stream.js';
import type { Scene } from './fake-world.js';

const blue = '#0067a8';

describe.skipIf(!requireOrSkip('chromium'))('the page in a browser', () => {
  let browser: Browser;
  let built: Awaited<ReturnType<typeof buildPage>>;
  let stream: FakeStream | undefined;
  const open: Page[] = [];

  beforeAll(async () => {
    built = await buildPage();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    built?.remove();
  });
  afterEach(async () => {
    for (const page of open.splice(0)) await page.close();
    await stream?.close();
    stream = undefined;
  });

  /** The page in a scene, after it has seen `seconds` of it. */
  async function see(
    scene: Scene,
    seconds: number,
    options: Parameters<typeof visit>[2] = {},
  ): Promise<Visit & { stream: FakeStream }> {
    const server = await FakeStream.listen({ scene, page: built.directory });
    stream = server;
    const seen = await visit(browser, server.url, options);
    open.push(seen.page);
    await seen.page.waitForSelector('text=live');
    for (let i = 0; i < seconds * 10; i++) server.advance();
    await seen.page.locator('footer', { hasText: `up for ${Math.round(seconds) + 5}` }).waitFor();
    return { ...seen, stream: server };
  }

  it('needs nothing but its own server, and says what it is', async () => {
    const { page, errors, origins, stream } = await see('idle', 2);
    expect([...origins]).toEqual([new URL(stream.url).origin]);
    expect(await page.locator('header').first().innerText()).toContain(
      'moves virtual machines between data centres',
    );
    expect(errors).toEqual([]);
  });

  it('without a topology every panel says why it is empty and what to do', async () => {
    const { page } = await see('empty', 1);
    const text = (panel: string) => page.locator(`#${panel}`).innerText();
    expect(await text('topology')).toContain('No topology is configured');
    expect(await text('charts')).toContain('No bottleneck: no topology is configured');
    expect(await text('charts')).toContain('npm start -- --config steady.yaml');
    expect(await text('migrations')).toContain('no machine that could be moved');
    expect(await text('certificate')).toContain('Nothing to certify');
    expect(await text('events')).toContain('Nothing has happened');
  });

  it('switches that attach without a topology are shown, those that are awaited are named', async () => {
    const attached = await see('attached', 1);
    expect(await attached.page.locator('#topology').innerText()).toContain('0000000000000007');
    await attached.stream.close();
    const waiting = await see('waiting', 1);
    expect(await waiting.page.locator('#charts').innerText()).toContain('waiting for gw-a, gw-b to connect');
    expect(await waiting.page.locator('#topology .switch-connecting').count()).toBe(3);
  });

  it('idle with traffic: charts are drawn, and the command that starts a migration is shown', async () => {
    const { page } = await see('idle', 30);
    expect(await page.locator('.plot canvas').count()).toBe(4);
    expect(await inkOf(page, 0, blue)).toBeGreaterThan(200);
    expect(await page.locator('#migrations').innerText()).toContain('steady migrate start vm1 hyp-b');
    expect(await page.locator('#topology .token').count()).toBe(0);
    expect(await page.locator('#topology .link-circuit .level-dark').count()).toBe(1);
  });

  it('a running migration is on its way on the map, in the bar, and in the rates', async () => {
    const { page, errors } = await see('running', 32);
    const percent = Number(
      await page.locator('#migrations [role=progressbar]').getAttribute('aria-valuenow'),
    );
    expect(percent).toBeGreaterThan(20);
    expect(percent).toBeLessThan(90);
    expect(await page.locator('#topology .token').textContent()).toContain(`vm1 ${percent} %`);
    expect(await page.locator('#topology .vm-ghost').count()).toBe(1);
    const migration = await page.locator('#migrations').innerText();
    for (const word of ['hyp-a → hyp-b', 'granted rate', 'predicted left', 'starting', 'running'])
      expect(migration).toContain(word);
    for (const line of [
      'backlog',
      'proved bound',
      'physical buffer',
      'commanded',
      'enforced',
      'measured',
      'cross traffic',
      'capacity',
      'its bound',
    ])
      expect(await page.locator('#charts .legend', { hasText: line }).count()).toBeGreaterThan(0);
    expect(await page.locator('#charts').innerText()).toMatch(/240 ms ↑ off scale/);
    expect(await page.locator('#certificate').innerText()).toMatch(/violations[\s\S]*must be 0\s+0\s+0 %/i);
    expect(await inkOf(page, 1, blue)).toBeGreaterThan(200);
    expect(errors).toEqual([]);
  });

  it('the cursor of one chart is the cursor of all, and arrow keys move it', async () => {
    const { page, stream } = await see('running', 32);
    stream.play();
    const times = () => page.locator('#charts .legend-time').allInnerTexts();
    await expect.poll(times, { timeout: 20_000 }).toEqual(['now', 'now', 'now', 'now']);
    await page
      .locator('.plot')
      .first()
      .hover({ position: { x: 700, y: 60 } });
    await page
      .locator('#charts .legend-time', { hasText: /^at \d/ })
      .nth(3)
      .waitFor();
    stream.pause();
    expect(new Set(await times()).size).toBe(1);
    stream.play();
    await page.mouse.move(5, 5);
    await page.locator('.plot').first().focus();
    await page.keyboard.press('ArrowLeft');
    await page
      .locator('#charts .legend-time', { hasText: /^at \d/ })
      .first()
      .waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#charts .legend-time', { hasText: 'now' }).first().waitFor();
  });

  it('a completed migration: the machine lives at the target, every step has its time', async () => {
    const { page } = await see('completed', 50);
    expect(await page.locator('#topology .token').count()).toBe(0);
    expect(await page.locator('#topology .vm').getAttribute('aria-label')).toContain('lives at hyp-b');
    expect(await page.locator('#migrations .timeline li').count()).toBe(10);
    expect(await page.locator('#migrations .numbers').innerText()).toContain('172 ms');
  });

  it('a failed one says why and where the machine is; a violated certificate is not to be overlooked', async () => {
    const failed = await see('failed', 62);
    const why = await failed.page.locator('#migrations [role=alert]').innerText();
    expect(why).toContain('agent of hyp-b does not answer');
    expect(why).toContain('The machine runs at hyp-a');
    expect(await failed.page.locator('#topology .switch-lost').count()).toBe(1);
    await failed.stream.close();
    const violated = await see('violated', 40);
    expect(await violated.page.locator('.page-head .light').innerText()).toContain('violated');
    expect(await violated.page.locator('#certificate tr.bad').innerText()).toContain('violations');
  });

  it('a missing message makes it ask for a new snapshot, and it goes on', async () => {
    const { page, stream } = await see('running', 15);
    expect(stream.connections).toBe(1);
    stream.loseOne();
    stream.advance();
    await expect.poll(() => stream.connections, { timeout: 20_000 }).toBe(2);
    await page.waitForSelector('.fact .good');
    stream.advance();
    expect(await page.locator('.banner').count()).toBe(0);
  });

  it('old data are never shown as live: interrupted, greyed, and back by a click', async () => {
    const { page, stream } = await see('running', 15);
    stream.refuse(true);
    stream.dropClients();
    await page.locator('.banner', { hasText: 'Old data' }).waitFor();
    expect(await page.locator('main.old').count()).toBe(1);
    expect(await page.locator('.page-head .light').innerText()).toContain('unknown');
    expect(await page.locator('#charts .legend-time').first().innerText()).toBe('last seen');
    expect(await page.locator('#migrations').innerText()).toContain('hyp-a → hyp-b');
    stream.refuse(false);
    await page.locator('.banner button').click();
    await page.locator('.banner').waitFor({ state: 'detached' });
    expect(await page.locator('main.old').count()).toBe(0);
  });

  it('dark and light, narrow and wide, with a focus that is seen', async () => {
    const background = (page: Page) =>
      page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const light = await see('running', 15);
    const bright = await background(light.page);
    await light.page.keyboard.press('Tab');
    const outline = await light.page.evaluate(
      "getComputedStyle(document.activeElement.querySelector('rect, path.link-line')).strokeWidth",
    );
    expect(outline).toBe('4px');
    await light.page.emulateMedia({ colorScheme: 'dark' });
    expect(await background(light.page)).not.toBe(bright);
    await expect.poll(() => inkOf(light.page, 1, '#5db7f0'), { timeout: 20_000 }).toBeGreaterThan(50);
    await light.stream.close();
    const narrow = await see('running', 15, { viewport: { width: 360, height: 740 } });
    expect(await narrow.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    const map = (await narrow.page.locator('svg.map').boundingBox())!;
    expect(map.height).toBeGreaterThan(map.width);
  });

  it('works behind the real server, under its headers', async () => {
    const application = new FakeApplication();
    const app = createApi({ application, dashboardDirectory: built.directory });
    try {
      await app.listen({ port: 0, host: '127.0.0.1' });
      const { port } = app.server.address() as AddressInfo;
      const { page, errors } = await visit(browser, `http://127.0.0.1:${port}/`);
      open.push(page);
      await page.waitForSelector('.fact .good');
      application.publish({ at: new Date().toISOString(), policy: 'static-cap' });
      await page.locator('.facts', { hasText: 'static-cap' }).waitFor();
      expect(errors).toEqual([]);
    } finally {
      await app.close();
    }
  });
});
