import { SingleBar } from 'cli-progress'
import { syncToldEveryMs } from '../limits.ts'
import type { SyncProgress } from './sync.ts'

/** What a person sees of a sync: on a terminal a bar for each step with rate and time left, elsewhere a line now and then. */
export function showProgress({ print, hasBar }: { print: (line: string) => void; hasBar: boolean }): {
  show: (progress: SyncProgress) => void
  stop: () => void
} {
  let step = ''
  let bar: SingleBar | null = null
  let startedAt = 0
  let first = 0
  let toldAt = 0

  return {
    show(progress) {
      const { name, value, of, unit } = wordsOf(progress)
      const now = performance.now()
      const isNew = step !== name
      if (isNew) {
        bar?.stop()
        step = name
        startedAt = now
        first = value
        bar = hasBar && of !== null ? startBar(name, { of, value, unit }) : null
      }
      bar?.update(value, { rate: rateOf(value) })
      if (bar !== null || (!isNew && now - toldAt < syncToldEveryMs)) return
      toldAt = now
      print(lineOf(value))

      function lineOf(value: number): string {
        if (unit === '') return name
        if (of === null) return `${name}: ${number(value)} ${unit}`
        const rate = rateOf(value)
        const left = rate > 0 ? `, ${number(rate)} a second, ${Math.ceil((of - value) / rate)} s left` : ''
        return `${name}: ${number(value)} of ${number(of)} ${unit}${left}`
      }
    },
    stop() {
      bar?.stop()
    },
  }

  function rateOf(value: number): number {
    const seconds = (performance.now() - startedAt) / 1_000
    return seconds < 0.1 ? 0 : Math.round((value - first) / seconds)
  }
}

function startBar(name: string, { of, value, unit }: { of: number; value: number; unit: string }): SingleBar {
  const bar = new SingleBar({
    format: `${name.padEnd(20)} {bar} {percentage} %  {value} of {total} ${unit}  {rate} a second  {eta_formatted} left`,
    hideCursor: true,
    etaBuffer: 50,
  })
  bar.start(of, value, { rate: 0 })
  return bar
}

function wordsOf(progress: SyncProgress): { name: string; value: number; of: number | null; unit: string } {
  if (progress.step === 'waiting')
    return { name: `Shopify writes ${progress.kind}`, value: progress.objects, of: null, unit: 'records' }
  if (progress.step === 'verifying') return { name: 'Comparing and verifying', value: 0, of: null, unit: '' }
  if (progress.step === 'applying')
    return { name: `Applying ${progress.kind}`, value: progress.lines, of: progress.of, unit: 'lines' }
  const { kind, bytes, of } = progress
  return { name: `Loading ${kind}`, value: kib(bytes), of: kib(of), unit: 'KiB' }
}

function kib(bytes: number): number {
  return Math.ceil(bytes / 1_024)
}

function number(value: number): string {
  return value.toLocaleString('en')
}
