// What an update of the page costs: main-thread time of headless Chromium for each message of the stream, ten a second.
//
//     npm run build && npx tsc -b test && node bench/page-updates.js [--updates 300] [--out bench/results/page-updates.json]
//
// The page of the build, fed by the stream that the page's own tests use (a migration under way on two-dc, all charts on their longest
// axis). Two minutes are played first, so that the charts hold what they can hold; then each message is followed by a tenth of a second in which
// the page parses, renders, draws and lays out, and the processor time of the thread is read from Chromium (Performance.getMetrics,
// TaskDuration in thread ticks: other programs on the machine do not count). The budget is 50 ms in the 95th percentile. `--page DIR` takes the page of another build, to compare. Needs Debian's Chromium.
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { launch, visit } from '../dist/test/dashboard/browser.js';
import { FakeStream } from '../dist/test/dashboard/fake-stream.js';

const budgetMs = 50;
const historySeconds = 125;
const shownSeconds = 120;
/** columns of src/dashboard/charts/specs.ts */
const linesInTheCharts = 17;
const { values } = parseArgs({
  options: {
    updates: { type: 'string', default: '300' },
    page: { type: 'string', default: 'dist/dashboard' },
    out: { type: 'string' },
  },
});
const updates = Number(values.updates);

const stream = await FakeStream.listen({ scene: 'running', page: values.page });
const browser = await launch();
try {
  const { page, errors } = await visit(browser, stream.url);
  await page.waitForSelector('text=live');
  await page.getByRole('button', { name: '120 s' }).click();
  for (let i = 0; i < historySeconds * 10; i++) {
    stream.advance();
    if (i % 50 === 0) await sleep(20);
  }
  const charts = await page.locator('.plot canvas').count();
  if (charts !== 5) throw new Error(`five charts should be drawn, there are ${charts}`);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busyMs = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return 1000 * metrics.find((m) => m.name === 'TaskDuration').value;
  };
  await sleep(1000);
  const load = loadavg()[0];
  const costs = [];
  let before = await busyMs();
  for (let i = 0; i < updates; i++) {
    stream.advance();
    await sleep(100);
    const now = await busyMs();
    costs.push(now - before);
    before = now;
  }
  if (errors.length > 0) throw new Error(`the page failed: ${errors.join('; ')}`);
  costs.sort((a, b) => a - b);
  const at = (share) => Number(costs[Math.min(updates - 1, Math.floor(share * updates))].toFixed(1));
  const result = {
    date: new Date().toISOString(),
    machine: { cores: cpus().length, model: cpus()[0]?.model, node: process.version, loadBefore: load },
    browser: browser.version(),
    command: `node bench/page-updates.js --updates ${updates}`,
    pointsInTheCharts: shownSeconds * 10 * linesInTheCharts,
    updates,
    busyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
    budgetMs,
    withinBudget: at(0.95) <= budgetMs,
  };
  console.log(JSON.stringify(result, null, 2));
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await browser.close();
  await stream.close();
}
