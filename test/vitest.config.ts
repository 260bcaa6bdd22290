/** Two projects: `pure` runs in Node in a second, `worker` runs in workerd with real D1, KV and hubs. */
import { cloudflareTest } from "@cloudflare/vitest-plugin"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    projects: [
      { test: { name: "pure", include: ["test/pure/**/*.test.ts"], testTimeout: 60_000 } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: {
          name: "worker",
          include: ["test/*.test.ts"],
          // Of what hangs; a slow machine is none of that.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
