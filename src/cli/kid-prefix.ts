import { fail, ok, type Result } from '../core/result.ts'

/** Characters of a kid that a terminal shows at least, and those that an argument must have. */
const SHOWN = 8
const TYPED = 4

/** The start of a kid that no other one has; whole where it could be taken for an option. */
export function shortKid(kid: string, all: readonly string[]): string {
  if (kid.startsWith('-')) return kid
  let length = SHOWN
  const isShared = (): boolean => all.some((other) => other !== kid && other.startsWith(kid.slice(0, length)))
  while (length < kid.length && isShared()) length += 1
  return kid.slice(0, length)
}

/** The kid that begins with what was typed, if it is one; the failure names the candidates. */
export function kidFrom(typed: string, all: readonly string[]): Result<string, string> {
  const candidates = all.includes(typed) ? [typed] : all.filter((kid) => kid.startsWith(typed))
  const [kid, ...others] = candidates
  if (kid !== undefined && others.length === 0 && typed.length >= TYPED) return ok(kid)
  if (kid !== undefined && others.length === 0) return fail(`${typed} is too short. Write ${kid.slice(0, SHOWN)}`)
  const problem = kid === undefined ? 'is the beginning of no key' : 'is the beginning of several keys'
  return fail(`${typed} ${problem}. Use one of ${(kid === undefined ? all : candidates).join(', ')}`)
}
