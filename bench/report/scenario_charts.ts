// The charts of one scenario: what was sampled in its phases, one phase after the other.

import type { PhaseResult, Run, ScenarioResult, Series } from '../result.ts'
import { batchChart, type Line, needsLog, nthColour, percentileChart, timeChart } from './charts.ts'
import { bytesText, counted, words } from './format.ts'
import { type Html, html } from './html.ts'

/** A figure for everything that was sampled; nothing for what was not. */
export function chartsOf({ phases }: ScenarioResult, { machine }: Run): Html[] {
  const placed = withoutPauses(phases)
  const stretches = placed.map(({ phase, from, to }) => ({ label: `${phases.indexOf(phase) + 1}`, from, to }))
  const linesOf = (group: Series['group'], scale = 1) => joined(placed, group, scale)
  const overTime = (title: string, unit: string, lines: readonly Line[], options: TimeOptions = {}) =>
    lines.length === 0 ? [] : [chart(title, unit, timeChart(lines, { stretches, ...options }))]

  const rates = coloured(linesOf('rate'))
  const processes = linesOf('cpu').map(inProcessColour)
  // The generator's two gigabytes would press the others flat.
  const [memory, generators] = partition(linesOf('memory', 1 / 1024 ** 2).map(inProcessColour), isGenerator)
  return [
    ...[...byKind(linesOf('latency'))].flatMap(([kind, lines]) => {
      const log = needsLog(valuesOf(lines))
      return overTime(
        kind === '' ? 'Latency over time' : `Latency of ${kind} over time`,
        unitOf(log),
        lines,
        { log },
      )
    }),
    ...percentiles(phases).map(({ title, curves }) => {
      const log = needsLog(curves.flatMap(({ distribution: { p50, max } }) => [p50, max]))
      return chart(title, unitOf(log), percentileChart(curves, { log }))
    }),
    ...overTime(
      'Rate held against rate asked',
      'requests a second',
      rates.length === 0 ? [] : [...rates, ...askedLine(placed)],
    ),
    ...overTime('Users', 'connected', coloured(linesOf('users').filter(isEverAbove0))),
    ...overTime('Processor by process', 'cores in use, stacked', stacked(processes), {
      axis: coresAxis(Math.max(machine.cores, mostTogether(processes))),
      ceiling: { at: machine.cores, label: counted(machine.cores, 'core') },
    }),
    ...overTime('Memory by process', `MiB${generatorMemory(generators)}`, memory),
    ...batchSizes(phases),
    ...overTime('Deliveries a call over time', 'mean', coloured(linesOf('batch'))),
    ...overTime('Reads answered from memory', '%', coloured(linesOf('cache', 100)), {
      axis: { max: 100, interval: 25 },
    }),
  ]
}

type TimeOptions = Omit<Parameters<typeof timeChart>[1], 'stretches'>

function unitOf(log: boolean): string {
  return log ? 'ms, logarithmic' : 'ms'
}

function generatorMemory(lines: readonly Line[]): string {
  const most = Math.max(0, ...valuesOf(lines).map((mebibytes) => mebibytes ?? 0))
  return most > 0 ? `; the generator up to ${bytesText(most * 1024 ** 2)}` : ''
}

function batchSizes(phases: readonly PhaseResult[]): Html[] {
  const batches = phases.flatMap(({ service }, index) => {
    const sizes = service?.batchSizes ?? []
    return sizes.some(({ count }) => count > 0) ? [{ name: phaseName(index), sizes, nth: index }] : []
  })
  return batches.length === 0
    ? []
    : [chart('Deliveries taken by one call', '% of the calls', batchChart(batches))]
}

function chart(title: string, unit: string, svg: Html): Html {
  return html`<figure><figcaption>${title} <span>${unit}</span></figcaption>
<div role="img" aria-label="${title}, ${unit}">${svg}</div></figure>`
}

/** Phases without the pauses between them (filling a database takes minutes), and where each then begins. */
export function withoutPauses(
  phases: readonly PhaseResult[],
): { phase: PhaseResult; from: number; to: number }[] {
  let shift = 0
  let covered = 0
  return phases
    .toSorted((a, b) => a.startedAtS - b.startedAtS)
    .map((phase, index) => {
      if (index === 0) shift = phase.startedAtS
      else shift += Math.max(0, phase.startedAtS - shift - covered)
      const from = phase.startedAtS - shift
      // What is sampled at the very end may be told a little later.
      const to = from + Math.max(phase.seconds, ...phase.series.map(({ at }) => at.at(-1) ?? 0))
      covered = Math.max(covered, to)
      return { phase, from, to }
    })
}

/** A chart for each thing that was timed with a curve for each phase, or the other way round: whichever is fewer charts. */
function percentiles(phases: readonly PhaseResult[]) {
  const kinds = [...new Set(phases.flatMap(({ latencies }) => Object.keys(latencies)))]
  const all = phases.flatMap(({ latencies }, index) =>
    Object.entries(latencies).map(([kind, distribution]) => ({ kind, index, distribution })),
  )
  const timedPhases = [...new Set(all.map(({ index }) => index))]
  if (timedPhases.length < kinds.length) {
    return timedPhases.map((phase) => ({
      title: phases.length === 1 ? 'Percentiles' : `Percentiles in ${phaseName(phase)}`,
      curves: all
        .filter(({ index }) => index === phase)
        .map(({ kind, distribution }) => ({ name: words(kind), distribution, nth: kinds.indexOf(kind) })),
    }))
  }
  return kinds.map((one) => ({
    title: `Percentiles of ${words(one)}`,
    curves: all
      .filter(({ kind }) => kind === one)
      .map(({ index, distribution }) => ({ name: phaseName(index), distribution, nth: index })),
  }))
}

function phaseName(index: number): string {
  return `phase ${index + 1}`
}

/** Up to the next whole step above what is used, so that the level of all cores has room for its name. */
function coresAxis(cores: number): { max: number; interval: number } {
  const interval = [0.5, 1, 2, 4, 8, 16].find((step) => cores / step <= 5) ?? 32
  return { max: (Math.floor(cores / interval) + 1) * interval, interval }
}

type Placed = ReturnType<typeof withoutPauses>
type Plain = Omit<Line, 'colour'>

/** Series of the same name in all phases as one line, broken where a phase ends. */
function joined(placed: Placed, group: Series['group'], scale: number): Plain[] {
  const lines = new Map<string, [number, number | null][]>()
  for (const { phase, from, to } of placed) {
    for (const { name: given, at, values } of phase.series.filter((series) => series.group === group)) {
      const name = group === 'latency' ? nameOfLatency(given, phase) : given
      const points = lines.get(name) ?? []
      at.forEach((second, index) => {
        const value = values[index] ?? null
        // How many users there are is told when it changes: until then it stays.
        if (value === null && group === 'users') return
        points.push([from + second, value === null ? null : value * scale])
      })
      points.push([to, null])
      lines.set(name, points)
    }
  }
  return [...lines].map(([name, points]) => ({ name: words(name), points }))
}

/** A percentile of everything is that of the only thing that was timed, where there is only one. */
function nameOfLatency(name: string, { latencies }: PhaseResult): string {
  const [kind, ...others] = Object.keys(latencies)
  const isOfAll = /^p[\d.]+$/.test(name)
  return isOfAll && kind !== undefined && others.length === 0 ? `${kind} ${name}` : name
}

function isEverAbove0({ points }: Plain): boolean {
  return points.some(([, y]) => y !== null && y > 0)
}

const percentileColours: Record<string, Line['colour']> = {
  p50: '--chart-p50',
  p95: '--chart-p95',
  p99: '--chart-p99',
}

/** `reads p99` is the line p99 of the chart of reads. */
function byKind(lines: readonly Plain[]): Map<string, Line[]> {
  const kinds = new Map<string, Line[]>()
  for (const { name, points } of lines) {
    const [, kind = '', percentile = name] = /^(?:(.*) )?(p\d+(?:\.\d+)?)$/.exec(name) ?? []
    const group = kinds.get(kind) ?? []
    group.push({ name: percentile, points, colour: percentileColours[percentile] ?? nthColour(group.length) })
    kinds.set(kind, group)
  }
  return kinds
}

/** What was asked for, level through each phase that asks. */
function askedLine(placed: Placed): Line[] {
  const points = placed.flatMap(({ phase: { rateAsked }, from, to }): [number, number | null][] =>
    rateAsked === null
      ? []
      : [
          [from, rateAsked],
          [to, rateAsked],
          [to, null],
        ],
  )
  return points.length > 0 ? [{ name: 'asked', points, colour: '--text', dash: 'dashed' }] : []
}

const processColours: Record<string, Line['colour']> = {
  onsale: '--chart-1',
  postgres: '--chart-2',
  redis: '--chart-3',
  generator: '--chart-quiet',
}

/** A process has its colour on every chart; the generator, which is not what is measured, is grey. */
function inProcessColour(line: Plain, index: number): Line {
  return { ...line, colour: processColours[line.name] ?? nthColour(3 + index) }
}

function isGenerator({ name }: Plain): boolean {
  return name === 'generator'
}

function partition<T>(all: readonly T[], isSecond: (one: T) => boolean): [first: T[], second: T[]] {
  return [all.filter((one) => !isSecond(one)), all.filter(isSecond)]
}

function coloured(lines: readonly Plain[]): Line[] {
  return lines.map((line, index) => ({ ...line, colour: nthColour(index) }))
}

function valuesOf(lines: readonly Line[]): (number | null)[] {
  return lines.flatMap(({ points }) => points.map(([, y]) => y))
}

/** Lines one upon the other: each has a value wherever another has one, because who was not there used nothing. */
function stacked(lines: readonly Line[]): Line[] {
  const values = lines.map(({ points }) => new Map(points))
  const isGap = (x: number) => values.every((line) => (line.get(x) ?? null) === null)
  const times = timesOf(lines)
  return lines.map((line, index) => ({
    ...line,
    isStacked: true,
    points: times.map((x): [number, number | null] => [x, isGap(x) ? null : (values[index]?.get(x) ?? 0)]),
  }))
}

function mostTogether(lines: readonly Line[]): number {
  const values = lines.map(({ points }) => new Map(points))
  return Math.max(0, ...timesOf(lines).map((x) => values.reduce((sum, line) => sum + (line.get(x) ?? 0), 0)))
}

function timesOf(lines: readonly Line[]): number[] {
  return [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].toSorted((a, b) => a - b)
}
