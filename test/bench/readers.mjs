/**
 * Some of the sockets of test/bench/hubs.mjs, in a process of their own. Told where a service has a hub and how many sockets
 * it is to have; tells when they are open, and after each change when the last of them heard of it, and how much
 * they have heard so far.
 */
import { Audience, isFrame, subscribe } from "./audience.mjs"

process.on("message", async ({ service, url, count }) => {
  const audience = await new Audience(isFrame).open(url, count, subscribe)
  process.send({ service })
  for (;;) {
    const at = performance.timeOrigin + (await audience.last())
    process.send({ service, at, heard: audience.heard })
  }
})
process.once("disconnect", () => process.exit())
