import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with one plain line, and fails it in CI when a test was skipped: there, nothing may be. */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state]++;
        if (state === 'skipped') skipped.push(test.fullName);
      }
    }
    const notRun = count.skipped + count.pending;
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${notRun} skipped\n`);
    if (process.env.CI === 'true' && notRun > 0) {
      process.stdout.write(`In CI nothing may be skipped:\n${skipped.map((name) => `  ${name}\n`).join('')}`);
      process.exitCode = 1;
    }
  }
}
