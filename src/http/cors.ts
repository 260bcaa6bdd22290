/** Any page may talk to the service; tokens travel in headers, never in cookies. */

const EXPOSED =
  "ETag, Link, Location, Allow, Retry-After, Server-Timing, X-Rows-Read, X-Rows-Written, " +
  "X-Downsampled, X-Removed, X-Expires-At, X-Total-Count, X-Consistency, X-Expiring, Retention, Last-Event-ID"

/** Adds the CORS headers and keeps the status. A 101 is left alone: copying it would lose its socket. */
export function allowOrigin(response: Response): Response {
  if (response.status === 101) return response
  const headers = new Headers(response.headers)
  headers.set("Access-Control-Allow-Origin", "*")
  headers.set("Access-Control-Expose-Headers", EXPOSED)
  return new Response(response.body, { status: response.status, headers })
}

/** The answer to OPTIONS: which methods there are, and that any header may be sent. */
export function preflight(request: Request, methods: string[]): Response {
  const allow = methods.join(", ")
  const headers = new Headers({
    Allow: allow,
    "Access-Control-Allow-Methods": allow,
    "Access-Control-Allow-Headers":
      request.headers.get("Access-Control-Request-Headers") ??
      "Content-Type, If-Match, If-None-Match",
    "Access-Control-Max-Age": "86400",
  })
  return new Response(null, { status: 204, headers })
}
