// The charts of the report: ECharts draws each into SVG while the report is written, so that the page needs no script.
// Colours are the page's CSS variables, so that one chart is right in the light, in the dark and on paper.

import type { EChartsOption } from 'echarts'
import { BarChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { Distribution, ServiceCounts } from '../result.ts'
import { figure } from './format.ts'
import { Html } from './html.ts'

use([
  BarChart,
  GridComponent,
  LegendComponent,
  LineChart,
  MarkAreaComponent,
  MarkLineComponent,
  ScatterChart,
  SVGRenderer,
])

/** Drawn so small that its letters can still be read when a phone makes it narrower. */
const width = 400
const height = 220
const fontSize = 12

/** Names of the page's CSS variables. */
type Colour = `--${string}`

export type Line = {
  name: string
  /** Null makes a gap. */
  points: readonly (readonly [x: number, y: number | null])[]
  colour: Colour
  dash?: 'solid' | 'dashed' | 'dotted'
  /** Stands on the line before, and is filled. */
  isStacked?: boolean
}

/** A stretch of time with a label: a phase. */
export type Stretch = { label: string; from: number; to: number }

/** Lines over seconds. `log` where the values span too much for even steps; `ceiling` is a level to hold them against. */
export function timeChart(
  lines: readonly Line[],
  options: {
    stretches: readonly Stretch[]
    log?: boolean
    /** Where the axis ends, if not at the largest value; and its steps, if they are not to be chosen. */
    axis?: { max: number; interval?: number }
    ceiling?: { at: number; label: string }
  },
): Html {
  const { stretches, log = false, axis, ceiling } = options
  const end = Math.max(1, ...stretches.map(({ to }) => to))
  const step = timeStep(end)
  return draw({
    legend: legendOf(lines.map(({ name }) => name)),
    grid: gridOf(lines, { hasLabels: stretches.length > 1 }),
    xAxis: {
      type: 'value',
      min: 0,
      max: end,
      interval: step,
      ...axisStyle,
      splitLine: { show: false },
      axisLabel: {
        ...labelStyle,
        showMaxLabel: false,
        formatter: (seconds: number) => (step >= 60 ? `${figure(seconds / 60)} min` : `${seconds} s`),
      },
    },
    yAxis: { ...valueAxis(log), ...axis },
    series: [
      ...lines.map(({ name, points, colour, dash = 'solid', isStacked = false }) => ({
        type: 'line' as const,
        name,
        // A logarithm has no place for 0.
        data: points.map(([x, y]) => [round(x), y === null || (log && y <= 0) ? '-' : y]),
        // A phase of a second or two would be a line without a length.
        symbol: dash === 'solid' && isSparse(points, stretches) ? 'circle' : 'none',
        symbolSize: 4,
        sampling: 'lttb' as const,
        lineStyle: { color: tone(colour), width: isStacked ? 1 : 1.6, type: dash },
        itemStyle: { color: tone(colour) },
        ...(isStacked ? { stack: 'all', areaStyle: { color: tone(colour), opacity: 0.35 } } : {}),
        ...still,
      })),
      ...(stretches.length > 1 ? [phaseMarks(stretches)] : []),
      ...(ceiling ? [levelLine({ yAxis: ceiling.at }, ceiling.label)] : []),
    ],
  })
}

/** A distribution each as a curve over its percentiles: the further right, the rarer. */
export function percentileChart(
  curves: readonly { name: string; distribution: Distribution; nth: number }[],
  { log }: { log: boolean },
): Html {
  return draw({
    legend: legendOf(curves.map(({ name }) => name)),
    grid: gridOf(curves),
    xAxis: {
      type: 'category',
      data: ['p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
      boundaryGap: true,
      ...axisStyle,
      axisLabel: labelStyle,
    },
    yAxis: valueAxis(log),
    series: curves.map(({ name, distribution: { p50, p90, p95, p99, p999, max }, nth }) => ({
      type: 'line' as const,
      name,
      data: [p50, p90, p95, p99, p999, max].map((value) =>
        value === null || (log && value <= 0) ? '-' : value,
      ),
      connectNulls: true,
      symbol: symbols[nth % symbols.length] ?? 'circle',
      symbolSize: 6,
      lineStyle: { color: tone(nthColour(nth)), width: 1.6, type: dashOf(nth) },
      itemStyle: { color: tone(nthColour(nth)) },
      ...still,
    })),
  })
}

/** How many deliveries a call took: the share of the calls by size, side by side for each phase. */
export function batchChart(
  phases: readonly { name: string; sizes: ServiceCounts['batchSizes']; nth: number }[],
): Html {
  const [first] = phases
  return draw({
    legend: legendOf(phases.map(({ name }) => name)),
    grid: gridOf(phases),
    xAxis: {
      type: 'category',
      data: bucketNames(first?.sizes ?? []),
      ...axisStyle,
      axisLabel: { ...labelStyle, hideOverlap: true },
    },
    yAxis: valueAxis(false),
    series: phases.map(({ name, sizes, nth }) => {
      const calls = sizes.reduce((sum, { count }) => sum + count, 0)
      return {
        type: 'bar' as const,
        name,
        data: sizes.map(({ count }) => round((100 * count) / Math.max(1, calls))),
        itemStyle: { color: tone(nthColour(nth)) },
        barGap: '10%',
        ...still,
      }
    }),
  })
}

export type RatioBar = { name: string; value: number; goal: number | null; isMet: boolean | null }

/** Ratios as bars, with a mark where each one's goal is. */
export function ratioChart(bars: readonly RatioBar[], { isWide }: { isWide: boolean }): Html {
  const most = Math.max(1, ...bars.flatMap(({ value, goal }) => [value, goal ?? 0]))
  const rows = bars.map(({ name, value }) => ({ name, value: `${figure(value)} ×` }))
  return draw(
    {
      grid: rowGrid(isWide),
      xAxis: { ...valueAxis(false), min: 0, max: Math.ceil(most * 2) / 2 },
      yAxis: rowAxis(rows, isWide),
      series: [
        {
          type: 'bar',
          data: bars.map(({ value, isMet }) => ({
            value,
            itemStyle: {
              color: tone(isMet === null ? '--chart-quiet' : isMet ? '--chart-met' : '--chart-missed'),
            },
          })),
          barWidth,
          ...still,
        },
        {
          type: 'scatter',
          data: bars.flatMap(({ goal }, index) => (goal === null ? [] : [[goal, index]])),
          symbol: 'rect',
          symbolSize: [2.5, 20],
          itemStyle: { color: tone('--text') },
          ...still,
        },
        levelLine({ xAxis: 1 }),
      ],
    },
    rowSize(bars.length, isWide),
  )
}

export type ChangeBar = {
  name: string
  change: string
  /** The change as a share of what was; positive is better, whichever direction of the figure that is. */
  gain: number
  noise: number
  standing: 'better' | 'worse' | 'same'
}

/** Changes as bars to the right (better) and left (worse) over the noise of each. What is off the scale ends at its edge. */
export function changeChart(bars: readonly ChangeBar[], { isWide }: { isWide: boolean }): Html {
  const furthest = Math.max(...bars.map(({ gain, noise }) => 100 * Math.max(Math.abs(gain), noise)))
  const most = Math.min(200, Math.ceil(furthest / 25) * 25)
  const shown = (share: number) => Math.max(-most, Math.min(most, round(100 * share)))
  const band = (sign: 1 | -1) => ({
    type: 'bar' as const,
    data: bars.map(({ noise }) => shown(sign * noise)),
    barWidth,
    // All bars of a row lie upon each other.
    barGap: '-100%',
    itemStyle: { color: tone('--chart-band') },
    z: 1,
    ...still,
  })
  return draw(
    {
      grid: rowGrid(isWide),
      xAxis: {
        ...valueAxis(false),
        min: -most,
        max: most,
        interval: most / 2,
        axisLabel: { ...labelStyle, formatter: (percents: number) => `${signed(percents)} %` },
      },
      yAxis: rowAxis(
        bars.map(({ name, change }) => ({ name, value: change })),
        isWide,
      ),
      series: [
        band(1),
        band(-1),
        {
          type: 'bar',
          data: bars.map(({ gain, standing }) => ({
            value: shown(gain),
            itemStyle: { color: tone(standingColours[standing]) },
          })),
          barWidth,
          z: 2,
          ...still,
        },
        levelLine({ xAxis: 0 }),
      ],
    },
    rowSize(bars.length, isWide),
  )
}

/** Whether values span so much that even steps would press the small ones flat. */
export function needsLog(values: readonly (number | null)[]): boolean {
  const positive = values.filter((value) => value !== null && value > 0) as number[]
  return positive.length > 0 && Math.max(...positive) > 20 * Math.min(...positive)
}

/** Colours that the colour-blind can tell apart (Okabe and Ito), in an order that keeps neighbours far from each other. */
export function nthColour(nth: number): Colour {
  return `--chart-${(nth % paletteSize) + 1}`
}

const paletteSize = 6
const standingColours = { better: '--chart-met', worse: '--chart-missed', same: '--chart-quiet' } as const
const symbols = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'arrow']

/** Where the colours begin again, the dash tells. */
function dashOf(nth: number): 'solid' | 'dashed' | 'dotted' {
  return (['solid', 'dashed', 'dotted'] as const)[Math.floor(nth / paletteSize) % 3] ?? 'solid'
}

const still = { silent: true, animation: false, emphasis: { disabled: true } }

const labelStyle = { color: tone('--muted'), fontSize }
const axisStyle = {
  axisLine: { lineStyle: { color: tone('--rule') } },
  axisTick: { lineStyle: { color: tone('--rule') } },
}

function valueAxis(log: boolean) {
  return {
    type: log ? ('log' as const) : ('value' as const),
    splitNumber: 4,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: tone('--rule') } },
    axisLabel: { ...labelStyle, formatter: (value: number) => figure(value) },
  }
}

/**
 * Rows from the top. At a desk each has its name and value at the left; on a phone they stand above its bar, so that
 * long names have the whole width.
 */
function rowAxis(rows: readonly { name: string; value: string }[], isWide: boolean) {
  // Letters stand out from the lines that they cross.
  const halo = { textBorderColor: tone('--page'), textBorderWidth: isWide ? 0 : 3 }
  const value = { color: tone('--text'), fontSize, fontWeight: 'bold' as const, ...halo }
  return {
    type: 'category' as const,
    data: rows.map(({ name }) => name),
    inverse: true,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      color: tone('--text'),
      fontSize,
      interval: 0,
      ...halo,
      rich: { value },
      ...(isWide
        ? {
            margin: 14,
            formatter: (name: string, index: number) =>
              `${shortened(name, 62)}   {value|${rows[index]?.value}}`,
          }
        : {
            inside: true,
            align: 'left' as const,
            verticalAlign: 'bottom' as const,
            padding: [0, 0, 9, -8],
            formatter: (name: string, index: number) =>
              `{value|${rows[index]?.value}}   ${shortened(name, 52)}`,
          }),
    },
    z: 10,
  }
}

function rowGrid(isWide: boolean) {
  if (isWide) return { ...inside, left: 56, right: 24, top: 4, bottom: 4 }
  return { left: 8, right: 24, top: 22, bottom: 22, outerBoundsMode: 'none' as const }
}

function rowSize(count: number, isWide: boolean) {
  return isWide ? { width: 960, height: 32 + 28 * count } : { width, height: 48 + 44 * count }
}

/** The letters of the axes stand within the edges as well. */
const inside = { outerBoundsMode: 'same' as const }

const barWidth = 10
const legendItemWidth = 18

function shortened(name: string, lengthMax: number): string {
  return name.length <= lengthMax ? name : `${name.slice(0, lengthMax - 1).trimEnd()}…`
}

function signed(value: number): string {
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value)}`
}

function legendOf(names: string[]) {
  if (names.length < 2) return { show: false }
  return {
    data: names,
    left: 0,
    top: 0,
    padding: 0,
    itemWidth: legendItemWidth,
    itemHeight: 8,
    itemGap: 12,
    silent: true,
    textStyle: { ...labelStyle, color: tone('--text') },
  }
}

/** Leaves room above for the legend, which breaks into lines, and for the numbers of the phases. */
function gridOf(named: readonly { name: string }[], { hasLabels = false }: { hasLabels?: boolean } = {}) {
  const letterWidth = 6
  const legend = named.reduce((sum, { name }) => sum + legendItemWidth + 17 + letterWidth * name.length, 0)
  const lines = named.length > 1 ? Math.ceil(legend / width) : 0
  return { ...inside, left: 4, right: 8, top: 10 + 18 * lines + (hasLabels ? 14 : 0), bottom: 8 }
}

/** Every second phase is shaded, and each has its number above it. */
function phaseMarks(stretches: readonly Stretch[]) {
  return {
    type: 'line' as const,
    data: [],
    ...still,
    markArea: {
      ...still,
      label: { ...labelStyle, position: 'top' as const, distance: 2 },
      data: stretches.map(({ label, from, to }, index): [object, object] => [
        {
          name: label,
          xAxis: round(from),
          itemStyle: { color: index % 2 === 0 ? tone('--chart-stretch') : 'transparent' },
        },
        { xAxis: round(to) },
      ]),
    },
  }
}

/** A dashed line across the chart. */
function levelLine(level: { xAxis: number } | { yAxis: number }, label = '') {
  return {
    type: 'line' as const,
    data: [],
    ...still,
    markLine: {
      ...still,
      symbol: 'none',
      lineStyle: { color: tone('--muted'), type: 'dashed' as const, width: 1 },
      label: { ...labelStyle, show: label !== '', formatter: label, position: 'insideEndTop' as const },
      data: [level],
    },
  }
}

function isSparse(points: Line['points'], stretches: readonly Stretch[]): boolean {
  return points.filter(([, y]) => y !== null).length <= 4 * stretches.length
}

/** Steps of a time axis that a person counts in. */
function timeStep(seconds: number): number {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 3_600]
  return steps.find((step) => seconds / step <= 6) ?? 7_200
}

function bucketNames(sizes: ServiceCounts['batchSizes']): string[] {
  return sizes.map(({ upTo }, index) => {
    const from = (sizes[index - 1]?.upTo ?? 0) + 1
    if (upTo === null) return `≥ ${from}`
    return from === upTo ? `${from}` : `${from}–${upTo}`
  })
}

function tone(colour: Colour): string {
  return `var(${colour})`
}

/** Digits that no screen shows would be half of the page. */
function round(value: number): number {
  return Math.round(value * 100) / 100
}

function draw(option: EChartsOption, size: { width: number; height: number } = { width, height }): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size })
  try {
    chart.setOption({
      animation: false, // `inherit` is no family in the shorthand that rich labels are written with.
      textStyle: { fontFamily: 'system-ui, sans-serif' },
      ...option,
    })
    return new Html(chart.renderToSVGString())
  } finally {
    // It holds a timer that would keep the process.
    chart.dispose()
  }
}
