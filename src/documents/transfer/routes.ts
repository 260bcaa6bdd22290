/** The handlers of export and import of apps' documents. */
import type { documentTransferEndpoints } from "../../protocol/documents-transfer.ts"
import type { Handlers } from "../../protocol/endpoint.ts"
import type { DocumentExporter } from "./exporter.ts"
import type { DocumentImporter } from "./importer.ts"
import { readDocuments } from "./lines.ts"

export interface TransferServices {
  appExporter: DocumentExporter
  appImporter: DocumentImporter
  /** Who makes changes, as far as it is said. Throws Problem invalid_request. */
  from: () => string | null
}

export const transferHandlers: Handlers<typeof documentTransferEndpoints, TransferServices> = {
  "documents.export": async ({ query }, { appExporter }) => {
    const { revision, lines } = await appExporter.read(Number(query.cursor ?? 0), query.limit)
    return { pieces: encoded(lines), revision, headers: { "Content-Type": "application/x-ndjson" } }
  },

  "documents.import": async ({ query, body }, { appImporter, from }) => {
    const outcome = await appImporter.import(
      readDocuments(body.bytes, { encoding: body.encoding }),
      {
        onConflict: query.on_conflict || "replace",
        isPartial: query.partial === "true",
        by: from(),
      },
    )
    const { revision, created, replaced, skipped, bad, badTotal } = outcome
    return {
      body: {
        ...(revision > 0 ? { revision } : {}),
        documents: created + replaced,
        created,
        replaced,
        skipped,
        ...(badTotal > 0 ? { bad_lines: bad, bad_total: badTotal } : {}),
      },
      ...(revision > 0 ? { revision } : {}),
    }
  },
}

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const line of lines) yield encoder.encode(line)
}
