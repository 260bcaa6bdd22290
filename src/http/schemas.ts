/** Zod schemas as JSON Schema 2020-12, which is OpenAPI 3.1's own dialect. Those with an id become components. */
import * as z from "zod"

export type Json = Record<string, unknown>

/** "input" is what a caller may send, "output" what the service answers: defaults and strictness differ. */
export type Direction = "input" | "output"

/** Collects the named schemas of a document while its parts are built; `finish` gives them their names. */
export class Components {
  readonly #found = { input: new Map<string, Json>(), output: new Map<string, Json>() }
  readonly #known = { input: new Map<z.ZodType, Json>(), output: new Map<z.ZodType, Json>() }
  #nameless = 0

  /** The schema as JSON Schema. Its references hold only after `finish`. */
  schema(schema: z.ZodType, direction: Direction): Json {
    const known = this.#known[direction]
    const json = known.get(schema) ?? this.#convert(schema, direction)
    known.set(schema, json)
    return json
  }

  #convert(schema: z.ZodType, direction: Direction): Json {
    // Wrapped, because a schema that contains itself would refer to the root, and this is not the root.
    const wrapped = z.toJSONSchema(z.array(schema), {
      io: direction,
      unrepresentable: "any",
      override: ({ jsonSchema }) => tidy(jsonSchema as Json),
    })
    // Recursive schemas without an id are called __schema0, __schema1 … anew in every conversion.
    const names = new Map(
      Object.keys(wrapped.$defs ?? {}).map((id) => [
        id,
        id.startsWith("__") ? `Recursive${++this.#nameless}` : id,
      ]),
    )
    const text = JSON.stringify(wrapped).replace(
      /"\$ref":"#\/\$defs\/([^"]*)"/g,
      (_, id: string) => `"$ref":"#${direction}/${names.get(id)}"`,
    )
    const { items, $defs = {} } = JSON.parse(text) as { items: Json; $defs?: Record<string, Json> }
    for (const [id, json] of Object.entries($defs)) {
      this.#found[direction].set(names.get(id) ?? id, json)
    }
    return items
  }

  /** The schema itself, where `schema` may answer a reference to it. */
  resolved(schema: z.ZodType, direction: Direction): Json {
    const json = this.schema(schema, direction)
    const id = String(json["$ref"] ?? "").slice(`#${direction}/`.length)
    return this.#found[direction].get(id) ?? json
  }

  /** The document with its references made good, and the components they name. */
  finish(document: Json): { document: Json; schemas: Json } {
    const different = this.#different()
    const nameOf = (direction: string, id: string) =>
      direction === "input" && different.has(id) ? `${id}Input` : id
    const good = (json: Json) =>
      JSON.parse(
        JSON.stringify(json).replace(
          /"\$ref":"#(input|output)\/([^"]*)"/g,
          (_, direction: string, id: string) =>
            `"$ref":"#/components/schemas/${nameOf(direction, id)}"`,
        ),
      ) as Json
    const schemas: Json = {}
    for (const direction of ["output", "input"] as const) {
      for (const [id, json] of this.#found[direction]) schemas[nameOf(direction, id)] = good(json)
    }
    return { document: good(document), schemas }
  }

  /** Ids that do not say the same in both directions, themselves or through what they refer to. */
  #different(): Set<string> {
    const { input, output } = this.#found
    const shared = [...input.keys()].filter((id) => output.has(id))
    const different = new Set(
      shared.filter((id) => textOf(input.get(id)) !== textOf(output.get(id))),
    )
    for (let size = -1; size !== different.size;) {
      size = different.size
      for (const id of shared) {
        if ([...different].some((other) => textOf(input.get(id)).includes(`"$ref":"#${other}"`))) {
          different.add(id)
        }
      }
    }
    return different
  }
}

/** A schema's text, the same for both directions where the schema is. */
function textOf(json: Json | undefined): string {
  return JSON.stringify(json).replace(/"\$ref":"#(?:input|output)\//g, '"$ref":"#')
}

/** OpenAPI 3.1 has `examples` where zod's meta says `example`; and an integer's bounds say what everybody expects. */
function tidy(json: Json): void {
  if ("example" in json) {
    json["examples"] = [json["example"]]
    delete json["example"]
  }
  if (json["minimum"] === Number.MIN_SAFE_INTEGER) delete json["minimum"]
  if (json["maximum"] === Number.MAX_SAFE_INTEGER) delete json["maximum"]
}
