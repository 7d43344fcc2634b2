import { MultiBar, type SingleBar } from 'cli-progress'
import { syncToldEveryMs } from '../limits.ts'
import type { SyncProgress } from './sync.ts'

/** What a person sees of a sync: on a terminal a bar for each step with rate and time left, elsewhere a line now and then. */
export function showProgress({ print, hasBar }: { print: (line: string) => void; hasBar: boolean }): {
  show: (progress: SyncProgress) => void
  stop: () => void
} {
  const bars = hasBar ? openBars() : null
  const steps = new Map<string, Step>()

  return {
    show(progress) {
      const { name, value, of, unit } = wordsOf(progress)
      const now = performance.now()
      const step = steps.get(name) ?? { startedAt: now, first: value, toldAt: null, bar: null }
      steps.set(name, step)
      const seconds = (now - step.startedAt) / 1_000
      const rate = seconds < 0.1 ? 0 : Math.round((value - step.first) / seconds)
      if (bars !== null && of !== null) {
        step.bar ??= bars.create(of, value, { name: name.padEnd(20), unit, rate })
        step.bar.update(value, { rate })
        return
      }
      if (step.toldAt !== null && now - step.toldAt < syncToldEveryMs) return
      step.toldAt = now
      print(lineOf({ name, value, of, unit, rate }))
    },
    stop() {
      bars?.stop()
    },
  }
}

type Words = { name: string; value: number; of: number | null; unit: string }
type Step = { startedAt: number; first: number; toldAt: number | null; bar: SingleBar | null }

function openBars(): MultiBar {
  return new MultiBar({
    format: '{name} {bar} {percentage} %  {value} of {total} {unit}  {rate} a second  {eta_formatted} left',
    hideCursor: true,
    etaBuffer: 50,
  })
}

function lineOf({ name, value, of, unit, rate }: Words & { rate: number }): string {
  if (unit === '') return name
  if (of === null) return `${name}: ${shown(value)} ${unit}`
  const left = rate > 0 ? `, ${shown(rate)} a second, ${Math.ceil((of - value) / rate)} s left` : ''
  return `${name}: ${shown(value)} of ${shown(of)} ${unit}${left}`
}

function wordsOf(progress: SyncProgress): Words {
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

function shown(value: number): string {
  return value.toLocaleString('en')
}
