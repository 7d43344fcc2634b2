import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jsonOf } from '../../bench/report/report.ts'
import { markEnd, markStart, summaryOf, updateReadme } from '../../bench/report/summary.ts'
import type { Run } from '../../bench/result.ts'
import { type MadeRun, makeRun, scenarioOf } from './made_run.ts'

describe('the summary', () => {
  const summary = summaryOf(makeRun())
  const lines = summary.split('\n')

  test('says the verdict, the commit, the machine, the versions and the settings first', () => {
    expect(lines.slice(0, 9)).toEqual([
      '# Benchmark 2026-11-21-654efed',
      '',
      '**20 of 21 goals met.**',
      '',
      'Standard profile, 2026-11-21 09:30 UTC, commit `654efed`, 9 min 34 s.',
      '',
      '- Machine: AMD EPYC 9R14, 2 cores, 23.5 GiB, linux 6.12.8',
      '- Versions: onsale 0.1.0, bun 1.4.5, k6 v1.8.1, postgres 18.4, redis 7.0.15',
      '- Settings: target own servers on this machine, the generator beside them, redis on, fsync on, synchronous commit on, full page writes on, shared buffers 128MB, max wal size 1GB',
    ])
  })

  test('has a row for each measure: value, goal, whether it was met, and what it is made of', () => {
    expect(lines).toContain('| measure | value | goal |  | made of |')
    expect(lines).toContain('| 10,000 users, p95 | 1.59 ms | ≤ 5 ms | met | p50 0.42, p99 6.1 ms of 59,104 |')
    expect(lines).toContain(
      '| 304 answers against the same | 0.889 × | ≥ 0.9 × | **missed** | 88,400 against 99,700 a second, median of 3 rounds |',
    )
    expect(lines).toContain('| stampede: worst second, p99 | 61.4 ms | – |  | the third |')
  })

  test('has a line for each phase and what was timed in it', () => {
    expect(lines).toContain('| browse | 10,000 users | read | 0.412 | 1.57 | 5.12 | 59,100 | 0 |')
    const onSale = lines.filter((line) => line.startsWith('| on\\_sale | visitors and orders |'))
    expect(onSale.map((line) => line.split(' | ')[2])).toEqual(['read', 'webhook', 'fresh', 'whole'])
    expect(onSale[0]).toEndWith('| 131,400 | 0 |')
    expect(onSale[1]).toEndWith('|  |  |')
  })

  test('of a void run says so before anything else, and that nothing was met', () => {
    const text = summaryOf(
      makeRun({ change: (run) => (scenarioOf(run, 'soak').fault = 'k6 ended with 107') }),
    )
    expect(text.split('\n').slice(2, 5)).toEqual([
      '**Void: these figures do not count.**',
      '',
      '- soak: k6 ended with 107',
    ])
    expect(text).not.toContain('| met |')
    expect(text).not.toContain('goals met')
  })
})

describe('the README', () => {
  let folder: string
  let results: string
  let readme: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'onsale-readme-'))
    results = join(folder, 'bench/results')
    readme = join(folder, 'README.md')
    writeFileSync(readme, `# Onsale\n\n${markStart}\nold $& figures\n${markEnd}\n\n## Further\n`)
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function keep(given: MadeRun): Run {
    const run = makeRun({ only: ['start'], ...given })
    mkdirSync(join(results, run.id), { recursive: true })
    writeFileSync(join(results, run.id, 'run.json'), jsonOf(run))
    return run
  }

  const older = { id: '2026-11-20-1a2b3c4', commit: '1a2b3c4', startedAt: '2026-11-20T09:30:00.000Z' }
  const text = () => readFileSync(readme, 'utf8')

  test('shows the newest standard run between its marks, and keeps everything around them', async () => {
    keep(older)
    keep({})
    expect(await updateReadme({ readme, results })).toBe('2026-11-21-654efed')
    expect(text()).toStartWith(`# Onsale\n\n${markStart}\n\n**1 goal met.**`)
    expect(text()).toContain('commit `654efed`')
    expect(text()).toContain(
      '[bench/results/2026-11-21-654efed/report.html](bench/results/2026-11-21-654efed/report.html)',
    )
    expect(text()).toEndWith(`\n\n${markEnd}\n\n## Further\n`)
    expect(text()).not.toContain('old')
  })

  test('is the same when it is done twice', async () => {
    keep({})
    await updateReadme({ readme, results })
    const once = text()
    await updateReadme({ readme, results })
    expect(text()).toBe(once)
  })

  for (const [sentence, given] of [
    ['void', { change: (run: Run) => (scenarioOf(run, 'start').fault = 'broke') }],
    ['of a dirty tree', { isDirty: true }],
    ['a smoke run', { profile: 'smoke' }],
    ['a full run', { profile: 'full' }],
  ] satisfies [string, MadeRun][]) {
    test(`goes on showing the run before one that is ${sentence}`, async () => {
      keep(older)
      keep(given)
      expect(await updateReadme({ readme, results })).toBe('2026-11-20-1a2b3c4')
      expect(text()).toContain('commit `1a2b3c4`')
      expect(text()).not.toContain('654efed')
    })

    test(`stays as it is where the only run is ${sentence}`, async () => {
      keep(given)
      expect(await updateReadme({ readme, results })).toBeNull()
      expect(text()).toContain('old $& figures')
    })
  }

  test('of this repository has the marks', async () => {
    keep({})
    writeFileSync(readme, readFileSync(join(import.meta.dir, '../../README.md')))
    expect(await updateReadme({ readme, results })).toBe('2026-11-21-654efed')
    expect(text()).toContain('**1 goal met.**')
  })

  test('without its marks, with one, with two pairs or in the wrong order is left alone', async () => {
    keep({})
    for (const odd of [
      '# Onsale\n',
      `${markStart}\n`,
      `${markEnd}\n`,
      `${markEnd}\n${markStart}\n`,
      `${markStart}${markEnd}${markStart}${markEnd}`,
    ]) {
      writeFileSync(readme, odd)
      expect(updateReadme({ readme, results })).rejects.toThrow('once each')
      expect(text()).toBe(odd)
    }
  })
})
