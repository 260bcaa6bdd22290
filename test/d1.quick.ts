/**
 * The part of D1 that the service uses, over the SQLite of a Durable Object: the same engine in the same process, for
 * tests that make more calls than there is time for the way to D1.
 */
export function quickD1(storage: DurableObjectStorage): D1Database {
  const run = ({ text, params }: Prepared) => {
    const cursor = storage.sql.exec(text, ...params)
    const results = cursor.toArray()
    return { results, meta: { rows_read: cursor.rowsRead, rows_written: cursor.rowsWritten } }
  }
  const prepare = (text: string, params: SqlStorageValue[] = []) => ({
    text,
    params,
    bind: (...given: SqlStorageValue[]) => prepare(text, given),
    all: async () => run({ text, params }),
  })
  const batch = async (statements: Prepared[]) => storage.transactionSync(() => statements.map(run))
  return { prepare, batch } as unknown as D1Database
}

interface Prepared {
  text: string
  params: SqlStorageValue[]
}
