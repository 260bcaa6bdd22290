import fc from "fast-check"
import { expect, it } from "vitest"
import { elementsOf, membersOf } from "../../src/lib/slices.ts"

const spaced = (value: unknown) =>
  fc.constantFrom(0, 1, 2).map((indent) => JSON.stringify(value, null, indent))

it("elements and members of any JSON text are cut out as they are written", () => {
  const element = fc.jsonValue().chain(spaced)
  fc.assert(
    fc.property(fc.array(element), fc.constantFrom("", " ", "\n\t"), (texts, blank) => {
      const text = `${blank}[${blank}${texts.join(`${blank},${blank}`)}${blank}]${blank}`
      expect(elementsOf(text)).toEqual(texts)
    }),
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string(), element)),
      fc.constantFrom("", " "),
      (pairs, blank) => {
        const members = pairs.map(
          ([name, text]) => `${JSON.stringify(name)}${blank}:${blank}${text}`,
        )
        expect(membersOf(`{${blank}${members.join(`${blank},`)}}`)).toEqual(new Map(pairs))
      },
    ),
  )
})

it("of two members with one name the last counts", () => {
  expect(membersOf(String.raw`{"a":1,"\u0061":[2 ]}`)).toEqual(new Map([["a", "[2 ]"]]))
})
