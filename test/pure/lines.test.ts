import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LINE_MAX_BYTES } from "../../src/protocol/limits.ts"
import { Problem } from "../../src/protocol/problem.ts"
import { LineSplitter, readLines, type Line } from "../../src/lines/lines.ts"
import { byteByByte, cuts, gather, streamOf, zipped } from "./streams.ts"

async function linesOf(...args: Parameters<typeof readLines>): Promise<Line[]> {
  return (await gather(readLines(...args))).flat()
}

async function texts(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  return (await linesOf(stream)).map(({ text }) => text)
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Problem)
  return error as Problem
}

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

describe("lines", () => {
  it("end in LF or CRLF, and the last one may do without", async () => {
    expect(await texts(streamOf("a\nb\r\n\r\n\nc"))).toEqual(["a", "b", "", "", "c"])
    expect(await texts(streamOf("a\n"))).toEqual(["a"])
    expect(await texts(streamOf("\n"))).toEqual([""])
    expect(await texts(streamOf(""))).toEqual([])
    expect(await texts(streamOf("a\rb\r"))).toEqual(["a\rb"])
  })

  it("say what ended them", async () => {
    const lines = await linesOf(streamOf("a\nb\r\nc\r"))
    expect(lines.map(({ ending }) => ending)).toEqual(["\n", "\r\n", "\r"])
  })

  it("are numbered from one", async () => {
    const lines = await linesOf(streamOf("a\n\nc", [1, 2, 3]))
    expect(lines.map(({ number }) => number)).toEqual([1, 2, 3])
  })

  it("lose a byte order mark at the very beginning, and nowhere else", async () => {
    expect(await texts(streamOf("\ufeffa\n\ufeffb", [3, 5]))).toEqual(["a", "\ufeffb"])
    expect(await texts(byteByByte("\ufeffa"))).toEqual(["a"])
  })

  it("are the same wherever the bytes were cut", async () => {
    const text = fc.array(fc.constantFrom("a", "é", "😀", "\n", "\r", "\r\n", "\ufeff", "\0"))
    await fc.assert(
      fc.asyncProperty(text, cuts, async (parts, places) => {
        const joined = parts.join("")
        expect(await linesOf(streamOf(joined, places))).toEqual(await linesOf(streamOf(joined)))
        const again = (await linesOf(streamOf(joined))).map((line) => line.text + line.ending)
        expect(again.join("")).toBe(joined.replace(/^\ufeff/, ""))
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it("that are no UTF-8 come with that flaw and their number, the others without", async () => {
    const lines = await linesOf(streamOf(latin1("good\nb\xe9d\ngood"), [7]))
    expect(lines.map(({ number, flaw }) => [number, flaw])).toEqual([
      [1, null],
      [2, "is not valid UTF-8"],
      [3, null],
    ])
    expect(lines[1]?.text).toBe("b\ufffdd")
    expect((await linesOf(streamOf(latin1("b\xc3\nok"))))[0]?.flaw).toBe("is not valid UTF-8")
  })

  it("that are too long are cut, and reading goes on behind them", () => {
    const encoder = new TextEncoder()
    for (const step of [1, 3, 1_000]) {
      const splitter = new LineSplitter(8)
      const lines: Line[] = []
      const bytes = encoder.encode('12345678\n123456789\nab\n12345678"\n123456789abcdefghijk')
      for (let from = 0; from < bytes.length; from += step) {
        lines.push(...splitter.push(bytes.subarray(from, from + step)))
      }
      lines.push(splitter.end() as Line)
      expect(lines.map(({ text, flaw, lost }) => [text, flaw, lost])).toEqual([
        ["12345678", null, false],
        ["12345678", "is longer than 8 bytes", false],
        ["ab", null, false],
        ["12345678", "is longer than 8 bytes", true],
        ["12345678", "is longer than 8 bytes", false],
      ])
      expect(splitter.end()).toBeNull()
    }
  })

  it("hold a megabyte, whatever the size of the pieces they come in", async () => {
    const longest = "x".repeat(LINE_MAX_BYTES)
    const lines = await linesOf(streamOf(`a\n${longest}\nb\n${longest}y\nc`, [500_000]))
    expect(lines.map(({ text, flaw }) => [text.length, flaw])).toEqual([
      [1, null],
      [LINE_MAX_BYTES, null],
      [1, null],
      [LINE_MAX_BYTES, `is longer than ${LINE_MAX_BYTES} bytes`],
      [1, null],
    ])
  })
})

describe("a zipped stream", () => {
  it("is unzipped when Content-Encoding says so", async () => {
    for (const encoding of ["gzip", "GZIP ", "x-gzip"]) {
      const lines = await linesOf(streamOf(await zipped("a\nb\n"), [5, 9]), { encoding })
      expect(lines.map(({ text }) => text)).toEqual(["a", "b"])
    }
    for (const encoding of [null, "", "identity"]) {
      expect(await linesOf(streamOf("a"), { encoding })).toHaveLength(1)
    }
  })

  it("is refused in another encoding", async () => {
    const problem = await problemOf(linesOf(streamOf("a"), { encoding: "br" }))
    expect(problem.code).toBe("unsupported_type")
    expect(problem.message).toBe('Content-Encoding must be gzip or absent, it is "br"')
  })

  it("is refused when it is broken or ends too early", async () => {
    const bytes = await zipped("a,b\n".repeat(1_000))
    for (const broken of [latin1("no gzip at all"), bytes.subarray(0, bytes.length - 9)]) {
      const problem = await problemOf(linesOf(streamOf(broken), { encoding: "gzip" }))
      expect(problem.code).toBe("invalid_request")
      expect(problem.message).toMatch(/^The body must be one gzip file: /)
    }
  })

  it("is stopped where it grows too large", async () => {
    const bomb = await zipped("a\n".repeat(5_000_000))
    expect(bomb.length).toBeLessThan(20_000)
    let seen = 0
    const read = async () => {
      for await (const lines of readLines(streamOf(bomb), {
        encoding: "gzip",
        maxBytes: 1_000_000,
      }))
        seen += lines.length * 2
    }
    const problem = await problemOf(read())
    expect(problem.code).toBe("too_large")
    expect(problem.message).toMatch(/^The body must be at most 1000000 bytes when unzipped, it has/)
    expect(seen).toBeLessThanOrEqual(1_000_000)
  })

  it("is cancelled at its source when nobody wants more", async () => {
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(latin1("a\nb")),
      cancel() {
        cancelled = true
      },
    })
    for await (const lines of readLines(endless)) {
      expect(lines).toHaveLength(1)
      break
    }
    expect(cancelled).toBe(true)
  })
})
