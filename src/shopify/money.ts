// ISO 4217, list one, as api.get_cents has them; all others have two decimals.
const withoutDecimals = new Set(
  'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' '),
)
const withThreeDecimals = new Set('BHD IQD JOD KWD LYD OMR TND'.split(' '))

/** Minor units as Shopify's money: 2550 EUR is "25.50", and 2550 JPY "2550". */
export function decimalText(cents: number, currency: string): string {
  const exponent = withoutDecimals.has(currency) ? 0 : withThreeDecimals.has(currency) ? 3 : 2
  return (cents / 10 ** exponent).toFixed(exponent)
}
