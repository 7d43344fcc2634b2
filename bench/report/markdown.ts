// Text becomes Markdown in one place, and escaped.

/** Text that stays what it is: no link, no markup, no end of a table's cell. */
export function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|~#]/g, '\\$&')
}

/**
 * A table of text that is Markdown already. A heading that begins with `>` puts its column to the right. `pad` lines the
 * columns up for a terminal.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { pad = false }: { pad?: boolean } = {},
): string {
  const isRight = headings.map((heading) => heading.startsWith('>'))
  const cells = [headings.map((heading) => heading.replace(/^>/, '')), ...rows].map((row) =>
    // A cell ends at a bar, and a row at a new line, even where no other character is escaped.
    row.map((cell) => cell.replace(/\s*\n\s*/g, ' ').replace(/(?<!\\)\|/g, '\\|')),
  )
  const widths = headings.map((_, column) =>
    pad ? Math.max(3, ...cells.map((row) => [...(row[column] ?? '')].length)) : 0,
  )
  const line = (row: readonly string[]) =>
    `| ${headings.map((_, column) => padded(row[column] ?? '', widths[column] ?? 0, isRight[column] ?? false)).join(' | ')} |`
  const rule = widths.map((width, column) => {
    const dashes = '-'.repeat(Math.max(3, width) - 1)
    return isRight[column] ? `${dashes}:` : `${dashes}-`
  })
  const [head = [], ...body] = cells
  return [line(head), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n')
}

function padded(cell: string, width: number, isRight: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - [...cell].length))
  return isRight ? blanks + cell : cell + blanks
}
