/** An event stream that comes back with the id of the last event, as a browser's EventSource does. */
import { BACK_MILLISECONDS } from "./mouth.ts"

export interface Block {
  id: string | undefined
  data: string | undefined
}

export interface Streaming {
  url: string
  /** Where it begins; "" for now. */
  from?: string
  /** A connection stands. `since` is the id it came back with, "" at first. */
  opened: (since: string) => void
  heard: (block: Block) => void
  refused: (status: number, text: string) => void
}

/** Follows until it is closed. */
export function follow({ url, from = "", opened, heard, refused }: Streaming): () => void {
  const end = new AbortController()
  let lastId = from

  async function once(): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" }
    if (lastId !== "") headers["Last-Event-ID"] = lastId
    const response = await fetch(url, { headers, signal: end.signal })
    if (!response.ok || !response.body) {
      refused(response.status, await response.text())
      return
    }
    opened(lastId)
    let text = ""
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      text += piece
      for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
        const block = text.slice(0, at)
        text = text.slice(at + 2)
        const id = /^id: (.*)$/m.exec(block)?.[1]
        const data = /^data: (.*)$/m.exec(block)?.[1]
        // The id first: whoever is told of the event must not be told again.
        lastId = id ?? lastId
        if (id !== undefined || data !== undefined) heard({ id, data })
      }
    }
  }

  void (async () => {
    while (!end.signal.aborted) {
      await once().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, BACK_MILLISECONDS))
    }
  })()
  return () => end.abort()
}
