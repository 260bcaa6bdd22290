/** The handler of batches of keys. */
import type { Handlers } from "../../protocol/endpoint.ts"
import type { keyBatchEndpoints } from "../../protocol/keys-batch.ts"
import { readOperations } from "./operations.ts"
import type { KeyBatches, Outcome } from "./runner.ts"

interface Services {
  keyBatches: KeyBatches
  /** Epoch milliseconds. */
  now: () => number
}

export const keyBatchHandlers: Handlers<typeof keyBatchEndpoints, Services> = {
  "keys.batch": async ({ body: { operations } }, { keyBatches, now }) => {
    const outcomes = await keyBatches.run(readOperations(operations, now()))
    const written = outcomes.flatMap(({ operation, revision }) =>
      operation.kind === "get" || revision === null ? [] : [revision],
    )
    const last = written.length > 0 ? { revision: Math.max(...written) } : {}
    return { body: { ...last, results: outcomes.map(resultOf) }, ...last }
  },
}

function resultOf({ operation, isFound, revision, value, expiresAt }: Outcome) {
  return {
    op: operation.kind,
    name: operation.name,
    found: isFound,
    ...(revision === null ? {} : { revision }),
    ...(value === null ? {} : { value }),
    ...(expiresAt === null ? {} : { expires_at: new Date(expiresAt).toISOString() }),
  }
}
