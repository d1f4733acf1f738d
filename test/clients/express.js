import { once } from 'node:events'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { same } from './checks.js'

/** An API of express that takes access tokens of RFC 9068 and no others. */
export async function tryExpress(checks, { issuer, audience, other, obtain }) {
  const that = (what, check) => checks.that('express-oauth2-jwt-bearer', what, check)
  const api = express()
  api.use(auth({ issuerBaseURL: issuer, audience, strict: true }))
  api.get('/', (request, response) => response.json(request.auth.payload))
  api.use((error, _request, response, _next) => response.status(error.status ?? 500).end())
  const server = api.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const get = (token) => fetch(`http://127.0.0.1:${server.address().port}/`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  await that('an access token is accepted, strictly by RFC 9068', async () => {
    const answer = await get(await obtain({ resource: audience }))
    same(answer.status, 200, 'status')
    same((await answer.json()).client_id, 'basic', 'client_id')
  })
  await that('no token is refused', async () => same((await get()).status, 401, 'status'))
  await that('a token for another API is refused', async () => same((await get(await obtain({ resource: other }))).status, 401, 'status'))
  await that('a development token is refused: it is no access token', async () => {
    const { token } = await (await fetch(`${issuer}/auth`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ aud: audience }) })).json()
    same((await get(token)).status, 401, 'status')
  })
  server.close()
}
