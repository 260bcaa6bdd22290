/** Puts what the page at "/" needs into .assets: our page, and Swagger UI from its npm package. No CDN. */
import { copyFile, mkdir } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const here = import.meta.dirname
const swagger = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"))
const out = join(here, "../../.assets")

const files = [
  ...["index.html", "console.css", "swagger.css", "console.js", "icon.svg", "_headers"].map(
    (name) => [here, name],
  ),
  ...["swagger-ui.css", "swagger-ui-bundle.js"].map((name) => [swagger, name]),
]

await mkdir(out, { recursive: true })
await Promise.all(files.map(([folder, name]) => copyFile(join(folder, name), join(out, name))))
