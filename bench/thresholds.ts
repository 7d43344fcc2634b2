// A scenario's thresholds, in k6's own words: which of them a profile keeps, and which of them held.

import type { ProfileName, Threshold } from './result.ts'

/** By k6's name of the metric: what must hold of it (`p(95)<20`, `rate==0`). */
export type Thresholds = Record<string, string[]>

/** One metric of a summary: its aggregates (`p(95)`, `med`, `rate`, `count`) and their values. */
export type Values = Record<string, number>

const isOnTime = /^(p\(|avg|med|max)/

/**
 * A smoke run keeps those on failures and drops those on time, and on what could not be sent in time: it proves that
 * the suite runs, on machines that are busy.
 */
export function thresholdsFor(profile: ProfileName, thresholds: Thresholds): Thresholds {
  if (profile !== 'smoke') return thresholds
  return Object.fromEntries(
    Object.entries(thresholds)
      .filter(([metric]) => metric !== 'dropped_iterations')
      .map(([metric, all]) => [metric, all.filter((one) => !isOnTime.test(one))]),
  )
}

/**
 * Which held in k6's summary. k6 is told not to judge them itself: it does so every 2 s, sorting all samples, and its
 * users stand still meanwhile, for 25 to 40 ms with 10,000 of them. Times of a kind that did not occur are left out; a count
 * that is not in the summary is 0. Throws on an expression that k6 would take and this does not.
 */
export function judgeThresholds(thresholds: Thresholds, metrics: Record<string, Values>): Threshold[] {
  return Object.entries(thresholds).flatMap(([metric, expressions]) =>
    expressions.flatMap((expression) => {
      const [, aggregate = '', sign = '', bound] =
        /^\s*(p\([\d.]+\)|avg|min|med|max|count|rate)\s*(<=|>=|<|>|===?|!=)\s*([\d.]+)\s*$/.exec(
          expression,
        ) ?? []
      const compare = comparisons[sign]
      if (compare === undefined)
        throw new Error(`"${expression}" of ${metric} is no threshold that can be judged`)
      const values = metrics[metric]
      // A rate's share is its `value`.
      const value = aggregate === 'rate' ? (values?.value ?? values?.rate) : values?.[aggregate]
      if (isOnTime.test(aggregate) && !((values?.count ?? 0) > 0)) return []
      return [{ metric, expression, isMet: compare(value ?? 0, Number(bound)) }]
    }),
  )
}

const comparisons: Record<string, (value: number, bound: number) => boolean> = {
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '==': (value, bound) => value === bound,
  '===': (value, bound) => value === bound,
  '!=': (value, bound) => value !== bound,
}
