import type { Command } from './command.ts'

/** `jwksd serve`; the entry starts it without this file, which explains it. */
export const serve: Command = {
  words: [],
  flags: [],
  meaning: 'Serve until SIGTERM or Ctrl-C. This is the default command.',
  example: 'jwksd serve --port 9000',
  run: async (line) => (await import('../serve/serve.ts')).serve(line),
}
