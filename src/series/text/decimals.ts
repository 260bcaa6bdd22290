/** Rows of nothing but decimals, the commonest of all, as text. Pure. */
import { putScaled, SCALED_MAX } from "../../lib/decimals.ts"
import type { TextWriter } from "../../lib/textwriter.ts"
import { ABSENT, type Decimals } from "../decimal.ts"
import { putMark, type Mark } from "./mark.ts"

/** What stands around the values of a row. */
export interface Around {
  /** Before each value … */
  befores: readonly Mark[]
  /** … and behind the last. */
  behind: Mark
  /** Bytes that a row takes at most. */
  most: number
}

/**
 * Texts that were made before: prices go up and down among few values, and rows whose texts are known are written in
 * two thirds of the time. A text with the comma behind it is eight bytes, kept as the double of the same bits: it is
 * read and written in one step, and no engine changes its bits, for ASCII is never NaN. There is one place for all
 * wholes of a scale that end with the same bits, which the last of them has: 1.5 MB in all.
 */
const PLACE_BITS = 14
const PLACE_MASK = 2 ** PLACE_BITS - 1
const knownWholes = new Int32Array((SCALED_MAX + 1) << PLACE_BITS).fill(ABSENT)
const knownTexts = new Float64Array(knownWholes.length)
const knownLengths = new Uint8Array(knownWholes.length)
/** Without the comma. */
const KNOWN_MAX_LENGTH = 7
/** Every so many rows are looked at before a column's texts are kept. */
const SAMPLE_STEP = 64

const COMMA = 0x2c
const scratch = new DataView(new ArrayBuffer(32))

/**
 * Writes rows until there is no room; returns the first that is left. All that a value needs is in variables and lists
 * of numbers: a field is read again with every byte that is written.
 * @param decimals the columns, none with nulls and none of a scale beyond SCALED_MAX
 */
export function fillDecimals(
  out: TextWriter,
  { befores, behind, most }: Around,
  decimals: readonly Decimals[],
  from: number,
  to: number,
): number {
  const { view } = out
  const wholes = decimals.map((one) => one.wholes)
  const scales = Uint8Array.from(decimals, ({ scale }) => scale)
  const places = Int32Array.from(decimals, ({ scale }) => scale << PLACE_BITS)
  const areKept = Uint8Array.from(decimals, (one) => Number(isWorthKeeping(one, from, to)))
  const isList = isListed(befores, behind)
  const comma = isList ? 1 : 0
  const [{ word: opening, length: openingLength }] = befores as [Mark]
  const { word: closing, length: closingLength } = behind
  const room = Math.min(view.byteLength - most, out.pieceBytes)
  let length = out.length
  let row = from
  for (; row < to && length <= room; row++) {
    if (isList) {
      view.setInt32(length, opening, true)
      length += openingLength
    }
    for (let at = 0; at < wholes.length; at++) {
      if (!isList) length = putMark(view, length, befores[at] as Mark)
      const whole = (wholes[at] as Int32Array)[row] as number
      const place = (places[at] as number) | (whole & PLACE_MASK)
      if (
        knownWholes[place] === whole ||
        (areKept[at] === 1 && keepText(place, whole, scales[at] as number))
      ) {
        view.setFloat64(length, knownTexts[place] as number, true)
        length += (knownLengths[place] as number) + comma
      } else {
        length = putScaled(view, length, whole, scales[at] as number)
        view.setUint8(length, COMMA)
        length += comma
      }
    }
    if (isList) {
      view.setInt32(--length, closing, true)
      length += closingLength
    } else length = putMark(view, length, behind)
  }
  out.length = length
  return row
}

/** Whether there is one comma between values, and little around them: commas come with the texts then, one too many. */
function isListed(befores: readonly Mark[], behind: Mark): boolean {
  return [...befores, behind].every(
    ({ words, length, word }, at) =>
      words.length === 0 && (at === 0 || at === befores.length || (length === 1 && word === COMMA)),
  )
}

/** False for a text that is too long. */
function keepText(place: number, whole: number, scale: number): boolean {
  const length = putScaled(scratch, 0, whole, scale)
  if (length > KNOWN_MAX_LENGTH) return false
  // The comma, and zeros over whatever was left behind it.
  scratch.setUint32(length + 4, 0, true)
  scratch.setUint32(length, COMMA, true)
  knownWholes[place] = whole
  knownTexts[place] = scratch.getFloat64(0, true)
  knownLengths[place] = length
  return true
}

/** Whether the texts of a column are short, and few enough to be met again; some rows tell. */
function isWorthKeeping({ wholes, scale }: Decimals, from: number, to: number): boolean {
  let least = Infinity
  let most = -Infinity
  for (let row = from; row < to; row += SAMPLE_STEP) {
    const whole = wholes[row] as number
    if (whole < least) least = whole
    if (whole > most) most = whole
  }
  const longest = Math.max(putScaled(scratch, 0, least, scale), putScaled(scratch, 0, most, scale))
  return longest <= KNOWN_MAX_LENGTH && most - least <= PLACE_MASK
}
