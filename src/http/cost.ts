/** Every answer says what it cost. */

interface Cost {
  queries: number
  rowsRead: number
  rowsWritten: number
}

/** Adds `Server-Timing` and the row counts. The response's headers are ours to change. */
export function addCost(response: Response, { queries, rowsRead, rowsWritten }: Cost): Response {
  if (response.status === 101) return response
  response.headers.set(
    "Server-Timing",
    `d1;desc="${queries} queries, ${rowsRead} rows read, ${rowsWritten} rows written"`,
  )
  response.headers.set("X-Rows-Read", String(rowsRead))
  response.headers.set("X-Rows-Written", String(rowsWritten))
  return response
}
