/** The document against the specification's own schema, and every example against the schema beside it. */
import { Validator } from "@seriousme/openapi-schema-validator"
import { Ajv2020 } from "ajv/dist/2020.js"
import formats from "ajv-formats"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { openapiOf } from "../../src/http/openapi.ts"
import { api } from "../../src/protocol/api.ts"
import type { Endpoint } from "../../src/protocol/endpoint.ts"
import { linesOf } from "../../src/resources/mounted.ts"
import { todos } from "../../src/resources/todo.ts"

const table: Endpoint[] = [
  ...Object.entries(api).map(([id, endpoint]) => ({ id, ...(endpoint as Endpoint) })),
  ...linesOf(todos).map(({ endpoint }) => endpoint),
]
const document: any = openapiOf(table)

/** Calls `visit` with every object of the document and its JSON pointer. */
function walk(value: any, visit: (object: any, pointer: string) => void, pointer = ""): void {
  if (typeof value !== "object" || value === null) return
  if (!Array.isArray(value)) visit(value, pointer)
  for (const [key, inner] of Object.entries(value)) {
    walk(inner, visit, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`)
  }
}

function lookUp(pointer: string): unknown {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((value: any, part) => value?.[part], document)
}

const operations = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
  Object.entries<any>(methods).map(([method, operation]) => ({
    line: `${method.toUpperCase()} ${path}`,
    operation,
  })),
)

describe("the OpenAPI document", () => {
  it("is valid by the schema of OpenAPI 3.1", async () => {
    const result = await new Validator().validate(structuredClone(document))
    expect(result.errors ?? []).toEqual([])
    expect(result.valid).toBe(true)
  })

  it("has every line of the table once, and nothing else", () => {
    const lines = table.map(({ method, path }) => `${method} ${path.replace(/:(\w+)\*?/g, "{$1}")}`)
    expect(operations.map(({ line }) => line).sort()).toEqual(lines.sort())
    expect(new Set(lines).size).toBe(lines.length)
  })

  it("names every operation by its name in the table, and no two alike", () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(expect.arrayContaining(Object.keys(api)))
    expect(ids).toEqual(expect.arrayContaining(["post_todo", "get_todo", "get_todo_id"]))
  })

  it("declares each parameter in a path, each reply and each media type of the table", () => {
    for (const { method, path, replies, body } of table) {
      const { operation } = operations.find(
        ({ line }) => line === `${method} ${path.replace(/:(\w+)\*?/g, "{$1}")}`,
      )!
      const inPath = (operation.parameters ?? []).filter((one: any) => one.in === "path")
      expect(inPath.map((one: any) => one.name)).toEqual(
        [...path.matchAll(/:(\w+)/g)].map((found) => found[1]),
      )
      expect(Object.keys(operation.responses)).toEqual(
        expect.arrayContaining([...Object.keys(replies), "default"]),
      )
      const types = Object.keys(operation.requestBody?.content ?? {})
      expect(types).toEqual(
        expect.arrayContaining(body?.types === "any" ? [] : [...(body?.types ?? [])]),
      )
    }
  })

  it("has a tag with a sentence for every group", () => {
    const names = document.tags.map((tag: any) => tag.name)
    for (const { operation } of operations) expect(names).toContain(operation.tags[0])
    for (const tag of document.tags) expect(tag.description).toMatch(/\w/)
  })

  it("refers to nothing that is not there", () => {
    let count = 0
    walk(document, (object, pointer) => {
      if (typeof object.$ref !== "string") return
      count++
      expect(object.$ref, pointer).toMatch(/^#\/components\//)
      expect(lookUp(object.$ref.slice(1)), `${pointer} → ${object.$ref}`).toBeDefined()
    })
    expect(count).toBeGreaterThan(20)
  })

  it("says nothing of zod's inside: no $schema, $id, $defs", () => {
    walk(document, (object, pointer) => {
      for (const word of ["$schema", "$id", "$defs"]) expect(word in object, pointer).toBe(false)
    })
  })

  it("shows examples that are valid by the schema beside them", () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    formats.default(ajv)
    ajv.addSchema({ $id: "doc", components: document.components })
    const check = (schema: any, value: unknown, pointer: string) => {
      const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"doc#/'))
      const validate = ajv.compile(absolute)
      expect(validate(value), `${pointer}: ${ajv.errorsText(validate.errors)}`).toBe(true)
    }
    let count = 0
    walk(document, (object, pointer) => {
      const isSchema = /\/schemas\/\w+$|\/schema(\/|$)|\/(properties|items)(\/|$)/.test(pointer)
      if (!isSchema && object.schema && "example" in object) {
        count++
        check(object.schema, object.example, pointer)
      }
      if (!isSchema || !Array.isArray(object.examples)) return
      for (const example of object.examples) {
        count++
        check(object, example, pointer)
      }
    })
    expect(count).toBeGreaterThan(5)
  })

  it("has an example for every body, valid at the door too", () => {
    for (const { id, path, body } of table) {
      if (!body) continue
      expect(body.example, `${id ?? path} has a body without an example`).toBeDefined()
      const result = body.schema.safeParse(body.example)
      expect(result.success, `${id ?? path}: ${result.error?.message}`).toBe(true)
    }
  })
})

const line = (more: Partial<Endpoint>): Endpoint => ({
  method: "PUT",
  path: "/a",
  verb: "replace",
  tag: "a",
  summary: "A",
  replies: {},
  ...more,
})

const put = (more: Partial<Endpoint>): any => openapiOf([line(more)])

describe("openapiOf", () => {
  it("turns members of any name in a query into one object whose members are sent by themselves", () => {
    const query = z
      .looseObject({ expire_in: z.string().optional() })
      .meta({ description: "The pair", example: { greeting: "hello" } })
    expect(put({ query }).paths["/a"].put.parameters).toMatchObject([
      { name: "expire_in", in: "query", required: false, schema: { type: "string" } },
      {
        in: "query",
        description: "The pair",
        style: "form",
        explode: true,
        schema: { type: "object", additionalProperties: { type: "string" } },
        example: { greeting: "hello" },
      },
    ])
  })

  it("keeps two components where what is sent and what is answered differ, also by what they refer to", () => {
    const Inner = z.object({ size: z.int().default(1) }).meta({ id: "Inner" })
    const Outer = z.looseObject({ inner: Inner }).meta({ id: "Outer" })
    const Same = z.looseObject({ name: z.string() }).meta({ id: "Same" })
    const schema = z.looseObject({ outer: Outer, same: Same })
    const built = put({
      body: { schema, types: ["application/json"], maxBytes: 1, as: "json" },
      replies: { 200: { description: "", schema } },
    })
    expect(Object.keys(built.components.schemas).sort()).toEqual(
      ["Inner", "InnerInput", "Outer", "OuterInput", "Problem", "Same"].sort(),
    )
    expect(built.components.schemas.OuterInput.properties.inner.$ref).toBe(
      "#/components/schemas/InnerInput",
    )
  })

  it("gives a schema that contains itself a component", () => {
    const built = put({ replies: { 200: { description: "", schema: z.json() } } })
    const { $ref } = built.paths["/a"].put.responses[200].content["application/json"].schema
    expect($ref).toBe("#/components/schemas/Recursive1")
    expect(built.components.schemas.Recursive1.anyOf).toContainEqual({
      type: "array",
      items: { $ref },
    })
  })

  it("derives the names of lines without one, and keeps them apart", () => {
    const built: any = openapiOf([
      line({ path: "/a/b", method: "GET" }),
      line({ path: "/a_b", method: "GET" }),
    ])
    expect(built.paths["/a/b"].get.operationId).toBe("get_a_b")
    expect(built.paths["/a_b"].get.operationId).toBe("get_a_b_2")
  })
})
