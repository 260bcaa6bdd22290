/** SQL as data, so that stores can make statements where there is no database. Pure. */

export type Param = string | number | null

/** SQL with its parameters: `?1` numbered, or `?` in order; never mixed in one statement. */
export interface Statement {
  sql: string
  params: Param[]
}

/**
 * A statement that fails its batch unless the condition holds: NULL does not, which is what a comparison with nothing
 * gives. The condition's parameters are `?` in order.
 */
export function guard(condition: string, params: Param[] = []): Statement {
  return { sql: `SELECT json('guard') WHERE (${condition}) IS NOT TRUE`, params }
}
