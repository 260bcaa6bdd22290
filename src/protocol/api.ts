/** The endpoint table: every endpoint of the service, once. */
import { computeEndpoints } from "./compute.ts"
import { documentEndpoints } from "./documents.ts"
import { keyEndpoints } from "./keys.ts"
import { liveEndpoints } from "./live.ts"
import { metaEndpoints } from "./meta.ts"

export const api = {
  ...documentEndpoints,
  ...keyEndpoints,
  ...computeEndpoints,
  ...liveEndpoints,
  ...metaEndpoints,
}

export type Api = typeof api
export type Name = keyof Api
