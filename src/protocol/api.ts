/** The endpoint table: every endpoint of the service, once. */
import { batchEndpoints } from "./batch.ts"
import { changeEndpoints } from "./changes.ts"
import { computeEndpoints } from "./compute.ts"
import { documentHistoryEndpoints } from "./documents-history.ts"
import { documentTransferEndpoints } from "./documents-transfer.ts"
import { documentEndpoints } from "./documents.ts"
import { keyBatchEndpoints } from "./keys-batch.ts"
import { keyEndpoints } from "./keys.ts"
import { keyValueEndpoints } from "./keys-values.ts"
import { liveEndpoints } from "./live.ts"
import { metaEndpoints } from "./meta.ts"
import { metricEndpoints } from "./metrics.ts"
import { partEndpoints } from "./parts.ts"
import { seriesEndpoints } from "./series.ts"
import { socketIoEndpoints } from "./socketio.ts"

export const api = {
  ...documentEndpoints,
  ...documentHistoryEndpoints,
  ...documentTransferEndpoints,
  ...partEndpoints,
  ...keyEndpoints,
  ...keyBatchEndpoints,
  ...keyValueEndpoints,
  ...seriesEndpoints,
  ...batchEndpoints,
  ...computeEndpoints,
  ...liveEndpoints,
  ...changeEndpoints,
  ...socketIoEndpoints,
  ...metricEndpoints,
  ...metaEndpoints,
}

export type Api = typeof api
export type Name = keyof Api
