import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jsonOf } from '../../bench/report/report.ts'
import { findRun, newestToShow, previousOf, readRun, readRuns } from '../../bench/report/results.ts'
import type { Run } from '../../bench/result.ts'
import { type MadeRun, makeRun, scenarioOf } from './made_run.ts'

let results: string

beforeEach(() => {
  results = mkdtempSync(join(tmpdir(), 'onsale-results-'))
})

afterEach(() => rmSync(results, { recursive: true, force: true }))

/** A small run of a day in November. */
function runOf(day: number, given: MadeRun = {}): Run {
  const date = `2026-11-${String(day).padStart(2, '0')}`
  return makeRun({
    id: `${date}-abcdef${day % 10}`,
    startedAt: `${date}T09:30:00.000Z`,
    only: ['start', 'spike'],
    ...given,
  })
}

function keep(run: Run, text = jsonOf(run)): string {
  const folder = join(results, run.id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'run.json'), text)
  return folder
}

function isVoid(run: Run) {
  scenarioOf(run, 'start').verify = ['event 3: left is 1']
}

describe('a run is read', () => {
  test('as it was written', async () => {
    expect(await readRun(keep(runOf(1)))).toEqual(runOf(1))
  })

  test('with fields that a later version added', async () => {
    const folder = keep(runOf(1), jsonOf({ ...runOf(1), mood: 'good' } as Run))
    expect((await readRun(folder)).id).toBe('2026-11-01-abcdef1')
  })

  for (const [sentence, change, fault] of [
    ['without its commit', (run: Run) => Reflect.deleteProperty(run, 'commit'), '/commit: Expected'],
    [
      'with a text for a number',
      (run: Run) => Object.assign(run.machine, { cores: '2' }),
      '/machine/cores: Expected number',
    ],
    ['of an unknown profile', (run: Run) => Object.assign(run, { profile: 'huge' }), '/profile: Expected'],
    [
      'begun at no time',
      (run: Run) => Object.assign(run, { startedAt: 'noon' }),
      '/startedAt: "noon" is no time',
    ],
    [
      'with fewer values than times',
      (run: Run) => scenarioOf(run, 'spike').phases[0]!.series[0]!.values.pop(),
      'spike, 0 to 10,000 users: series held has 60 times for 59 values',
    ],
  ] as const) {
    test(`not ${sentence}, and it is told where`, () => {
      const run = runOf(1)
      change(run)
      const folder = keep(run)
      expect(readRun(folder)).rejects.toThrow(
        `${join(folder, 'run.json')} is not what a run leaves behind: ${fault}`,
      )
    })
  }

  test('not where its file is cut short, holds something else, or is missing', () => {
    expect(readRun(keep(runOf(1), jsonOf(runOf(1)).slice(0, 500)))).rejects.toThrow('run.json is no JSON')
    expect(readRun(keep(runOf(2), '[]'))).rejects.toThrow('is not what a run leaves behind: the whole:')
    expect(readRun(join(results, 'nowhere'))).rejects.toThrow('run.json cannot be read')
  })
})

describe('the runs of a folder', () => {
  test('come newest first', async () => {
    for (const day of [3, 12, 7]) keep(runOf(day))
    const { runs, faults } = await readRuns(results)
    expect(runs.map(({ id }) => id)).toEqual([
      '2026-11-12-abcdef2',
      '2026-11-07-abcdef7',
      '2026-11-03-abcdef3',
    ])
    expect(faults).toEqual([])
  })

  test('are read although one is broken, which is told', async () => {
    keep(runOf(3))
    const broken = keep(runOf(4), '{')
    const { runs, faults } = await readRuns(results)
    expect(runs.map(({ id }) => id)).toEqual(['2026-11-03-abcdef3'])
    expect(faults).toHaveLength(1)
    expect(faults[0]).toStartWith(`${join(broken, 'run.json')} is no JSON`)
  })

  test('are none where there is no folder, or none of a run', async () => {
    mkdirSync(join(results, 'notes'))
    expect(await readRuns(results)).toEqual({ runs: [], faults: [] })
    expect(await readRuns(join(results, 'nowhere'))).toEqual({ runs: [], faults: [] })
  })
})

describe('the run before', () => {
  const now = runOf(20)
  const previousAmong = (...runs: Run[]) => previousOf(now, runs)?.id ?? null

  test('is the newest earlier one of the same profile', () => {
    expect(previousAmong(runOf(3), runOf(9), runOf(7), runOf(25), now)).toBe('2026-11-09-abcdef9')
    expect(previousAmong(runOf(9, { profile: 'full' }), runOf(3))).toBe('2026-11-03-abcdef3')
  })

  test('is none where there is no such run', () => {
    expect(previousAmong()).toBeNull()
    expect(previousAmong(now, runOf(25), runOf(9, { profile: 'smoke' }))).toBeNull()
  })

  test('is not void', () => {
    expect(previousAmong(runOf(9, { change: isVoid }), runOf(3))).toBe('2026-11-03-abcdef3')
  })

  test('has something in common with it', () => {
    expect(previousAmong(runOf(9, { only: ['soak'] }), runOf(3))).toBe('2026-11-03-abcdef3')
  })

  test('is of the same machine where there is one, else of another', () => {
    const elsewhere = runOf(9, { machine: { ...now.machine, cpu: 'Apple M4' } })
    expect(previousAmong(elsewhere, runOf(3))).toBe('2026-11-03-abcdef3')
    expect(previousAmong(elsewhere)).toBe('2026-11-09-abcdef9')
  })
})

describe('the run to show', () => {
  test('is the newest standard one', () => {
    expect(newestToShow([runOf(3), runOf(9), runOf(7)])?.id).toBe('2026-11-09-abcdef9')
  })

  for (const [sentence, given] of [
    ['void', { change: isVoid }],
    ['of a dirty tree', { isDirty: true }],
    ['a smoke run', { profile: 'smoke' }],
    ['a full run', { profile: 'full' }],
  ] satisfies [string, MadeRun][]) {
    test(`is not one that is ${sentence}`, () => {
      expect(newestToShow([runOf(9, given), runOf(3)])?.id).toBe('2026-11-03-abcdef3')
      expect(newestToShow([runOf(9, given)])).toBeNull()
    })
  }
})

describe('a run is found', () => {
  beforeEach(() => {
    for (const day of [3, 13, 12]) keep(runOf(day))
  })

  test('by its folder, by its id, and by a part that only it has', async () => {
    for (const name of [join(results, '2026-11-12-abcdef2'), '2026-11-12-abcdef2', '11-12', 'cdef2']) {
      expect((await findRun(name, { results })).id).toBe('2026-11-12-abcdef2')
    }
  })

  test('by its id, although that is a part of another', async () => {
    keep(runOf(12, { id: '2026-11-12-abcdef2-dirty' }))
    expect((await findRun('2026-11-12-abcdef2', { results })).id).toBe('2026-11-12-abcdef2')
  })

  test('not by a part of several, which are named', () => {
    expect(findRun('abcdef3', { results })).rejects.toThrow(
      '"abcdef3" may be any of 2026-11-03-abcdef3, 2026-11-13-abcdef3: give more of its name',
    )
  })

  test('not by a part of none, and those that are there are named', () => {
    expect(findRun('2025', { results })).rejects.toThrow(
      'which has 2026-11-03-abcdef3, 2026-11-12-abcdef2, 2026-11-13-abcdef3',
    )
    expect(findRun('2025', { results: join(results, 'nowhere') })).rejects.toThrow('which has none yet')
  })
})
