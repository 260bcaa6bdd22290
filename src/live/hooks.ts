/** Who defines a resource may be asked before somebody follows it, and told when they leave. */
import type { Target } from "./uris.ts"

/** Asks the app. Throws Problem when it refuses. */
export type Hook = (
  event: "subscribe" | "unsubscribe",
  target: Target,
  who: string,
) => Promise<void>

/** After a socket is gone there is nobody to refuse. */
export async function tellOfLeaving(
  hook: Hook,
  targets: readonly (Target | null)[],
  who: string,
): Promise<void> {
  for (const target of targets) {
    if (!target?.endpoint.isHooked) continue
    await hook("unsubscribe", target, who).catch((error: unknown) =>
      console.warn({ event: "unsubscriber_failed", uri: target.topic, message: String(error) }),
    )
  }
}
