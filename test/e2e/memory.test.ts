import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'

const { subtle } = webcrypto
const skip = existsSync('/proc/self/maps') ? false : 'there is no /proc'

interface Sealed {
  readonly iv: string
  readonly ciphertext: string
}

interface Stored {
  readonly ring: { readonly keys: readonly { readonly jwk: { readonly kid: string }; readonly sealed?: Sealed }[] }
}

/** What must not be found, by name: the key-encryption key as text, and the private halves in the ring as text. */
async function secretsIn(ring: string, kekFile: string): Promise<ReadonlyMap<string, string>> {
  const text = readFileSync(kekFile, 'utf8').trim()
  const bytes = Buffer.from(text, 'base64url')
  const kek = await subtle.importKey('raw', bytes, 'AES-GCM', false, ['decrypt'])
  const texts = new Map([
    ['the file of the key-encryption key', text], ['its hex', bytes.toString('hex')], ['its base64', bytes.toString('base64')],
  ])
  for (const { jwk, sealed } of (JSON.parse(readFileSync(ring, 'utf8')) as Stored).ring.keys) {
    if (sealed === undefined) continue
    const [iv, ciphertext] = [sealed.iv, sealed.ciphertext].map((part) => Buffer.from(part, 'base64url'))
    const parameters = { name: 'AES-GCM', iv: iv as Buffer, additionalData: Buffer.from(`jwksd/key/1/${jwk.kid}`) }
    const opened = await subtle.decrypt(parameters, kek, ciphertext as Buffer)
    const { d } = JSON.parse(Buffer.from(opened).toString()) as { readonly d: string }
    assert.ok(d.length >= 43)
    texts.set(`the private half of ${jwk.kid}`, d.slice(0, 43))
  }
  return texts
}

/** The memory of a process that it can write, piece by piece. */
function* memoryOf({ child: { pid } }: ServerProcess): Generator<Buffer> {
  const file = openSync(`/proc/${pid}/mem`, 'r')
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter((one) => one.includes(' rw'))) {
    const [start = 0, stop = 0] = (line.split(' ')[0] ?? '').split('-').map((address) => Number.parseInt(address, 16))
    const piece = Buffer.alloc(stop - start)
    try {
      yield piece.subarray(0, readSync(file, piece, 0, piece.length, start))
    } catch {
      // Some pages belong to the kernel, or went away meanwhile.
    }
  }
  closeSync(file)
}

async function snapshotIn(folder: string): Promise<string> {
  for (;;) {
    const name = readdirSync(folder).find((one) => one.endsWith('.heapsnapshot'))
    const text = name === undefined ? '' : readFileSync(join(folder, name), 'utf8')
    if (text.endsWith(']}\n') || text.endsWith(']}')) return text
    await setTimeout(100)
  }
}

describe('the memory of a server', { skip }, () => {
  it('E24 holds no key-encryption key and no private key as text, in a heap snapshot, in /proc or in a core dump', async () => {
    const folder = newFolder()
    const [ring, kek] = [join(folder, 'ring.json'), newKek(folder)]
    const args = ['--alg', 'ES256,RS256', '--store', `file:${ring}`, '--kek-file', kek, '--admin', `unix:${folder}/admin`]
    const options = { NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}` }
    // Keys that this process made, and keys that it read.
    await end(await serve(args))
    const server = await serve(args, options)
    const rotated = await run(['rotate', '--admin', `unix:${folder}/admin`, '--force', '--reason', 'drill'])
    assert.equal(rotated.code, 0, rotated.stderr)
    for (let at = 0; at < 50; at += 1) assert.equal((await fetch(`${server.url}/auth`, { method: 'POST' })).status, 200)
    server.child.kill('SIGUSR2')
    const snapshot = await snapshotIn(folder)
    const secrets = await secretsIn(ring, kek)
    assert.ok(secrets.size >= 6)
    const given = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${server.child.pid}/${name}`, 'utf8')).join('')
    const found = [...secrets].filter(([, text]) => snapshot.includes(text) || given.includes(text)).map(([what]) => what)
    // What a core dump would hold. That the scan finds what is there shows the issuer, which each token carries.
    let isSeen = false
    for (const piece of memoryOf(server)) {
      isSeen ||= piece.includes(server.url)
      for (const [what, text] of secrets) if (piece.includes(text)) found.push(`${what}, in memory`)
    }
    assert.deepEqual([found, isSeen], [[], true])
    await end(server)
  })
})
