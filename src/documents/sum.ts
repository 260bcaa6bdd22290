/** What `inc` adds up. Pure. */
import { scaledOf, shortest } from "../lib/scaled.ts"

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** True for digits alone: `1.0` and `1e2` are doubles. */
export function isInteger(number: string): boolean {
  return /^-?\d+$/.test(number)
}

/**
 * The sum of two JSON numbers: of integers exact within int64, of decimals exact while their digits are an int64, of
 * others as doubles add them; null beyond.
 */
export function sumOf(one: string, other: string): string | null {
  if (isInteger(one) && isInteger(other)) {
    const sum = BigInt(one) + BigInt(other)
    return sum >= INT64_MIN && sum <= INT64_MAX ? String(sum) : null
  }
  const sum = Number(one) + Number(other)
  return decimalSum(one, other) ?? (Number.isFinite(sum) ? String(sum) : null)
}

/** Digit by digit; null where one of them has an exponent, or more digits than an int64. */
function decimalSum(one: string, other: string): string | null {
  const [first, second] = [scaledOf(one), scaledOf(other)]
  if (!first || !second) return null
  const scale = Math.max(first.scale, second.scale)
  const whole = (number: typeof first) =>
    BigInt(number.digits) * 10n ** BigInt(scale - number.scale)
  const sum = whole(first) + whole(second)
  if (sum < INT64_MIN || sum > INT64_MAX) return null
  const digits = String(sum < 0n ? -sum : sum).padStart(scale + 1, "0")
  const places = scale > 0 ? `.${digits.slice(-scale)}` : ""
  return shortest(`${sum < 0n ? "-" : ""}${digits.slice(0, digits.length - scale)}${places}`)
}
