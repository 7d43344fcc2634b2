import { expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { join } from 'node:path'

// The log as a process writes it: what stands on its standard output when it has ended.

const program = `
  import { createLog, subjectOf } from ${JSON.stringify(join(import.meta.dir, '../../src/platform/log.ts'))}
  const log = createLog({ level: 'info' })
  const subject = subjectOf({ method: 'GET', route: '/events', path: '/events' })
  const count = Number(process.argv.at(-1))
  for (let n = 0; n < count; n++) log.request({ requestId: 'id-' + n, subject, status: 200, ms: n / 1000 })
  log.info('last')
  await log.writeOut()
  process.exit(0)
`

function linesOf(count: number): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', program, String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (piece) => {
      output += piece
    })
    child.once('error', reject)
    child.once('close', () =>
      resolve(
        output
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ),
    )
  })
}

test.each([0, 1, 1_000, 20_000])(
  'after %d requests no line is lost at the end, and none is out of order',
  async (count) => {
    const lines = await linesOf(count)
    expect(lines).toHaveLength(count + 1)
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'last' })
    for (const n of [0, count >> 1, count - 1].filter((n) => n >= 0 && n < count)) {
      expect(lines[n]).toMatchObject({
        request_id: `id-${n}`,
        method: 'GET',
        route: '/events',
        path: '/events',
        status: 200,
        ms: n / 1_000,
        msg: 'request',
      })
    }
  },
)
