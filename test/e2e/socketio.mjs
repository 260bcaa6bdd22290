/** A stock socket.io-client against a running Worker: what the clients of Flask-SocketAPI do, and what acks say now. */
import { io } from "socket.io-client"

const base = new URL(process.argv[2] ?? "http://localhost:8787").origin
const ANSWER_MILLISECONDS = 15_000
const NAMES = ["state", "create", "patch", "delete", "api_error", "server_error"]
const WEBSOCKET = { transports: ["websocket"] }

let passed = 0
let failed = 0
const clients = []

async function check(sentence, body) {
  try {
    await body()
    passed++
    console.log(`ok   ${sentence}`)
  } catch (error) {
    failed++
    console.log(
      `FAIL ${sentence}\n     ${String(error.stack).split("\n").slice(0, 6).join("\n     ")}`,
    )
  } finally {
    for (const { socket } of clients.splice(0)) socket.disconnect()
  }
}

/** Wanted must be in what was got: objects may have more members. */
function has(got, wanted, what) {
  const fits = (one, other) =>
    typeof other === "object" && other !== null
      ? typeof one === "object" &&
        one !== null &&
        Array.isArray(one) === Array.isArray(other) &&
        (!Array.isArray(other) || one.length === other.length) &&
        Object.keys(other).every((key) => fits(one[key], other[key]))
      : Object.is(one, other)
  if (!fits(got, wanted)) {
    throw new Error(`${what}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`)
  }
}

/** Waits, and not for ever. */
function within(promise, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), ANSWER_MILLISECONDS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** A client and what it hears, in order. */
function client(options = {}, path = "") {
  const socket = io(base + path, { forceNew: true, reconnectionDelay: 50, ...options })
  const heard = []
  const waiting = []
  for (const name of NAMES) {
    socket.on(name, (payload) => {
      const next = waiting.shift()
      if (next) next([name, payload])
      else heard.push([name, payload])
    })
  }
  const hear = () =>
    within(heard.shift() ?? new Promise((resolve) => waiting.push(resolve)), "an event")
  const once = (target, name) => within(new Promise((done) => target.once(name, done)), name)
  const ask = (...args) => within(socket.emitWithAck(...args), `the ack of ${args[0]}`)
  const made = { socket, heard, hear, once, ask }
  clients.push(made)
  return made
}

async function connected(options, path) {
  const made = client(options, path)
  await made.once(made.socket, "connect")
  return made
}

async function http(method, uri, body) {
  const answer = await fetch(base + uri, {
    method,
    headers: { "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const revision = Number(/\d+/.exec(answer.headers.get("ETag") ?? "")?.[0])
  const text = await answer.text()
  return { revision, json: text ? JSON.parse(text) : undefined }
}

for (const [how, options] of Object.entries({ websocket: WEBSOCKET, "its defaults": {} })) {
  await check(
    `with ${how}: the state, then events in order, then acks with the outcome`,
    async () => {
      const one = await connected(options)
      const subscribed = await one.ask("subscribe", "/todo/")
      has(subscribed, { ok: true, uri: "/todo/" }, "ack of subscribe")
      const [name, state] = one.heard.shift()
      has([name, state], ["state", { uri: "/todo/", revision: subscribed.revision }], "state")
      has(state.resource, (await http("GET", "/todo/")).json, "resource")
      const created = await one.ask("create", { uri: "/todo/", attributes: { text: "swim" } })
      has(created, { ok: true, uri: "/todo/", resource: { text: "swim" } }, "ack of create")
      const { member, revision, resource } = created
      has(one.heard.shift(), ["create", { uri: "/todo/", member, revision, resource }], "create")
      const patched = await one.ask("patch", { uri: member, patch: { completed: true } })
      has(patched, { ok: true, uri: member }, "ack of patch")
      const patch = { completed: true }
      const last = { uri: member, revision: patched.revision, patch }
      has(one.heard.shift(), ["patch", last], "patch")
      const other = await http("PATCH", member, { text: "dive" })
      has(
        await one.hear(),
        ["patch", { ...last, ...other, patch: { text: "dive" } }],
        "HTTP's patch",
      )
      const deleted = await one.ask("delete", { uri: member })
      has(one.heard.shift(), ["delete", { uri: member, revision: deleted.revision }], "delete")
      has(await one.ask("unsubscribe", "/todo/"), { ok: true }, "ack of unsubscribe")
      await one.ask("create", { uri: "/todo/" })
      has(one.heard, [], "what came after unsubscribe")
    },
  )
}

await check("with its defaults: begins by polling and goes over to a WebSocket", async () => {
  const one = client()
  await one.once(one.socket, "connect")
  const { engine } = one.socket.io
  if (engine.transport.name === "polling") await one.once(engine, "upgrade")
  has(engine.transport.name, "websocket", "transport")
  has(await one.ask("subscribe", "/todo/"), { ok: true }, "ack")
})

await check(
  "with polling alone: works, and a write reaches it while its poll is held back",
  async () => {
    const one = await connected({ transports: ["polling"] })
    has(await one.ask("subscribe", "/api/apps/polled"), { ok: true, absent: true }, "ack")
    await http("PUT", "/api/apps/polled", { data: { n: 1 } })
    has(
      await one.hear(),
      ["state", { uri: "/api/apps/polled", resource: { data: { n: 1 } } }],
      "state",
    )
  },
)

await check(
  "after a cut connection: connects by itself, subscribes, and holds what GET answers",
  async () => {
    const one = client(WEBSOCKET)
    let position
    let followed
    one.socket.on("connect", () => {
      const since = position && { since: position }
      followed = one.ask("subscribe", { uri: "/api/apps/cut", ...since })
      // The cut is what is wanted here: an ack that it takes along is no fault.
      followed.catch(() => {})
    })
    await http("PUT", "/api/apps/cut", { data: { n: 1 } })
    await one.once(one.socket, "connect")
    const { epoch, position: at } = await followed
    position = `${epoch}.${at}`
    has(await one.hear(), ["state", { resource: { data: { n: 1 } } }], "state")
    const again = one.once(one.socket, "connect")
    one.socket.io.engine.close()
    await http("PATCH", "/api/apps/cut", { data: { n: 2 } })
    await again
    has(await followed, { ok: true, resumed: true }, "ack of the second time")
    has(await one.hear(), ["patch", { patch: { data: { n: 2 } } }], "what was missed")
  },
)

await check("the page of the to-do example: bare URIs, ids cut out of them, no acks", async () => {
  const todos = new Map()
  const socket = io(base, { forceNew: true })
  clients.push({ socket })
  const changed = new EventTarget()
  const note = () => changed.dispatchEvent(new Event("note"))
  const until = async (isThere) => {
    const deadline = Date.now() + ANSWER_MILLISECONDS
    while (!isThere()) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`the page shows ${JSON.stringify([...todos])}`)
      const timer = new Promise((done) => setTimeout(done, left))
      await Promise.race([
        new Promise((done) => changed.addEventListener("note", done, { once: true })),
        timer,
      ])
    }
  }
  const show = (todo) => {
    if (!todos.has(todo.id)) todos.set(todo.id, { ...todo })
  }
  let isListed = false
  socket.on("connect", () => socket.emit("subscribe", "todo/"))
  socket.on("state", ({ resource }) => (resource.forEach(show), (isListed = true), note()))
  socket.on("create", ({ resource }) => (show(resource), note()))
  socket.on(
    "patch",
    ({ uri, patch }) => (Object.assign(todos.get(uri.split("/")[1]), patch), note()),
  )
  socket.on("delete", ({ uri }) => (todos.delete(uri.split("/")[1]), note()))
  await until(() => isListed)
  const text = `paint ${Date.now()}`
  const painted = () => [...todos.values()].find((todo) => todo.text === text)
  socket.emit("create", { uri: "todo/", attributes: { text, bar: 1 } })
  await until(painted)
  const { id } = painted()
  socket.emit("patch", { uri: `todo/${id}`, patch: { completed: true } })
  await until(() => painted()?.completed)
  await http("PATCH", `/todo/${id}`, { completed: false })
  await until(() => painted()?.completed === false)
  socket.emit("delete", { uri: `todo/${id}` })
  await until(() => !painted())
})

await check("what is refused comes as an event, and in the ack", async () => {
  const one = await connected(WEBSOCKET)
  const cases = [
    ["create", {}, "api_error", "InvalidRequestError", "missing URI", "bad_frame"],
    [
      "create",
      { uri: "x/" },
      "api_error",
      "InvalidRequestError",
      "no registered resource creator for x/'",
      "unknown_uri",
    ],
    ["patch", { uri: "todo/none" }, "api_error", "NotFoundError", undefined, "not_found"],
    ["delete", 5, "server_error", "TypeError", null, "bad_frame"],
    ["subscribe", [1], "server_error", "TypeError", null, "bad_frame"],
  ]
  for (const [event, payload, name, error, message, code] of cases) {
    has(await one.ask(event, payload), { ok: false, problem: { code } }, `ack of ${event}`)
    const said = message === undefined ? {} : { message }
    has(one.heard.shift(), [name, { error, ...said, problem: { code } }], name)
  }
  const strange = await one.ask("dance", "/todo/")
  has([strange.ok, one.heard], [false, []], "ack of an unknown event")
  has(
    (await one.ask("create", { uri: "/todo/", attributes: Buffer.from("x") })).ok,
    false,
    "binary",
  )
  one.heard.length = 0
  has(await one.ask("subscribe", "/todo/"), { ok: true }, "ack after all that")
})

await check("a namespace that is not served is refused as the protocol says", async () => {
  const one = client(WEBSOCKET, "/nowhere")
  has(await one.once(one.socket, "connect_error"), { message: "Invalid namespace" }, "error")
})

for (const { socket } of clients) socket.disconnect()
console.log(`socketio: ${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
