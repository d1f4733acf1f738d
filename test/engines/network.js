import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Machines for a trial: network namespaces on one bridge, whose links can be cut. Needs root and `ip`. */

const NET = '10.77.0'
const BRIDGE = 'jwksd-br'
const nameOf = (/** @type {number} */ at) => `jwksd-${at}`
const hostOf = (/** @type {number} */ at) => `${NET}.${at + 10}`

function ip(/** @type {string} */ line) {
  return spawnSync('ip', line.split(' '), { encoding: 'utf8' })
}

function must(/** @type {string} */ line) {
  const { status, stderr } = ip(line)
  if (status !== 0) throw new Error(`ip ${line}: ${stderr}`)
}

/** Why no machines can be made here; undefined if they can. */
export function whyNoNetwork() {
  const { status, stderr } = ip('netns add jwksd-trial')
  if (status === 0) ip('netns del jwksd-trial')
  return status === 0 ? undefined : `network namespaces cannot be made: ${stderr ?? 'ip is not installed'}`
}

/**
 * Makes so many machines.
 * @param {number} count
 */
export function makeNetwork(count) {
  end(count)
  must(`link add ${BRIDGE} type bridge`)
  must(`addr add ${NET}.1/24 dev ${BRIDGE}`)
  must(`link set ${BRIDGE} up`)
  for (let at = 0; at < count; at += 1) {
    const name = nameOf(at)
    must(`netns add ${name}`)
    must(`link add ${name} type veth peer name eth0 netns ${name}`)
    must(`link set ${name} master ${BRIDGE}`)
    must(`link set ${name} up`)
    must(`-n ${name} addr add ${hostOf(at)}/24 dev eth0`)
    must(`-n ${name} link set eth0 up`)
    must(`-n ${name} link set lo up`)
  }
  process.once('exit', () => end(count))
  return {
    places: Array.from({ length: count }, (_, at) => ({ host: hostOf(at), by: ['ip', 'netns', 'exec', nameOf(at)] })),
    cut: (/** @type {number} */ at) => must(`link set ${nameOf(at)} down`),
    mend: (/** @type {number} */ at) => must(`link set ${nameOf(at)} up`),
    /** What the first machine sends to the second is lost. */
    block: (/** @type {number} */ from, /** @type {number} */ to) => must(`-n ${nameOf(from)} route add blackhole ${hostOf(to)}/32`),
    unblock: (/** @type {number} */ from, /** @type {number} */ to) => must(`-n ${nameOf(from)} route del blackhole ${hostOf(to)}/32`),
  }
}

function end(/** @type {number} */ count) {
  for (let at = 0; at < count; at += 1) {
    ip(`link del ${nameOf(at)}`)
    ip(`netns del ${nameOf(at)}`)
  }
  ip(`link del ${BRIDGE}`)
}

/**
 * Faults of a network on which the first machines are members of etcd, and the others replicas.
 * @param {ReturnType<typeof makeNetwork>} net
 * @param {number} members
 * @param {number} replicas
 * @returns {Record<string, () => Promise<void>>}
 */
export function partitions(net, members, replicas) {
  const random = (/** @type {number} */ least, /** @type {number} */ most) => least + Math.random() * (most - least)
  const member = () => Math.floor(Math.random() * members)
  const replica = () => members + Math.floor(Math.random() * replicas)
  const cutFor = async (/** @type {readonly number[]} */ machines, /** @type {number} */ length) => {
    machines.forEach(net.cut)
    await sleep(length)
    machines.forEach(net.mend)
  }
  const blockFor = async (/** @type {readonly (readonly [number, number])[]} */ pairs, /** @type {number} */ length) => {
    for (const [from, to] of pairs) net.block(from, to)
    await sleep(length)
    for (const [from, to] of pairs) net.unblock(from, to)
  }
  return {
    'member cut off': async () => await cutFor([member()], random(1000, 8000)),
    'two members cut off': async () => {
      const first = member()
      await cutFor([first, (first + 1) % members], random(2000, 9000))
    },
    'replica cut off': async () => await cutFor([replica()], random(1000, 8000)),
    'replica cut off from the store alone': async () => {
      const from = replica()
      await blockFor(Array.from({ length: members }, (_, to) => [from, to]), random(1000, 10_000))
    },
    'two members that do not hear each other': async () => {
      const from = member()
      await blockFor([[from, (from + 1) % members]], random(1000, 8000))
    },
    'a link that comes and goes': async () => {
      const at = Math.random() < 0.5 ? member() : replica()
      for (let round = 0; round < 10; round += 1) {
        await cutFor([at], random(50, 400))
        await sleep(random(50, 400))
      }
    },
  }
}
