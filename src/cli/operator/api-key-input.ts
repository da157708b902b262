import { firstLine } from '../check-credentials.ts';
import type { CommandContext } from '../command-context.ts';
import { wrongUsage } from '../command-failure.ts';

/** An API key, and where it was found, for messages. */
export interface GivenApiKey {
  readonly key: string;
  readonly where: string;
}

/** Reads the API key from `--key-file` (`-` is stdin), else from TACITURN_API_KEY. */
export async function apiKey(keyFile: string | undefined, context: CommandContext): Promise<GivenApiKey> {
  const { TACITURN_API_KEY } = context.environment;
  if (keyFile !== undefined) {
    const where = keyFile === '-' ? 'stdin' : keyFile;
    return { key: wellFormed(await firstLine('--key-file', keyFile, context), where), where };
  }
  if (TACITURN_API_KEY) return { key: wellFormed(TACITURN_API_KEY, 'TACITURN_API_KEY'), where: 'TACITURN_API_KEY' };
  throw wrongUsage(
    'An API key is needed: give --key-file FILE (or - for stdin), or set TACITURN_API_KEY. The server showed one at its first start; another one makes: taciturn keys create --name operator --scope read --scope admin',
  );
}

/** What is no key at all is not sent anywhere: it may be another secret. */
function wellFormed(text: string, where: string): string {
  const key = text.trim();
  if (/^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,256}$/.test(key)) return key;
  throw wrongUsage(`What is in ${where} is no API key; a key is an id and a secret with a dot between them.`);
}
