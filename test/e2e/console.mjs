/** Opens the page at "/" in a browser, against a running Worker, and tries the API through it. */
import { chromium } from "playwright-core"
import { check, equal, report } from "./check.mjs"

const base = new URL(process.argv[2] ?? "http://localhost:8787").origin
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium"
const ANSWER_MILLISECONDS = 60_000
const name = `console-${Date.now()}`

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
})
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
page.setDefaultTimeout(ANSWER_MILLISECONDS)

const strangers = []
const complaints = []
const note = (url) => {
  const { protocol, host } = new URL(url)
  if (/^(http|ws)s?:$/.test(protocol) && host !== new URL(base).host) strangers.push(url)
}
page.on("request", (request) => note(request.url()))
page.on("websocket", (socket) => note(socket.url()))
page.on("pageerror", (error) => complaints.push(error.message))
// A 4xx that an operation answers is logged by the browser as an error of the network, which it is not.
page.on("console", (message) => {
  if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) {
    complaints.push(message.text())
  }
})

const { paths } = await (await fetch(`${base}/api/openapi.json`)).json()
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
)

/** The block of an operation, open. */
async function open(operation) {
  const [method, path] = operation.split(" ")
  const block = page.locator(`.opblock-${method.toLowerCase()}`, {
    has: page.locator(`.opblock-summary-path[data-path="${path}"]`),
  })
  const isOpen = (await block.getAttribute("class"))?.includes("is-open")
  if (!isOpen) await block.locator(".opblock-summary-control").click()
  await block.locator(".btn.execute").waitFor()
  return block
}

/** Presses Execute; answers the status and the text shown. */
async function execute(operation, fill = {}, body) {
  const block = await open(operation)
  for (const [parameter, value] of Object.entries(fill)) {
    await block.locator(`tr[data-param-name="${parameter}"] :is(input, textarea)`).fill(value)
  }
  if (body) await block.locator(".body-param__text").fill(JSON.stringify(body))
  await block.locator(".btn.execute").click()
  const shown = block.locator(".live-responses-table .response")
  await shown.locator(".response-col_status", { hasText: /\d{3}/ }).waitFor()
  return {
    status: (await shown.locator(".response-col_status").innerText()).split(/\s/)[0],
    text: await shown.innerText(),
  }
}

await page.goto(base)
await page.locator(".opblock").first().waitFor()

await check("has the product's name and sentence", async () => {
  equal(await page.title(), "Tidemark", "title")
  equal(await page.locator("header h1").innerText(), "Tidemark", "heading")
})

await check(`lists every operation once: ${operations.length}`, async () => {
  const listed = await page.locator(".opblock").evaluateAll((blocks) =>
    blocks.map((block) => {
      const { textContent } = block.querySelector(".opblock-summary-method")
      return `${textContent} ${block.querySelector(".opblock-summary-path").dataset.path}`
    }),
  )
  equal(listed.sort(), operations.sort(), "operations")
})

await check("lets every operation be tried", async () => {
  for (const operation of operations) {
    const block = await open(operation)
    equal(await block.locator(".btn.execute").count(), 1, `Execute buttons of ${operation}`)
    // Closed again: with all of them open the page takes seconds for every step.
    await block.locator(".opblock-summary-control").click()
  }
})

await check("executes GET /api/apps/ and shows the answer", async () => {
  const { status, text } = await execute("GET /api/apps/")
  equal(status, "200", "status")
  if (!/etag/i.test(text)) throw new Error(`no ETag is shown: ${text}`)
})

await check("executes PUT, then GET shows what was put", async () => {
  const put = await execute("PUT /api/apps/{name}", { name }, { data: { tide: "high" } })
  equal(put.status, "204", "status of PUT")
  const got = await execute("GET /api/apps/{name}", { name })
  equal(got.status, "200", "status of GET")
  if (!/"tide":\s*"high"/.test(got.text)) throw new Error(`not shown: ${got.text}`)
})

await check("executes a PUT whose query is any pair", async () => {
  const key = JSON.stringify({ [name]: "spring" })
  const { status, text } = await execute("PUT /keys/", { parameters: key, expire_in: "60" })
  equal(status, "200", "status")
  if (!text.includes("success")) throw new Error(`not shown: ${text}`)
  const got = await execute("GET /keys/{id}", { id: name })
  if (!got.text.includes('"spring"')) throw new Error(`not shown: ${got.text}`)
})

await check("shows a problem as a problem", async () => {
  const { status, text } = await execute("GET /todo/{id}", { id: "nothing" })
  equal(status, "404", "status")
  if (!text.includes("not_found")) throw new Error(`not shown: ${text}`)
})

await check("watches a URI: its state, then a change", async () => {
  await page.locator("#uri").fill(`/api/apps/${name}`)
  await page.locator("#subscribe button").click()
  await page.locator('#frames [data-what="state"]').waitFor()
  equal(await page.locator("#status").innerText(), "connected", "state of the socket")
  const patched = await execute("PATCH /api/apps/{name}", { name }, { data: { tide: "low" } })
  equal(patched.status, "204", "status of PATCH")
  await page.locator('#frames [data-what="patch"]').waitFor()
})

await check("executes DELETE, which the watcher sees", async () => {
  const deleted = await execute("DELETE /api/apps/{name}", { name })
  equal(deleted.status, "204", "status")
  await page.locator('#frames [data-what="delete"]').waitFor()
})

await check("fits a phone", async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, "width")
})

await check("sends nothing to another origin", () => equal(strangers, [], "requests"))
await check("has nothing to complain of", () => equal(complaints, [], "errors"))

await browser.close()
report("console")
