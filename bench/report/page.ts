// The report as one page: what a customer reads first stands first. No script and nothing from elsewhere.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Distribution, Measure, PhaseResult, Run, ScenarioResult, Threshold } from '../result.ts'
import { changeChart, ratioChart } from './charts.ts'
import {
  type ComparedFigure,
  changeText,
  compare,
  isTold,
  machineText,
  noiseText,
  type Standing,
  summaryOf,
  valueText,
} from './compare.ts'
import {
  change,
  counted,
  duration,
  figure,
  goalText,
  measured,
  percent,
  sentence,
  timeText,
  title,
  withUnit,
  words,
} from './format.ts'
import { Html, html } from './html.ts'
import { chartsOf } from './scenario_charts.ts'
import { cautions, headlineOf, verdictOf, voidReasons } from './verdict.ts'

/** The whole of report.html. */
export async function pageOf(run: Run, { previous }: { previous: Run | null }): Promise<string> {
  const style = new Html(await readFile(join(import.meta.dir, 'style.css'), 'utf8'))
  const places = run.scenarios.map((scenario, index) => ({ scenario, anchor: `scenario-${index + 1}` }))
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Onsale benchmark ${run.id}: ${headlineOf(run)}</title>
<style>${style}</style>
</head>
<body>
${header(run)}
<nav aria-label="Sections"><a href="#goals">Goals</a><a href="#previous">Against the run before</a>
${places.map(({ scenario, anchor }) => html`<a href="#${anchor}">${title(scenario.name)}</a>`)}</nav>
<main>
${goals(run, places)}
${againstPrevious(run, previous)}
${places.map(({ scenario, anchor }) => section(scenario, { anchor, run }))}
</main>
${footer()}
</body>
</html>
`.text
}

type Place = { scenario: ScenarioResult; anchor: string }

function header(run: Run): Html {
  const { requests, failed } = verdictOf(run)
  const isVoid = voidReasons(run).length > 0
  const warnings = cautions(run)
  return html`<header>
${isVoid && voidBanner(run)}
<p class="eyebrow">Onsale benchmark, ${run.profile} profile, ${timeText(run.startedAt)}</p>
<h1>${headlineOf(run)}</h1>
<p class="lede">${figure(requests)} requests in ${duration(run.seconds)} on ${machineText(run.machine)};
${failed === 0 ? 'none failed' : `${figure(failed)} failed`}.
${!isVoid && 'After every scenario the counters were computed again from the facts, and none differed.'}
${run.profile === 'smoke' && 'A smoke run proves that the suite runs; how fast is not judged.'}</p>
<dl class="facts">
<dt>Run</dt><dd>${run.id}</dd>
<dt>Commit</dt><dd><code>${run.commit}</code>${run.isDirty && ' with changes'}</dd>
<dt>Machine</dt><dd>${machineText(run.machine)}, ${run.machine.system}; ${percent(run.machine.busyBefore)} busy before the run${run.machine.stolen !== null && `, ${percent(run.machine.stolen)} taken by its host during it`}, ${figure(run.machine.openFilesMax)} open files</dd>
<dt>Versions</dt><dd>${listOf(run.versions)}</dd>
<dt>Settings</dt><dd>${listOf(run.configuration)}</dd>
</dl>
${warnings.length > 0 && html`<ul class="cautions">${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`}
</header>`
}

function voidBanner(run: Run): Html {
  return html`<div class="void" role="alert"><strong>Void: the figures of this run do not count.</strong>
<ul>${voidReasons(run).map((reason) => html`<li>${reason}</li>`)}</ul></div>`
}

function goals(run: Run, places: readonly Place[]): Html {
  const isVoid = voidReasons(run).length > 0
  const judged = places.flatMap((place) =>
    place.scenario.measures
      .filter(({ goal }) => goal !== null)
      .map((measure, nth) => ({ ...place, measure, isFirst: nth === 0 })),
  )
  const ratios = run.scenarios.flatMap(({ measures }) => measures.filter(({ unit }) => unit === '×'))
  const bars = ratios.map(({ name, value, goal, isMet }) => ({
    name,
    value,
    goal: goal?.value ?? null,
    isMet: isVoid ? null : isMet,
  }))
  return html`<section id="goals">
<h2>Goals</h2>
${
  judged.length === 0
    ? html`<p class="quiet">No figure of this run is judged.</p>`
    : html`<table class="goals">
<thead><tr><th>Scenario</th><th>Measure</th><th class="number">Value</th><th class="number">Goal</th><th>Verdict</th><th>Made of</th></tr></thead>
<tbody>${judged.map(({ measure, scenario, anchor, isFirst }) => {
        const isMissed = !isVoid && measure.isMet === false
        return html`<tr class="${isFirst && 'first'} ${isMissed && 'missed'}">
<td class="place">${isFirst && html`<a href="#${anchor}">${title(scenario.name)}</a>`}</td>
<td class="name">${measure.name}</td>
<td class="number value" data-label="Value">${withUnit(measure.value, measure.unit)}</td>
<td class="number" data-label="Goal">${goalText(measure)}</td>
<td class="verdict" data-label="Verdict">${isVoid ? html`<span class="quiet">void</span>` : verdictMark(measure)}</td>
<td class="detail">${measure.detail}</td></tr>`
      })}</tbody></table>`
}
${
  bars.length > 0 &&
  html`<h3>Against limits and peers of the same run</h3>
${broad('Ratios; the mark is the goal, the dashed line is 1', (isWide) => ratioChart(bars, { isWide }))}`
}
</section>`
}

function verdictMark({ isMet }: Pick<Measure, 'isMet'>): Html {
  return isMet ? html`<span class="is-met">✓ met</span>` : html`<span class="is-missed">✗ missed</span>`
}

function againstPrevious(run: Run, previous: Run | null): Html {
  if (previous === null) {
    return html`<section id="previous"><h2>Against the run before</h2>
<p class="quiet">There is no earlier run of this profile to hold it against.</p></section>`
  }
  const comparison = compare(previous, run)
  const bars = comparison.figures.flatMap(changeBarOf)
  return html`<section id="previous">
<h2>Against the run before</h2>
<p>${previous.id}, ${timeText(previous.startedAt)}. ${summaryOf(comparison)}</p>
${comparison.notes.length > 0 && html`<ul>${comparison.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
${
  bars.length > 0 &&
  broad(
    'Better to the right, worse to the left; grey is what two runs of the same code may differ by',
    (isWide) => changeChart(bars, { isWide }),
  )
}
${comparison.turned.length > 0 && html`<ul>${comparison.turned.map((sentence) => html`<li>${sentence}</li>`)}</ul>`}
${scrolling(
  'Figures of both runs',
  html`<table>
<thead><tr><th>Scenario</th><th>Figure</th><th class="number">Before (A)</th><th class="number">Now (B)</th><th class="number">Change</th><th class="number">Noise</th><th></th></tr></thead>
<tbody>${comparison.figures.filter(isTold).map(
    (
      one,
      index,
      all,
    ) => html`<tr><td>${one.scenario !== all[index - 1]?.scenario && title(one.scenario)}</td><td>${one.what}</td>
<td class="number">${valueText(one.before, one.unit)}</td>
<td class="number value">${valueText(one.now, one.unit)}</td>
<td class="number">${changeText(one)}</td><td class="number detail">${noiseText(one)}</td>
<td class="verdict">${standingMark(one.standing)}</td></tr>`,
  )}</tbody></table>`,
)}
</section>`
}

function changeBarOf({ isMeasure, what, before, now, noise, wanted, standing }: ComparedFigure) {
  if (standing !== 'better' && standing !== 'worse' && standing !== 'same') return []
  if (!isMeasure || !before || !now || noise === null || wanted === null) return []
  const share = now / before - 1
  const gain = wanted === 'high' ? share : -share
  return [{ name: what, change: change(before, now), gain, noise, standing }]
}

function standingMark(standing: Standing): Html {
  switch (standing) {
    case 'better':
      return html`<span class="is-met">▲ better</span>`
    case 'worse':
      return html`<span class="is-missed">▼ worse</span>`
    case 'same':
      return html`<span class="quiet">within the noise</span>`
    case 'untold':
      return html`<span class="quiet">not judged</span>`
    case 'added':
      return html`<span class="quiet">new</span>`
    case 'gone':
      return html`<span class="quiet">not measured now</span>`
  }
}

function section(scenario: ScenarioResult, { anchor, run }: { anchor: string; run: Run }): Html {
  const { name, about, seconds, fault, verify, phases, measures } = scenario
  const told = measures.filter(({ goal }) => goal === null)
  return html`<section id="${anchor}">
<h2>${title(name)}${statusOf(scenario, { isVoid: voidReasons(run).length > 0 })}</h2>
<p>${sentence(about)} <span class="quiet">It took ${duration(seconds)}.</span></p>
${
  (fault !== null || verify.length > 0) &&
  html`<div class="void"><strong>Does not count</strong>${fault !== null && html`<p>${fault}</p>`}
${verify.length > 0 && html`<ul>${verify.slice(0, shownDifferencesMax).map((row) => html`<li><code>${row}</code></li>`)}</ul>`}
${verify.length > shownDifferencesMax && html`<p>and ${verify.length - shownDifferencesMax} more, in run.json</p>`}</div>`
}
${told.length > 0 && html`<ul class="plain">${told.map(toldLine)}</ul>`}
${phases.length > 0 && html`${loads(phases)}${latencies(phases)}${thresholds(phases)}${inside(phases)}`}
${phases.length > 0 && html`<div class="charts">${chartsOf(scenario, run)}</div>`}
</section>`
}

const shownDifferencesMax = 20

function statusOf(
  { fault, verify, measures, phases }: ScenarioResult,
  { isVoid }: { isVoid: boolean },
): Html {
  if (fault !== null || verify.length > 0) return html` <span class="status is-missed">void</span>`
  // Where another scenario made the run void, nothing counts here either.
  if (isVoid) return html``
  const judged = measures.filter(({ isMet }) => isMet !== null)
  const missed = judged.filter(({ isMet }) => !isMet).length
  const crossed = phases.flatMap(({ thresholds }) => thresholds).filter(({ isMet }) => !isMet).length
  if (missed + crossed > 0) {
    const parts = [
      ...(missed > 0 ? [`${counted(missed, 'goal')} missed`] : []),
      ...(crossed > 0 ? [`${counted(crossed, 'threshold')} crossed`] : []),
    ]
    return html` <span class="status is-missed">✗ ${parts.join(', ')}</span>`
  }
  if (judged.length === 0) return html``
  return html` <span class="status is-met">✓ ${counted(judged.length, 'goal')} met</span>`
}

function toldLine({ name, value, unit, detail }: Measure): Html {
  return html`<li>${name}: <span class="value">${withUnit(value, unit)}</span> <span class="detail">${detail}</span></li>`
}

function loads(phases: readonly PhaseResult[]): Html {
  const hasAsked = phases.some(({ rateAsked }) => rateAsked !== null)
  const hasDropped = phases.some(({ dropped }) => dropped > 0)
  return html`<h3>Load</h3>${scrolling(
    'Load of each phase',
    html`<table>
<thead><tr><th class="nth">#</th><th>Phase</th><th>Load</th><th class="number">Lasted</th>${hasAsked && html`<th class="number">Asked /s</th>`}
<th class="number">Held /s</th><th class="number">Requests</th><th class="number">Failed</th>${hasDropped && html`<th class="number">Not sent</th>`}</tr></thead>
<tbody>${phases.map(
      (
        phase,
        index,
      ) => html`<tr><td class="nth">${index + 1}</td><td>${phase.name}</td><td class="detail">${phase.load}</td>
<td class="number">${duration(phase.seconds)}</td>
${hasAsked && html`<td class="number">${phase.rateAsked === null ? '–' : figure(phase.rateAsked)}</td>`}
<td class="number value">${figure(phase.rateHeld)}</td><td class="number">${figure(phase.requests)}</td>
<td class="number${phase.failed > 0 && ' is-missed'}">${figure(phase.failed)}</td>
${hasDropped && html`<td class="number">${figure(phase.dropped)}</td>`}</tr>`,
    )}</tbody></table>`,
  )}`
}

function latencies(phases: readonly PhaseResult[]): Html {
  const rows = phases.flatMap(({ latencies }, index) =>
    Object.entries(latencies).map(([kind, latency], nth) => ({ index, kind, latency, isFirst: nth === 0 })),
  )
  if (rows.length === 0) return html``
  const cells = ['min', 'mean', 'p50', 'p90', 'p95', 'p99', 'p999', 'max'] as const
  return html`<h3>Latency in ms</h3>${scrolling(
    'Percentiles of each phase',
    html`<table>
<thead><tr><th class="nth">#</th><th>Timed</th><th class="number">Count</th>
${cells.map((key) => html`<th class="number">${key === 'p999' ? 'p99.9' : key}</th>`)}</tr></thead>
<tbody>${rows.map(
      ({
        index,
        kind,
        latency,
        isFirst,
      }) => html`<tr><td class="nth">${isFirst ? index + 1 : ''}</td><td>${words(kind)}</td>
<td class="number">${figure(latency.count)}</td>
${cells.map((key) => html`<td class="number${isKey(key) && ' value'}">${latency[key] === null ? '–' : measured(latency[key])}</td>`)}</tr>`,
    )}</tbody></table>`,
  )}`
}

function isKey(key: keyof Distribution): boolean {
  return key === 'p50' || key === 'p95' || key === 'p99'
}

/** Each threshold once, with the phases in which it held and in which it did not. */
function thresholds(phases: readonly PhaseResult[]): Html {
  const all = new Map<string, { threshold: Threshold; held: number[]; crossed: number[] }>()
  phases.forEach((phase, index) => {
    for (const threshold of phase.thresholds) {
      const key = JSON.stringify([threshold.metric, threshold.expression])
      const entry = all.get(key) ?? { threshold, held: [], crossed: [] }
      ;(threshold.isMet ? entry.held : entry.crossed).push(index + 1)
      all.set(key, entry)
    }
  })
  if (all.size === 0) return html``
  const inPhases = (numbers: number[]) => {
    if (numbers.length === phases.length) return phases.length === 1 ? '' : ' in every phase'
    return ` in ${numbers.length === 1 ? 'phase' : 'phases'} ${numbers.join(', ')}`
  }
  return html`<h3>Thresholds</h3><ul class="plain">${[...all.values()].map(
    ({ threshold, held, crossed }) => html`<li>
${crossed.length > 0 && html`<span class="verdict is-missed">✗ crossed${inPhases(crossed)}</span> `}
${held.length > 0 && html`<span class="verdict is-met">✓ held${inPhases(held)}</span>`}
<code>${threshold.metric} ${threshold.expression}</code></li>`,
  )}</ul>`
}

/** What the service counted itself. */
function inside(phases: readonly PhaseResult[]): Html {
  const counted = phases.flatMap(({ service }, index) => (service === null ? [] : [{ service, index }]))
  const rows = counted.map(({ service: { calls, cache, batchSizes, deliveries }, index }) => {
    const reads = cache.hits1 + cache.misses
    const calledBatches = batchSizes.reduce((sum, { count }) => sum + count, 0)
    const all = Object.values(calls).reduce((sum, count) => sum + count, 0)
    return html`<tr><td class="nth">${index + 1}</td>
<td class="number">${figure(all)}</td><td class="detail">${countsOf(calls)}</td>
<td class="number">${reads === 0 ? '–' : percent(cache.hits1 / reads)}</td>
<td class="number">${reads === 0 ? '–' : percent(Math.min(cache.hits2, cache.misses) / reads)}</td>
<td class="number">${reads === 0 ? '–' : percent(Math.max(0, cache.misses - cache.hits2) / reads)}</td>
<td class="number">${reads === 0 ? '–' : percent(cache.stale / reads)}</td>
<td class="detail">${calledBatches === 0 ? '–' : countsOf(deliveries)}</td></tr>`
  })
  if (rows.length === 0) return html``
  return html`<h3>Inside the service</h3>${scrolling(
    'What the service counted',
    html`<table>
<thead><tr><th class="nth">#</th><th class="number">SQL calls</th><th>of them</th><th class="number">Reads from memory</th>
<th class="number">from Redis</th><th class="number">waited for SQL</th><th class="number">served stale</th><th>Deliveries</th></tr></thead>
<tbody>${rows}</tbody></table>`,
  )}`
}

/** A chart over the whole width, drawn once for a desk and once for a phone. */
function broad(caption: string, drawn: (isWide: boolean) => Html): Html {
  return html`<figure class="broad"><figcaption><span>${caption}</span></figcaption>
<div role="img" aria-label="${caption}"><div class="wide">${drawn(true)}</div><div class="narrow">${drawn(false)}</div></div></figure>`
}

function scrolling(label: string, content: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`
}

/** `list_events 214, get_event 198`, the most first. */
function countsOf(counts: Record<string, number>): string {
  const entries = Object.entries(counts).toSorted(([, a], [, b]) => b - a)
  return entries.length === 0 ? '–' : entries.map(([name, count]) => `${name} ${figure(count)}`).join(', ')
}

function listOf(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `${words(name)} ${value}`)
    .join(', ')
}

function footer(): Html {
  return html`<footer>
<h3>How to read this</h3>
<dl>
<dt>p50, p95, p99</dt><dd>Half of the answers, 95 and 99 of a hundred took no longer than this.</dd>
<dt>Asked and held</dt><dd>Where a rate is asked for, requests are sent at that rate whatever the answers take, so a slow server is not spared. Users think between their requests, for as long as their load says.</dd>
<dt>Ratios</dt><dd>Limits and peers are measured in the same run on the same machine, so their ratios may be held against another machine's; the figures themselves may not.</dd>
<dt>Void</dt><dd>After every scenario <code>verify</code> computes all counters again from the facts. One that differs, and nothing of the run counts.</dd>
<dt>Time of charts</dt><dd>Seconds under load, phase after phase by their numbers; the pauses between phases are left out.</dd>
<dt>Everything else</dt><dd><code>run.json</code> beside this page holds every figure, <code>k6/</code> what k6 itself wrote, and bench/README.md says what each figure means.</dd>
</dl>
</footer>`
}
