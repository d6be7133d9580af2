/** Chromium and the built page for the browser test. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: flags, timeout: 60_000 });

/** Builds the sources as they are now, somewhere of its own. */
export async function buildPage(): Promise<{ directory: string; remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'steady-page-'));
  await build({
    configFile: fileURLToPath(new URL('../../src/dashboard/vite.config.ts', import.meta.url)),
    logLevel: 'error',
    build: { outDir: directory, emptyOutDir: true },
  });
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

export interface Visit {
  readonly page: Page;
  /** what went wrong in the page: exceptions, errors on the console */
  readonly errors: string[];
  /** origins of everything that was asked for */
  readonly origins: Set<string>;
}

export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
  const errors: string[] = [];
  const origins = new Set<string>();
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  page.on('websocket', (socket) => origins.add(new URL(socket.url()).origin.replace(/^ws/, 'http')));
  page.setDefaultTimeout(30_000);
  await page.goto(url);
  return { page, errors, origins };
}

/**
 * How many pixels of a chart's canvas are drawn in a colour close to this one (#rrggbb). What runs in the page is
 * text here: the tests are compiled for Node and know no DOM.
 */
export const inkOf = (page: Page, chart: number, colour: string): Promise<number> =>
  page.evaluate<number>(`(() => {
    const canvas = document.querySelectorAll('.plot canvas')[${chart}];
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const wanted = [1, 3, 5].map((i) => Number.parseInt('${colour}'.slice(i, i + 2), 16));
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] > 200 && wanted.every((w, c) => Math.abs(data[i + c] - w) < 24)) count++;
    return count;
  })()`);

const pictures = fileURLToPath(new URL('../../test-output/page/', import.meta.url));

/** The whole page as somebody sees it, for the eye: kept beside the other output of the tests. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true, animations: 'disabled' });
}
