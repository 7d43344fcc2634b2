// Runs that were kept: a folder each, with run.json in it.

import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Value } from '@sinclair/typebox/value'
import { Refusal } from '../../src/platform/refusal.ts'
import { type ProfileName, Run } from '../result.ts'
import { isSameMachine } from './compare.ts'
import { voidReasons } from './verdict.ts'

/** The run in a folder. Throws a Refusal that names the file where it is missing, no JSON, or of another shape. */
export async function readRun(folder: string): Promise<Run> {
  const path = join(folder, 'run.json')
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new Refusal(`${path} cannot be read: ${error.message}`)
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Refusal(`${path} is no JSON: ${error instanceof Error ? error.message : error}`)
  }
  const fault = shapeFault(value)
  if (fault !== null) throw new Refusal(`${path} is not what a run leaves behind: ${fault}`)
  return value as Run
}

/** Where a value is no Run, and what was expected there; null where it is one. */
export function shapeFault(value: unknown): string | null {
  const first = Value.Errors(Run, value).First()
  if (first !== undefined) return `${first.path || 'the whole'}: ${first.message}`
  const { scenarios, startedAt } = value as Run
  if (Number.isNaN(Date.parse(startedAt))) return `/startedAt: "${startedAt}" is no time`
  for (const { name, phases } of scenarios) {
    for (const phase of phases) {
      const odd = phase.series.find(({ at, values }) => at.length !== values.length)
      if (odd !== undefined)
        return `${name}, ${phase.name}: series ${odd.name} has ${odd.at.length} times for ${odd.values.length} values`
    }
  }
  return null
}

/**
 * Every run under a folder, the newest first, and a sentence for each that cannot be read: one broken file must
 * not cost the report of a run that took ten minutes.
 */
export async function readRuns(folder: string): Promise<{ runs: Run[]; faults: string[] }> {
  const read = await Promise.allSettled((await runFolders(folder)).map(readRun))
  const runs = read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const faults = read.flatMap((one) => {
    if (one.status === 'fulfilled') return []
    if (!(one.reason instanceof Refusal)) throw one.reason
    return [one.reason.message]
  })
  return { runs: runs.toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt)), faults }
}

/**
 * What a run is held against: of those that began earlier in the same profile, count, and have a scenario in common, the
 * newest of the same machine, else the newest of all.
 */
export function previousOf(run: Run, runs: readonly Run[]): Run | null {
  const names = new Set(run.scenarios.map(({ name }) => name))
  const earlier = runs
    .filter(
      (other) =>
        other.profile === run.profile &&
        Date.parse(other.startedAt) < Date.parse(run.startedAt) &&
        voidReasons(other).length === 0 &&
        other.scenarios.some(({ name }) => names.has(name)),
    )
    .toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))
  return earlier.find(({ machine }) => isSameMachine(machine, run.machine)) ?? earlier[0] ?? null
}

/** The run that the README shows: the newest standard one that counts and that anybody can repeat. */
export function newestToShow(runs: readonly Run[]): Run | null {
  const shown: ProfileName = 'standard'
  return (
    runs
      .filter((run) => run.profile === shown && !run.isDirty && voidReasons(run).length === 0)
      .toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))[0] ?? null
  )
}

/** The run that a person means: a folder, an id under `results`, or a part of one that only one has. Throws a Refusal. */
export async function findRun(name: string, { results }: { results: string }): Promise<Run> {
  if (existsSync(join(name, 'run.json'))) return readRun(name)
  const folders = await runFolders(results)
  const exact = folders.find((folder) => basename(folder) === name)
  const matches = exact ? [exact] : folders.filter((folder) => basename(folder).includes(name))
  const [match, ...others] = matches
  if (match !== undefined && others.length === 0) return readRun(match)
  const ids = (match === undefined ? folders : matches).map((folder) => basename(folder))
  if (match !== undefined)
    throw new Refusal(`"${name}" may be any of ${ids.join(', ')}: give more of its name`)
  throw new Refusal(
    `There is no run "${name}", neither as a folder nor in ${results}` +
      (ids.length === 0 ? ', which has none yet' : `, which has ${ids.join(', ')}`),
  )
}

async function runFolders(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return []
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'run.json')))
    .map((entry) => join(folder, entry.name))
    .toSorted()
}
