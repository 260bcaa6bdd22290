/** Sockets that follow one document, and the request that changes it. */

const OPENED_AT_ONCE = 50
const URI = "/api/apps/bench"
export const DATA = { text: "x".repeat(120) }

/** Sockets that count what reaches them; `hears` says which texts are deliveries. */
export class Audience {
  sockets = []
  heard = 0
  #hears
  #left = 0
  #done = () => {}

  constructor(hears) {
    this.#hears = hears
  }

  /** @param greet what a new socket does; resolves when it is ready */
  async open(url, count, greet) {
    for (let at = 0; at < count; at += OPENED_AT_ONCE) {
      const some = Array.from({ length: Math.min(OPENED_AT_ONCE, count - at) }, async () => {
        const socket = new WebSocket(url)
        this.sockets.push(socket)
        await new Promise((resolve, reject) => {
          socket.addEventListener("open", resolve)
          socket.addEventListener("error", () => reject(new Error(`${url} did not open`)))
        })
        await greet(socket)
        socket.addEventListener("message", ({ data }) => {
          if (!this.#hears(data)) return
          this.heard++
          if (--this.#left === 0) this.#done(performance.now())
        })
      })
      await Promise.all(some)
    }
    return this
  }

  /** When the last socket hears of what comes next, in milliseconds of `performance.now()`. */
  last() {
    this.#left = this.sockets.length
    return new Promise((resolve) => (this.#done = resolve))
  }

  /** Milliseconds from a request until every socket has heard of it. */
  async timed(request) {
    const last = this.last()
    const start = performance.now()
    const [end] = await Promise.all([last, request()])
    return end - start
  }

  close() {
    for (const socket of this.sockets) socket.close()
  }
}

/** The next text that passes. */
export function heard(socket, passes) {
  return new Promise((resolve) => {
    const hear = ({ data }) => {
      if (!passes(data)) return
      socket.removeEventListener("message", hear)
      resolve(data)
    }
    socket.addEventListener("message", hear)
  })
}

export async function subscribe(socket) {
  const state = heard(socket, (text) => text.includes('"event":"state"'))
  socket.send(JSON.stringify({ id: 1, event: "subscribe", uri: URI }))
  await state
}

export const isFrame = (text) => text.includes('"revision"')

export async function send(method, url, body) {
  const init = { method, body, headers: { "Content-Type": "application/json" } }
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
}

/** Changes the document that is followed; `n` is another each time. */
export const put = (url, n) => send("PUT", `${url}${URI}`, JSON.stringify({ data: { ...DATA, n } }))

/** As long as our frame is. */
export const FRAME = JSON.stringify({
  event: "state",
  uri: URI,
  revision: 12_345,
  resource: { name: "bench", data: { ...DATA, n: 12 } },
})
