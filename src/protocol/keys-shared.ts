/** What the lines of the keys have in common. */
import * as z from "zod"
import { EXPIRE_MAX_SECONDS } from "./limits.ts"
import { JsonObject, Name } from "./shared.ts"

export const KeyName = Name.meta({ description: "The key", example: "theme" })

export const keyPath = "/keys/:id"
export const keyParams = z.object({ id: KeyName })

export const noBatch =
  "Keys cannot: Workers KV, which holds their values, has no part in a transaction"

/** `{name: value}`. Never copied by zod, because a copy loses a key called `__proto__`. */
export const Key = JsonObject.meta({
  id: "Key",
  description:
    "The key and its value: text as a string, JSON as itself, and of bytes `type`, `size` and `url`",
  additionalProperties: true,
  example: { theme: "dark" },
})

export const Flag = z
  .enum(["1", "0", "true", "false"])
  .transform((word) => word === "1" || word === "true")

export const Previous = z.literal("previous").meta({
  description: "Answer what was there before in place of what is answered else; null for nothing",
})

/** Of JSON bodies, where seconds are a number. */
export const Seconds = z
  .int()
  .min(1)
  .max(EXPIRE_MAX_SECONDS)
  .meta({ description: "Whole seconds until the key is gone", example: 60 })
export const Duration = z
  .string()
  .regex(/^\d.*[a-z]$/)
  .meta({ description: "A duration", example: "5m" })
/** In a body: a value of any kind. The store reads these members. */
export const GivenValue = {
  value: z.unknown().optional().meta({
    description: "The value: a string is text, anything else JSON",
    example: "dark",
  }),
  base64: z.string().optional().meta({ description: "In place of `value`: bytes, in base64" }),
  type: z.string().optional().meta({
    description:
      "The media type, where it is not text/plain, application/json or, of bytes, application/octet-stream",
    example: "application/octet-stream",
  }),
}

export const Moment = z.union([z.string(), z.number()]).meta({
  description: "The moment it is gone, RFC 3339 with its zone or epoch seconds",
  example: "2050-01-01T00:00:00Z",
})

const ACTION = "`uri`, and a merge patch of a document in `patch` or a point of a series in `row`"

/** In a query, as JSON text. */
export const OnExpireText = z.string().meta({
  description: `What to do when the key expires by itself, as JSON: ${ACTION}`,
  example: '{"uri":"/api/apps/pump","patch":{"data":{"online":false}}}',
})

/** In a body. The store reads its members. */
export const OnExpire = JsonObject.meta({
  id: "OnExpire",
  description: `What to do when the key expires by itself, once and in one commit with it: ${ACTION}. A document or series that is not there is made; the stamp of the row is the moment of expiry. What cannot be done is told in the key's delete`,
  properties: {
    uri: { type: "string" },
    patch: { type: "object" },
    row: { type: "object" },
  },
  required: ["uri"],
  example: { uri: "/api/store/status/pump", row: { online: false } },
})

const WARN =
  "So long before the key expires, those who watch it are sent an `expiring` event, once; seconds or a duration, less than the expiry beside it; of one that the key has, and that is nearer than that, they are sent it at once. It goes with the expiry: a write that clears that or is given another clears it, too, unless it says it anew"

/** The same in a body. */
export const Warn = z.union([Seconds, Duration]).meta({ description: WARN, example: 10 })

/** Which times there are the handlers say, because they know the time. */
export const When = z.object({
  expire_in: z
    .string()
    .optional()
    .meta({
      description: `Whole seconds, at most ${EXPIRE_MAX_SECONDS}, or a duration such as \`5m\` or \`1h30m\`, until the key is gone`,
      example: "5m",
    }),
  expire_at: z.string().optional().meta({
    description: "The moment it is gone, RFC 3339 with its zone or epoch seconds",
    example: "2050-01-01T00:00:00Z",
  }),
  keep_ttl: Flag.optional().meta({
    description: "Keep the expiry that the key has; else none is kept",
  }),
  warn: z.string().optional().meta({ description: WARN, example: "10" }),
})
