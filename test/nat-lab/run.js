// npm run nat-lab
import { register } from 'node:module';

register('../bench/typescript-loader.js', import.meta.url);
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
