import { userInfo } from 'node:os';

/** The user as whom this process runs. A container may run as one without a name. */
export function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
