/** A stream of numbers that depends on its seed alone, so that a shop's whole life can be told again. */
export interface Random {
  /** A number from 0 up to, but never, 1 */
  next(): number
  /** A whole number from `low` to `high`, both included */
  int(low: number, high: number): number
  /** True with the given probability */
  chance(probability: number): boolean
  /** One of the list, each as likely as the other; throws on an empty list */
  pick<T>(list: readonly T[]): T
  /** One of the list by weight; throws where no weight is above 0 */
  weighted<T>(list: readonly (readonly [weight: number, value: T])[]): T
  /** A waiting time with the given mean, as between independent arrivals */
  wait(mean: number): number
  /** A shuffled copy */
  shuffle<T>(list: readonly T[]): T[]
  /** A random UUID (version 4) */
  uuid(): string
  /** So many hexadecimal digits */
  hex(digits: number): string
  /** A stream of its own: what is drawn from it does not move this one */
  fork(label: string): Random
}

/** Makes a stream from any text. sfc32, because Math.random cannot be seeded and passes for good enough here. */
export function createRandom(seed: string): Random {
  let [a, b, c, d] = hash(seed)

  function bits(): number {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  // The first numbers of neighbouring seeds are alike until the state has been stirred
  for (let i = 0; i < 15; i++) bits()

  const next = () => bits() / 4294967296
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  const hex = (digits: number) => {
    let text = ''
    while (text.length < digits) text += bits().toString(16).padStart(8, '0')
    return text.slice(0, digits)
  }
  return {
    next,
    int,
    hex,
    chance: (probability) => next() < probability,
    pick: (list) => {
      if (list.length === 0) throw new Error('Cannot pick from an empty list')
      return list[int(0, list.length - 1)]!
    },
    weighted: (list) => {
      const total = list.reduce((sum, [weight]) => sum + weight, 0)
      let left = next() * total
      for (const [weight, value] of list) {
        left -= weight
        if (left < 0) return value
      }
      throw new Error('Cannot pick by weight where no weight is above 0')
    },
    wait: (mean) => -Math.log(1 - next()) * mean,
    shuffle: (list) => {
      const copy = [...list]
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(0, i)
        ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
      }
      return copy
    },
    uuid: () => {
      const h = hex(32)
      const variant = '89ab'[int(0, 3)]
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20, 32)}`
    },
    fork: (label) => createRandom(`${seed}/${label}`),
  }
}

/** cyrb128: four well mixed 32-bit words of a text */
function hash(text: string): [number, number, number, number] {
  let h1 = 1779033703
  let h2 = 3144134277
  let h3 = 1013904242
  let h4 = 2773480762
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i)
    h1 = h2 ^ Math.imul(h1 ^ k, 597399067)
    h2 = h3 ^ Math.imul(h2 ^ k, 2869860233)
    h3 = h4 ^ Math.imul(h3 ^ k, 951274213)
    h4 = h1 ^ Math.imul(h4 ^ k, 2716044179)
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067)
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233)
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213)
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179)
  h1 ^= h2 ^ h3 ^ h4
  return [h1 | 0, (h2 ^ h1) | 0, (h3 ^ h1) | 0, (h4 ^ h1) | 0]
}
