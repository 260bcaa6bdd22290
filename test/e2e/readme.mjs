/** Runs the README's first minute and the pages of docs against a running Worker; compares what they print with what they promise. */
import { spawnSync } from "node:child_process"
import { glob, readFile } from "node:fs/promises"
import { ROOT } from "./server.mjs"

const url = process.argv[2] ?? "http://localhost:8787"
const readme = await readFile(`${ROOT}/README.md`, "utf8")
const section = readme.split(/^## /m).find((part) => part.startsWith("The first minute")) ?? ""
const pages = (await Array.fromAsync(glob("docs/*.md", { cwd: ROOT }))).sort()
const texts = [
  section,
  ...(await Promise.all(pages.map((page) => readFile(`${ROOT}/${page}`, "utf8")))),
]
const blocks = texts.flatMap((text) =>
  [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block),
)

/** A block as commands, each with the lines `#> …` that it promises. A trailing backslash goes on. */
function commandsOf(block) {
  const commands = []
  let open = ""
  for (const line of block.split("\n")) {
    if (line.startsWith("#> ")) commands.at(-1)?.promised.push(line.slice(3))
    else if (line.endsWith("\\")) open += `${line.slice(0, -1)} `
    else if (open + line.trim() && !line.startsWith("#")) {
      commands.push({ text: open + line, promised: [] })
      open = ""
    }
  }
  return commands
}

/** A promise holds when its text is found; `…` stands for anything. */
function holds(output, promise) {
  const pattern = promise
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[^]*?")
  return new RegExp(pattern).test(output)
}

let passed = 0
let failed = 0
for (const { text, promised } of blocks.flatMap(commandsOf)) {
  const command = text
    .replaceAll("http://localhost:8787", url)
    .replaceAll("localhost:8787", new URL(url).host)
  const { stdout, stderr, status } = spawnSync("bash", ["-c", command], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 60_000,
  })
  const missing = promised.filter((promise) => !holds(stdout, promise))
  if (status === 0 && missing.length === 0) {
    passed++
    continue
  }
  failed++
  console.log(
    `FAIL ${command}\n  exit ${status}\n  missing ${JSON.stringify(missing)}\n  got ${stdout}${stderr}`,
  )
}
if (passed + failed === 0) failed++
console.log(`readme: ${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
