/**
 * Socket.IO at `/socket.io/`, for a stock client of version 4 (Engine.IO 4, Socket.IO 5); this file is the one
 * definition of what is said there. Transports: WebSocket, and polling, which a stock client begins with and leaves.
 *
 * Events to the service. Their acknowledgements are the replies of frames.ts without the `id`, and come after the
 * events that the command itself causes:
 *
 * - `subscribe` and `unsubscribe` take a URI, or an object with what else the command takes: `{uri, since, throttle}`.
 * - `resume` takes the members of the command, for all that the client followed.
 * - `create` takes `{uri, attributes}`, `patch` takes `{uri, patch}`, `delete` takes `{uri}`.
 *
 * Events to the client are the frames of frames.ts: `event` is the name, the rest is the payload, so `state` is
 * `{uri, revision, resource, …}`. Whoever writes a URI without its first slash is told it so, too: the clients of
 * Flask-SocketAPI cut the id out of `todo/7`.
 *
 * What is refused is told by an event as well, acknowledged or not: `api_error` where the request was wrong,
 * `server_error` where the service was, or where the arguments are of a wrong type. Both are
 * `{error, message, problem}`; `error` is a class name of Flask-SocketAPI, `problem` the problem document.
 *
 * CONNECT may carry `{"token": …}`; else `?token=` or `Authorization` of the handshake says who calls. Any page may
 * poll, but not with credentials (`withCredentials`): tokens travel in no cookie.
 *
 * There is one namespace, "/" unless the variable SOCKETIO_NAMESPACE names another. Binary data is refused.
 *
 * Heartbeats are the server's in Engine.IO 4. While anybody is connected, an alarm wakes the hub every 45 s for them;
 * who has not answered by the next one is gone. Between them it sleeps, and with nobody connected nothing wakes it.
 *
 * Who reads slowly is told together what changed meanwhile, and anew when that becomes too much, as frames.ts says of
 * `?acks=1`. The service asks by pings of Engine.IO, some more than heartbeats need, and every client answers those.
 *
 * A session that polls is known to the memory of its hub alone, and a poll that is held back keeps that awake. When
 * the hub is evicted or newly deployed, the next poll is refused, and the client connects anew by itself, as after any
 * lost connection. Then it must subscribe again, with `since` to get only what it missed.
 */
import * as z from "zod"
import type { Endpoint } from "./endpoint.ts"
import { FRAME_MAX_BYTES } from "./live-limits.ts"
import { problems } from "./shared.ts"

const Transport = z.enum(["polling", "websocket"])

/** What the query of every request says. */
const Query = z.looseObject({
  EIO: z.literal("4").meta({ description: "The version of Engine.IO" }),
  transport: Transport,
  sid: z.string().max(100).optional().meta({ description: "The session; absent to begin one" }),
  token: z.string().optional().meta({ description: "A token, where a deployment wants one" }),
})

const Packets = z
  .string()
  .meta({ description: "Packets of Engine.IO, with U+001E between them", example: "40" })
const payload = { schema: Packets, type: "text/plain; charset=utf-8" }

export const socketIoEndpoints = {
  "socketio.receive": {
    method: "GET",
    path: "/socket.io/",
    verb: "call",
    tag: "live",
    // Whom a token lets in is decided at CONNECT, where a client can be told.
    open: true,
    upgrades: true,
    summary: "Socket.IO: open a session, wait for packets, or open a WebSocket",
    query: Query,
    replies: {
      101: { description: "The socket is open" },
      200: { description: "The packets there are; held back until there are some", ...payload },
      ...problems(400, 503),
    },
  },
  "socketio.send": {
    method: "POST",
    path: "/socket.io/",
    verb: "call",
    tag: "live",
    open: true,
    summary: "Socket.IO: send packets in a session",
    query: Query,
    body: { schema: Packets, types: "any", maxBytes: FRAME_MAX_BYTES, as: "text", example: "40" },
    replies: {
      200: { ...payload, description: "Taken", schema: z.literal("ok") },
      ...problems(400, 413, 503),
    },
  },
} as const satisfies Record<string, Endpoint>
