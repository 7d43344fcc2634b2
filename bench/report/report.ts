// What a run leaves in its folder: run.json for programs, report.html for people, summary.md for texts.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Run } from '../result.ts'
import { pageOf } from './page.ts'
import { shapeFault } from './results.ts'
import { summaryOf } from './summary.ts'

/**
 * Writes run.json, report.html and summary.md into the run's own folder. `previous` is what the page holds it against. A run
 * that could not be read back (a figure that is no number) throws when its run.json is written: that cannot be made again.
 */
export async function writeReport(
  run: Run,
  { folder, previous }: { folder: string; previous: Run | null },
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'run.json')
  await writeFile(path, jsonOf(run))
  const fault = shapeFault(run)
  if (fault !== null)
    throw new Error(`There is no report, because ${path} is not what a run leaves behind: ${fault}`)
  await writeFile(join(folder, 'report.html'), await pageOf(run, { previous }))
  await writeFile(join(folder, 'summary.md'), summaryOf(run))
}

/** JSON in lines, so that two runs can be compared by diff; a list of numbers is one line. */
export function jsonOf(run: Run): string {
  const lists = /\[\n\s+((?:null|-?[\d.]+(?:e[+-]?\d+)?)(?:,\n\s+(?:null|-?[\d.]+(?:e[+-]?\d+)?))*)\n\s+\]/g
  return `${JSON.stringify(run, null, 2).replace(lists, (_, list: string) => `[${list.replace(/,\n\s+/g, ', ')}]`)}\n`
}
