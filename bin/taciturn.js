#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(entry)) {
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { main } = await import(entry.href);
  process.exitCode = await main(process.argv.slice(2), process.env, process);
} else {
  process.stderr.write('error: taciturn is not built yet. Run: npm run build\n');
  process.exitCode = 1;
}
