/** A way to the Worker that can be cut, for everything that goes over it at once. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"

export class Wire {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** @param port where the Worker is now; asked for every connection, because it may have been restarted */
  static async open(port: () => number): Promise<Wire> {
    const server = createServer((near) => {
      const far = connect(port(), "127.0.0.1")
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        wire.#sockets.add(one)
        one.setNoDelay(true)
        one.pipe(other)
        one.on("error", () => {})
        one.on("close", () => {
          wire.#sockets.delete(one)
          other.destroy()
        })
      }
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const wire = new Wire(server)
    return wire
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }
}
