/** Puts what the page at "/" needs into .assets: our page, and Swagger UI from its npm package. No CDN. */
import { copyFile, mkdir } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const here = import.meta.dirname
const root = join(here, "../..")
const swagger = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"))
const out = join(root, ".assets")

await mkdir(out, { recursive: true })
await Promise.all([
  copyFile(join(here, "index.html"), join(out, "index.html")),
  ...["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"].map((name) =>
    copyFile(join(swagger, name), join(out, name)),
  ),
])
