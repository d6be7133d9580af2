import { defineConfig } from 'vitest/config';

/** Tests that start programs and judge neither time nor a network that others use: they may run beside each other. */
const programs = [
  'test/dashboard/page',
  'test/system/docker',
  'test/system/documents',
  'test/system/fuzz',
  'test/system/guide',
  'test/system/kill-points',
  'test/system/learning-switch',
  'test/system/mininet',
  'test/system/ofp-parse',
  'test/system/openflow-tls',
  'test/system/osken',
  'test/system/page-journey',
  'test/system/tshark',
  'test/testbed/command',
  'test/testbed/testbed-lock',
].map((name) => `${name}.test.ts`);

/** Tests that build networks: they take their time and must run alone. */
const system = ['test/testbed/**/*.test.ts', 'test/system/**/*.test.ts'];

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
