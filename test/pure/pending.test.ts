import { describe, expect, it } from "vitest"
import { Pending } from "../../src/resources/pending.ts"

describe("what is written and not committed yet", () => {
  it("is read as it will be stored", () => {
    const pending = new Pending()
    expect(pending.after("/x/1", '{"a":1}')).toBe('{"a":1}')
    pending.patch("/x/1", '{"b":12345678901234567890}')
    pending.patch("/x/1", '{"a":null}')
    expect(pending.after("/x/1", '{"a":1}')).toBe('{"b":12345678901234567890}')
    expect(pending.after("/x/1", null)).toBeNull()
    pending.remove("/x/1")
    expect(pending.after("/x/1", '{"a":1}')).toBeNull()
    pending.put("/x/1", "{}")
    pending.patch("/x/1", '{"c":1}')
    expect(pending.after("/x/1", null)).toBe('{"c":1}')
  })

  it("shows in its list, and in no other", () => {
    const pending = new Pending()
    pending.put("/x/new", '{"id":"new"}')
    pending.put("/x/a/deep", "{}")
    pending.remove("/x/b%20c")
    pending.patch("/x/a", '{"n":1}')
    const stored = [
      { name: "a", data: '{"id":"a"}' },
      { name: "b c", data: "{}" },
    ]
    expect(pending.listAfter("/x/", stored)).toEqual(['{"id":"a","n":1}', '{"id":"new"}'])
  })
})
