/** The handler of batches of keys. */
import type { Tree } from "../../lib/tree.ts"
import type { Handlers } from "../../protocol/endpoint.ts"
import type { keyBatchEndpoints } from "../../protocol/keys-batch.ts"
import { jsonStart, toJson } from "../entry.ts"
import { readOperations } from "./operations.ts"
import type { KeyBatches, Outcome } from "./runner.ts"

interface Services {
  keyBatches: KeyBatches
  /** Epoch milliseconds. */
  now: () => number
}

export const keyBatchHandlers: Handlers<typeof keyBatchEndpoints, Services> = {
  "keys.batch": async ({ body: { value, tree } }, { keyBatches, now }) => {
    const trees = (tree as Map<string, Tree[]>).get("operations") ?? []
    const outcomes = await keyBatches.run(readOperations(value.operations, trees, now()))
    const written = outcomes.flatMap(({ operation, revision }) =>
      operation.kind === "get" || revision === null ? [] : [revision],
    )
    const last: { revision?: number } = written.length > 0 ? { revision: Math.max(...written) } : {}
    const members = last.revision === undefined ? "" : `"revision":${last.revision},`
    return { json: `{${members}"results":[${outcomes.map(resultOf).join()}]}`, ...last }
  },
}

/** JSON text, because JSON that was got stays as it was written. */
function resultOf({ operation, isFound, revision, value, expiresAt }: Outcome): string {
  const { kind, name } = operation
  const members = {
    op: kind,
    name,
    found: isFound,
    ...(revision === null ? {} : { revision }),
    ...(expiresAt === null ? {} : { expires_at: expiresAt }),
  }
  const got =
    value === null ? "" : `,"value":${toJson(name, value).slice(jsonStart(name).length, -1)}`
  return `${JSON.stringify(members).slice(0, -1)}${got}}`
}
