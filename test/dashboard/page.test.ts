import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import type { ComparedRule } from '../../src/engine/rule-comparison.js';
import { FakeApplication, verdict, viewOf } from '../api/fake-application.js';
import { requireOrSkip } from '../support/require.js';
import { buildPage, inkOf, keepPicture, launch, type Visit, visit } from './browser.js';
import { FakeStream } from './fake-stream.js';
import type { Scene } from './fake-world.js';

const blue = '#0067a8';

describe.skipIf(!requireOrSkip('chromium'))('the page in a browser', () => {
  let browser: Browser;
  let built: Awaited<ReturnType<typeof buildPage>>;
  let stream: FakeStream | undefined;
  const open: Page[] = [];
  const opened: FastifyInstance[] = [];

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
    for (const app of opened.splice(0)) await app.close();
    await stream?.close();
    stream = undefined;
  });

  /** The page in a scene, after it has seen the last of so many seconds of it; what it did not see was before it came. */
  async function see(
    scene: Scene,
    seconds: number,
    options: Parameters<typeof visit>[2] = {},
    seen = seconds,
  ): Promise<Visit & { stream: FakeStream }> {
    const skipSeconds = seconds - seen;
    const server = await FakeStream.listen({ scene, page: built.directory, skipSeconds });
    stream = server;
    const visited = await visit(browser, server.url, options);
    open.push(visited.page);
    await visited.page.waitForSelector('text=live');
    for (let i = 0; i < seen * 10; i++) server.advance();
    await visited.page.locator('footer', { hasText: `up for ${Math.round(seconds) + 5}` }).waitFor();
    return { ...visited, stream: server };
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
    expect(await text('circuits')).toContain('no topology is configured');
    expect(await text('alarms')).toContain('no switch has attached');
    await keepPicture(page, 'empty');
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
    expect(await page.locator('.plot canvas').count()).toBe(5);
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
    const delay = await page.locator('#delay').innerText();
    expect(delay).toContain('What packets of class video wait');
    expect(delay).toMatch(/below the promise in (3\d\d) of \1 readings/);
    expect(delay).toMatch(/p99 of 60 s\s+\d/);
    expect(await inkOf(page, 4, blue)).toBeGreaterThan(100);
    expect(errors).toEqual([]);
    await keepPicture(page, 'running');
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
    const { page } = await see('completed', 50, {}, 8);
    expect(await page.locator('#topology .token').count()).toBe(0);
    expect(await page.locator('#topology .vm').getAttribute('aria-label')).toContain('lives at hyp-b');
    expect(await page.locator('#migrations .timeline li').count()).toBe(10);
    expect(await page.locator('#migrations .numbers').innerText()).toContain('172 ms');
    await keepPicture(page, 'completed');
  });

  it('events are found by words; who looks back sees that moment everywhere, and can start nothing there', async () => {
    const { page, stream, errors } = await see('completed', 36, {}, 11);
    const events = page.locator('#events');
    expect(await events.locator('output').innerText()).toBe('6 of 6 shown');
    await page.getByLabel('Words that must occur in an event').fill('VM1 completed');
    await events.getByText('1 of 6 shown').waitFor();
    expect(await events.locator('li').allInnerTexts()).toEqual([expect.stringContaining('172 ms')]);
    await page.getByLabel('Words that must occur in an event').fill('');

    const now = (await page.locator('.travel output').innerText()).trim();
    expect(now).toBe('now');
    expect(await page.locator('#migrations').innerText()).toContain('completed');
    const slider = page.locator('.travel input');
    await slider.focus();
    for (let i = 0; i < 8; i++) await page.keyboard.press('ArrowLeft');
    const moment = page.locator('.travel output', { hasText: /^at \d\d:\d\d:\d\d, 8 s ago$/ });
    await moment.waitFor();
    const clock = /at ([\d:]+)/.exec(await moment.innerText())![1]!;
    await page.locator('#topology .token').waitFor();
    expect(await page.locator('#migrations .state').innerText()).toBe('copying');
    expect(await page.locator('#events output').innerText()).toBe('5 of 5 shown');
    for (const at of await page.locator('#charts .legend-time').allInnerTexts())
      expect(at).toBe(`at ${clock}`);
    expect(await page.locator('#certificate .age').innerText()).toBe(`data: at ${clock}`);
    expect(await page.locator('#migrations').innerText()).toContain('You look back');
    expect(await page.locator('#migrations button').count()).toBe(0);
    expect(await page.locator('.fact', { hasText: 'migrations' }).innerText()).toContain('0 active');
    await keepPicture(page, 'looking-back');

    for (let i = 0; i < 20; i++) stream.advance();
    await page.locator('.travel output', { hasText: `at ${clock}, 10 s ago` }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#charts .legend-time', { hasText: 'now' }).first().waitFor();
    expect(await page.locator('#topology .token').count()).toBe(0);
    expect(errors).toEqual([]);
  });

  it('a circuit: its state, its order and its user, on the map in a stroke of its own', async () => {
    const { page } = await see('circuit', 13, {}, 3);
    expect(await page.locator('#topology .circuit-signalling').count()).toBe(1);
    expect(await page.locator('#circuits').innerText()).toContain('the provider sets it up');
    for (let i = 0; i < 80; i++) stream!.advance();
    await page.locator('#topology .circuit-up').waitFor();
    const text = await page.locator('#circuits').innerText();
    for (const word of [
      'the wait weighs more than the cost',
      'vm1 (hyp-a → hyp-b)',
      '20 of 25',
      '2.1 s',
      '3, 3, 2',
    ])
      expect(text).toContain(word);
    await keepPicture(page, 'circuit');
  });

  it('shadow mode is not to be overlooked, and tells what it would have been worth', async () => {
    const { page } = await see('shadow', 30, {}, 5);
    const text = await page.locator('#shadow').innerText();
    expect(text).toContain('nothing on this network is changed');
    expect(text).toMatch(/Steady would have moved 1\d\d MB[\s\S]* in no slot; a fixed share/);
    expect(await page.locator('#migrations').innerText()).toContain('no migration can be started');
    await keepPicture(page, 'shadow');
  });

  it('what is wrong now is listed, the worst first, with what it means', async () => {
    const { page } = await see('alarms', 5);
    const titles = await page.locator('#alarms li b').allInnerTexts();
    expect(titles).toEqual([
      'wan at gw-a: safe rate in force',
      'switch hv-b does not hold what it should',
      'link wan is down',
      'LLDP at gw-b port 4: a frame that is not ours, or was changed',
      'wan at gw-a: a policer drops above 38.0 Mbit/s',
      'wan at gw-b: the delay promise is void',
      'circuit circuit: down-unknown: the provider does not answer',
    ]);
    expect(await page.locator('#topology .level-down').count()).toBe(1);
    expect(await page.locator('#topology .circuit-down-unknown').count()).toBe(1);
    await keepPicture(page, 'alarms');
  });

  it('a failed one says why and where the machine is; a violated certificate is not to be overlooked', async () => {
    const failed = await see('failed', 62, {}, 8);
    const why = await failed.page.locator('#migrations [role=alert]').innerText();
    expect(why).toContain('agent of hyp-b does not answer');
    expect(why).toContain('The machine runs at hyp-a');
    expect(await failed.page.locator('#topology .switch-lost').count()).toBe(1);
    expect(await failed.page.locator('#alarms').innerText()).toContain('switch hv-b is lost');
    await keepPicture(failed.page, 'failed-and-switch-lost');
    await failed.stream.close();
    const violated = await see('violated', 40, {}, 5);
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
    await page.locator('#circuits .age', { hasText: /data: \d/ }).waitFor();
    await keepPicture(page, 'stale');
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
    for (let i = 0; i < 2; i++) await light.page.keyboard.press('Tab');
    const outline = await light.page.evaluate(
      "getComputedStyle(document.activeElement.querySelector('rect, path.link-line')).strokeWidth",
    );
    expect(outline).toBe('4px');
    await light.page.emulateMedia({ colorScheme: 'dark' });
    expect(await background(light.page)).not.toBe(bright);
    await expect.poll(() => inkOf(light.page, 1, '#5db7f0'), { timeout: 20_000 }).toBeGreaterThan(50);
    await keepPicture(light.page, 'dark');
    await light.stream.close();
    const narrow = await see('running', 15, { viewport: { width: 360, height: 740 } });
    expect(await narrow.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await keepPicture(narrow.page, 'narrow');
    const map = (await narrow.page.locator('svg.map').boundingBox())!;
    expect(map.height).toBeGreaterThan(map.width);
  });

  /** The page behind the real interface, in front of an application that answers as it is told. */
  async function serve(application: FakeApplication): Promise<Visit> {
    const app = createApi({ application, dashboardDirectory: built.directory });
    opened.push(app);
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const seen = await visit(browser, `http://127.0.0.1:${port}/`);
    open.push(seen.page);
    await seen.page.waitForSelector('.fact .good');
    return seen;
  }

  it('works behind the real server, under its headers', async () => {
    const application = new FakeApplication();
    const { page, errors } = await serve(application);
    application.publish({ at: new Date().toISOString(), policy: 'static-cap' });
    await page.locator('.facts', { hasText: 'static-cap' }).waitFor();
    expect(errors).toEqual([]);
  });

  it('a check that is refused says why, warnings are not to be overlooked, and two presses start one', async () => {
    const application = new FakeApplication();
    const hosts = ['a', 'b', 'c'].map((site) => ({
      name: `hyp-${site}`,
      role: 'hypervisor',
      site,
      switch: `hv-${site}`,
    }));
    application.current = viewOf({ hosts, sites: ['a', 'b', 'c'] });
    const admit = application.answer;
    const detail = 'It takes 31 s at the rate that is left; the earliest deadline that can be kept is 34 s.';
    application.answer = () => ({
      ok: false,
      problem: { slug: 'deadline-infeasible', status: 409, title: 'Deadline cannot be kept', detail },
    });
    const { page } = await serve(application);
    const check = page.getByRole('button', { name: /^Check/ });
    await page.getByLabel('Deadline, s').fill('5');
    await check.click();
    await page
      .locator('#migrations [role=alert]', { hasText: 'earliest deadline that can be kept' })
      .waitFor();
    expect(await page.getByRole('button', { name: /^Start/ }).count()).toBe(0);

    const warnings = ['VM vm1 keeps connections in a middlebox that does not move.'];
    application.answer = (command) =>
      command.kind === 'createMigration' && command.request.dryRun
        ? { ok: true, body: { ...verdict, predictedSeconds: null, predictedFinish: null, warnings } }
        : admit(command);
    await page.getByLabel('Deadline, s').fill('');
    await check.click();
    await page.getByText(warnings[0]!).waitFor();
    await page.getByText('No end in sight').waitFor();
    await page.getByLabel('goes to').selectOption('hyp-c');
    expect(await page.getByRole('button', { name: /^Start/ }).count()).toBe(0);
    await check.click();
    const start = page.getByRole('button', { name: 'Start: vm1 → hyp-c' });
    await start.waitFor();
    application.answer = () => ({
      ok: false,
      problem: { slug: 'store-failed', status: 503, title: 'Journal full', detail: 'ask again' },
    });
    await start.click();
    await page.locator('#migrations [role=alert]', { hasText: 'Journal full' }).waitFor();
    application.answer = admit;
    await start.click();
    await start.waitFor({ state: 'detached' });
    const keys = application.commands.flatMap((c) =>
      c.kind === 'createMigration' && !c.request.dryRun ? [c.idempotencyKey] : [],
    );
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it('what differs between the rules of a switch and its intent is shown rule by rule', async () => {
    const application = new FakeApplication();
    const rule = (standing: ComparedRule['standing'], intended: string | null, installed: string | null) =>
      ({
        standing,
        owner: 'network',
        tableId: 0,
        priority: 9,
        intended,
        installed,
        packets: installed === null ? null : '1234567',
      }) satisfies ComparedRule;
    application.answer = () => ({
      ok: true,
      body: [
        rule('held', 'table=0, priority=9 actions=drop', 'table=0, priority=9 actions=drop'),
        rule('missing', 'table=0, priority=7 actions=drop', null),
        rule('changed', 'table=0, priority=5 actions=drop', 'table=0, priority=5 actions=output:3'),
      ],
    });
    const { page } = await serve(application);
    await page.getByRole('button', { name: 'Compare the rules of gw-a' }).click();
    const difference = page.locator('.difference');
    await difference.waitFor();
    expect(await difference.locator('p').innerText()).toContain('2 differences in 3 rules');
    const rows = await difference.locator('table').first().locator('tbody tr').allInnerTexts();
    expect(rows).toHaveLength(2);
    expect(rows[0]).toContain('missing');
    expect(rows[1]).toMatch(/actions=drop[\s\S]*is there as[\s\S]*output:3/);
    expect(
      await page.getByRole('button', { name: 'Compare the rules of gw-b' }).isDisabled(),
      'a switch that is lost cannot be read',
    ).toBe(true);
    expect(await page.locator('#delay').innerText()).toContain('below the promise in 1 of 1 reading');
    await keepPicture(page, 'rules-differ');

    const flow = {
      table_id: 0,
      duration_sec: 5,
      duration_nsec: 250_000_000,
      priority: 100,
      idle_timeout: 0,
      hard_timeout: 0,
      flags: 0,
      cookie: 0x5354_0000_0100_0000n,
      packet_count: 10n,
      byte_count: 1000n,
      match: [{ field: 'in_port', value: 3 }],
      instructions: [{ type: 'goto_table', table_id: 1 }],
    };
    application.answer = () => ({ ok: true, body: [flow] });
    const saving = page.waitForEvent('download');
    await difference.getByRole('button', { name: 'Save its flows' }).click();
    const download = await saving;
    expect(download.suggestedFilename()).toMatch(/^gw-a-flows-\d{8}-\d{6}\.txt$/);
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/table=0, n_packets=10.*in_port=3.*\n$/);
    await difference.getByText('1 flow saved as gw-a-flows').waitFor();
    const detail = 'the switch did not answer within 5 s';
    application.answer = () => ({
      ok: false,
      problem: { slug: 'switch-read-failed', status: 502, title: 'No answer of the switch', detail },
    });
    await difference.getByRole('button', { name: 'Save its flows' }).click();
    await difference.locator('[role=alert]', { hasText: detail }).waitFor();
  });
});
