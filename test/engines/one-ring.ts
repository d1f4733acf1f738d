import assert from 'node:assert/strict'
import { end, run, serve } from '../support/process.ts'

/** Makes the ring in an empty engine, once, and holds that two servers on it sign with the same key. */
export async function assertOneRing(args: readonly string[]): Promise<void> {
  const made = await run(['ring', 'create', ...args])
  assert.deepEqual([made.code, made.stderr], [0, ''])
  assert.equal((await run(['ring', 'create', ...args])).code, 1)
  const servers = await Promise.all([serve(args), serve(args)])
  const sets = await Promise.all(servers.map(async ({ url }) => await (await fetch(`${url}/jwks.json`)).json() as { keys: { kid: string }[] }))
  assert.equal(new Set(sets.map(({ keys }) => keys[0]?.kid)).size, 1)
  await Promise.all(servers.map((server) => end(server)))
}
