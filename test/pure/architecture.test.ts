/** The house rules that a machine can hold. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join, posix, relative } from "node:path"
import { describe, expect, it } from "vitest"

const ROOT = join(import.meta.dirname, "../..")
const SRC_MAX_LINES = 300
const TEST_MAX_LINES = 500

/** Which folders of src a folder may import, beside itself. `files` at the top of src wire everything. */
const MAY_IMPORT: Record<string, string[]> = {
  protocol: [],
  lib: [],
  migrations: [],
  feed: ["protocol", "lib", "migrations"],
  lines: ["protocol", "lib"],
  series: ["feed", "lines", "protocol", "lib"],
  documents: ["feed", "lines", "protocol", "lib"],
  keys: ["feed", "protocol", "lib"],
  compute: ["series", "protocol", "lib"],
  resources: ["documents", "feed", "protocol", "lib"],
  live: ["feed", "protocol", "lib"],
  auth: ["protocol", "lib"],
  metrics: ["feed", "protocol", "lib"],
  http: ["auth", "protocol", "lib"],
  client: ["protocol"],
  cli: ["client", "protocol", "lib"],
  console: ["client", "protocol"],
}

/** Modules of protocol whose values the client may carry; zod must not come along. */
const CLIENT_VALUES = [
  "routes",
  "limits",
  "live-limits",
  "uri",
  "pattern",
  "change",
  "close",
  "ack",
].map((name) => `${name}.ts`)

interface Import {
  file: string
  target: string
  typeOnly: boolean
}

function filesBelow(folder: string, endings: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name))
    .filter((name) => endings.test(name) && statSync(join(ROOT, name)).isFile())
}

function read(name: string): string {
  return readFileSync(join(ROOT, name), "utf8")
}

function importsOf(file: string): Import[] {
  const found = read(file).matchAll(/^(?:import|export)\s(type\s)?[^"]*?from\s+"([^"]+)"/gms)
  return [...found].map(([, type, target = ""]) => ({
    file,
    target: target.startsWith(".") ? relative(ROOT, join(ROOT, file, "..", target)) : target,
    typeOnly: type !== undefined,
  }))
}

const sources = filesBelow("src", /\.ts$/)
const imports = sources.flatMap(importsOf)
const folderOf = (name: string) => (name.split("/").length > 2 ? (name.split("/")[1] ?? "") : "")

describe("the house", () => {
  it("has a rule for every folder of src", () => {
    const folders = new Set(sources.map(folderOf).filter(Boolean))
    expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([])
  })

  it("is told room by room in the README", () => {
    const listed = [...read("README.md").matchAll(/^\| `src\/([a-z]+)`/gm)].map(([, name]) => name)
    const folders = new Set(sources.map(folderOf).filter(Boolean))
    expect(listed.filter((name) => name !== "console" && name !== "migrations").toSorted()).toEqual(
      [...folders].toSorted(),
    )
  })

  it("lets a folder import only what its rule names", () => {
    const broken = imports.filter(({ file, target }) => {
      const [from, to] = [folderOf(file), folderOf(target)]
      if (!target.startsWith("src/") || from === "" || from === to) return false
      return !(MAY_IMPORT[from] ?? []).includes(to)
    })
    expect(broken).toEqual([])
  })

  it("keeps zod out of the client", () => {
    const broken = imports.filter(
      ({ file, target, typeOnly }) =>
        folderOf(file) === "client" &&
        !typeOnly &&
        target.startsWith("src/protocol/") &&
        !CLIENT_VALUES.some((name) => target === `src/protocol/${name}`),
    )
    expect(broken).toEqual([])
  })

  it("imports zod as a namespace, which saves 65 kB of the bundle", () => {
    const broken = sources.filter((file) =>
      /import\s+(type\s+)?\{[^}]*\}\s+from "zod"/.test(read(file)),
    )
    expect(broken).toEqual([])
  })

  it("writes to D1 through the feed and nowhere else", () => {
    const broken = sources.filter(
      (file) => folderOf(file) !== "feed" && /\.prepare\(|\.exec\(`|\.DB\.batch\(/.test(read(file)),
    )
    expect(broken).toEqual([])
  })

  it("holds statements that write only in what a commit is made of", () => {
    const broken = sources.filter(
      (file) =>
        folderOf(file) !== "feed" &&
        /\b(db|#db)\s*\.\s*(batch|all|first)[^;]*?\b(INSERT|UPDATE|DELETE)\b/.test(read(file)),
    )
    expect(broken).toEqual([])
  })

  it("keeps files short enough to read", () => {
    const tooLong = [
      ...sources.map((file) => [file, SRC_MAX_LINES] as const),
      ...filesBelow("src", /\.(mjs|html|css|js)$/).map((file) => [file, SRC_MAX_LINES] as const),
      ...filesBelow("test", /\.(ts|mjs|py)$/).map((file) => [file, TEST_MAX_LINES] as const),
    ].filter(([file, limit]) => read(file).split("\n").length - 1 > limit)
    expect(tooLong).toEqual([])
  })

  it("has no drawers: no index.ts inside folders, no utils, no types", () => {
    const broken = sources.filter(
      (file) => folderOf(file) !== "" && /\/(index|utils?|types?|helpers?)\.ts$/.test(file),
    )
    expect(broken).toEqual([])
  })

  it("keeps the client and every folder free of dead ends: each file is imported, or starts something", () => {
    const starts = ["src/index.ts", "src/modules.d.ts"]
    const reached = new Set(imports.map(({ target }) => target))
    const dead = sources.filter(
      (file) =>
        !starts.includes(file) && !reached.has(file) && !/^src\/(cli|client|console)\//.test(file),
    )
    expect(dead).toEqual([])
  })
})
