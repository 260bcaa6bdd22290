/** Zod schemas as JSON Schema 2020-12, which is OpenAPI 3.1's own dialect. Those with an id become components. */
import * as z from "zod"

export type Json = Record<string, unknown>

/** "input" is what a caller may send, "output" what the service answers: defaults and strictness differ. */
export type Direction = "input" | "output"

const DEFS = "#/$defs/"

/** Collects the named schemas of a document while its parts are built; `finish` gives them their names. */
export class Components {
  readonly #found = { input: new Map<string, Json>(), output: new Map<string, Json>() }

  /** The schema as JSON Schema. Its references hold only after `finish`. */
  schema(schema: z.ZodType, direction: Direction): Json {
    // Wrapped, because a schema that contains itself would refer to the root, and ours is not the root.
    const { items, $defs } = z.toJSONSchema(z.array(schema), {
      io: direction,
      unrepresentable: "any",
    }) as { items: Json; $defs?: Record<string, Json> }
    const known = this.#found[direction]
    const names = new Map<string, string>()
    for (const [id, definition] of Object.entries($defs ?? {})) {
      names.set(id, id.startsWith("__") ? `Anonymous${nameless(known, definition)}` : id)
    }
    const rename = (id: string) => `#${direction}/${names.get(id) ?? id}`
    for (const [id, definition] of Object.entries($defs ?? {})) {
      known.set(names.get(id) ?? id, tidy(definition, rename) as Json)
    }
    return tidy(items, rename) as Json
  }

  /** The schema itself where `schema` may have answered a reference. */
  resolved(schema: z.ZodType, direction: Direction): Json {
    const json = this.schema(schema, direction)
    const id = String(json["$ref"] ?? "").replace(`#${direction}/`, "")
    return this.#found[direction].get(id) ?? json
  }

  /** The document with its references made good, and the components they name. */
  finish<Document>(document: Document): { document: Document; schemas: Json } {
    const split = this.#split()
    const nameOf = (direction: string, id: string) =>
      direction === "input" && split.has(id) ? `${id}Input` : id
    const good = (value: unknown) =>
      mapReferences(value, (reference) =>
        reference.replace(
          /^#(input|output)\/(.*)$/,
          (_, direction: string, id: string) => `#/components/schemas/${nameOf(direction, id)}`,
        ),
      )
    const schemas: Json = {}
    for (const direction of ["output", "input"] as const) {
      for (const [id, json] of this.#found[direction]) schemas[nameOf(direction, id)] ??= good(json)
    }
    return { document: good(document) as Document, schemas }
  }

  /** Ids whose two directions differ, in themselves or in what they refer to. */
  #split(): Set<string> {
    const { input, output } = this.#found
    const shared = [...input.keys()].filter((id) => output.has(id))
    const text = (json: Json | undefined) =>
      JSON.stringify(json).replaceAll(/"#(input|output)\//g, '"#')
    const split = new Set(shared.filter((id) => text(input.get(id)) !== text(output.get(id))))
    for (let size = -1; size !== split.size;) {
      size = split.size
      for (const id of shared) {
        if ([...split].some((other) => text(input.get(id)).includes(`"#${other}"`))) split.add(id)
      }
    }
    return split
  }
}

/** A number for a recursive schema without an id. */
function nameless(known: Map<string, Json>, _definition: Json): number {
  return [...known.keys()].filter((id) => id.startsWith("Anonymous")).length + 1
}
