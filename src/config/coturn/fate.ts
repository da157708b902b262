/** What becomes of one line of a coturn configuration. No secret is ever part of it. */
export type Fate =
  | {
      readonly kind: 'taken over';
      /** The keys that say the same here, with their values. */
      readonly as: string;
      readonly warning?: string;
    }
  | {
      /** Nothing here corresponds, and nothing needs to. */
      readonly kind: 'no counterpart';
      readonly because: string;
      readonly warning?: string;
    }
  | {
      /** Leaving it out would silently change who gets in, what can be reached, or what works. */
      readonly kind: 'refused';
      readonly because: string;
    };

export function noCounterpart(because: string, warning?: string): Fate {
  return { kind: 'no counterpart', because, ...(warning === undefined ? {} : { warning }) };
}

export function refusedLine(because: string): Fate {
  return { kind: 'refused', because };
}

/** Adds something that the operator should know; a line that is refused says enough already. */
export function warn(fate: Fate, warning: string | undefined): Fate {
  if (warning === undefined || fate.kind === 'refused') return fate;
  return { ...fate, warning: fate.warning === undefined ? warning : `${fate.warning}; ${warning}` };
}
