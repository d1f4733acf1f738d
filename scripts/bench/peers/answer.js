import { readFileSync } from 'node:fs'

/** The one answer of `bare` and `raw`, from the files that BODY and HEADERS name. */

export const port = Number(process.env['PORT'])
export const body = readFileSync(String(process.env['BODY']))

/** What belongs to a connection or a moment is left to the server; the length is that of the body. */
const OWN = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date', 'content-length'])

/** Names and values: nested, as `Headers` yields them, or flat, as `rawHeaders` holds them. */
const all = /** @type {string[]} */ (JSON.parse(readFileSync(String(process.env['HEADERS']), 'utf8')).flat())
const kept = all.flatMap((name, at) => at % 2 === 0 && !OWN.has(name.toLowerCase()) ? [name, String(all[at + 1])] : [])

/** Names and values, flat. */
export const headers = [...kept, 'Content-Length', String(body.length)]
