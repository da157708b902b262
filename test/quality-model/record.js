// node test/quality-model/record.js: records the traces anew (root, Linux).
import { register } from 'node:module';

register('../bench/typescript-loader.js', import.meta.url);
const { recordTraces } = await import('./record-traces.ts');
await recordTraces();
