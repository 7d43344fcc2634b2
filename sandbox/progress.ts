import cliProgress from 'cli-progress'

export interface Progress {
  update(done: number, total?: number): void
  stop(): void
}

/** A bar on a terminal, a line every two seconds elsewhere; both to stderr, so that stdout stays for results. */
export function startProgress(label: string, total: number): Progress {
  if (process.stderr.isTTY) {
    const bar = new cliProgress.SingleBar(
      {
        format: `${label.padEnd(12)} {bar} {percentage} % | {value} of {total}`,
        hideCursor: true,
        clearOnComplete: true,
      },
      cliProgress.Presets.shades_classic,
    )
    bar.start(total, 0)
    return {
      update: (done, all) => {
        if (all !== undefined) bar.setTotal(all)
        bar.update(done)
      },
      stop: () => bar.stop(),
    }
  }
  let told_ms = performance.now()
  return {
    update: (done, all = total) => {
      if (performance.now() - told_ms < 2000) return
      told_ms = performance.now()
      process.stderr.write(`${label}: ${done} of ${all}\n`)
    },
    stop: () => {},
  }
}
