/** Types the bindings and the Worker itself for tests. */
declare namespace Cloudflare {
  interface Env extends Omit<import("../src/env.ts").Env, never> {}
  interface GlobalProps {
    mainModule: typeof import("../src/index.ts")
  }
}
