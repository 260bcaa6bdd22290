/** wrangler bundles these as text (its default rule for .sql). */
declare module "*.sql" {
  const text: string
  export default text
}
