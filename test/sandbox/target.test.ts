import { expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSecret, targetOf } from '../../sandbox/target.ts'

test('only this machine is a target, unless told otherwise', () => {
  for (const url of ['http://127.0.0.1:3000', 'http://localhost:80/', 'http://[::1]:3000']) {
    expect(targetOf(url, { allow_remote: false })).toBe(new URL(url).origin)
  }
  expect(() => targetOf('https://shop.example', { allow_remote: false })).toThrow('--allow-remote')
  expect(() => targetOf('http://127.0.0.1.shop.example', { allow_remote: false })).toThrow('--allow-remote')
  expect(targetOf('https://shop.example', { allow_remote: true })).toBe('https://shop.example')
  expect(() => targetOf('3000', { allow_remote: true })).toThrow('wants an address')
})

test('the secret comes from the environment, else from what `up` keeps; the first of several signs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sandbox-'))
  try {
    await expect(readSecret({ DATA_DIR: directory })).rejects.toThrow('SHOPIFY_WEBHOOK_SECRET')
    await writeFile(join(directory, 'env'), 'PORT=3000\nSHOPIFY_WEBHOOK_SECRET=kept,older\nLOG_LEVEL=info\n')
    expect(await readSecret({ DATA_DIR: directory })).toBe('kept')
    expect(await readSecret({ DATA_DIR: directory, SHOPIFY_WEBHOOK_SECRET: 'new, old' })).toBe('new')
  } finally {
    await rm(directory, { recursive: true })
  }
})
