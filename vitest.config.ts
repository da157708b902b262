import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/runner/summary-reporter.ts';

/** Nothing but code: no other program, no state of the process. They share processes, which saves a start for each file. */
const units = ['src/**/*.test.ts', 'test/{architecture,nat-model,quality-model,virtual-network}/**/*.test.ts'];

/** They fill the machine with load, which would cost others packets, or tell by lost packets whether a server keeps up. */
const alone = ['test/interop/{bench,fairness,soak}.test.ts', 'test/quality-lab/quality-lab.test.ts'];

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
          name: 'units',
          include: units,
          isolate: false,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...units, ...alone],
          // Tests with daemons wait for most of their time, so more of them than there are cores keep a small machine busy.
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});
