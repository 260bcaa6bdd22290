/** The forms in which frames travel. Pure data. */

export const ORIENTS = ["columns", "index", "split", "records", "values", "table"] as const
export type Orient = (typeof ORIENTS)[number]

export const DATE_FORMATS = ["iso", "epoch"] as const
export type DateFormat = (typeof DATE_FORMATS)[number]

export const FORMATS = ["json", "csv", "ndjson"] as const
export type Format = (typeof FORMATS)[number]

export const ORDERS = ["asc", "desc"] as const
