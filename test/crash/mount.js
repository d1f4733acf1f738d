import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @typedef {'ext4' | 'xfs' | 'btrfs'} Kind */

/** How each file system is made, the smallest that can be made, and how a copy of it is mounted. */
const KINDS = /** @type {const} */ ({
  ext4: { make: ['mkfs.ext4', '-q', '-F'], least: undefined, options: 'loop' },
  xfs: { make: ['mkfs.xfs', '-q', '-f'], least: '320M', options: 'loop,nouuid' },
  btrfs: { make: ['mkfs.btrfs', '-q', '-f'], least: '128M', options: 'loop' },
})

/** A file system in an image of its own, mounted through a loop device. */
export class Disk {
  #kind
  #at = mkdtempSync(join(tmpdir(), 'jwksd-disk-'))
  #image = join(this.#at, '0.img')
  #mounts = 0
  /** Where it is mounted. */
  folder = join(this.#at, 'mnt')

  /** @param {string} size as `truncate` understands it; others than ext4 have a size of their own @param {Kind} [kind] */
  constructor(size, kind = 'ext4') {
    this.#kind = KINDS[kind]
    mkdirSync(this.folder)
    run('truncate', '-s', this.#kind.least ?? size, this.#image)
    const [make, ...words] = this.#kind.make
    run(make, ...words, this.#image)
    this.#mount()
  }

  /** What the disk holds at this moment becomes the disk: all that was not synced is lost, as when the power fails. */
  cutPower() {
    this.#mounts += 1
    const image = join(this.#at, `${this.#mounts}.img`)
    run('cp', '--sparse=auto', '--reflink=auto', this.#image, image)
    unmount(this.folder)
    rmSync(this.#image)
    this.#image = image
    this.#mount()
  }

  #mount() {
    run('mount', '-o', this.#kind.options, this.#image, this.folder)
  }

  /** @param {'ro' | 'rw'} mode */
  remount(mode) {
    run('mount', '-o', `remount,${mode}`, this.folder)
  }

  remove() {
    unmount(this.folder)
    rmSync(this.#at, { recursive: true })
  }
}

/** Why no disk can be made here; undefined when one can. @param {Kind} [kind] */
export function whyNoDisk(kind) {
  try {
    new Disk('8M', kind).remove()
    return undefined
  } catch (error) {
    return /** @type {Error} */ (error).message
  }
}

/** Seconds for which a file system may be busy: the kernel closes the files of a killed process after its end. */
const BUSY_SECONDS = 10

/** Ends a mount; one that stays busy is taken out of the tree of folders all the same. @param {string} folder */
function unmount(folder) {
  for (let tries = 0; tries < BUSY_SECONDS * 10; tries += 1) {
    if (spawnSync('umount', [folder]).status === 0) return
    spawnSync('sleep', ['0.1'])
  }
  run('umount', '-l', folder)
}

/** @param {string} command @param {readonly string[]} args */
function run(command, ...args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Cannot ${command}: ${error?.message ?? stderr.trim()}`)
}
