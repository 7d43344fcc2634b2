import { expect, test } from 'bun:test'
import { readScenarios } from '../../bench/runner/scenarios.ts'
import { judgeThresholds, thresholdsFor } from '../../bench/thresholds.ts'

const read = 'http_req_duration{kind:read}'
const summary = {
  [read]: { count: 10, 'p(95)': 20, med: 3 },
  http_req_failed: { passes: 1, fails: 3, value: 0.25 },
  dropped_iterations: { count: 2, rate: 0.1 },
}
const judged = (metric: string, ...expressions: string[]) =>
  judgeThresholds({ [metric]: expressions }, summary).map(({ isMet }) => isMet)

test('a threshold holds or not by the value in the summary, its bound included as k6 reads it', () => {
  expect(judged(read, 'p(95)<20', 'p(95)<=20', 'p(95)<20.5', 'med > 3', 'med>=3', 'med!=3')).toEqual([
    false,
    true,
    true,
    false,
    true,
    false,
  ])
  expect(judged('http_req_failed', 'rate==0', 'rate<0.3', 'rate===0.25')).toEqual([false, true, true])
  expect(judged('dropped_iterations', 'count==0', 'count<3')).toEqual([false, true])
})

test('what did not occur is not judged by its times, and counts as 0', () => {
  expect(judgeThresholds({ [read]: ['p(95)<20'], http_req_failed: ['rate==0'] }, {})).toEqual([
    { metric: 'http_req_failed', expression: 'rate==0', isMet: true },
  ])
})

test('a smoke run keeps what is not on time', () => {
  const all = {
    [read]: ['p(95)<20', 'count>0'],
    http_req_failed: ['rate==0'],
    dropped_iterations: ['count==0'],
  }
  expect(thresholdsFor('smoke', all)).toEqual({ [read]: ['count>0'], http_req_failed: ['rate==0'] })
  expect(thresholdsFor('full', all)).toEqual(all)
})

test('every scenario that k6 runs says its thresholds, and all of them can be judged', async () => {
  const scenarios = await readScenarios()
  expect(scenarios.filter(({ thresholds }) => Object.keys(thresholds).length > 0).length).toBeGreaterThan(5)
  for (const { thresholds } of scenarios) judgeThresholds(thresholds, summary)
})

test('what cannot be judged is a mistake of the scenario', () => {
  expect(() => judgeThresholds({ [read]: ['p95 < 5'] }, summary)).toThrow('no threshold')
})
