/** A Worker of the tests as it would be deployed, for Miniflare. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"

const ROOT = join(fileURLToPath(import.meta.url), "../..")

export interface Bundle {
  mainModule: string
  modulesRoot: string
  modules: Record<string, { type: "esm" | "text"; contents: string }>
}

/** As in wrangler.toml. */
export const COMPATIBILITY = {
  compatibilityDate: "2026-10-23",
  compatibilityFlags: ["enable_request_signal", "no_nodejs_compat", "no_nodejs_compat_v2"],
}

/**
 * The modules of a Worker that exports a `Hub` and no other object.
 * @param script its file, from the root of the repository
 */
export function bundle(script: string): Bundle {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bundle-"))
  try {
    const config = ["--config", "test/storm/wrangler.toml", "--outdir", folder]
    execFileSync("npx", ["wrangler", "deploy", script, "--dry-run", ...config], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
    })
    const names = readdirSync(folder).filter((name) => /\.(js|sql)$/.test(name))
    const modules = names.map((name) => {
      const type: "esm" | "text" = name.endsWith(".js") ? "esm" : "text"
      return [name, { type, contents: readFileSync(join(folder, name), "utf8") }] as const
    })
    const mainModule = basename(script).replace(/ts$/, "js")
    return { mainModule, modulesRoot: ROOT, modules: Object.fromEntries(modules) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
