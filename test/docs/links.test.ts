import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, root } from '../../scripts/setup.js'
import { readPages } from './pages.ts'

/** Bytes that the README may have. */
const MAX_README_BYTES = 12_000

describe('The pages', () => {
  const pages = new Map(readPages().map(({ path, text }) => [path, text]))

  /** The links of a page within the project, as paths below the root with the heading. */
  const linksOf = (path: string): readonly (readonly [string, string])[] =>
    [...withoutCode(pages.get(path) ?? '').matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
      .map(([, target = '', heading = '']) => [target === '' ? path : posix.join(posix.dirname(path), target), heading])

  for (const [path, text] of pages) {
    it(`link to files and headings that exist from ${path}`, () => {
      const broken = linksOf(path).filter(([target, heading]) =>
        !existsSync(join(root, target)) || (heading !== '' && !headingsOf(pages.get(target) ?? '').includes(heading)))
      assert.deepEqual(broken, [])
    })

    it(`name files that exist in ${path}`, () => {
      const named = [...text.matchAll(/`((?:src|scripts|test|docs|\.ci)\/[\w./-]+)`/g)].map(([, name = '']) => name)
      assert.deepEqual(path === 'docs/CHANGELOG.md' ? [] : named.filter((name) => !existsSync(join(root, name))), [])
    })
  }

  it('are all linked from the README', () => {
    const linked = linksOf('README.md').map(([target]) => target)
    assert.deepEqual([...pages.keys()].filter((path) => path !== 'README.md' && !linked.includes(path)), [])
  })

  it('keep the README short', () => {
    assert.ok(Buffer.byteLength(pages.get('README.md') ?? '') <= MAX_README_BYTES)
  })

  it('explain every room of src', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const explained = pages.get('docs/architecture.md') ?? ''
    assert.deepEqual(rooms.filter(({ name }) => !explained.includes(`\n| \`${name}\` |`)).map(({ name }) => name), [])
  })

  it('name every file of every room, so that a reader of the map finds it', () => {
    const [, list = ''] = /^## What is in which file$([\s\S]*?)^## /m.exec(pages.get('docs/architecture.md') ?? '') ?? []
    const rooms = new Map([...list.matchAll(/^- \*\*(\w+)\*\*([\s\S]*?)(?=^- \*\*|(?![\s\S]))/gm)].map(([, room = '', text = '']) => [room, text]))
    const src = join(root, 'src')
    const files = filesBelow(src).map((path) => relative(src, path).split(sep)).filter((parts) => parts.length > 1)
    const missing = files.filter((parts) => !rooms.get(parts[0] ?? '')?.includes(`\`${parts.at(-1)?.replace('.ts', '')}\``))
    assert.deepEqual(missing.map((parts) => parts.join('/')), [])
  })
})

function withoutCode(text: string): string {
  return text.replace(/^( *)```[\s\S]*?^\1```$/gm, '').replace(/`[^`\n]*`/g, (code) => code.replaceAll('(', ''))
}

/** The anchors that GitHub gives to the headings of a page. */
function headingsOf(text: string): readonly string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)]
    .map(([, title = '']) => title.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'))
}
