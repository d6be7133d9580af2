import { defineConfig } from 'vitest/config';

/** Tests that ask other programs and measure nothing: they may run beside each other. */
const programs = [
  'bench-openflow',
  'docker',
  'fuzz',
  'guide',
  'ofp-parse',
  'openflow-tls',
  'osken',
  'tshark',
].map((name) => `test/system/${name}.test.ts`);

/** Tests that build networks or drive a browser: they take their time and must run alone. */
const system = ['test/testbed/**/*.test.ts', 'test/system/**/*.test.ts', 'test/dashboard/page.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...system, ...programs],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'programs',
          include: programs,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'system',
          include: system,
          exclude: programs,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
