import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jsonOf, writeReport } from '../../bench/report/report.ts'
import { readRun } from '../../bench/report/results.ts'
import { chartsOf, withoutPauses } from '../../bench/report/scenario_charts.ts'
import type { Run } from '../../bench/result.ts'
import { type MadeRun, makeRun, measureOf, scenarioOf } from './made_run.ts'

setDefaultTimeout(60_000)

let home: string
/** The report of a whole run beside an earlier one. */
let whole: Awaited<ReturnType<typeof write>>

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'onsale-report-'))
  whole = await write(makeRun(), earlier)
})

afterAll(() => rmSync(home, { recursive: true, force: true }))

let count = 0

async function write(run: Run, previous: Run | null = null) {
  const folder = join(home, String(++count))
  await writeReport(run, { folder, previous })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  return { folder, page: read('report.html'), summary: read('summary.md'), json: read('run.json') }
}

async function pageOf(given: MadeRun, previous: Run | null = null): Promise<string> {
  return (await write(makeRun(given), previous)).page
}

/** The text that a reader sees, without the letters of the charts. */
function textOf(page: string): string {
  return page
    .replace(/<(style|svg)\b.*?<\/\1>/gs, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replace(/\s+/g, ' ')
}

async function elementsOf(page: string): Promise<Set<string>> {
  const names = new Set<string>()
  const rewriter = new HTMLRewriter().on('*', { element: ({ tagName }) => void names.add(tagName) })
  await rewriter.transform(new Response(page)).text()
  return names
}

const earlier = makeRun({ id: '2026-11-20-1a2b3c4', startedAt: '2026-11-20T09:30:00.000Z', seed: 2 })

describe('what a run leaves in its folder', () => {
  test('a whole standard run is read back as it was', async () => {
    expect(await readRun(whole.folder)).toEqual(makeRun())
  })

  test('the page of 12 scenarios with a minute of series in every phase stays below 1.5 MB', () => {
    expect(statSync(join(whole.folder, 'report.html')).size).toBeLessThan(1_500_000)
  })

  test('run.json is lines for people, and a series is one of them', () => {
    const { json } = whole
    const at = json.split('\n').filter((line) => line.includes('"at": ['))
    expect(at.length).toBeGreaterThan(100)
    expect(at[0]).toMatch(/"at": \[1, 2, 3, .*, 60\],$/)
    expect(json).toContain('\n  "commit": "654efed",\n')
  })

  test('texts that look like lists are the same afterwards', () => {
    const run = makeRun({
      commit: '[\n  1,\n  2\n]',
      versions: { '[\n 1 ]': '[1,2]' },
      change: (made) => {
        scenarioOf(made, 'soak').verify = []
        scenarioOf(made, 'spike').phases[0]!.series[0]!.values = [null, -1.5, 1e-7, 1e21]
      },
    })
    expect(JSON.parse(jsonOf(run))).toEqual(JSON.parse(JSON.stringify(run)))
  })

  test('a figure that is none is told, after what was measured is safe', async () => {
    const run = makeRun({
      only: ['spike'],
      change: (made) => (measureOf(made, 'spike: errors').value = Number.NaN),
    })
    const folder = join(home, 'odd')
    expect(writeReport(run, { folder, previous: null })).rejects.toThrow(
      'is not what a run leaves behind: /scenarios/0/measures/0/value: Expected number',
    )
    expect(existsSync(join(folder, 'run.json'))).toBe(true)
    expect(existsSync(join(folder, 'report.html'))).toBe(false)
  })
})

describe('the page', () => {
  test('asks for nothing from elsewhere and runs nothing', async () => {
    const { page } = whole
    const elements = await elementsOf(page)
    for (const name of ['script', 'link', 'img', 'iframe', 'object', 'image', 'use', 'base']) {
      expect([name, elements.has(name)]).toEqual([name, false])
    }
    expect(page).not.toMatch(/@import|\ssrc=|\son\w+=/)
    expect([...page.matchAll(/\bhref="([^"]*)"/g)].filter(([, target]) => !target?.startsWith('#'))).toEqual(
      [],
    )
    expect([...page.matchAll(/url\(([^)]*)\)/g)].filter(([, target]) => !target?.startsWith('#'))).toEqual([])
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
  })

  test('every link leads to a place on it', () => {
    const { page } = whole
    const targets = [...page.matchAll(/\bhref="#([^"]*)"/g)].map(([, target]) => target ?? '')
    expect(targets.length).toBeGreaterThan(12)
    for (const target of targets) expect(page).toContain(` id="${target}"`)
  })

  test('says first what was measured, where, and what it comes to', () => {
    const head = textOf(whole.page).slice(0, 900)
    expect(head).toContain('20 of 21 goals met')
    expect(head).toContain('none failed')
    expect(head).toContain('AMD EPYC 9R14, 2 cores, 23.5 GiB')
    expect(head).toContain('Commit 654efed')
    expect(head).toContain('postgres 18.4')
    expect(head).toContain('fsync on')
  })

  test('a missed goal is shown as missed, the others as met', () => {
    const text = textOf(whole.page)
    expect(text).toContain('304 answers against the same 0.889 × ≥ 0.9 × ✗ missed 88,400 against 99,700')
    expect(text).toContain('10,000 users, p95 1.59 ms ≤ 5 ms ✓ met')
    expect(text).toContain('Limits ✗ 1 goal missed')
    expect(whole.page.match(/<tr class="[^"]*missed"/g)).toHaveLength(1)
  })

  test('a run that meets all says so', async () => {
    const page = await pageOf({
      only: ['limits', 'start'],
      change: (run) =>
        Object.assign(measureOf(run, '304 answers against the same'), { value: 0.93, isMet: true }),
    })
    expect(textOf(page)).toContain('All 3 goals met')
    expect(page).not.toContain('✗')
  })

  test('a figure without a goal is told with its scenario, not judged', () => {
    const text = textOf(whole.page)
    expect(text).toContain('stampede: worst second, p99: 61.4 ms the third')
    expect(text).not.toContain('stampede: worst second, p99 61.4 ms –')
  })

  test('a threshold that was crossed is shown with its phase', async () => {
    const page = await pageOf({
      only: ['browse'],
      change: (run) => (scenarioOf(run, 'browse').phases[3]!.thresholds[0]!.isMet = false),
    })
    const text = textOf(page)
    expect(text).toContain(
      '✗ crossed in phase 4 ✓ held in phases 1, 2, 3 http_req_duration{kind:read} p(99)<2000',
    )
    expect(text).toContain('All 5 goals met, 1 threshold crossed')
    expect(text).toContain('Browse ✗ 1 threshold crossed')
  })

  test('requests that failed, and those that the generator could not send, are told', async () => {
    const page = await pageOf({
      only: ['webhooks'],
      change: (run) => Object.assign(scenarioOf(run, 'webhooks').phases[3]!, { failed: 12, dropped: 5_100 }),
    })
    const text = textOf(page)
    expect(text).toContain('12 failed')
    expect(text).toContain('less was sent than was asked for: webhooks (twice as many as are taken)')
    expect(text).toContain('20,000 14,900 894,000 12 5,100')
  })

  test('a dirty tree and a busy machine are told', async () => {
    const text = textOf(
      await pageOf({
        only: ['start'],
        isDirty: true,
        change: (run) => Object.assign(run.machine, { busyBefore: 0.4, stolen: 0.07 }),
      }),
    )
    expect(text).toContain('gave 7 % of its cores to others')
    expect(text).toContain('The work tree differed from the commit')
    expect(text).toContain('Something else used 40 % of the machine')
    expect(textOf(whole.page)).not.toContain('Something else used')
  })

  test('everything that was sampled has its chart, and nothing else', async () => {
    const captions = (page: string, name: string) => {
      const section = page.slice(page.indexOf(`<h2>${name} `)).split('</section>', 1)[0] ?? ''
      return [...section.matchAll(/<figcaption>(.*?) <span>/g)].map(([, caption]) => caption)
    }
    const { page } = whole
    expect(captions(page, 'On sale')).toEqual([
      'Latency of calm read over time',
      'Latency of read over time',
      'Latency of webhook over time',
      'Latency of fresh over time',
      'Latency of whole over time',
      'Percentiles in phase 1',
      'Percentiles in phase 2',
      'Rate held against rate asked',
      'Users',
      'Processor by process',
      'Memory by process',
      'Deliveries taken by one call',
      'Deliveries a call over time',
      'Reads answered from memory',
    ])
    const bare = await pageOf({
      only: ['on_sale'],
      change: (run) => {
        for (const phase of scenarioOf(run, 'on_sale').phases)
          Object.assign(phase, { series: [], service: null })
      },
    })
    expect(captions(bare, 'On sale')).toEqual(['Percentiles in phase 1', 'Percentiles in phase 2'])
    expect(captions(page, 'Start')).toEqual([])
  })

  test('charts take their colours from the page, so that they are right in the dark', () => {
    const svgs = whole.page.match(/<svg\b.*?<\/svg>/gs) ?? []
    expect(svgs.length).toBeGreaterThan(80)
    const style = readFileSync(join(import.meta.dir, '../../bench/report/style.css'), 'utf8')
    const used = new Set(svgs.join('').match(/var\(--[\w-]+\)/g))
    expect(used.size).toBeGreaterThan(8)
    for (const colour of used) {
      const name = `  ${colour.slice(4, -1)}:`
      expect([name, style.split(name).length - 1]).toEqual([name, 2])
    }
    // A chart without a variable for its letters would be black on black.
    for (const svg of svgs) expect(svg).not.toMatch(/<text(?![^>]*fill="var\()/)
  })
})

describe('a void run', () => {
  const broken: MadeRun = {
    only: ['webhooks', 'start'],
    change: (run) => {
      scenarioOf(run, 'webhooks').fault = 'verify found 31 differences, the first: ticket 7'
      scenarioOf(run, 'webhooks').verify = Array.from(
        { length: 31 },
        (_, nth) => `ticket ${nth + 7}: sold is 12`,
      )
    },
  }

  test('says so first, and why', async () => {
    const page = await pageOf(broken)
    const text = textOf(page.slice(page.indexOf('<body>')))
    expect(text.trimStart()).toStartWith(
      'Void: the figures of this run do not count. webhooks: verify found 31 differences, the first: ticket 7',
    )
    expect(page).toContain(
      '<title>Onsale benchmark 2026-11-21-654efed: Void: the figures do not count</title>',
    )
  })

  test('says nowhere that a goal was met', async () => {
    const text = textOf(await pageOf(broken, earlier))
    expect(text).not.toContain('✓ met')
    expect(text).not.toMatch(/goals? met/)
    expect(text).not.toContain('none differed')
  })

  test('shows the first differences and counts the others', async () => {
    const text = textOf(await pageOf(broken))
    expect(text).toContain('ticket 26: sold is 12')
    expect(text).not.toContain('ticket 27: sold is 12')
    expect(text).toContain('and 11 more, in run.json')
  })

  test('is one where verify found something, whether or not a fault says so', async () => {
    const page = await pageOf({
      only: ['soak'],
      change: (run) => (scenarioOf(run, 'soak').verify = ['event 3: left is 1']),
    })
    expect(textOf(page)).toContain('soak: verify found 1 difference')
  })

  test('is one in which nothing was measured', async () => {
    const page = await pageOf({ change: (run) => (run.scenarios = []) })
    expect(textOf(page)).toContain('Nothing was measured')
  })
})

describe('text of a run', () => {
  const poison = `"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;`

  /** Every text and every name of the run with markup in it, except words of a closed list. */
  function poisoned(value: unknown, key = ''): unknown {
    if (typeof value === 'string')
      return ['group', 'unit', 'profile', 'is', 'startedAt'].includes(key) ? value : value + poison
    if (Array.isArray(value)) return value.map((one) => poisoned(one, key))
    if (value === null || typeof value !== 'object') return value
    const isRecord = ['latencies', 'calls', 'deliveries', 'versions', 'configuration'].includes(key)
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [isRecord ? name + poison : name, poisoned(one, name)]),
    )
  }

  test('is shown as text, whatever it holds', async () => {
    const run = poisoned(
      makeRun({ change: (made) => (scenarioOf(made, 'soak').verify = ['event 3']) }),
    ) as Run
    measureOf(run, `spike: errors${poison}`).unit = poison
    const { page } = await write(run, poisoned(earlier) as Run)
    const elements = await elementsOf(page)
    expect([elements.has('script'), elements.has('img')]).toEqual([false, false])
    expect(page).not.toContain('<script')
    expect(page).not.toContain('<img')
    expect(page.split('&lt;script&gt;').length).toBeGreaterThan(300)
    // An ampersand of the run's is not taken for one of ours.
    expect(page).toContain('&amp;amp;')
  })

  test('does not break a table of the summary', async () => {
    const run = makeRun({
      only: ['spike'],
      change: (made) => {
        const measure = measureOf(made, 'spike: errors')
        measure.detail = 'a | b\n| c | <script>alert(1)</script> [x](javascript:1) `y`'
      },
    })
    const { summary } = await write(run)
    const row = summary.split('\n').find((line) => line.startsWith('| spike: errors'))
    expect(row).toBe(
      '| spike: errors | 0 | ≤ 0 | met | a \\| b \\| c \\| \\<script\\>alert(1)\\</script\\> \\[x\\](javascript:1) \\`y\\` |',
    )
  })
})

describe('against the run before', () => {
  test('a page without one says so', async () => {
    expect(textOf(await pageOf({ only: ['start'] }))).toContain(
      'There is no earlier run of this profile to hold it against',
    )
  })

  test('what became worse is marked', async () => {
    const text = textOf(await pageOf({ only: ['on_sale'], slowness: 2 }, earlier))
    expect(text).toMatch(
      /commit to visible in another process, p99 \S+ ms \S+ ms \+\d+ % ±35 %, 0.5 ms ▼ worse/,
    )
  })

  test('runs of two machines are held together by their ratios only', async () => {
    const other = { ...earlier, machine: { ...earlier.machine, cpu: 'Apple M4', cores: 10 } }
    const text = textOf(await pageOf({ only: ['on_sale', 'limits'], slowness: 2 }, other))
    expect(text).toContain(
      'The machines differ (Apple M4, 10 cores, 23.5 GiB and AMD EPYC 9R14, 2 cores, 23.5 GiB): only ratios',
    )
    expect(text).toMatch(
      /commit to visible in another process, p99 \S+ ms \S+ ms \S+ % ±35 %, 0.5 ms not judged/,
    )
    expect(text).toMatch(/304 answers against the same 0.\d+ × 0.\d+ × \S+ % ±15 % within the noise/)
    expect(text).not.toContain('▼ worse')
  })
})

describe('the charts of a scenario', () => {
  const captions = (run: Run) =>
    chartsOf(run.scenarios[0]!, run).map(({ text }) => /<figcaption>(.*?) <span>/.exec(text)?.[1])

  test('put the percentiles of a phase that timed one thing with that thing', () => {
    const run = makeRun({ only: ['limits'] })
    expect(captions(run)[0]).toBe('Latency of answer over time')
  })

  test('call percentiles of several things together by no name', () => {
    const run = makeRun({
      only: ['limits'],
      change: ({ scenarios: [limits] }) => {
        for (const { latencies } of limits!.phases) latencies.other = latencies.answer!
      },
    })
    expect(captions(run)[0]).toBe('Latency over time')
  })

  test('show no users where there are none', () => {
    const withUsers = makeRun({ only: ['spike'] })
    expect(captions(withUsers)).toContain('Users')
    const none = makeRun({
      only: ['spike'],
      change: ({ scenarios: [spike] }) => {
        const users = spike!.phases[0]!.series.find(({ group }) => group === 'users')!
        users.values = users.values.map(() => 0)
      },
    })
    expect(captions(none)).not.toContain('Users')
  })
})

describe('the time of the charts', () => {
  const [phase] = makeRun().scenarios[0]!.phases
  const at = (startedAtS: number, seconds: number) => ({ ...phase!, series: [], startedAtS, seconds })

  test('leaves out the pauses between phases', () => {
    const placed = withoutPauses([at(100, 60), at(400, 30), at(431, 10)])
    expect(placed.map(({ from, to }) => [from, to])).toEqual([
      [0, 60],
      [60, 90],
      [90, 100],
    ])
  })

  test('keeps together what ran together', () => {
    const placed = withoutPauses([at(10, 60), at(20, 10), at(90, 5)])
    expect(placed.map(({ from, to }) => [from, to])).toEqual([
      [0, 60],
      [10, 20],
      [60, 65],
    ])
  })
})
