/** Figures for Prometheus. */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"

export const metricEndpoints = {
  "metrics.get": {
    method: "GET",
    path: "/metrics",
    verb: "call",
    tag: "meta",
    summary: "Figures for Prometheus",
    replies: {
      200: {
        description: "Text format 0.0.4",
        schema: z.string(),
        type: "text/plain",
      },
    },
  },
} as const satisfies Record<string, Endpoint>
