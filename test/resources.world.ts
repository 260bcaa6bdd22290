/** What tests of user-defined resources share: services that serve nothing else. */
import { env } from "cloudflare:workers"
import { createServices, type Services } from "../src/app.ts"
import { mount } from "../src/http/mount.ts"
import { linesOf } from "../src/resources/mounted.ts"
import type { Resources } from "../src/resources/resources.ts"

/** A service with these resources alone. */
export function serve(defined: Resources) {
  const dispatch = mount<Services>(linesOf(defined))
  let ids = 0
  const surroundings = {
    env,
    now: () => 0,
    newId: () => `id${ids++}`,
    poke: () => {},
  }
  return async (request: string, body?: unknown, headers = {}) => {
    const [method = "", uri = ""] = request.split(" ")
    const sent = new Request(`https://tidemark.test${uri}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { "Content-Type": "application/json", ...headers },
    })
    const response = await dispatch(sent, createServices(surroundings as never, sent))
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      json: text ? JSON.parse(text) : null,
    }
  }
}
