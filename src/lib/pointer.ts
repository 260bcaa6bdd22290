/** JSON Pointers (RFC 6901). Pure. */

/** `/a~1b/0`; the whole is "". */
export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((token) => `/${String(token).replace(/~/g, "~0").replace(/\//g, "~1")}`).join("")
}

/** The members that a pointer goes through; null when it is none. */
export function pathOf(pointer: string): string[] | null {
  if (pointer !== "" && !pointer.startsWith("/")) return null
  if (/~(?![01])/.test(pointer)) return null
  const tokens = pointer.split("/").slice(1)
  return tokens.map((token) => token.replace(/~1/g, "/").replace(/~0/g, "~"))
}
