/** What a line of the table takes beside its body, as OpenAPI parameters. */
import type { Endpoint } from "../protocol/endpoint.ts"
import { THROTTLE, WAIT } from "./mouth.ts"
import type { Components, Json } from "./schemas.ts"

const REVISIONS = 'Revisions in the form of ETags (`"42"`), or `*` for any'

/** What means the same everywhere: the conditional headers, `wait` and `throttle`. */
export const conditions: Json = {
  IfMatch: {
    name: "If-Match",
    in: "header",
    description: `Only if what is stored has one of these. ${REVISIONS}`,
    schema: { type: "string" },
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description: `Only if what is stored has none of these. ${REVISIONS}`,
    schema: { type: "string" },
  },
  Wait: WAIT,
  Throttle: THROTTLE,
}

/** All parameters of an endpoint: path, query, headers. */
export function parametersOf(endpoint: Endpoint, components: Components): Json[] {
  return [
    ...pathParameters(endpoint, components),
    ...queryParameters(endpoint, components),
    ...Object.entries(endpoint.headers ?? {}).map(([name, description]) => ({
      name,
      in: "header",
      description,
      schema: { type: "string" },
    })),
    ...conditionsOf(endpoint).map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ]
}

function pathParameters({ path, params }: Endpoint, components: Components): Json[] {
  const { properties } = shapeOf(params ? components.resolved(params, "input") : {})
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => {
    const parameter = parameterOf(name, "path", properties[name] ?? {})
    const [example] = (parameter.schema["examples"] as unknown[] | undefined) ?? []
    return { ...parameter, required: true, ...(example === undefined ? {} : { example }) }
  })
}

function queryParameters({ query }: Endpoint, components: Components): Json[] {
  if (!query) return []
  const json = components.resolved(query, "input")
  const { properties, required, rest } = shapeOf(json)
  const named = Object.entries(properties).map(([name, schema]) => ({
    ...parameterOf(name, "query", schema),
    required: required.includes(name),
  }))
  return rest ? [...named, freeParameter(json, properties, rest)] : named
}

/** Parameters of any name: an object whose members are sent as parameters of their own. */
function freeParameter(json: Json, properties: Record<string, Json>, rest: Json): Json {
  const [example = {}] = (json["examples"] as Json[] | undefined) ?? []
  const members = Object.entries(example).filter(([name]) => !(name in properties))
  return {
    name: "parameters",
    in: "query",
    description: json["description"] ?? "Any other parameter, by its name",
    style: "form",
    explode: true,
    schema: { type: "object", additionalProperties: { type: "string", ...rest } },
    ...(members.length > 0 ? { example: Object.fromEntries(members) } : {}),
  }
}

/** `description` and `deprecated` belong to the parameter; a text is what everything in a URI is at first. */
function parameterOf(name: string, place: "path" | "query", json: Json) {
  const { description, deprecated, ...schema } = json
  const typed = ["type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"].some(
    (word) => word in schema,
  )
  return {
    name,
    in: place,
    ...(description ? { description } : {}),
    ...(deprecated ? { deprecated } : {}),
    schema: (typed ? schema : { type: "string", ...schema }) as Json,
  }
}

function shapeOf(json: Json) {
  const rest = json["additionalProperties"]
  return {
    properties: (json["properties"] ?? {}) as Record<string, Json>,
    required: (json["required"] ?? []) as string[],
    rest: rest === true ? {} : rest ? (rest as Json) : null,
  }
}

/** Reads take If-None-Match, and wait; where a condition can fail, both are taken. */
function conditionsOf({ verb, replies }: Endpoint): string[] {
  if (412 in replies) return ["IfMatch", "IfNoneMatch"]
  return verb === "get" || verb === "list" ? ["IfNoneMatch", "Wait", "Throttle"] : []
}
