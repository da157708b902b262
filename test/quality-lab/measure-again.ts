/**
 * Measures, and once more if the figures are not right: a machine that is busy with other things can hold up everything for longer
 * than a measurement bears. Why is printed.
 *
 * @param wrong says what is wrong with a measurement, or nothing.
 * @returns the last measurement.
 */
export async function measuredAgainIfWrong<T>(
  measure: () => Promise<T>,
  wrong: (measured: T) => string | undefined,
): Promise<T> {
  const first = await measure();
  const reason = wrong(first);
  if (reason === undefined) return first;
  process.stderr.write(`measured once more: ${reason}\n`);
  return measure();
}
