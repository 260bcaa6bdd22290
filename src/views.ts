/** How those who watch a list or a view of the built-in stores are told of changes. */
import { isListTouched } from "./documents/list/touch.ts"
import { documentsView } from "./documents/list/view.ts"
import { isListTouched as isKeyListTouched } from "./keys/list/touch.ts"
import { keysView } from "./keys/view.ts"
import type { View } from "./protocol/view.ts"
import { referencesView, seriesListView } from "./series/view/lists.ts"
import { seriesView } from "./series/view/view.ts"
import type { api } from "./protocol/api.ts"
import type { Endpoint } from "./protocol/endpoint.ts"

/** Views that know which changes leave them as they are. */
export const touches: Partial<Record<keyof typeof api, NonNullable<Endpoint["isTouched"]>>> = {
  "documents.list": isListTouched,
  "keys.list": isKeyListTouched,
}

/** How those who watch a query of these are told of changes. */
export const views: Partial<Record<keyof typeof api, View>> = {
  "documents.list": documentsView,
  "keys.list": keysView,
  "series.references": referencesView,
  "series.list": seriesListView,
  "series.get": seriesView,
}
