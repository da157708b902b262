/** What was looked at. */
export type Subject =
  | 'server'
  | 'listener'
  | 'http-service'
  | 'data-plane'
  | 'certificate'
  | 'external-address'
  | 'relay'
  | 'store'
  | 'data-directory'
  | 'audit-log'
  | 'webhooks'
  | 'admission'
  | 'limits'
  | 'clock';

export type Level = 'ok' | 'warning' | 'problem' | 'not-tested';

/** One thing that was found, in a sentence, and what to do about it. */
export interface Finding {
  readonly about: Subject;
  readonly level: Level;
  /** For scripts; it does not change. */
  readonly code: string;
  readonly sentence: string;
  /** What to do; with `not-tested`, how to have it tested. */
  readonly fix?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

export interface DoctorReport {
  /** True when no finding is a problem. */
  readonly healthy: boolean;
  /** The configuration file, when there is one. */
  readonly configuration: string | null;
  readonly findings: readonly Finding[];
}

/** Makes findings about one subject. */
export function findingsAbout(about: Subject) {
  return (
    level: Level,
    code: string,
    sentence: string,
    fix?: string,
    facts?: Readonly<Record<string, unknown>>,
  ): Finding => ({ about, level, code, sentence, ...(fix !== undefined && { fix }), ...(facts && { facts }) });
}
