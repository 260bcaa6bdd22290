/** The views of the built-in stores, by the name of the line they are of. */
import { documentsView } from "./documents/list/view.ts"
import { keysView } from "./keys/view.ts"
import { referencesView, seriesListView } from "./series/view/lists.ts"
import { seriesView } from "./series/view/view.ts"
import type { api } from "./protocol/api.ts"
import type { View } from "./protocol/view.ts"

/** How those who watch a query of these are told of changes. */
export const views: Partial<Record<keyof typeof api, View>> = {
  "documents.list": documentsView,
  "keys.list": keysView,
  "series.references": referencesView,
  "series.list": seriesListView,
  "series.get": seriesView,
}
