/** What the tests of orients share: frames, and what is wrong with a text. */
import { Problem } from "../../src/protocol/problem.ts"
import type { Orient } from "../../src/protocol/orients.ts"
import { unitOf, type Column, type Frame, type IndexKind } from "../../src/series/frame.ts"
import { readFrame } from "../../src/series/orient.ts"

/** 2015, in microseconds. */
export const NEW_YEAR = 1_420_070_400_000_000
export const DAY = 86_400_000_000

export function frame(index: number[], kind: IndexKind, ...columns: Column[]): Frame {
  const stamps = Float64Array.from(index)
  return { index: stamps, kind, unit: unitOf(stamps, kind), columns }
}

export function problem(
  orient: Orient,
  text: string,
): { code: string; detail: string; place: string | undefined } {
  try {
    readFrame(text, orient)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return {
      code: error.code,
      detail: error.message,
      place: Object.keys(error.details.errors ?? {})[0],
    }
  }
  throw new Error(`Nothing was thrown for ${text}`)
}
