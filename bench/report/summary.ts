// The run in Markdown: summary.md beside its report, and the figures of the README.

import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { Refusal } from '../../src/platform/refusal.ts'
import type { Run } from '../result.ts'
import { machineText } from './compare.ts'
import { duration, figure, goalText, measured, timeText, withUnit, words } from './format.ts'
import { escaped, table } from './markdown.ts'
import { newestToShow, readRuns } from './results.ts'
import { cautions, headlineOf, voidReasons } from './verdict.ts'

/** The whole of summary.md. A void run says so before anything else. */
export function summaryOf(run: Run): string {
  return `# Benchmark ${escaped(run.id)}\n\n${bodyOf(run)}`
}

/**
 * Puts the newest standard run under `results` that counts and is of a commit between the README's two marks. Answers its id,
 * or null where there is none, and then leaves the file alone. Throws a Refusal where the marks are not there once each.
 */
export async function updateReadme({
  readme,
  results,
}: {
  readme: string
  results: string
}): Promise<string | null> {
  const run = newestToShow((await readRuns(results)).runs)
  if (run === null) return null
  const text = await readFile(readme, 'utf8')
  const [before, rest, ...moreStarts] = text.split(markStart)
  const [, after, ...moreEnds] = (rest ?? '').split(markEnd)
  if (before === undefined || after === undefined || moreStarts.length + moreEnds.length > 0) {
    throw new Refusal(`${readme} must hold "${markStart}" and after it "${markEnd}", once each`)
  }
  const folder = relative(dirname(readme), join(results, run.id)).replaceAll('\\', '/')
  const link = `The whole report: [${folder}/report.html](${folder}/report.html).`
  await writeFile(readme, `${before}${markStart}\n\n${bodyOf(run)}\n${link}\n\n${markEnd}${after}`)
  return run.id
}

export const markStart = '<!-- bench:start -->'
export const markEnd = '<!-- bench:end -->'

function bodyOf(run: Run): string {
  const reasons = voidReasons(run)
  return [
    ...(reasons.length > 0
      ? [
          `**Void: these figures do not count.**\n\n${reasons.map((reason) => `- ${escaped(reason)}`).join('\n')}\n`,
        ]
      : [`**${headlineOf(run)}.**\n`]),
    `${run.profile[0]?.toUpperCase()}${run.profile.slice(1)} profile, ${timeText(run.startedAt)}, commit \`${run.commit}\`` +
      `${run.isDirty ? ' with changes' : ''}, ${duration(run.seconds)}.\n`,
    `- Machine: ${escaped(`${machineText(run.machine)}, ${run.machine.system}`)}`,
    `- Versions: ${escaped(listOf(run.versions))}`,
    `- Settings: ${escaped(listOf(run.configuration))}`,
    ...cautions(run).map((caution) => `- ${escaped(caution)}`),
    '',
    measuresOf(run),
    '',
    '<details><summary>Latencies of every scenario</summary>\n',
    latenciesOf(run),
    '\n</details>\n',
  ].join('\n')
}

function measuresOf(run: Run): string {
  const isVoid = voidReasons(run).length > 0
  const rows = run.scenarios.flatMap(({ measures }) =>
    measures.map((measure) => [
      escaped(measure.name),
      withUnit(measure.value, escaped(measure.unit)),
      goalText(measure),
      isVoid ? 'void' : measure.isMet === null ? '' : measure.isMet ? 'met' : '**missed**',
      escaped(measure.detail),
    ]),
  )
  return table(['measure', '>value', '>goal', '', 'made of'], rows)
}

/** A line for each phase and what was timed in it; requests and errors are the whole phase's, so they stand once. */
function latenciesOf(run: Run): string {
  const rows = run.scenarios.flatMap(({ name, phases }) =>
    phases.flatMap((phase) => {
      const timed = Object.entries(phase.latencies)
      return (timed.length > 0 ? timed : [['', null] as const]).map(([kind, latency], index) => [
        escaped(name),
        escaped(phase.name),
        escaped(words(kind)),
        ...(['p50', 'p95', 'p99'] as const).map((key) => (latency ? measured(latency[key]) : '–')),
        index === 0 ? figure(phase.requests) : '',
        index === 0 ? figure(phase.failed) : '',
      ])
    }),
  )
  return table(['scenario', 'phase', 'timed', '>p50 ms', '>p95 ms', '>p99 ms', '>requests', '>errors'], rows)
}

function listOf(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `${words(name)} ${value}`)
    .join(', ')
}
