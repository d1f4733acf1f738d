import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { same } from './checks.js'

const PROGRAM = fileURLToPath(new URL('prometheus_reader.py', import.meta.url))

/** The metrics as Prometheus' own library reads them. */
export async function tryPrometheus(checks, { admin, obtain }) {
  await checks.that('prometheus_client', 'reads every metric, by its type', async () => {
    await obtain({ scope: 'read' })
    const [answer] = await once(request({ socketPath: admin, path: '/metrics' }).end(), 'response')
    const input = (await answer.toArray()).join('')
    const { stdout, stderr } = spawnSync('/usr/bin/python3', [PROGRAM], { input, encoding: 'utf8' })
    if (stdout === '') throw new Error(stderr)
    const families = JSON.parse(stdout)
    const types = Object.entries(families).map(([name, { type, samples }]) => `${name} ${type} ${samples.length > 0}`)
    same(types.join(', '), 'jwksd_build_info gauge true, jwksd_events counter true, jwksd_requests counter true, ' +
      'jwksd_ready gauge true, jwksd_view_age_seconds gauge true, jwksd_keys gauge true, jwksd_promotion_timestamp_seconds gauge true, ' +
      // This server has no certificate.
      'jwksd_certificate_expiry_timestamp_seconds gauge false', 'list')
    const build = families.jwksd_build_info.samples.map(([{ version, node }, value]) => `${/^\d+\.\d+\.\d+$/.test(version)} ${node} ${value}`)
    same(build.join(), `true ${process.versions.node} 1`, 'build')
    const minted = families.jwksd_events.samples.filter(([{ event }]) => event === 'token.minted')
    if (!minted.some(([, value]) => value > 0)) throw new Error('no token was counted')
    const said = Number(answer.headers['content-length'])
    same(said, Buffer.byteLength(input), 'length')
  })
}
