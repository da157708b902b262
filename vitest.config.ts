import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/runner/summary-reporter.ts';

/** They fill the machine with load, which would cost others packets, or tell by lost packets whether a server keeps up. */
const alone = ['test/interop/{bench,fairness,soak}.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    // Starting a daemon or a peer takes a while on a busy machine.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone],
          // Tests with daemons wait for most of their time: on two cores too, two at once take little more than half of it.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
