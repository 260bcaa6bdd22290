/** Numbers that stand for times: pandas' guess of their unit, done in whole numbers so that it is exact. Pure. */

/** A year of seconds: what is larger is taken for a time, as pandas does. */
export const EPOCH_MIN = 31_536_000

export type EpochUnit = "s" | "ms" | "us" | "ns"

// The last number of each unit that fits the 64-bit nanoseconds of pandas.
const LAST: readonly (readonly [EpochUnit, bigint])[] = [
  ["s", 9_223_372_036n],
  ["ms", 9_223_372_036_854n],
  ["us", 9_223_372_036_854_775n],
  ["ns", 9_223_372_036_854_775_807n],
]

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/

/** True for the text of a decimal number without exponent. */
export function isDecimal(text: string): boolean {
  return DECIMAL.test(text)
}

/** The unit in which the number farthest from 0 is first a time at all; null when it is in none. */
export function guessUnit(farthest: string): EpochUnit | null {
  const whole = BigInt(DECIMAL.exec(farthest)?.[2] ?? "0")
  return LAST.find(([, last]) => whole <= last)?.[0] ?? null
}

// Digits to the right of the decimal point that a unit has above a microsecond; ns has three below it.
const DIGITS: Record<EpochUnit, number> = { s: 6, ms: 3, us: 0, ns: -3 }

/**
 * Microseconds for a decimal text in a unit: the whole ones as bigint, and whether something finer was left over.
 * They may lie outside the range of stamps.
 */
export function epochMicroseconds(
  text: string,
  unit: EpochUnit,
): { whole: bigint; finer: boolean } {
  const [, sign, digits = "0", decimals = ""] = DECIMAL.exec(text) ?? []
  const cut = digits.length + DIGITS[unit]
  const all = (digits + decimals).padEnd(Math.max(cut, 0), "0")
  const whole = BigInt(all.slice(0, Math.max(cut, 0)) || "0")
  const finer = /[1-9]/.test(all.slice(Math.max(cut, 0)))
  return { whole: sign === "-" ? -whole : whole, finer }
}
