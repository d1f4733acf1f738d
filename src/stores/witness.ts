import { resolve } from 'node:path'
import { errnoOf } from '../core/errno.ts'
import { isObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import { readPrivate } from '../system/private-file.ts'
import { replaceFile } from '../system/replace-file.ts'
import type { Witness } from './heads.ts'

const RULES = {
  othersMay: 'read', allowShared: false, followsLinks: false, makes: true, maxBytes: 16 * 1024 * 1024,
} as const

/** Reads a witness, or begins one; the failure is a sentence for the operator. */
export async function openWitness(
  name: string,
  { randomBytes, emit }: Pick<System, 'randomBytes' | 'emit'>,
): Promise<Result<Witness, string>> {
  const path = resolve(name)
  const read = await readOld(path)
  if (!read.ok) return read
  let last: Promise<void> = Promise.resolve()
  return ok({
    ...read.value,
    write: ({ generation, history }, ring) => {
      const revoked = history.filter(({ why }) => why === 'revoked').map(({ jwk }) => jwk.kid)
      const content = `${JSON.stringify({ generation, ring, revoked })}\n`
      const write = async (): Promise<void> => void await replaceFile({ path, content, randomBytes })
      last = last.then(write).catch((error: unknown) =>
        emit({ name: 'witness.failed', code: errnoOf(error).code ?? 'unexpected' }))
      return last
    },
  })
}

async function readOld(path: string): Promise<Result<Pick<Witness, 'ring' | 'revoked'>, string>> {
  const read = await readPrivate(path, RULES)
  if (!read.ok) {
    const isNew = errnoOf(read.error.cause ?? {}).code === 'ENOENT'
    return isNew ? ok({ ring: undefined, revoked: [] }) : fail(`Cannot use the witness ${path}: ${read.error.problem}`)
  }
  const parsed = parseJson(read.value.toString())
  const { generation, ring, revoked } = parsed.ok && isObject(parsed.value) ? parsed.value : {}
  const isRight = typeof generation === 'number' && typeof ring === 'string' && Array.isArray(revoked)
  if (!isRight) return fail(`Cannot use the witness ${path}: it is damaged. Put a copy of it back`)
  return ok({ ring: { generation, ring }, revoked: revoked.map(String) })
}
