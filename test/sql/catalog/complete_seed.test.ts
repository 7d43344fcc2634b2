import { expect, test } from 'bun:test'
import { testDatabase } from '../../harness.ts'

test('every process hears that all may have changed, and the catalogue counts as edited, each time', async () => {
  const database = await testDatabase({ connections: 3 })
  try {
    const heard: string[] = []
    await database.admin.listen('onsale_changes', (payload) => heard.push(payload))
    const revisionOf = async () =>
      Number((await database.admin`select revision from onsale.catalogue`)[0]!.revision)
    const before = await revisionOf()
    await database.admin`select api.complete_seed()`
    await database.admin`select api.complete_seed()`
    // Notifications come in the order of commits, so after this one no other is on its way.
    const last = Promise.withResolvers<void>()
    await database.admin.listen('onsale_last', () => last.resolve())
    await database.admin.notify('onsale_last', '')
    await last.promise
    expect(heard).toEqual(['*', '*'])
    expect(await revisionOf()).toBe(before + 2)
  } finally {
    await database.drop()
  }
}, 20_000)
