/**
 * The live client, for pages, Node and tests: subscribe to any URI and hold a copy of it that stays what GET answers,
 * through lost connections and deployments.
 *
 *     const live = connect("http://localhost:8787")
 *     const todos = live.subscribe("/todo/", ({ value }) => console.log(value))
 *     await live.create("/todo/", { text: "swim" })
 */
import type { Done, Frame, Refused, Reply } from "../protocol/frames.ts"
import { RESUME_MAX_URIS } from "../protocol/live-limits.ts"
import type { Resumed } from "../protocol/resume.ts"
import { Link, type LinkOptions } from "./link.ts"
import { Progress, shortened } from "./progress.ts"
import { Subscription, Topic, type Listener } from "./subscription.ts"
import { applyToSeries } from "./replica-series.ts"
import type { Patchers } from "./replica.ts"
import { resumed, subscribed, type Named, type Welcome } from "./welcome.ts"

export interface LiveOptions extends LinkOptions {
  /** Reads JSON; one that keeps large numbers may stand here. */
  parse?: (text: string) => unknown
  /** How resources below a URI take patches, where it is not by merge patch. Series are known. */
  patchers?: Patchers
  /** Sent as `?token=`. */
  token?: string
}

/** How the resources of the service take patches, where it is not by merge patch. */
export const PATCHERS: Patchers = {
  "/api/store/": applyToSeries,
}

export interface SubscribeOptions {
  throttle?: string
}

/** A command that was not done; `problem` says why, its `code` is stable. */
export class LiveError extends Error {
  override name = "LiveError"
  readonly problem: Refused["problem"]

  constructor(problem: Refused["problem"]) {
    super(problem.detail)
    this.problem = problem
  }
}

interface Pending {
  text: string
  isSent: boolean
  resolve: (reply: Done | Resumed) => void
  reject: (error: Error) => void
}

/** Opens a connection to the service at `url`, `http://localhost:8787` for example, and keeps it open. */
export function connect(url: string, options: LiveOptions = {}): Live {
  return new Live(url, options)
}

export class Live {
  /** Settles when the connection has ended for good. */
  readonly ended: Promise<{ code: number; reason: string }>
  readonly #options: LiveOptions
  readonly #link: Link
  readonly #topics = new Map<string, Topic>()
  readonly #pending = new Map<number, Pending>()
  readonly #progress = new Progress()
  /** Whose the next frames are, and how many. */
  #welcome: Welcome | undefined
  #lastId = 0
  #end: { code: number; reason: string } | undefined
  #refusal: Refused["problem"] | undefined

  constructor(url: string, options: LiveOptions) {
    this.#options = options
    let settle: (end: { code: number; reason: string }) => void
    this.ended = new Promise((resolve) => (settle = resolve))
    this.#link = new Link(addressOf(url, options.token), options, {
      opened: () => this.#opened(),
      text: (text) => this.#take(text),
      lost: () => this.#lost(),
      ended: (code, reason) => {
        this.#end = { code, reason }
        this.#failAll()
        settle(this.#end)
      },
    })
  }

  /**
   * Follows a URI. Several subscriptions to one URI share one copy, and the first one's `throttle`: a duration,
   * `250ms` for example, in which the service tells of changes once.
   */
  subscribe(uri: string, listener?: Listener, options: SubscribeOptions = {}): Subscription {
    let topic = this.#topics.get(uri)
    if (!topic) {
      topic = new Topic(uri, { ...PATCHERS, ...this.#options.patchers }, options.throttle)
      this.#topics.set(uri, topic)
      if (this.#link.isOpen) this.#follow(uri, topic)
    }
    if (this.#end) topic.fail(this.#goneError())
    return new Subscription(topic, listener, () => this.#leave(uri))
  }

  /** Creates a member of a list; the reply names it (`member`) and holds it (`resource`). Throws LiveError. */
  create(uri: string, attributes: unknown): Promise<Done> {
    return this.#command({ event: "create", uri, attributes })
  }

  /** Throws LiveError. */
  patch(uri: string, patch: unknown): Promise<Done> {
    return this.#command({ event: "patch", uri, patch })
  }

  /** Throws LiveError. */
  delete(uri: string): Promise<Done> {
    return this.#command({ event: "delete", uri })
  }

  /** Ends the connection for good. */
  close(): void {
    this.#link.end()
  }

  #opened(): void {
    const held = [...this.#topics].filter(([, { replica }]) => replica.since !== undefined)
    for (let at = 0; at < held.length; at += RESUME_MAX_URIS) {
      this.#resume(held.slice(at, at + RESUME_MAX_URIS))
    }
    for (const [uri, topic] of this.#topics) {
      if (topic.replica.since === undefined) this.#follow(uri, topic)
    }
    for (const pending of this.#pending.values()) this.#transmit(pending)
  }

  /** Subscribes, from where the copy is if it can go on from there. */
  #follow(uri: string, topic: Topic): void {
    const { throttle } = topic
    const { since } = topic.replica
    // What is undefined is not written.
    const command = { event: "subscribe", uri, since, throttle }
    this.#command<Done>(command, (reply) => {
      this.#progress.begin(reply.epoch)
      topic.begin(reply)
      this.#expect(subscribed([uri, topic], reply))
    }).catch((error: Error) => {
      // A lost connection comes back, and subscribes again.
      if (error instanceof LiveError) this.#refused(uri, topic, error)
    })
  }

  /** Goes on with all of these from where they are. */
  #resume(topics: Named[]): void {
    const uris = topics.map(([uri, { replica, throttle }]) => ({
      uri,
      since: this.#progress.sinceOf(replica.since ?? ""),
      throttle,
    }))
    this.#command<Resumed>({ event: "resume", ...shortened(uris) }, (reply) => {
      this.#progress.begin(reply.epoch)
      const fail = (uri: string, topic: Topic, problem: Refused["problem"]) =>
        this.#refused(uri, topic, new LiveError(problem))
      this.#expect(resumed(topics, reply, fail))
    }).catch((error: Error) => {
      if (!(error instanceof LiveError)) return
      for (const [uri, topic] of topics) this.#refused(uri, topic, error)
    })
  }

  #refused(uri: string, topic: Topic, error: LiveError): void {
    if (error.problem.code === "overloaded") {
      // Not now is not never. A connection that comes back asks for all there is, and need not be asked twice.
      this.#link.later(() => this.#topics.get(uri) === topic && this.#follow(uri, topic))
      return
    }
    this.#topics.delete(uri)
    topic.fail(error)
  }

  #leave(uri: string): void {
    const topic = this.#topics.get(uri)
    if (!topic || topic.isWanted) return
    this.#topics.delete(uri)
    const canonical = topic.replica.uri
    const isShared = [...this.#topics.values()].some((other) => other.replica.uri === canonical)
    if (isShared || !this.#link.isOpen) return
    this.#command({ event: "unsubscribe", uri: canonical }).catch(() => {})
  }

  /** `then` runs before the next frame is read, which a promise would not. */
  #command<Answer extends Done | Resumed = Done>(
    command: object,
    then?: (reply: Answer) => void,
  ): Promise<Answer> {
    if (this.#end) return Promise.reject(this.#goneError())
    const id = ++this.#lastId
    return new Promise<Answer>((resolve, reject) => {
      const pending: Pending = {
        text: JSON.stringify({ id, ...command }),
        isSent: false,
        resolve: (reply) => {
          then?.(reply as Answer)
          resolve(reply as Answer)
        },
        reject,
      }
      this.#pending.set(id, pending)
      if (this.#link.isOpen) this.#transmit(pending)
    })
  }

  #transmit(pending: Pending): void {
    if (pending.isSent) return
    pending.isSent = true
    this.#link.send(pending.text)
  }

  #take(text: string): void {
    const said = (this.#options.parse ?? JSON.parse)(text) as Frame | Reply
    if (isReply(said)) {
      this.#settle(said)
      return
    }
    const welcome = this.#welcome
    if (!welcome) this.#progress.take(said)
    for (const [uri, topic] of welcome?.of(said) ?? this.#topics) {
      if (topic.take(said) === "lost") this.#follow(uri, topic)
    }
    if (welcome) this.#expect({ ...welcome, left: welcome.left - 1 })
  }

  /** The next frames are those that a reply announced. */
  #expect(welcome: Welcome): void {
    this.#welcome = welcome.left > 0 ? welcome : undefined
    if (!this.#welcome) welcome.done()
  }

  #settle(reply: Reply): void {
    const id = Number(reply.id)
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (reply.ok) pending?.resolve(reply)
    else if (pending) pending.reject(new LiveError(reply.problem))
    // Of no command of ours: why the service is about to close.
    else this.#refusal = reply.problem
  }

  /** What was sent may have been done or not; sending it again might do it twice. */
  #lost(): void {
    this.#welcome = undefined
    for (const topic of this.#topics.values()) topic.replica.pause()
    for (const [id, { isSent, reject }] of this.#pending) {
      if (!isSent) continue
      this.#pending.delete(id)
      reject(new Error("The connection was lost before the reply"))
    }
  }

  #failAll(): void {
    const error = this.#goneError()
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
    for (const topic of this.#topics.values()) topic.fail(error)
  }

  #goneError(): Error {
    if (this.#refusal) return new LiveError(this.#refusal)
    return new Error(`The connection has ended: ${this.#end?.reason || this.#end?.code}`)
  }
}

function isReply(said: Frame | Reply): said is Reply {
  return "ok" in said
}

function addressOf(url: string, token: string | undefined): string {
  const address = new URL(url.replace(/^http/, "ws"))
  if (!address.pathname.endsWith("/live")) {
    address.pathname = `${address.pathname.replace(/\/$/, "")}/live`
  }
  address.searchParams.set("acks", "1")
  if (token !== undefined) address.searchParams.set("token", token)
  return address.href
}
