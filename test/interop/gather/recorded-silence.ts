import type { GatheredBy } from './stacks.ts';

/**
 * What Chromium 156 reports of a STUN and of a TURN server that say nothing over UDP, 39.75 s after it first asked them. A test run
 * with PATIENT_BROWSER=1 waits for it and compares.
 */
export function recordedSilence(server: string): GatheredBy['errors'] {
  return [
    { url: `stun:${server}:3478`, errorCode: 701, errorText: 'STUN binding request timed out.' },
    { url: `turn:${server}:3478?transport=udp`, errorCode: 701, errorText: 'TURN allocate request timed out.' },
  ];
}
