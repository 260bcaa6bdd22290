/** The service about itself. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"

const openapi = {
  method: "GET",
  verb: "call",
  tag: "meta",
  open: true,
  summary: "This API as an OpenAPI 3.1 document",
  replies: { 200: { description: "The document", schema: z.looseObject({ openapi: z.string() }) } },
} as const

export const metaEndpoints = {
  "meta.openapi": { ...openapi, path: "/api/openapi.json" },
  "meta.schema": { ...openapi, path: "/api/schema" },
} as const satisfies Record<string, Endpoint>
