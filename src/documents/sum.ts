/** What `inc` adds up. Pure. */

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** True for digits alone: `1.0` and `1e2` are doubles. */
export function isInteger(number: string): boolean {
  return /^-?\d+$/.test(number)
}

/**
 * The sum of two JSON numbers: of integers exact within int64, of others as doubles add them; null beyond.
 */
export function sumOf(one: string, other: string): string | null {
  if (!isInteger(one) || !isInteger(other)) {
    const sum = Number(one) + Number(other)
    return Number.isFinite(sum) ? String(sum) : null
  }
  const sum = BigInt(one) + BigInt(other)
  return sum >= INT64_MIN && sum <= INT64_MAX ? String(sum) : null
}
