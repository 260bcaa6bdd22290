import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { diff, patchText } from "../../src/lib/diff.ts"
import { parseTree, textOf, type Tree } from "../../src/lib/tree.ts"

const between = (from: string, to: string) => patchText(diff(parseTree(from), parseTree(to)))

/** RFC 6902 in its plainest form, for what `diff` uses of it. */
function apply(tree: Tree, operations: ReturnType<typeof diff>): Tree {
  let root = tree
  for (const { op, path, value } of operations) {
    const tokens = path
      .split("/")
      .slice(1)
      .map((token) => token.replace(/~1/g, "/").replace(/~0/g, "~"))
    const last = tokens.pop()
    const made = value === undefined ? undefined : parseTree(value)
    if (last === undefined) {
      root = made as Tree
      continue
    }
    let parent = root
    for (const token of tokens) {
      parent = (
        parent instanceof Map ? parent.get(token) : (parent as Tree[])[Number(token)]
      ) as Tree
    }
    if (parent instanceof Map) {
      expect(parent.has(last)).toBe(op !== "add")
      if (made === undefined) parent.delete(last)
      else parent.set(last, made)
    } else {
      const items = parent as Tree[]
      expect(Number(last)).toBeLessThan(items.length + Number(op === "add"))
      items.splice(Number(last), op === "add" ? 0 : 1, ...(made === undefined ? [] : [made]))
    }
  }
  return root
}

/** As the members stand in order of their names: the order is nothing to a JSON Patch. */
function sorted(tree: Tree): Tree {
  if (typeof tree === "string") return tree
  if (Array.isArray(tree)) return tree.map(sorted)
  return new Map([...tree].map(([name, value]) => [name, sorted(value)] as const).toSorted())
}

describe("the difference of two JSON values", () => {
  it("is nothing between equal ones, whatever the order of their members", () => {
    expect(between('{"a":1,"b":[1,{}]}', '{"b":[1,{}],"a":1}')).toBe("[]")
  })

  it("tells a number that is only written otherwise", () => {
    expect(between('{"n":1}', '{"n":1.0}')).toBe('[{"op":"replace","path":"/n","value":1.0}]')
    expect(between("[1,[1]]", "[1,[1.0]]")).toBe('[{"op":"replace","path":"/1/0","value":1.0}]')
  })

  it("inserts into an array and takes out of it without touching the rest", () => {
    expect(between("[1,2,3,4]", "[1,9,2,3,4]")).toBe('[{"op":"add","path":"/1","value":9}]')
    expect(between("[1,2,3,4]", "[1,4]")).toBe(
      '[{"op":"remove","path":"/2"},{"op":"remove","path":"/1"}]',
    )
    expect(between("[1,1]", "[1]")).toBe('[{"op":"remove","path":"/1"}]')
  })

  it("escapes names, and replaces the whole where kinds differ", () => {
    expect(between('{"~/":1}', '{"~/":2}')).toBe('[{"op":"replace","path":"/~0~1","value":2}]')
    expect(between("{}", "[]")).toBe('[{"op":"replace","path":"","value":[]}]')
  })

  it("gives the one when it is applied to the other", () => {
    const json = fc.letrec<{ any: string }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4, depthSize: "medium" },
        fc.constantFrom("1", "1.0", "1e400", "null", '"x"', "true", "[]", "{}"),
        fc.array(tie("any"), { maxLength: 5 }).map((items) => `[${items.join()}]`),
        fc
          .uniqueArray(
            fc.tuple(fc.constantFrom("a", "b", "0", "1", "~/", "__proto__"), tie("any")),
            {
              selector: ([name]) => name,
              maxLength: 4,
            },
          )
          .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join()}}`),
      ),
    })).any
    fc.assert(
      fc.property(json, json, (from, to) => {
        const applied = apply(parseTree(from), diff(parseTree(from), parseTree(to)))
        expect(textOf(sorted(applied))).toBe(textOf(sorted(parseTree(to))))
      }),
      { numRuns: 2_000 },
    )
  })
})
