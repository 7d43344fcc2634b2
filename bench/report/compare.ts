// Two runs held against each other: what became better or worse, by more than two runs of the same code differ.

import type { Distribution, Machine, Measure, PhaseResult, Run } from '../result.ts'
import { bytesText, change, counted, duration, percent, timeText, withUnit, words } from './format.ts'
import { table } from './markdown.ts'
import { voidReasons } from './verdict.ts'

/** `same`: within the noise. `untold`: nothing can be concluded. `added`, `gone`: only one of the runs has it. */
export type Standing = 'better' | 'worse' | 'same' | 'untold' | 'added' | 'gone'

export type ComparedFigure = {
  scenario: string
  what: string
  unit: string
  before: number | null
  now: number | null
  /** Up to this share of the figure before a difference is noise; null where no such share is known. */
  noise: number | null
  standing: Standing
  /** Which way is better; null where that is not known. */
  wanted: 'low' | 'high' | null
  /** A measure of the table of goals; else a figure of one phase. */
  isMeasure: boolean
}

export type Comparison = {
  before: Run
  now: Run
  /** `ratios`: only those to limits and peers of the same run. */
  comparable: 'all' | 'ratios' | 'none'
  /** What differs beside the figures, a sentence each. */
  notes: string[]
  figures: ComparedFigure[]
  /** Goals and thresholds that held in one run only, a sentence each. */
  turned: string[]
}

/**
 * What two runs of one commit on one machine may differ by, as a share. The processor of a virtual machine is not always
 * as fast, the tail of a distribution least of all.
 */
const noiseOf = { rate: 0.1, size: 0.1, ratio: 0.15, p50: 0.2, p95: 0.25, p99: 0.35, failed: 0.5 }

/** Below this a difference of latencies is of clocks and schedulers, whatever share it is. */
const noiseMs = 0.5

/** A percentile of fewer values than this hangs on a handful of them: its noise counts twice. */
const steadyCountMin = 1_000

/** Compares what both runs have; judges only what can be judged. */
export function compare(before: Run, now: Run): Comparison {
  const { comparable, notes } = comparability(before, now)
  const turned: string[] = []
  const figures: ComparedFigure[] = []
  const names = [...new Set([...now.scenarios, ...before.scenarios].map(({ name }) => name))]
  for (const name of names) {
    const [old, young] = [before, now].map((run) => run.scenarios.find((scenario) => scenario.name === name))
    for (const [was, is] of pairs(old?.measures ?? [], young?.measures ?? [])) {
      figures.push(measureFigure(name, was, is, comparable))
      if (was && is) turned.push(...turnedGoal(name, was, is))
    }
    if (!old || !young) continue
    for (const [was, is] of pairs(old.phases, young.phases)) {
      if (!was || !is) continue
      figures.push(...phaseFigures(name, was, is, comparable))
      turned.push(...turnedThresholds(name, was, is))
    }
  }
  return { before, now, comparable, notes, figures, turned }
}

/** Something is worse by more than the noise. */
export function isWorse({ figures }: Comparison): boolean {
  return figures.some(({ standing }) => standing === 'worse')
}

/** The comparison for a terminal, which is Markdown, too. */
export function comparisonText(comparison: Comparison): string {
  const { before, now, notes, figures, turned } = comparison
  const shown = figures.filter(isTold)
  const lines = [
    `A ${lineOf(before)}`,
    `B ${lineOf(now)}`,
    '',
    ...notes.map((note) => `- ${note}`),
    ...(notes.length > 0 ? [''] : []),
    table(
      ['scenario', 'figure', '>A', '>B', '>B against A', 'noise', ''],
      shown.map((figure) => [
        figure.scenario,
        figure.what,
        valueText(figure.before, figure.unit),
        valueText(figure.now, figure.unit),
        changeText(figure),
        noiseText(figure),
        standingWords[figure.standing],
      ]),
      { pad: true },
    ),
    '',
    summaryOf(comparison),
    ...turned.map((sentence) => `- ${sentence}`),
  ]
  return `${lines.join('\n')}\n`
}

/** Every measure, and of the phases what is beyond the noise: the rest would hide it. */
export function isTold({ isMeasure, standing }: ComparedFigure): boolean {
  return isMeasure || standing === 'better' || standing === 'worse'
}

/** `2 worse, 1 better, 41 within the noise`. */
export function summaryOf({ figures, comparable }: Comparison): string {
  if (comparable === 'none') return 'Nothing was judged.'
  const count = (...standings: Standing[]) =>
    figures.filter(({ standing }) => standings.includes(standing)).length
  const untold = count('untold')
  const parts = [`${count('worse')} worse`, `${count('better')} better`, `${count('same')} within the noise`]
  return `${[...parts, ...(untold > 0 ? [`${untold} not judged`] : [])].join(', ')}.`
}

export const standingWords: Record<Standing, string> = {
  better: 'better',
  worse: 'WORSE',
  same: 'within the noise',
  untold: 'not judged',
  added: 'only in B',
  gone: 'only in A',
}

export function valueText(value: number | null, unit: string): string {
  if (value === null) return '–'
  return unit === 'share' ? percent(value) : withUnit(value, unit)
}

export function changeText({ before, now }: Pick<ComparedFigure, 'before' | 'now'>): string {
  return before === null || now === null ? '–' : change(before, now)
}

export function noiseText({ noise, unit }: Pick<ComparedFigure, 'noise' | 'unit'>): string {
  if (noise === null) return '–'
  return `±${Math.round(noise * 100)} %${unit === 'ms' ? `, ${noiseMs} ms` : ''}`
}

/** Same processor, cores and memory. A hypervisor takes a little of the memory, not always the same. */
export function isSameMachine(a: Machine, b: Machine): boolean {
  return (
    a.cpu === b.cpu &&
    a.cores === b.cores &&
    Math.abs(a.memoryBytes - b.memoryBytes) <= 0.02 * Math.max(a.memoryBytes, b.memoryBytes)
  )
}

/** `AMD EPYC, 2 cores, 23.5 GiB`. */
export function machineText({ cpu, cores, memoryBytes }: Machine): string {
  return `${cpu}, ${counted(cores, 'core')}, ${bytesText(memoryBytes)}`
}

function comparability(before: Run, now: Run): Pick<Comparison, 'comparable' | 'notes'> {
  const notes: string[] = []
  const broken = [before, now].filter((run) => voidReasons(run).length > 0)
  for (const run of broken) notes.push(`${run.id} is void: its figures do not count, and nothing is judged.`)
  const sameProfile = before.profile === now.profile
  if (!sameProfile) notes.push(`The profiles differ (${before.profile}, ${now.profile}): nothing is judged.`)
  if (sameProfile && now.profile === 'smoke')
    notes.push('Smoke runs prove that the suite runs, beside whatever else: nothing is judged.')
  const sameMachine = isSameMachine(before.machine, now.machine)
  if (!sameMachine) {
    const machines = `${machineText(before.machine)} and ${machineText(now.machine)}`
    notes.push(`The machines differ (${machines}): only ratios within a run can be held against each other.`)
  } else if (before.machine.system !== now.machine.system) {
    notes.push(`The systems differ: ${before.machine.system} and ${now.machine.system}.`)
  }
  for (const [what, was, is] of [
    ['Versions', before.versions, now.versions],
    ['Settings', before.configuration, now.configuration],
  ] as const) {
    const differing = differences(was, is)
    if (differing.length > 0) notes.push(`${what} that differ: ${differing.join('; ')}.`)
  }
  for (const run of [before, now]) {
    if (run.isDirty) notes.push(`The work tree of ${run.id} differed from its commit.`)
  }
  if (broken.length > 0 || !sameProfile || now.profile === 'smoke') return { comparable: 'none', notes }
  return { comparable: sameMachine ? 'all' : 'ratios', notes }
}

function differences(was: Record<string, string>, is: Record<string, string>): string[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((name) => was[name] !== is[name])
    .map((name) => `${name} ${was[name] ?? 'unset'} → ${is[name] ?? 'unset'}`)
}

/** What has the same name in both; the nth of a name belongs to the nth. */
function pairs<T extends { name: string }>(
  was: readonly T[],
  is: readonly T[],
): [was: T | null, is: T | null][] {
  const left = [...was]
  const both = is.map((one): [T | null, T | null] => {
    const index = left.findIndex(({ name }) => name === one.name)
    return [index < 0 ? null : (left.splice(index, 1)[0] ?? null), one]
  })
  return [...both, ...left.map((one): [T | null, T | null] => [one, null])]
}

function measureFigure(
  scenario: string,
  was: Measure | null,
  is: Measure | null,
  comparable: Comparison['comparable'],
): ComparedFigure {
  const unit = is?.unit ?? was?.unit ?? ''
  const goal = is?.goal ?? was?.goal ?? null
  const figure = {
    scenario,
    what: is?.name ?? was?.name ?? '',
    unit,
    before: was?.value ?? null,
    now: is?.value ?? null,
    noise: measureNoise[unit] ?? null,
    wanted: goal ? (goal.is === '<=' ? ('low' as const) : ('high' as const)) : (wantedByUnit[unit] ?? null),
    isMeasure: true,
  }
  if (!was || !is) return { ...figure, standing: was ? 'gone' : 'added' }
  const isComparable = comparable === 'all' || (comparable === 'ratios' && unit === '×')
  if (!isComparable || was.unit !== is.unit) return { ...figure, standing: 'untold' }
  // A bare count (errors, requests lost) has no noise that could be known: what its goal says, counts.
  if (figure.noise === null) {
    if (was.isMet === null || is.isMet === null) return { ...figure, standing: 'untold' }
    return { ...figure, standing: was.isMet === is.isMet ? 'same' : is.isMet ? 'better' : 'worse' }
  }
  const { noise, wanted } = figure
  return { ...figure, standing: standingOf(was.value, is.value, { noise, unit, wanted }) }
}

const measureNoise: Record<string, number> = {
  '×': noiseOf.ratio,
  '1/s': noiseOf.rate,
  ms: noiseOf.p99,
  MiB: noiseOf.size,
}

const wantedByUnit: Record<string, 'low' | 'high'> = { '1/s': 'high', ms: 'low', MiB: 'low' }

function phaseFigures(
  scenario: string,
  was: PhaseResult,
  is: PhaseResult,
  comparable: Comparison['comparable'],
): ComparedFigure[] {
  const isComparable = comparable === 'all' && was.load === is.load
  const figure = (
    what: string,
    unit: string,
    [before, now]: [number, number],
    noise: number,
    wanted: 'low' | 'high',
  ): ComparedFigure => ({
    scenario,
    what: `${is.name}: ${what}`,
    unit,
    before,
    now,
    noise,
    standing: isComparable ? standingOf(before, now, { noise, unit, wanted }) : 'untold',
    wanted,
    isMeasure: false,
  })
  return [
    figure('rate held', '1/s', [was.rateHeld, is.rateHeld], noiseOf.rate, 'high'),
    figure('failed', 'share', [failedShare(was), failedShare(is)], noiseOf.failed, 'low'),
    ...Object.entries(is.latencies).flatMap(([kind, young]) => {
      const old = was.latencies[kind]
      if (!old) return []
      const times = Math.min(old.count, young.count) < steadyCountMin ? 2 : 1
      return (['p50', 'p95', 'p99'] as const).map((key) =>
        figure(`${words(kind)} ${key}`, 'ms', valuesOf(key, old, young), times * noiseOf[key], 'low'),
      )
    }),
  ]
}

function valuesOf(key: 'p50' | 'p95' | 'p99', was: Distribution, is: Distribution): [number, number] {
  return [was[key], is[key]]
}

function failedShare({ requests, failed }: PhaseResult): number {
  return requests === 0 ? 0 : failed / requests
}

function standingOf(
  before: number,
  now: number,
  { noise, unit, wanted }: { noise: number; unit: string; wanted: 'low' | 'high' | null },
): Standing {
  if (unit === 'ms' && Math.abs(now - before) < noiseMs) return 'same'
  // In whole percents, as it is shown.
  if (
    before === now ||
    (before !== 0 && Math.round(Math.abs(now / before - 1) * 100) <= Math.round(noise * 100))
  )
    return 'same'
  if (wanted === null) return 'untold'
  return now < before === (wanted === 'low') ? 'better' : 'worse'
}

function turnedGoal(scenario: string, was: Measure, is: Measure): string[] {
  if (was.isMet === null || is.isMet === null || was.isMet === is.isMet) return []
  return [
    `${scenario}: the goal of "${is.name}" was ${was.isMet ? 'met' : 'missed'} in A, is ${is.isMet ? 'met' : 'missed'} in B.`,
  ]
}

function turnedThresholds(scenario: string, was: PhaseResult, is: PhaseResult): string[] {
  return is.thresholds.flatMap(({ metric, expression, isMet }) => {
    const old = was.thresholds.find((one) => one.metric === metric && one.expression === expression)
    if (!old || old.isMet === isMet) return []
    return [
      `${scenario}, ${is.name}: ${metric} ${expression} ${old.isMet ? 'held' : 'was crossed'} in A, ${isMet ? 'holds' : 'is crossed'} in B.`,
    ]
  })
}

function lineOf(run: Run): string {
  return `${run.id} (${run.profile}, ${timeText(run.startedAt)}, ${duration(run.seconds)}; ${machineText(run.machine)})`
}
