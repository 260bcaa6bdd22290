/** What the end-to-end checks share: sentences that hold or do not, and the count of both. */

let passed = 0
let failed = 0

/** Runs what must not throw, and says how it went. */
export async function check(sentence, body) {
  try {
    await body()
    passed++
    console.log(`ok   ${sentence}`)
  } catch (error) {
    failed++
    console.log(`FAIL ${sentence}\n     ${error.message.split("\n").slice(0, 6).join("\n     ")}`)
  }
}

export function equal(got, wanted, what) {
  const [one, other] = [JSON.stringify(got), JSON.stringify(wanted)]
  if (one !== other) throw new Error(`${what}: wanted ${other}, got ${one}`)
}

/** The count; the process ends with 1 when something failed. */
export function report(name) {
  console.log(`${name}: ${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}
