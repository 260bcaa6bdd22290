/** If-Match and If-None-Match as guards, so that they are checked inside the batch. */
import type { Conditions } from "../protocol/endpoint.ts"
import { Problem } from "../protocol/problem.ts"
import type { Condition } from "./sql.ts"
import { guard, type Guard, type Param } from "./statement.ts"

/**
 * The guards for conditions that must hold.
 * @param uri of the resource, where the conditions are the caller's
 */
export function conditionGuards(
  conditions: Conditions,
  current: string,
  params: Param[],
  uri?: string,
): Guard[] {
  return conditionsHeld(conditions, current, params).map(({ sql, params: own }) =>
    guard(sql, own, uri === undefined ? undefined : () => otherwise(uri)),
  )
}

/**
 * The conditions in SQL, for a resource whose stored revision is `current`, a scalar SQL expression that is NULL when there is
 * none. Its parameters are `?` in order.
 */
export function conditionsHeld(
  { ifMatch, ifNoneMatch }: Conditions,
  current: string,
  params: Param[],
): Condition[] {
  const held: Condition[] = []
  if (ifMatch === "*") held.push({ sql: `(${current}) IS NOT NULL`, params })
  else if (ifMatch) {
    held.push({ sql: `(${current}) IN (${ifMatch.map(Number).join()})`, params })
  }
  if (ifNoneMatch === "*") held.push({ sql: `(${current}) IS NULL`, params })
  else if (ifNoneMatch) {
    const list = ifNoneMatch.map(Number).join()
    held.push({
      sql: `(${current}) IS NULL OR (${current}) NOT IN (${list})`,
      params: [...params, ...params],
    })
  }
  return held
}

/** After a guard failed: the problem if these conditions do not hold for `current`, else null. */
export function explainConditions(
  uri: string,
  { ifMatch, ifNoneMatch }: Conditions,
  current: number | undefined,
): Problem | null {
  const names = (tags: "*" | number[] | undefined) =>
    current !== undefined && (tags === "*" || tags?.includes(current) === true)
  if ((!ifMatch || names(ifMatch)) && !names(ifNoneMatch)) return null
  const found = current === undefined ? "does not exist" : `is at revision ${current}`
  return unmet(uri, found)
}

/** What an unmet condition means where nothing more is known. */
export function otherwise(uri: string): Problem {
  return unmet(uri, "is in another state")
}

function unmet(uri: string, found: string): Problem {
  return new Problem("precondition_failed", `The condition does not hold: "${uri}" ${found}`, {
    instance: uri,
  })
}
