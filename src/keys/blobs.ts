/**
 * Values too large for a row of D1: entries of Workers KV under names of their own, written once and never changed. Each
 * is written down before it is made, and what its key does not name any more is swept; so nobody else has to remove one.
 *
 * So such a value is two writes of Workers KV, the second that of the key's own entry, which leads there. One would not
 * do: written before the commit it would be shown, and the old value gone, although a condition may refuse it; written
 * after the commit it would be lost when Workers KV fails, because nothing else can hold it.
 */
import { fromBase64 } from "../lib/base64.ts"
import { joined } from "../lib/bytes.ts"
import type { Database } from "../feed/database.ts"
import type { Committer } from "../feed/feed.ts"
import {
  BLOB_KEEP_MILLISECONDS,
  BLOB_SWEEP_COUNT,
  KEY_BODY_MAX_BYTES,
  KEY_VALUE_MAX_BYTES,
} from "../protocol/limits.ts"
import { Problem } from "../protocol/problem.ts"
import * as sql from "./blobs-sql.ts"
import { busy, persist } from "./persist.ts"
import { kindOf, valueOfBytes, type Value } from "./value.ts"

type Bytes = ReadableStream<Uint8Array>
/** Text, or bytes as they come. */
export type Content = string | Uint8Array | Bytes

export interface BlobsOptions {
  /** Epoch milliseconds. */
  now: () => number
  newId: () => string
}

export class Blobs {
  readonly #db: Database
  readonly #committer: Committer
  readonly #kv: KVNamespace
  readonly #options: BlobsOptions

  constructor(db: Database, committer: Committer, kv: KVNamespace, options: BlobsOptions) {
    this.#db = db
    this.#committer = committer
    this.#kv = kv
    this.#options = options
  }

  /**
   * The value of a body that is to be a key's: held in memory where it is short, else sent on to Workers KV as it comes.
   * @param type as `readType` answers it
   * Throws Problem: too_large, invalid_json, invalid_request, unprocessable, overloaded, and what the stream throws.
   */
  async take(key: string, stream: ReadableStream<Uint8Array>, type: string): Promise<Value> {
    const reader = stream.getReader()
    const head: Uint8Array[] = []
    for (let size = 0; size <= KEY_VALUE_MAX_BYTES;) {
      const { done, value } = await reader.read()
      if (done) return valueOfBytes(joined(head, size), type)
      head.push(value)
      size += value.byteLength
    }
    return this.#store(key, head, reader, type)
  }

  /** What a key holds, as it is sent; null when it is in a blob that is gone. Throws Problem overloaded. */
  async contentOf(value: Value): Promise<Content | null> {
    const { text, blob } = value
    if (blob !== null)
      return persist(async () => (await this.#kv.get(blob, "stream")) as Bytes | null)
    return kindOf(value) === "bytes" ? fromBase64(text ?? "") : text
  }

  /** Removes blobs that no key names, as many as one run may. Throws Problem overloaded. */
  async sweep(): Promise<void> {
    const before = this.#options.now() - BLOB_KEEP_MILLISECONDS
    // Doomed first: from then on no write can name them, so that what is removed is missed by nobody.
    await this.#committer.commit({ drafts: [], writes: [sql.doom(before, BLOB_SWEEP_COUNT)] })
    const doomed = await this.#db.all<{ name: string }>(sql.doomed(BLOB_SWEEP_COUNT))
    if (doomed.length === 0) return
    const names = doomed.map(({ name }) => name)
    await Promise.all(names.map((name) => persist(() => this.#kv.delete(name))))
    await this.#committer.commit({ drafts: [], writes: [sql.forget(names)] })
  }

  async #store(key: string, head: Uint8Array[], rest: Reader, type: string): Promise<Value> {
    const { now, newId } = this.#options
    const blob = `blob:${newId()}${newId()}`
    await this.#committer.commit({ drafts: [], writes: [sql.note(blob, key, now())] })
    // The runtime's own stream: one of ours that fails in a call to Workers KV is told as uncaught.
    const { readable, writable } = new IdentityTransformStream()
    const writer = writable.getWriter()
    writer.closed.catch(() => {})
    const failed: string[] = []
    // Not tried again: what has been sent of the stream is gone.
    const stored = this.#kv.put(blob, readable, { metadata: {} }).catch((error: unknown) => {
      failed.push(String(error))
      // Or who sends would wait for a reader.
      return writer.abort(error).catch(() => {})
    })
    const sent = await send(head, rest, writer)
    await stored
    if (sent instanceof Problem && sent.code !== "overloaded") throw sent
    if (typeof sent === "number" && failed.length === 0)
      return { type, size: sent, text: null, blob }
    console.error({ event: "kv_failed", message: failed[0] ?? "The stream broke off" })
    throw sent instanceof Problem ? sent : untaken()
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** Sends what was read already and what comes; answers how many bytes, or what is wrong with them. */
async function send(
  head: Uint8Array[],
  rest: Reader,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<number | Problem> {
  let size = 0
  try {
    for (;;) {
      const first = head.shift()
      const value = first ?? (await rest.read()).value
      if (!value) break
      size += value.byteLength
      if (size > KEY_BODY_MAX_BYTES) throw tooLarge()
      await writer.write(value)
    }
    await writer.close()
    return size
  } catch (error) {
    await writer.abort(error).catch(() => {})
    await rest.cancel(error).catch(() => {})
    return error instanceof Problem ? error : untaken()
  }
}

function untaken(): Problem {
  return busy("Workers KV did not take the value, send it again")
}

function tooLarge(): Problem {
  const detail = `A value must be at most ${KEY_BODY_MAX_BYTES} bytes, this one has more`
  return new Problem("too_large", detail, { limit: KEY_BODY_MAX_BYTES })
}
