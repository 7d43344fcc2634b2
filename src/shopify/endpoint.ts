/** Whether a token may be sent there: https, or http to this machine, with a version of the API in its path. */
export function isShopifyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, username, password, search, hash } = new URL(text)
  const isHere = hostname === '127.0.0.1' || hostname === 'localhost'
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isHere)
  return isSafe && versionOf(pathname) !== null && username + password + search + hash === ''
}

/** An address of the Admin API with what it names. Throws where no token may go there. */
export function requireEndpoint(text: string): { url: string; host: string; version: string } {
  const { href, host, pathname } = new URL(text)
  const version = versionOf(pathname)
  if (version === null || !isShopifyUrl(text))
    throw new Error(`No access token may be sent to ${host}${pathname}`)
  return { url: href, host, version }
}

function versionOf(pathname: string): string | null {
  return /^\/admin\/api\/([a-z0-9-]+)\/graphql\.json$/.exec(pathname)?.[1] ?? null
}
