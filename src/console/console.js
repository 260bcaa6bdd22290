/** The page at "/": Swagger UI over the service's own document, and a socket to look through. */

const byId = (id) => document.getElementById(id)

globalThis.SwaggerUIBundle({
  url: "api/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // Swagger UI would send the document to a validator on the Internet.
  validatorUrl: null,
  onComplete: suggest,
})

/** URIs without parameters are worth offering. */
async function suggest() {
  const { paths } = await (await fetch("api/openapi.json")).json()
  const uris = Object.keys(paths).filter((path) => path.endsWith("/") && paths[path].get)
  byId("uris").append(
    ...uris.filter((uri) => !uri.includes("{")).map((uri) => element("option", { value: uri })),
  )
}

const FRAMES_SHOWN = 200
const watched = new Set()
/** Commands without a reply yet, by their id. */
const asked = new Map()
let socket
let lastId = 0

/** The open socket; opened when it is first needed. */
function connect() {
  if (socket && socket.readyState <= WebSocket.OPEN) return socket
  const url = new URL("live", location.href.replace(/^http/, "ws").replace(/[#?].*/, ""))
  const token = tokenOf()
  if (token) url.searchParams.set("token", token)
  socket = new WebSocket(url)
  show("connecting", "connecting …")
  socket.addEventListener("open", () => show("open", "connected"))
  socket.addEventListener("message", ({ data }) => hear(data))
  socket.addEventListener("close", ({ code, reason }) => {
    show("closed", `closed ${code}${reason ? `: ${reason}` : ""}`)
    asked.clear()
    watched.clear()
    list()
  })
  return socket
}

function hear(text) {
  const frame = parse(text)
  log("in", text, frame)
  const { event, uri } = asked.get(frame?.id) ?? {}
  asked.delete(frame?.id)
  if (!frame?.ok) return
  if (event === "subscribe") watched.add(uri)
  if (event === "unsubscribe") watched.delete(uri)
  list()
}

/** What Swagger UI was given under "Authorize"; it keeps that in this browser. */
function tokenOf() {
  try {
    return JSON.parse(localStorage.getItem("authorized") ?? "{}").token?.value
  } catch {
    return undefined
  }
}

function send(frame) {
  const open = connect()
  const command = { id: ++lastId, ...frame }
  const now = () => {
    asked.set(command.id, command)
    open.send(JSON.stringify(command))
    log("out", JSON.stringify(command), command)
  }
  if (open.readyState === WebSocket.OPEN) now()
  else open.addEventListener("open", now, { once: true })
}

function show(state, words) {
  byId("status").dataset.state = state
  byId("status").textContent = words
}

function log(direction, text, frame) {
  const what = frame?.event ?? (frame?.ok === false ? "problem" : "ok")
  const summary = element("summary", {}, [
    element("b", { textContent: what }),
    element("span", {
      textContent: frame?.uri ?? frame?.problem?.detail ?? `#${frame?.id ?? "?"}`,
    }),
    element("time", { textContent: new Date().toLocaleTimeString() }),
  ])
  const pre = element("pre", { textContent: frame ? JSON.stringify(frame, null, 2) : text })
  const item = element("li", {}, [element("details", { open: direction === "in" }, [summary, pre])])
  item.dataset.direction = direction
  item.dataset.what = what
  byId("frames").prepend(item)
  while (byId("frames").children.length > FRAMES_SHOWN) byId("frames").lastChild.remove()
  byId("clear").hidden = false
}

function list() {
  const items = [...watched].map((uri) => {
    const button = element("button", { textContent: "×", title: `Stop watching ${uri}` })
    button.addEventListener("click", () => send({ event: "unsubscribe", uri }))
    return element("li", { textContent: uri }, [button])
  })
  byId("watched").replaceChildren(...items)
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

byId("subscribe").addEventListener("submit", (event) => {
  event.preventDefault()
  send({ event: "subscribe", uri: byId("uri").value.trim() })
})

byId("send").addEventListener("submit", (event) => {
  event.preventDefault()
  const frame = parse(byId("frame").value)
  byId("frame").setCustomValidity(frame ? "" : "This is not JSON")
  if (byId("frame").reportValidity()) send(frame)
})
byId("frame").addEventListener("input", () => byId("frame").setCustomValidity(""))

byId("clear").addEventListener("click", () => {
  byId("frames").replaceChildren()
  byId("clear").hidden = true
})
