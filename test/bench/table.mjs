/** What `npm run bench:live` finds, line by line. */

export const table = []

/** A line of the table; `holds` null where there is nothing to hold. */
export function line(figure, wanted, measured, holds) {
  table.push([figure, wanted, measured, holds === null ? "" : holds ? "yes" : "**no**"])
  console.log(`${holds === false ? "MISSED " : ""}${figure}: ${measured} (${wanted})`)
}

export const ms = (number) => `${number.toFixed(1)} ms`
export const times = (ratio) => `${ratio.toFixed(2)}×`
export const count = (number) => number.toLocaleString("en")
