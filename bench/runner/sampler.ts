// CPU and memory of what takes part, by the second, from /proc. Elsewhere nothing is sampled, and the report says so.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Series } from '../result.ts'

/** Who takes part, by the name in the report: the process ids of each; their children belong to them. */
export type Parties = Record<string, () => number[]>

export type Sampler = { stop(): Series[] }

export const canSample = existsSync('/proc/self/stat')

const everyMs = 1_000
/** /proc tells CPU time in these, on every Linux that Bun runs on (USER_HZ). */
const tickMs = 10

/** Looks once a second until it is stopped. */
export function startSampler(parties: Parties): Sampler {
  const startedAt = performance.now()
  const cpu = new Map<string, Series>()
  const memory = new Map<string, Series>()
  let before = canSample ? readUsage(parties) : null
  let beforeAt = startedAt
  const timer = setInterval(look, everyMs)
  return {
    stop() {
      clearInterval(timer)
      return [...cpu.values(), ...memory.values()]
    },
  }

  function look() {
    if (before === null) return
    const now = performance.now()
    const usage = readUsage(parties)
    const at = Math.round((now - startedAt) / 100) / 10
    for (const [party, { cpuMsByPid, bytes }] of Object.entries(usage)) {
      let usedMs = 0
      for (const [pid, ms] of cpuMsByPid) usedMs += ms - (before[party]?.cpuMsByPid.get(pid) ?? 0)
      add(cpu, { group: 'cpu', name: party, unit: 'cores' }, at, round(usedMs / (now - beforeAt)))
      add(memory, { group: 'memory', name: party, unit: 'bytes' }, at, bytes)
    }
    before = usage
    beforeAt = now
  }
}

function add(
  all: Map<string, Series>,
  kind: Pick<Series, 'group' | 'name' | 'unit'>,
  at: number,
  value: number,
) {
  const series = all.get(kind.name) ?? { ...kind, at: [], values: [] }
  series.at.push(at)
  series.values.push(value)
  all.set(kind.name, series)
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

export type Usage = {
  /** CPU time of each process since it began, in ms. */
  cpuMsByPid: Map<number, number>
  /** Memory that is theirs, and what they share counted once. */
  bytes: number
}

/** What each party has used so far. */
export function readUsage(parties: Parties): Record<string, Usage> {
  const children = readChildren()
  return Object.fromEntries(
    Object.entries(parties).map(([party, pids]) => {
      const all = pids().flatMap((pid) => withDescendants(pid, children))
      const cpuMsByPid = new Map<number, number>()
      let own = 0
      let shared = 0
      for (const pid of all) {
        const stat = read(`/proc/${pid}/stat`)
        // The name stands in brackets and may hold blanks; user and system time are the 12th and 13th field after it.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        if (fields.length < 13) continue
        cpuMsByPid.set(pid, (Number(fields[11]) + Number(fields[12])) * tickMs)
        const status = read(`/proc/${pid}/status`)
        own += kilobytes(status, 'RssAnon')
        // PostgreSQL's buffers are in every backend's resident set: the largest has seen them all.
        shared = Math.max(shared, kilobytes(status, 'RssShmem') + kilobytes(status, 'RssFile'))
      }
      return [party, { cpuMsByPid, bytes: (own + shared) * 1024 }]
    }),
  )
}

/** Resident memory of one process alone, in bytes: what `ps` calls RSS. */
export function residentBytes(pid: number): number {
  return kilobytes(read(`/proc/${pid}/status`), 'VmRSS') * 1024
}

/** A process and all that came from it. */
export function familyOf(pid: number): number[] {
  return withDescendants(pid, readChildren())
}

/**
 * The share of the cores that was in use during `ms`: what a quiet machine is told by. Null where the system
 * does not tell.
 */
export async function busyShare(ms: number): Promise<number | null> {
  if (!canSample) return null
  const before = readMachine()
  await Bun.sleep(ms)
  const after = readMachine()
  const total = after.totalMs - before.totalMs
  return total > 0 ? round((after.busyMs - before.busyMs) / total) : 0
}

/**
 * From now on: the share of its cores that the machine did not get, because its host gave them to others. Null where the
 * system does not tell.
 */
export function startStolenShare(): () => number | null {
  const before = canSample ? readMachine() : null
  return () => {
    if (before === null) return null
    const after = readMachine()
    return round((after.stolenMs - before.stolenMs) / Math.max(after.totalMs - before.totalMs, 1))
  }
}

function readMachine(): { busyMs: number; stolenMs: number; totalMs: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, soft = 0, stolen = 0] = read(
    '/proc/stat',
  )
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) * tickMs)
  const busyMs = user + nice + system + irq + soft
  return { busyMs, stolenMs: stolen, totalMs: busyMs + idle + waiting + stolen }
}

function withDescendants(pid: number, children: Map<number, number[]>): number[] {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => withDescendants(child, children))]
}

function readChildren(): Map<number, number[]> {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = read(`/proc/${name}/stat`)
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  return children
}

/** Empty where the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
}

export const cores = availableParallelism()
