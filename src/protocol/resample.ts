/** The words of a resampled or downsampled read. */

export const AGGREGATIONS = [
  "mean",
  "min",
  "max",
  "sum",
  "count",
  "first",
  "last",
  "median",
  "std",
  "ohlc",
] as const
export type Aggregation = (typeof AGGREGATIONS)[number]

/** Which end of a bucket belongs to it (`closed`), and which end names it (`label`). */
export const BUCKET_SIDES = ["left", "right"] as const
export type BucketSide = (typeof BUCKET_SIDES)[number]

/** Units of `every`, the longest last. */
export const EVERY_UNITS = ["ms", "s", "m", "h", "d", "w", "mo", "y"] as const
export type EveryUnit = (typeof EVERY_UNITS)[number]

export const DOWNSAMPLES = ["lttb", "minmax", "m4"] as const
export type Downsample = (typeof DOWNSAMPLES)[number]
