import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'

// The listening sockets of processes that share a port by SO_REUSEPORT. The kernel gives each new connection to one of
// them, where it waits to be accepted; what waits there when the socket closes is reset. So before a process leaves,
// new connections are led past it. Linux only: elsewhere every function here says that it could not.

/** What of libc is called; Bun has no call of its own for it. */
type Libc = {
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, bytes: number): number
  dup2(from: number, to: number): number
}

/**
 * Leads every new connection on `port` to this process, the newest of those that listen there, for as long as it is
 * the newest: as soon as one of the others closes its socket, the kernel spreads them again. False: not possible here.
 */
export async function leadConnections(port: number): Promise<boolean> {
  const libc = await loadLibc()
  const listener = ownListener(port)
  if (libc === null || listener === null) return false
  const program = await programReturning(listener.count - 1)
  return libc.setsockopt(listener.fd, solSocket, attachProgram, program, programBytes) === 0
}

/** Takes back what `leadConnections` did. */
export async function spreadConnections(port: number): Promise<boolean> {
  const libc = await loadLibc()
  const listener = ownListener(port)
  if (libc === null || listener === null) return false
  const unused = new Uint8Array(4)
  return libc.setsockopt(listener.fd, solSocket, detachProgram, unused, unused.byteLength) === 0
}

/**
 * Closes the listening socket of this process and no connection, which `server.stop` does to idle ones. The descriptor
 * stays taken, so that the server can close it once more. False: not possible here.
 */
export async function closeListener(port: number): Promise<boolean> {
  const libc = await loadLibc()
  const listener = ownListener(port)
  if (libc === null || listener === null) return false
  const nothing = openSync('/dev/null', 'r')
  const isClosed = libc.dup2(nothing, listener.fd) === listener.fd
  closeSync(nothing)
  return isClosed
}

/** Connections that clients hold open with this process on `port`; null where the system does not tell. */
export function countConnections(port: number): number | null {
  if (process.platform !== 'linux') return null
  const own = ownSockets()
  return socketTables.flatMap((table) =>
    rowsOf(readFileSync(table, 'utf8')).filter(
      (row) => row.port === port && row.state !== listening && own.has(row.inode),
    ),
  ).length
}

const socketTables = ['/proc/net/tcp', '/proc/net/tcp6']
const listening = '0A'

// <asm/socket.h>, the same numbers on x86_64 and arm64
const solSocket = 1
const attachProgram = 51
const detachProgram = 68

let libc: Promise<Libc | null> | undefined

function loadLibc(): Promise<Libc | null> {
  libc ??= openLibc()
  return libc
}

/** glibc's, else musl's; null where there is neither. */
async function openLibc(): Promise<Libc | null> {
  if (process.platform !== 'linux') return null
  const { dlopen } = await import('bun:ffi')
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  for (const name of ['libc.so.6', `libc.musl-${machine}.so.1`]) {
    try {
      const { symbols } = dlopen(name, {
        setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
        dup2: { args: ['i32', 'i32'], returns: 'i32' },
      })
      return symbols
    } catch {
      // The other one.
    }
  }
  return null
}

/**
 * A classic BPF program of one instruction, which names a socket of the group by its place: they stand in the order in
 * which they began to listen, and where a place is empty the kernel chooses by hash. As <linux/filter.h> has it: a
 * sock_fprog, followed in the same memory by the sock_filter it points to.
 */
async function programReturning(place: number): Promise<Uint8Array> {
  const { ptr } = await import('bun:ffi')
  const memory = new Uint8Array(programBytes + 8)
  const view = new DataView(memory.buffer)
  view.setUint16(0, 1, true)
  view.setBigUint64(8, BigInt(ptr(memory) + programBytes), true)
  view.setUint16(programBytes, returnConstant, true)
  view.setUint32(programBytes + 4, place, true)
  return memory
}

const programBytes = 16
const returnConstant = 0x06

/** Our listening socket on `port`, and how many listen there by the same address; null where the system does not tell. */
function ownListener(port: number): { fd: number; count: number } | null {
  if (process.platform !== 'linux') return null
  const own = ownSockets()
  for (const table of socketTables) {
    const listeners = rowsOf(listenersOf(table)).filter((row) => row.port === port && row.state === listening)
    const ours = listeners.find((row) => own.has(row.inode))
    if (ours === undefined) continue
    const count = listeners.filter((row) => row.address === ours.address).length
    return { fd: own.get(ours.inode) as number, count }
  }
  return null
}

/** The sockets of this process: inode -> descriptor. */
function ownSockets(): Map<string, number> {
  const folder = '/proc/self/fd'
  const sockets = new Map<string, number>()
  for (const fd of readdirSync(folder)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1]
      if (inode !== undefined) sockets.set(inode, Number(fd))
    } catch {
      // The descriptor of the reading itself is gone by now.
    }
  }
  return sockets
}

type Row = { address: string; port: number; state: string; inode: string }

function rowsOf(table: string): Row[] {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, local = '', , state = '', , , , , , inode = '']) => {
      const [address, port] = local.split(':')
      return address && port ? [{ address, port: Number.parseInt(port, 16), state, inode }] : []
    })
}

/** The beginning of a table, where the listening sockets stand: after them comes a row for each of the machine's connections. */
function listenersOf(table: string): string {
  const file = openSync(table, 'r')
  try {
    const piece = Buffer.alloc(65_536)
    for (let text = ''; ; ) {
      const bytes = readSync(file, piece)
      text += piece.toString('latin1', 0, bytes)
      const [last] = rowsOf(text.split('\n').at(-2) ?? '')
      if (bytes === 0 || (last !== undefined && last.state !== listening)) return text
    }
  } finally {
    closeSync(file)
  }
}
