/** Server-sent events as EventSource hears them. Nothing here sleeps: whoever wants to know waits for an event. */
import { exports } from "cloudflare:workers"

export interface Heard {
  event: string
  data: any
  /** What `Last-Event-ID` would say after it. */
  id: string
}

export class Events {
  readonly response: Response
  /** The last id seen, also of what dispatched nothing. */
  id = ""
  retry: number | undefined
  /** What is said to people. */
  readonly comments: string[] = []
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  #text = ""

  constructor(response: Response) {
    this.response = response
    this.#reader = response.body!.getReader()
  }

  /** The next event; null at the end. */
  async hear(): Promise<Heard | null> {
    for (;;) {
      const block = await this.#block()
      if (block === null) return null
      if (block.startsWith(": ")) this.comments.push(block.slice(2))
      const fields = block.split("\n").map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) ?? [])
      const of = (name: string) => fields.filter(([each]) => each === name).map(([, text]) => text!)
      this.id = of("id").at(-1) ?? this.id
      if (of("retry")[0]) this.retry = Number(of("retry")[0])
      const data = of("data")
      if (data.length === 0) continue
      return {
        event: of("event")[0] ?? "message",
        data: JSON.parse(data.join("\n")),
        id: this.id,
      }
    }
  }

  async hearAll(count: number): Promise<Heard[]> {
    const heard: Heard[] = []
    while (heard.length < count) heard.push((await this.hear())!)
    return heard
  }

  /** Reads on until an id was seen, or the end. */
  async settle(): Promise<string> {
    while (this.id === "") if ((await this.#idOfNext()) === null) break
    return this.id
  }

  close(): Promise<void> {
    return this.#reader.cancel()
  }

  async #idOfNext(): Promise<string | null> {
    const block = await this.#block()
    if (block === null) return null
    this.id = /^id: (.*)$/m.exec(block)?.[1] ?? this.id
    return this.id
  }

  async #block(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n")
      if (end >= 0) {
        const block = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return block
      }
      const { done, value } = await this.#reader.read()
      if (done) return null
      this.#text += this.#decoder.decode(value, { stream: true })
    }
  }
}

/** Opens an event stream; `lastId` as a browser that comes back would send it. */
export async function follow(uri: string, lastId?: string): Promise<Events> {
  const headers: Record<string, string> = { Accept: "text/event-stream" }
  if (lastId !== undefined) headers["Last-Event-ID"] = lastId
  return new Events(
    await exports.default.fetch(new Request(new URL(uri, "https://tidemark.test"), { headers })),
  )
}
