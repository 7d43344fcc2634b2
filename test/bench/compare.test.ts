import { describe, expect, test } from 'bun:test'
import {
  type ComparedFigure,
  type Comparison,
  compare as compareRuns,
  comparisonText,
  isSameMachine,
  isWorse,
} from '../../bench/report/compare.ts'
import type { Run } from '../../bench/result.ts'
import { type MadeRun, makeRun, measureOf, scenarioOf } from './made_run.ts'

const before = makeRun({ id: '2026-11-20-1a2b3c4', startedAt: '2026-11-20T09:30:00.000Z' })

/** Against the same run with something changed. */
function compare(given: MadeRun): Comparison {
  return compareRuns(before, makeRun(given))
}

function figureOf({ figures }: Comparison, what: string): ComparedFigure {
  const found = figures.find((figure) => figure.what === what)
  if (!found) throw new Error(`Nothing of ${what} was compared`)
  return found
}

function beyondNoise({ figures }: Comparison): string[] {
  return figures
    .filter(({ standing }) => standing !== 'same')
    .map(({ scenario, what, standing }) => `${scenario}, ${what}: ${standing}`)
}

describe('two runs of the same code', () => {
  test('differ in nothing where they are the same', () => {
    const comparison = compare({})
    expect(beyondNoise(comparison)).toEqual([])
    expect(comparison.figures.length).toBeGreaterThan(100)
    expect(comparison.turned).toEqual([])
    expect(comparison.notes).toEqual([])
    expect(isWorse(comparison)).toBe(false)
  })

  test('differ by noise only, whatever was drawn', () => {
    for (let seed = 2; seed < 40; seed++) expect(beyondNoise(compare({ seed }))).toEqual([])
  })
})

describe('a regression', () => {
  test('of everything is found', () => {
    const comparison = compare({ slowness: 2 })
    expect(isWorse(comparison)).toBe(true)
    expect(figureOf(comparison, 'commit to visible in another process, p99').standing).toBe('worse')
    expect(figureOf(comparison, '250 connections without a pause: rate held').standing).toBe('worse')
    expect(beyondNoise(comparison).filter((line) => line.endsWith('better'))).toEqual([])
  })

  test('of one figure is that figure', () => {
    const comparison = compare({
      change: (run) => (scenarioOf(run, 'webhooks').phases[1]!.latencies.webhook!.p99 *= 1.6),
    })
    expect(beyondNoise(comparison)).toEqual([
      'webhooks, 1,000 webhooks a second on one hot ticket: webhook p99: worse',
    ])
  })

  test('the other way round is an improvement', () => {
    const comparison = compareRuns(makeRun({ slowness: 2 }), before)
    expect(isWorse(comparison)).toBe(false)
    expect(figureOf(comparison, 'commit to visible in another process, p99').standing).toBe('better')
    expect(figureOf(comparison, '250 connections without a pause: rate held').standing).toBe('better')
  })

  test('of a ratio depends on which way its goal looks', () => {
    const times = (name: string, factor: number) =>
      figureOf(compare({ change: (run) => (measureOf(run, name).value *= factor) }), name).standing
    const atLeast = 'webhooks on one hot ticket against the classic transaction'
    const atMost = 'read p99 during an on-sale against before'
    expect([times(atLeast, 0.7), times(atLeast, 1.3)]).toEqual(['worse', 'better'])
    expect([times(atMost, 0.7), times(atMost, 1.3)]).toEqual(['better', 'worse'])
    expect([times(atLeast, 0.88), times(atMost, 1.12)]).toEqual(['same', 'same'])
  })

  test('of a ratio without a goal cannot be told from an improvement', () => {
    const name = 'Elysia alone against a bare Bun.serve'
    const comparison = compare({ change: (run) => (measureOf(run, name).value *= 2) })
    expect(figureOf(comparison, name).standing).toBe('untold')
  })

  test('of a count is what its goal says', () => {
    const name = 'rolling restart: requests lost'
    const lost = (run: Run) => void Object.assign(measureOf(run, name), { value: 1, isMet: false })
    const comparison = compare({ change: lost })
    expect(figureOf(comparison, name).standing).toBe('worse')
    expect(comparison.turned).toEqual([
      'restart: the goal of "rolling restart: requests lost" was met in A, is missed in B.',
    ])
    expect(figureOf(compareRuns(makeRun({ change: lost }), before), name).standing).toBe('better')
  })

  test('is not a count that changes within its goal', () => {
    const name = 'stampede: SQL calls per key and process'
    const comparison = compareRuns(makeRun({ change: (run) => (measureOf(run, name).value = 0.5) }), before)
    expect(figureOf(comparison, name)).toMatchObject({ before: 0.5, now: 1, standing: 'same' })
  })

  test('is one request that fails where none did', () => {
    const comparison = compare({ change: (run) => (scenarioOf(run, 'restart').phases[0]!.failed = 1) })
    expect(beyondNoise(comparison)).toEqual(['restart, rolling restarts under load: failed: worse'])
    expect(comparisonText(comparison)).toMatch(/failed +\| +0 % \| +< 0.01 % \| +from 0 \|/)
  })

  test('of a threshold that no figure shows is told', () => {
    const comparison = compare({
      change: (run) => (scenarioOf(run, 'browse').phases[1]!.thresholds[1]!.isMet = false),
    })
    expect(comparison.turned).toEqual([
      'browse, 10,000 users: http_req_failed rate==0 held in A, is crossed in B.',
    ])
  })
})

describe('noise', () => {
  const p99Of = (factor: number, { count = 60_000 } = {}) => {
    const change = (run: Run) => {
      const { webhook } = scenarioOf(run, 'webhooks').phases[1]!.latencies
      Object.assign(webhook!, { count, p99: webhook!.p99 * factor })
    }
    return figureOf(compare({ change }), '1,000 webhooks a second on one hot ticket: webhook p99').standing
  }

  test('is a share of what was', () => {
    expect([p99Of(1.34), p99Of(1.37), p99Of(0.66), p99Of(0.63)]).toEqual(['same', 'worse', 'same', 'better'])
  })

  test('is twice as much for a percentile of few values', () => {
    expect([p99Of(1.6, { count: 999 }), p99Of(1.8, { count: 999 })]).toEqual(['same', 'worse'])
    expect(p99Of(1.6, { count: 1_000 })).toBe('worse')
  })

  test('is half a millisecond at least', () => {
    const p50Of = (ms: number) => {
      const change = (run: Run) => {
        scenarioOf(run, 'spike').phases[0]!.latencies.read!.p50 += ms
      }
      return figureOf(compare({ change }), '0 to 10,000 users: read p50').standing
    }
    expect([p50Of(0.4), p50Of(0.6)]).toEqual(['same', 'worse'])
  })
})

describe('what cannot be compared', () => {
  test('two machines: only ratios within a run are judged', () => {
    const comparison = compare({ slowness: 3, machine: { ...before.machine, cpu: 'Apple M4', cores: 10 } })
    expect(comparison.comparable).toBe('ratios')
    const judged = comparison.figures.filter(({ standing }) => standing !== 'untold')
    expect(new Set(judged.map(({ unit }) => unit))).toEqual(new Set(['×']))
    expect(isWorse(comparison)).toBe(false)
    expect(comparison.notes).toEqual([
      'The machines differ (AMD EPYC 9R14, 2 cores, 23.5 GiB and Apple M4, 10 cores, 23.5 GiB): only ratios within a run can be held against each other.',
    ])
  })

  test('a ratio that became worse is one on another machine, too', () => {
    const comparison = compare({
      machine: { ...before.machine, cores: 10 },
      change: (run) => (measureOf(run, '304 answers against the same').value *= 0.5),
    })
    expect(beyondNoise(comparison).filter((line) => line.endsWith('worse'))).toEqual([
      'limits, 304 answers against the same: worse',
    ])
  })

  test('a little less memory is the same machine, half of it is not', () => {
    const withMemory = (share: number) => ({
      ...before.machine,
      memoryBytes: before.machine.memoryBytes * share,
    })
    expect(isSameMachine(before.machine, withMemory(0.99))).toBe(true)
    expect(isSameMachine(before.machine, withMemory(0.5))).toBe(false)
  })

  for (const [sentence, given, note] of [
    [
      'a void run',
      { change: (run: Run) => (scenarioOf(run, 'soak').verify = ['event 3: left is 1']) },
      '2026-11-21-654efed is void: its figures do not count, and nothing is judged.',
    ],
    ['another profile', { profile: 'full' }, 'The profiles differ (standard, full): nothing is judged.'],
  ] satisfies [string, MadeRun, string][]) {
    test(`${sentence}: nothing is judged`, () => {
      const comparison = compare({ slowness: 3, ...given })
      expect(comparison.comparable).toBe('none')
      expect(comparison.notes).toContain(note)
      expect(new Set(comparison.figures.map(({ standing }) => standing))).toEqual(new Set(['untold']))
      expect(comparisonText(comparison)).toContain('Nothing was judged.')
    })
  }

  test('two smoke runs: nothing is judged', () => {
    const comparison = compareRuns(
      { ...before, profile: 'smoke' },
      makeRun({ profile: 'smoke', slowness: 3 }),
    )
    expect(comparison.comparable).toBe('none')
    expect(isWorse(comparison)).toBe(false)
  })

  test('a phase under another load', () => {
    const comparison = compare({
      slowness: 3,
      only: ['soak'],
      change: (run) => (scenarioOf(run, 'soak').phases[0]!.load = '2,000 users'),
    })
    const phase = comparison.figures.filter(({ scenario, isMeasure }) => scenario === 'soak' && !isMeasure)
    expect(phase.length).toBeGreaterThan(4)
    expect(new Set(phase.map(({ standing }) => standing))).toEqual(new Set(['untold']))
  })

  test('what only one run has', () => {
    const comparison = compareRuns(
      makeRun({ only: ['spike', 'soak'] }),
      makeRun({ only: ['soak', 'restart'] }),
    )
    expect(figureOf(comparison, 'spike: errors')).toMatchObject({ standing: 'gone', before: 0, now: null })
    expect(figureOf(comparison, 'rolling restart: requests lost')).toMatchObject({
      standing: 'added',
      before: null,
      now: 0,
    })
  })

  test('phases of one name are held against each other in their order', () => {
    const twice = (factor: number) => (run: Run) => {
      const { phases } = scenarioOf(run, 'restart')
      const [phase] = phases
      phases.push(structuredClone(phase!))
      phases[1]!.latencies.read!.p50 *= factor
    }
    const comparison = compareRuns(makeRun({ change: twice(10) }), makeRun({ change: twice(10) }))
    expect(beyondNoise(comparison)).toEqual([])
  })

  test('versions, settings and systems that differ are told, and judged all the same', () => {
    const comparison = compare({
      versions: { ...before.versions, bun: '1.4.6' },
      configuration: { ...before.configuration, fsync: 'off' },
      machine: { ...before.machine, system: 'linux 6.13.0' },
      isDirty: true,
    })
    expect(comparison.comparable).toBe('all')
    expect(comparison.notes).toEqual([
      'The systems differ: linux 6.12.8 and linux 6.13.0.',
      'Versions that differ: bun 1.4.5 → 1.4.6.',
      'Settings that differ: fsync on → off.',
      'The work tree of 2026-11-21-654efed differed from its commit.',
    ])
  })
})

describe('the text of a comparison', () => {
  test('says which run is which, lists the measures, and of the phases what changed', () => {
    const text = comparisonText(
      compare({
        only: ['restart'],
        change: (run) => (scenarioOf(run, 'restart').phases[0]!.latencies.read!.p95 = 10),
      }),
    )
    expect(text).toStartWith(
      'A 2026-11-20-1a2b3c4 (standard, 2026-11-20 09:30 UTC, 9 min 34 s; AMD EPYC 9R14, 2 cores, 23.5 GiB)\nB 2026-11-21-654efed',
    )
    expect(text).toMatch(/rolling restart: requests lost +\| +0 \| +0 \| +0 % \| – +\| within the noise \|/)
    expect(text).toMatch(/read p95 +\| +3\.\d+ ms \| +10 ms \| +\+\d+ % \| ±25 %, 0.5 ms \| WORSE +\|/)
    expect(text).not.toContain('read p50')
    expect(text).toContain('1 worse, 0 better, ')
  })

  test('has columns of one width, whatever a name holds', () => {
    const odd = (run: Run) => {
      measureOf(run, 'spike: errors').name = 'spike | errors\nof two lines'
    }
    const text = comparisonText(compareRuns(makeRun({ change: odd }), makeRun({ change: odd })))
    const rows = text.split('\n').filter((line) => line.startsWith('|'))
    expect(new Set(rows.map((row) => [...row].length)).size).toBe(1)
    expect(new Set(rows.map((row) => row.match(/(?<!\\)\|/g)?.length))).toEqual(new Set([8]))
  })
})
