#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { help } from './cli/help.ts'
import { runCommand } from './cli/run.ts'
import { faultText, parseConfig } from './config/config.ts'
import { version } from './config/version.ts'
import { EXIT, refuse } from './system/exit.ts'

const parsed = parseConfig({
  args: process.argv.slice(2),
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
})

if (!parsed.ok) {
  refuse(EXIT.config, ...parsed.error.map(faultText))
} else if (!('config' in parsed.value)) {
  process.stdout.write(parsed.value.name === 'help' ? help() : `${version()}\n`)
} else {
  await runCommand(parsed.value)
}
