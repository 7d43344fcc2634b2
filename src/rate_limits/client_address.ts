import { BlockList, isIP } from 'node:net'

/**
 * Tells who sent a request: the socket's address or, where that is a trusted proxy's, the right-most entry of
 * X-Forwarded-For that is none. What stands left of it was written by whoever asked, so it is never believed.
 */
export function createClientAddress(trustedProxies: readonly string[]) {
  const trusted = new BlockList()
  for (const proxy of trustedProxies) {
    const [address = '', bits] = proxy.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(bits), family)
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

  return function clientAddress(socketAddress: string | null, headers: Headers): string | null {
    const peer = socketAddress === null ? null : normalisedAddress(socketAddress)
    if (peer === null || trustedProxies.length === 0 || !isTrusted(peer)) return peer
    let client = peer
    for (const entry of (headers.get('x-forwarded-for') ?? '').split(',').reverse()) {
      const hop = normalisedAddress(withoutPort(entry.trim()))
      // What is no address was not written by a proxy that works: nothing left of it counts either.
      if (hop === null) break
      client = hop
      if (!isTrusted(hop)) break
    }
    return client
  }
}

/** One spelling of an address; IPv4 that came mapped into IPv6 is IPv4 again. Null where it is none. */
export function normalisedAddress(text: string): string | null {
  const address = text.split('%', 1)[0] ?? ''
  const version = isIP(address)
  if (version !== 6) return version === 4 ? address : null
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  if (mapped === null) return short
  const [high, low] = mapped.slice(1).map((group) => Number.parseInt(group, 16)) as [number, number]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/**
 * What is counted for an address: of IPv6 its network of 64 bits, because that is what one customer gets, and he may
 * take another address in it for every request.
 */
export function countedAddress(address: string): string {
  if (isIP(address) !== 6) return address
  const [left = '', right] = address.split('::')
  const before = left === '' ? [] : left.split(':')
  const after = right === undefined || right === '' ? [] : right.split(':')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`
}

/** Some proxies write `1.2.3.4:5678` and `[2001:db8::1]:5678`. */
function withoutPort(entry: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry
}
