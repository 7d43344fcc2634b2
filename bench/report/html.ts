// Text becomes HTML in one place, and escaped: what comes from a run (names, faults, rows of verify) can hold anything.

/** Markup that is finished: it is not escaped again. */
export class Html {
  constructor(readonly text: string) {}
}

type Content = Html | string | number | null | false | readonly Content[]

/** A template whose values are escaped, except those that are Html already. Null and false are nothing. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(
    strings.reduce((text, string, index) => text + rendered(values[index - 1] ?? null) + string),
  )
}

function rendered(value: Content): string {
  if (value === null || value === false) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(rendered).join('')
  return Bun.escapeHTML(value)
}
