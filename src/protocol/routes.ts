/**
 * Endpoint name → method and path, as plain data that imports nothing: all that a client needs to carry of the
 * table. test/pure/client.test.ts holds the two equal.
 */
export const routes = {
  "series.references": ["GET", "/api/store/"],
  "series.list": ["GET", "/api/store/:reference/"],
  "series.retain": ["PATCH", "/api/store/:reference/"],
  "series.create": ["POST", "/api/store/:reference/"],
  "series.get": ["GET", "/api/store/:reference/:symbol"],
  "series.put": ["PUT", "/api/store/:reference/:symbol"],
  "series.post": ["POST", "/api/store/:reference/:symbol"],
  "series.patch": ["PATCH", "/api/store/:reference/:symbol"],
  "series.delete": ["DELETE", "/api/store/:reference/:symbol"],
  "documents.list": ["GET", "/api/apps/"],
  "documents.create": ["POST", "/api/apps/"],
  "documents.get": ["GET", "/api/apps/:name"],
  "documents.put": ["PUT", "/api/apps/:name"],
  "documents.patch": ["PATCH", "/api/apps/:name"],
  "documents.delete": ["DELETE", "/api/apps/:name"],
  "keys.list": ["GET", "/keys/"],
  "keys.put": ["PUT", "/keys/"],
  "keys.clear": ["DELETE", "/keys/"],
  "keys.create": ["POST", "/keys/"],
  "keys.get": ["GET", "/keys/:id"],
  "keys.patch": ["PATCH", "/keys/:id"],
  "keys.delete": ["DELETE", "/keys/:id"],
  "compute.method": ["POST", "/method/"],
  "compute.sum": ["POST", "/sum"],
  "live.connect": ["GET", "/live"],
  "metrics.get": ["GET", "/metrics"],
  "meta.openapi": ["GET", "/api/openapi.json"],
  "meta.schema": ["GET", "/api/schema"],
} as const
