// How figures are written in the report, its summary and a comparison: the same everywhere.

import type { Measure } from '../result.ts'

const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const threeDigitsAlways = new Intl.NumberFormat('en', {
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
})
const wholes = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** Three digits that matter, and never fewer than the whole number has: `0.413`, `28.6`, `10,412`. */
export function figure(value: number): string {
  return (Math.abs(value) < 100 ? threeDigits : wholes).format(value).replace('-', '−')
}

/** What was measured: three digits always, so that a column lines up: `0.540`, `14.0`, `310`. */
export function measured(value: number): string {
  return (Math.abs(value) < 100 ? threeDigitsAlways : wholes).format(value).replace('-', '−')
}

/** With its unit: `2.41 ms`, `10,412 /s`, `0.91 ×`. A unit it does not know stands as it is. */
export function withUnit(value: number, unit: string): string {
  return (Number.isInteger(value) ? figure(value) : measured(value)) + unitText(unit)
}

function unitText(unit: string): string {
  return unit === '' ? '' : ` ${unit === '1/s' ? '/s' : unit}`
}

/** `≤ 20 ms`; a dash where nothing is asked. */
export function goalText({ goal, unit }: Pick<Measure, 'goal' | 'unit'>): string {
  if (goal === null) return '–'
  return `${goal.is === '<=' ? '≤' : '≥'} ${figure(goal.value)}${unitText(unit)}`
}

/** `9 min 40 s`, `42 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  if (hours > 0) return `${hours} h ${minutes} min`
  return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`
}

/** `245 MiB`, `23.5 GiB`. */
export function bytesText(bytes: number): string {
  if (bytes >= 1024 ** 3) return `${figure(bytes / 1024 ** 3)} GiB`
  return `${figure(bytes / 1024 ** 2)} MiB`
}

/** `99.8 %`; what is nearly all or nearly nothing is not rounded to it. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0001) return '< 0.01 %'
  if (share < 1 && share > 0.9999) return '> 99.99 %'
  return `${figure(share > 0.99 ? Math.floor(share * 10_000) / 100 : share * 100)} %`
}

/** `+12 %`, `−8 %`; `×14` where percents stop to mean anything. */
export function change(before: number, now: number): string {
  if (before === now) return '0 %'
  if (before === 0) return 'from 0'
  const ratio = now / before
  if (ratio >= 10) return `×${figure(ratio)}`
  const percents = Math.round((ratio - 1) * 100)
  return `${percents > 0 ? '+' : percents < 0 ? '−' : ''}${Math.abs(percents)} %`
}

/** `1 goal`, `14 goals`. */
export function counted(count: number, noun: string): string {
  return `${figure(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A name of k6's or the code's as a reader sees it: `calm_read` → `calm read`. */
export function words(name: string): string {
  return name.replaceAll('_', ' ')
}

/** `2026-11-21 14:03 UTC` of an ISO 8601 time; anything else as it is. */
export function timeText(iso: string): string {
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? iso : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** The same as a heading: `on_sale` → `On sale`. */
export function title(name: string): string {
  return words(name).replace(/^./, (first) => first.toUpperCase())
}

/** A text that another sentence can follow. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
