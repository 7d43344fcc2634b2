// What a run leaves in its folder: run.json for programs, report.html for people, summary.md for texts.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Run } from '../result.ts'
import { pageOf } from './page.ts'
import { shapeFault } from './results.ts'
import { summaryOf } from './summary.ts'

/**
 * Writes run.json, report.html and summary.md into the run's own folder. `previous` is what the page holds it against. Throws
 * where the run is not of the shape in which it could be read back.
 */
export async function writeReport(
  run: Run,
  { folder, previous }: { folder: string; previous: Run | null },
): Promise<void> {
  const fault = shapeFault(run)
  if (fault !== null) throw new Error(`The run cannot be written: ${fault}`)
  await mkdir(folder, { recursive: true })
  // First what cannot be made again.
  await writeFile(join(folder, 'run.json'), jsonOf(run))
  await writeFile(join(folder, 'report.html'), await pageOf(run, { previous }))
  await writeFile(join(folder, 'summary.md'), summaryOf(run))
}

/** JSON in lines, so that two runs can be compared by diff; a list of numbers is one line. */
export function jsonOf(run: Run): string {
  const lists = /\[\n\s+((?:null|-?[\d.]+(?:e[+-]?\d+)?)(?:,\n\s+(?:null|-?[\d.]+(?:e[+-]?\d+)?))*)\n\s+\]/g
  return `${JSON.stringify(run, null, 2).replace(lists, (_, list: string) => `[${list.replace(/,\n\s+/g, ', ')}]`)}\n`
}
