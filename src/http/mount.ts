/** The endpoint table on an itty router: one door, one way through it for every request. */
import { Router } from "itty-router"
import { authorize, type Scope } from "../auth/scope.ts"
import type { Answer, Call, Endpoint, Method } from "../protocol/endpoint.ts"
import { CONSISTENCY_HEADER } from "../protocol/keys-consistency.ts"
import { Problem } from "../protocol/problem.ts"
import { bySpecificity, fill, match } from "../protocol/uri.ts"
import { readBody } from "./body.ts"
import { check, show } from "./check.ts"
import { preflight } from "./cors.ts"
import { isKnown, readConditions } from "./etag.ts"
import { readMouth, type Watch } from "./mouth.ts"
import { problemReply, reply } from "./reply.ts"

/** A line of the table with the code behind it; what it takes was checked against the line. */
export interface Mounted<Services> {
  endpoint: Endpoint
  handler: (call: Call, services: Services) => Promise<Answer> | Answer
}

/** What the door itself asks of the services. */
interface Door {
  scope: Scope
  /** Whether the request is an operation of a batch. */
  isBatch?: boolean
  /** The other ways to answer a GET; absent where nobody may wait, as in the hub. */
  mouths?: {
    /** Events of a URI, from an id of theirs on. */
    events: (watch: Watch) => Promise<Response>
    /** The answer, once there is something new in it. */
    whenNew: (poll: Waiting) => Promise<Answer>
  }
}

/** A caller that waits. */
interface Waiting {
  uri: string
  waitSeconds: number
  known: { epoch: string | null; revision: number } | null
  isKnown: (revision: number | undefined) => boolean
  read: () => Promise<Answer>
}

export type Dispatch<Services> = (request: Request, services: Services) => Promise<Response>

/** The function that answers every request; it never throws. */
export function mount<Services extends Door>(
  lines: readonly Mounted<Services>[],
): Dispatch<Services> {
  const router = Router()
  const inOrder = lines.toSorted((one, other) => bySpecificity(one.endpoint, other.endpoint))
  for (const line of inOrder) {
    const method = line.endpoint.method.toLowerCase() as Lowercase<Method>
    // itty's own decoding and error replies are not used: params arrive encoded, and errors would leak.
    router[method](
      line.endpoint.path.replace(/:\w+\*$/, "*"),
      (request: Request, services: Services) => {
        const params = readParams(line.endpoint, new URL(request.url).pathname)
        // The next that matches has its turn.
        return params ? pass(line, params, request, services) : undefined
      },
    )
  }
  const endpoints = lines.map((line) => line.endpoint)

  const dispatch: Dispatch<Services> = async (request, services) => {
    try {
      if (request.method === "OPTIONS") return preflight(request, methodsOf(endpoints, request))
      if (request.method === "HEAD") return await head(request, services)
      const response = (await router.fetch(request, services)) as Response | undefined
      return response ?? problemReply(unrouted(endpoints, request))
    } catch (error) {
      if (error instanceof Problem && error.code === "precondition_failed") {
        return problemReply(await withCurrent(error, request, services))
      }
      return problemReply(error)
    }
  }

  async function head(request: Request, services: Services): Promise<Response> {
    const response = await dispatch(new Request(request, { method: "GET" }), services)
    if (response.status === 405) return new Response(null, response)
    await response.body?.cancel()
    return new Response(null, response)
  }

  /** A 412 carries what is there now, so that the caller can merge without asking again. */
  async function withCurrent(
    problem: Problem,
    request: Request,
    services: Services,
  ): Promise<Problem> {
    // What the condition was about is not always the URI that was called: PUT /keys?name=value.
    const uri = new URL(String(problem.details["instance"] ?? request.url), request.url)
    // A copy that is old would send the caller round in circles.
    const headers = { [CONSISTENCY_HEADER]: "strong" }
    const current = await dispatch(new Request(uri, { headers }), { ...services, isBatch: false })
    const { code, message, details } = problem
    const body = current.ok ? await current.text() : "null"
    const etag = current.ok ? current.headers.get("ETag") : null
    return new Problem(
      code,
      message,
      { ...details, ...(current.ok ? { etag } : {}) },
      etag === null ? {} : { ETag: etag },
      { ...problem.texts, current: body },
    )
  }

  return dispatch
}

/** Through the door: parameters, query, conditions and body are checked, then the handler runs. */
async function pass<Services extends Door>(
  { endpoint, handler }: Mounted<Services>,
  params: Record<string, string>,
  request: Request,
  services: Services,
): Promise<Response> {
  authorize(endpoint, services.scope)
  if (services.isBatch && endpoint.batch !== true) throw unbatched(endpoint)
  const url = new URL(request.url)
  const conditions = readConditions(request.headers)
  const query = readQuery(url)
  const { mouths } = services
  const mouth = readMouth(endpoint, request.headers, url, query)
  const call: Call = {
    params: (endpoint.params ? check(endpoint.params, params, "path") : params) as Call["params"],
    query: (endpoint.query ? check(endpoint.query, query, "query") : {}) as Call["query"],
    body: (endpoint.body ? await readBody(request, endpoint.body) : undefined) as undefined,
    conditions,
    uri: fill(endpoint.path, params),
    url,
    headers: request.headers,
  }
  const read = async () => handler(call, services)
  if (!mouths || mouth.kind === "answer") return reply(await read(), endpoint.method, conditions)
  if (mouth.kind === "events") return mouths.events(mouth)
  const { uri, known, seconds: waitSeconds } = mouth
  const answer = await mouths.whenNew({
    uri,
    waitSeconds,
    known,
    isKnown: (revision) =>
      known ? revision !== undefined && revision <= known.revision : isKnown(conditions, revision),
    read,
  })
  return reply(answer, endpoint.method, conditions)
}

/** Null where the line is not for them. */
function readParams({ path, takes }: Endpoint, pathname: string): Record<string, string> | null {
  let params: Record<string, string> | null
  try {
    params = match(path, pathname)
  } catch {
    throw new Problem("invalid_request", `The path has a broken percent escape: ${show(pathname)}`)
  }
  return params && takes?.(params) !== false ? params : null
}

/** A parameter given twice counts once, the first time, as it did for the originals. */
function readQuery({ searchParams }: URL): Record<string, string> {
  return Object.fromEntries([...searchParams].reverse())
}

function methodsOf(endpoints: Endpoint[], request: Request): string[] {
  const { pathname } = new URL(request.url)
  const methods = new Set<string>()
  for (const endpoint of endpoints) {
    if (!matches(endpoint, pathname)) continue
    const { method } = endpoint
    methods.add(method)
    if (method === "GET") methods.add("HEAD")
  }
  if (methods.size === 0) throw unknownUri(pathname)
  return [...methods, "OPTIONS"]
}

function matches({ path, takes }: Endpoint, pathname: string): boolean {
  try {
    const params = match(path, pathname)
    return params !== null && takes?.(params) !== false
  } catch {
    return true
  }
}

function unrouted(endpoints: Endpoint[], request: Request): Problem {
  try {
    const methods = methodsOf(endpoints, request)
    return new Problem(
      "method_not_allowed",
      `${request.method} is not among the methods of this resource: ${methods.join(", ")}`,
      { allowed: methods },
      { Allow: methods.join(", ") },
    )
  } catch (error) {
    return error as Problem
  }
}

function unbatched({ method, path, batch }: Endpoint): Problem {
  const reason = batch ?? "Only writes to documents, series and resources defined in code can"
  const detail = `${method} ${path} cannot be part of a batch. ${reason}`
  return new Problem("unprocessable", detail)
}

function unknownUri(pathname: string): Problem {
  return new Problem(
    "unknown_uri",
    `No route matches ${show(pathname)}; /api/openapi.json lists them`,
  )
}
