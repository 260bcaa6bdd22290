/** Time series: pandas frames by reference and symbol. */

export const ORIENTS = ["columns", "index", "split", "records", "values", "table"] as const
export type Orient = (typeof ORIENTS)[number]

export const DATE_FORMATS = ["iso", "epoch"] as const
export type DateFormat = (typeof DATE_FORMATS)[number]
