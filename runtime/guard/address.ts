// The key under which connections of one place are counted. An IPv4 address counts by itself, an IPv6 address by its
// /64, which is what one customer gets (RFC 6177), and an IPv4-mapped address (RFC 4291 section 2.5.5.2) as IPv4.

/**
 * Key of `host`, `host:port`, `[host]:port` or `[host]`. What is no IP address (a name, a path) is its own key.
 */
export function addressKey(address: string): string {
  const host = hostOf(address)
  if (!host.includes(':')) return host
  const [ip, zone] = host.split('%') as [string, string | undefined]
  const groups = parseIPv6(ip)
  if (groups === undefined) return host
  if (isMapped(groups)) return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')
  const prefix = groups
    .slice(0, 4)
    .map(group => group.toString(16))
    .join(':')
  // Link-local addresses mean something only on their interface.
  return zone === undefined ? `${prefix}::/64` : `${prefix}::/64%${zone}`
}

function hostOf(address: string): string {
  if (address.startsWith('[')) return address.slice(1, address.indexOf(']'))
  const colon = address.indexOf(':')
  return colon >= 0 && colon === address.lastIndexOf(':') ? address.slice(0, colon) : address
}

/** Eight groups, or undefined when it is no IPv6 address. */
export function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0] as string)
  const tail = groupsOf(halves[1] ?? '')
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  return [...head, ...new Array<number>(missing).fill(0), ...tail]
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const bytes = part.split('.').map(Number)
      if (bytes.length !== 4 || bytes.some(byte => !(byte >= 0 && byte <= 255))) return undefined
      const [a, b, c, d] = bytes as [number, number, number, number]
      groups.push((a << 8) | b, (c << 8) | d)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

function isMapped(groups: readonly number[]): boolean {
  return groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff
}
