/** What the groups of endpoints are; plain data. Resources that users define bring groups of their own. */
export const tags: Readonly<Record<string, string>> = {
  series: "Time series: pandas frames by reference and symbol",
  documents: "JSON documents of apps, changed in whole or in part",
  keys: "Keys with values and expiry",
  batch: "Many writes as one",
  compute: "Answers worked out from what is sent",
  live: "Any URI, watched: its state, then its changes",
  meta: "The service about itself",
}
