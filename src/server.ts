#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { check } from './cli/check.ts'
import { EXIT, refuse } from './cli/exit.ts'
import { help, version } from './cli/help.ts'
import { serve } from './cli/serve.ts'
import { faultText, parseConfig } from './config.ts'

const parsed = parseConfig({
  args: process.argv.slice(2),
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
})

if (!parsed.ok) {
  refuse(EXIT.config, ...parsed.error.map(faultText))
} else {
  const command = parsed.value
  switch (command.name) {
    case 'help':
      process.stdout.write(help())
      break
    case 'version':
      process.stdout.write(`${version()}\n`)
      break
    case 'check':
      await check(command.config)
      break
    case 'serve':
      await serve(command.config)
      break
    default:
      command satisfies never
  }
}
