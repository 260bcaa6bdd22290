/** The endpoint table as an OpenAPI 3.1 document. */
import { version } from "../../package.json"
import type { BodyRule, Endpoint, ReplyRule, Verb } from "../protocol/endpoint.ts"
import { Problem, PROBLEMS, type ProblemCode } from "../protocol/problem.ts"
import { problems } from "../protocol/shared.ts"
import { tags } from "../protocol/tags.ts"
import { conditions, parametersOf } from "./parameters.ts"
import { Components, type Json } from "./schemas.ts"

const info = {
  title: "Tidemark",
  version,
  summary: "Time series, documents, keys with expiry and resources of your own, all of them live",
  description: [
    "One URI is read, written and watched under one revision: the ETag of an answer and the `revision` of a live",
    "frame are the same number. Every resource is also an event stream (`Accept: text/event-stream`). What goes wrong is told as a problem document (RFC 9457) with a stable `code`.",
  ].join(" "),
  license: { name: "MIT", identifier: "MIT" },
}

const headers = {
  ETag: { description: "The revision, quoted", schema: { type: "string", examples: ['"42"'] } },
  Location: { description: "The URI of what was created", schema: { type: "string" } },
  "Server-Timing": {
    description: "What it cost: queries, rows read, rows written",
    schema: { type: "string" },
  },
}

/** Asked for where a deployment has tokens; `{}` says that none will do where it has not. */
const security = [{ token: [] }, {}]
const securitySchemes = {
  token: {
    type: "http",
    scheme: "bearer",
    description:
      "Needed where the deployment has tokens; on GET also as the query parameter `token`",
  },
}

/** Builds the document. Costs some ten milliseconds at first; keep what it answers. */
export function openapiOf(endpoints: readonly Endpoint[]): Json {
  const components = new Components()
  const operations: Record<string, Record<string, Json>> = {}
  const ids = new Set<string>()
  for (const endpoint of endpoints) {
    const method = endpoint.method.toLowerCase()
    const path = (operations[endpoint.path.replace(/:(\w+)\*?/g, "{$1}")] ??= {})
    // The first line of a method and path is the one that the router takes.
    path[method] ??= { operationId: idOf(endpoint, ids), ...operationOf(endpoint, components) }
  }
  const { document: paths, schemas } = components.finish(operations)
  return {
    openapi: "3.1.0",
    info,
    tags: [...new Set(endpoints.map(({ tag }) => tag))].map((name) => ({
      name,
      description: tags[name] ?? "Resources defined in code",
    })),
    security,
    paths,
    components: { schemas, parameters: conditions, headers, securitySchemes },
  }
}

/** Its name in the table; for a line without one, `post_todo`. */
function idOf({ id, method, path }: Endpoint, taken: Set<string>): string {
  const wanted = id ?? [method.toLowerCase(), ...(path.match(/\w+/g) ?? [])].join("_")
  let free = wanted
  for (let number = 2; taken.has(free); number++) free = `${wanted}_${number}`
  taken.add(free)
  return free
}

function operationOf(endpoint: Endpoint, components: Components): Json {
  const { tag, summary, description, open, body } = endpoint
  const parameters = parametersOf(endpoint, components)
  return {
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    ...(open ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: bodyOf(body, components) } : {}),
    responses: responsesOf(endpoint, components),
  }
}

function bodyOf(
  { types, maxBytes, others = {}, forms = {}, ...rule }: BodyRule,
  components: Components,
): Json {
  const contentOf = ({ schema, example }: Pick<BodyRule, "schema" | "example">) => ({
    schema: components.schema(schema, "input"),
    ...(example === undefined ? {} : { example }),
  })
  const named = types === "any" ? ["application/json", "*/*"] : types
  return {
    required: true,
    description: `At most ${String(maxBytes).replace(/\B(?=(\d{3})+$)/g, ",")} bytes`,
    content: {
      ...Object.fromEntries(named.map((type) => [type, contentOf(forms[type] ?? rule)])),
      ...Object.fromEntries(
        Object.entries(others).map(([type, text]) => [
          type,
          { schema: { type: "string" }, example: text },
        ]),
      ),
    },
  }
}

function responsesOf({ verb, replies }: Endpoint, components: Components): Json {
  const responses: Record<string, Json> = {}
  for (const [status, rule] of Object.entries({ ...replies, default: unexpected })) {
    responses[status] = responseOf(rule, status, components)
    if (status.startsWith("2")) responses[status]["headers"] = headersOf(status, verb)
  }
  if (verb === "get" || verb === "list") {
    responses["304"] = {
      description: "The caller has this revision already",
      headers: refer(["ETag"]),
    }
  }
  return responses
}

const unexpected: ReplyRule = { ...problems(500)[500], description: "Any other problem" }

function responseOf(rule: ReplyRule, status: string, components: Components): Json {
  const { description, schema, type = "application/json", json } = rule
  if (!schema && !rule.type) return { description }
  const content = {
    schema: schema ? components.schema(schema, "output") : { type: "string" },
    ...(type === "application/problem+json" ? { example: problemOf(status) } : {}),
  }
  const other = json ? { "application/json": { schema: components.schema(json, "output") } } : {}
  return { description, content: { [type]: content, ...other } }
}

/** A problem of this status, for show; of the last in the table where no status is given. */
function problemOf(status: string): Json {
  const codes = Object.keys(PROBLEMS) as ProblemCode[]
  const code = codes.find((one) => String(PROBLEMS[one][0]) === status) ?? "overloaded"
  return new Problem(code, "A sentence that names what is wrong, and the wish").toJSON()
}

/** What is called has no revision; every other answer has. */
function headersOf(status: string, verb: Verb): Json {
  const names = [
    ...(verb === "call" ? [] : ["ETag"]),
    ...(status === "201" ? ["Location"] : []),
    "Server-Timing",
  ]
  return refer(names)
}

function refer(names: string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}
