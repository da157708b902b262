import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/runner/summary-reporter.ts';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', new SummaryReporter()],
    // Starting a daemon or a peer takes a while on a busy machine.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
