/** The constants of one statement, which travel as one parameter: D1 binds at most 100, and every number as a double. Pure. */

export class Constants {
  readonly #texts: string[] = []
  readonly #places = new Map<string, number>()
  readonly #parameter: string

  /** @param parameter the one that will be bound to `json`, such as `?2` */
  constructor(parameter: string) {
    this.#parameter = parameter
  }

  /** All of them. */
  get json(): string {
    return `[${this.#texts.join()}]`
  }

  /** SQL for a value given as JSON text: a text, a number exactly as SQLite reads it, or NULL. */
  scalar(json: string): string {
    return `json_extract(${this.#parameter},'$[${this.#place(json)}]')`
  }

  /** SQL for rows of such values: `SELECT value …`. */
  rows(jsons: readonly string[]): string {
    return `SELECT value FROM json_each(${this.#parameter},'$[${this.#place(`[${jsons.join()}]`)}]')`
  }

  #place(json: string): number {
    const known = this.#places.get(json)
    if (known !== undefined) return known
    this.#places.set(json, this.#texts.length)
    return this.#texts.push(json) - 1
  }
}
