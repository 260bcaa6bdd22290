/** Tokens of a deployment: two secrets, compared in constant time. */
import type { Scope } from "./scope.ts"

/** Both are secrets (`wrangler secret put WRITE_TOKEN`). */
export interface TokenEnv {
  /** Who has it may write and read. Unset: everybody may, as on a developer's machine. */
  WRITE_TOKEN?: string
  /** Who has it may read. Unset while WRITE_TOKEN is set: everybody may read. */
  READ_TOKEN?: string
}

/**
 * The caller's scope. The token travels as `Authorization: Bearer`; on GET also as `?token=`, because a browser
 * cannot give a WebSocket headers. A wrong token is no token.
 */
export async function scopeOf(request: Request, env: TokenEnv): Promise<Scope> {
  if (!env.WRITE_TOKEN) return "write"
  const token = tokenOf(request)
  if (token === null) return env.READ_TOKEN ? "none" : "read"
  if (await same(token, env.WRITE_TOKEN)) return "write"
  return env.READ_TOKEN && (await same(token, env.READ_TOKEN)) ? "read" : "none"
}

function tokenOf(request: Request): string | null {
  const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.get("Authorization") ?? "")
  if (bearer) return bearer[1] ?? null
  return request.method === "GET" ? new URL(request.url).searchParams.get("token") : null
}

/** Compared as digests: equal lengths, and a time that says nothing of where they differ. */
async function same(one: string, other: string): Promise<boolean> {
  const encoder = new TextEncoder()
  const [a, b] = await Promise.all(
    [one, other].map((text) => crypto.subtle.digest("SHA-256", encoder.encode(text))),
  )
  return crypto.subtle.timingSafeEqual(a as ArrayBuffer, b as ArrayBuffer)
}
