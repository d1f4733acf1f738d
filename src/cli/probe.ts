import type { Config } from '../config/config.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { planOf } from '../testkit/probe/plan.ts'
import { probe as tryApi } from '../testkit/probe/probe.ts'
import { report } from '../testkit/probe/report.ts'
import { type Source, sourceOf } from '../testkit/probe/source.ts'
import { isSound } from '../testkit/probe/verdict.ts'
import type { Command } from './command.ts'

/** `jwksd probe URL`: sends the whole catalogue to an API that trusts our issuer, and reports what it accepts. */
export const probe: Command = {
  words: ['URL'],
  flags: [
    { name: 'format', value: 'FORMAT', meaning: 'table (the default), json, junit or tap' },
    { name: 'method', value: 'METHOD', meaning: 'the method of each request; GET by default' },
    { name: 'header', value: 'NAME: VALUE', meaning: 'a header of each request' },
    { name: 'accept', value: 'STATUS', meaning: 'the statuses that mean accepted; 200-299 by default' },
    { name: 'claims', value: 'JSON', meaning: 'claims that the API needs besides the usual ones' },
    { name: 'typ', value: 'TYPE', meaning: 'the typ of a right token: JWT by default, at+jwt for RFC 9068' },
    { name: 'concurrency', value: 'COUNT', meaning: 'requests at the same time; 4 by default' },
    { name: 'set', value: 'NAME', meaning: 'try an unusual key set instead, of the issuer at /sets/NAME' },
    { name: 'via', value: 'URL', meaning: 'a running jwksd whose /auth makes the tokens' },
    { name: 'rotation', value: 'SECONDS', meaning: 'rotate the key too, and give the API this long to notice' },
  ],
  meaning: 'Find out which bad tokens an API accepts. Meanwhile the API must trust the issuer at --host and --port.',
  example: 'jwksd probe http://localhost:3000/me --port 8080',
  run: ({ config, own, words: [url = ''] }) => probeApi(config, url, own),
}

async function probeApi(config: Config, url: string, own: Readonly<Record<string, string>>): Promise<void> {
  const plan = planOf(url, own)
  if (!plan.ok) return refuse(EXIT.config, plan.error)
  let source: Source | undefined
  try {
    source = await sourceOf(plan.value, config)
    const found = await tryApi({ plan: plan.value, source, say, onProgress })
    if (!found.ok) return refuse(found.error.exit, found.error.problem)
    process.stdout.write(report(found.value, url, plan.value.format))
    process.exitCode = isSound(found.value) ? 0 : EXIT.refused
  } catch (error) {
    refuse(EXIT.unavailable, (error as Error).message)
  } finally {
    await source?.close()
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Counts on one line of a terminal. */
function onProgress(done: number, all: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${all}${done === all ? '\n' : ''}`)
}
