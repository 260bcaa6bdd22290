/** The text format of Prometheus, version 0.0.4. Pure. */

export interface Metric {
  name: string
  help: string
  type: "gauge" | "counter"
  value: number
}

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** One metric family each, with help and type. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, help, type, value }) => {
      const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
      return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n${name} ${value}\n`
    })
    .join("")
}
