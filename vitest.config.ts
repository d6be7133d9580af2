import { defineConfig } from 'vitest/config';

/** Tests that build networks or drive a browser: they take their time and must run alone. */
const system = ['test/testbed/**/*.test.ts', 'test/system/**/*.test.ts', 'test/dashboard/page.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: system,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: system,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
