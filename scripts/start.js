import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './build.js'
import { root } from './setup.js'

/** `npm start`: builds if needed, then becomes the server: no second process, so signals and exit codes are its own. */

build()
await import(pathToFileURL(join(root, 'dist', 'server.js')).href)
