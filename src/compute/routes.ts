/** The handlers of compute. */
import type { computeEndpoints } from "../protocol/compute.ts"
import type { Handlers } from "../protocol/endpoint.ts"
import { sum } from "./sum.ts"

export const computeHandlers: Handlers<typeof computeEndpoints, unknown> = {
  "compute.method": ({ body }) => ({ body: sum(body) }),
  "compute.sum": ({ body }) => ({ body: sum(body) }),
}
