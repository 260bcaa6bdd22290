/** The endpoint table as an OpenAPI 3.1 document. */
import type { Endpoint } from "../protocol/endpoint.ts"

/** Builds the document. Costs a few milliseconds; keep what it answers. */
export function openapiOf(endpoints: readonly Endpoint[]): Record<string, unknown> {
  return { openapi: "3.1.0", paths: endpoints.map(({ path }) => path) }
}
