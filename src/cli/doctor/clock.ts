import type { Finding } from './finding.ts';

/** 2024-01-01 in UTC. This program is younger, so a clock that says less is wrong. */
const youngestUnixSeconds = 1_704_067_200;

/**
 * Whether the clock can be right. Credentials carry the time at which they end.
 *
 * @param unixNow what it says, in seconds.
 */
export function clockFinding(unixNow: number): Finding {
  const text = `${new Date(unixNow * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const facts = { unixSeconds: Math.floor(unixNow) };
  if (unixNow >= youngestUnixSeconds) {
    return { about: 'clock', level: 'ok', code: 'clock', sentence: `The clock says ${text}.`, facts };
  }
  return {
    about: 'clock',
    level: 'problem',
    code: 'clock_wrong',
    sentence: `The clock says ${text}, which has long been over: credentials and certificates are judged by this clock, so those that have ended still count, and new ones do not yet.`,
    fix: 'Set it and keep it set: timedatectl set-ntp true',
    facts,
  };
}
