import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { seconds } from '../../src/core/time.ts'
import { type Listener, listener } from '../../src/http/listener.ts'
import { json } from '../../src/http/reply.ts'
import { PUBLIC, router } from '../../src/http/router.ts'
import { exchange, isWhole } from '../support/raw-socket.ts'

/**
 * The forms that a request may have on the wire, by sections of RFC 9110 and 9112: which a server must accept, and
 * which this one refuses. listener.test.ts has the malformed ones.
 */

let server: Listener
let port: number

before(async () => {
  server = listener({ onFault: (error) => assert.fail(String(error)) })
  const answer = () => json(200, {}, PUBLIC)
  const bound = await server.listen({ host: '127.0.0.1', port: 0 }, () => router([
    { path: '/keys', cors: 'public', methods: { GET: answer } },
    { path: '/health', cors: 'unreadable', methods: { GET: answer } },
    { path: '/token', cors: 'unreadable', methods: { POST: answer } },
    { path: '/own', cors: new Set(['http://app.example']), methods: { GET: answer, POST: answer } },
  ]))
  assert.ok(bound.ok)
  port = Number(new URL(bound.value).port)
})
after(() => server.close(seconds(1)))

const H = 'Host: a.example\r\n'
const LAST = 'Connection: close\r\n'
const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n'
const one = (line: string, headers = H, body = ''): string => `${line}\r\n${headers}${LAST}\r\n${body}`
const posted = (headers: string, body: string): string => one('POST /token HTTP/1.1', `${H}${FORM}${headers}`, body)

/** Whether an answer is whole on a connection that is kept. */
const isKept = (text: string): boolean => /^connection: keep-alive/im.test(text) && isWhole(text)

/** What, the section, the bytes, the status; of two, the releases of Node.js choose. */
type Row = readonly [what: string, section: string, bytes: string, status: number, other?: number]

const ACCEPTED: readonly Row[] = [
  ['a GET of HTTP/1.0 without Host', '9112 3.2', 'GET /health HTTP/1.0\r\n\r\n', 200],
  ['a HEAD of HTTP/1.0 without Host', '9112 3.2', 'HEAD /health HTTP/1.0\r\n\r\n', 200],
  ['a public document by HTTP/1.0 without Host', '9112 3.2', 'GET /keys HTTP/1.0\r\n\r\n', 200],
  [
    'HTTP/1.0 without Host, with other headers', '9112 3.2',
    'GET /health HTTP/1.0\r\nUser-Agent: check_http\r\n\r\n', 200,
  ],
  ['HTTP/1.0 with Host', '9112 3.2', `GET /health HTTP/1.0\r\n${H}\r\n`, 200],
  ['a POST of HTTP/1.0 with Host', '9112 2.5', `POST /token HTTP/1.0\r\n${H}${FORM}Content-Length: 1\r\n\r\na`, 200],
  [
    'HTTP/1.0 that would keep the connection', '9112 C.2.2',
    `GET /health HTTP/1.0\r\n${H}Connection: keep-alive, close\r\n\r\n`, 200,
  ],
  ['a Host with a port', '9110 7.2', one('GET /keys HTTP/1.1', 'Host: a.example:8080\r\n'), 200],
  ['a Host that is an IPv6 address', '9110 7.2', one('GET /keys HTTP/1.1', 'Host: [::1]:80\r\n'), 200],
  ['a Host in capitals', '9110 4.2.3', one('GET /keys HTTP/1.1', 'HOST: A.EXAMPLE\r\n'), 200],
  ['no space behind a colon', '9112 5', one('GET /keys HTTP/1.1', 'Host:a.example\r\n'), 200],
  ['white space around a value', '9112 5', one('GET /keys HTTP/1.1', 'Host: \t a.example \t\r\n'), 200],
  ['an empty line before the request line', '9112 2.2', `\r\n${one('GET /keys HTTP/1.1')}`, 200],
  ['a query', '9112 3.2.1', one('GET /keys?a=1&b=%2F?/ HTTP/1.1'), 200],
  ['an empty query', '9112 3.2.1', one('GET /keys? HTTP/1.1'), 200],
  ['an empty header value', '9110 5.5', one('GET /keys HTTP/1.1', `${H}X-A:\r\n`), 200],
  [
    'a header that occurs twice and may', '9110 5.3',
    one('GET /keys HTTP/1.1', `${H}Accept: a/b\r\nAccept: c/d\r\n`), 200,
  ],
  [
    'bytes beyond ASCII in a header that nobody reads', '9110 5.5',
    one('GET /keys HTTP/1.1', `${H}X-A: \u00fc\r\n`), 200,
  ],
  ['an unknown header', '9110 5.1', one('GET /keys HTTP/1.1', `${H}X-Whatever: 1\r\n`), 200],
  ['HEAD', '9110 9.3.2', one('HEAD /keys HTTP/1.1'), 200],
  ['OPTIONS', '9110 9.3.7', one('OPTIONS /keys HTTP/1.1'), 204],
  ['Content-Length: 0 on GET', '9110 8.6', one('GET /keys HTTP/1.1', `${H}Content-Length: 0\r\n`), 200],
  ['a length with zeros before it', '9110 8.6', posted('Content-Length: 0003\r\n', 'a=1'), 200],
  ['chunks', '9112 7.1', posted('Transfer-Encoding: chunked\r\n', '3\r\na=1\r\n0\r\n\r\n'), 200],
  ['the name of chunked in capitals', '9112 7', posted('Transfer-Encoding: Chunked\r\n', '3\r\na=1\r\n0\r\n\r\n'), 200],
  [
    'chunk sizes with zeros and in capitals', '9112 7.1',
    posted('Transfer-Encoding: chunked\r\n', '00A\r\na=12345678\r\n0\r\n\r\n'), 200,
  ],
  ['a chunk extension', '9112 7.1.1', posted('Transfer-Encoding: chunked\r\n', '3;x=y\r\na=1\r\n0\r\n\r\n'), 200],
  ['a trailer', '9112 7.1.2', posted('Transfer-Encoding: chunked\r\n', '3\r\na=1\r\n0\r\nX-A: 1\r\n\r\n'), 200],
  ['an upgrade that it does not want', '9110 7.8', one('GET /keys HTTP/1.1', `${H}Upgrade: h2c\r\n`), 200],
  [
    'Expect: 100-continue without a body', '9110 10.1.1',
    one('GET /keys HTTP/1.1', `${H}Expect: 100-continue\r\n`), 200,
  ],
  [
    'an expectation in HTTP/1.0', '9110 10.1.1',
    `POST /token HTTP/1.0\r\n${H}${FORM}Expect: 100-continue\r\nContent-Length: 1\r\n\r\na`, 200,
  ],
  ['a Range that it does not serve', '9110 14.2', one('GET /keys HTTP/1.1', `${H}Range: bytes=0-1\r\n`), 200],
  [
    'an Origin at a token endpoint', '6454 7.3',
    posted('Origin: https://app.example\r\nContent-Length: 3\r\n', 'a=1'), 200,
  ],
  ['an opaque Origin at a token endpoint', '6454 7.3', posted('Origin: null\r\nContent-Length: 3\r\n', 'a=1'), 200],
  ['an Origin at a health check', '6454 7.3', one('GET /health HTTP/1.1', `${H}Origin: https://app.example\r\n`), 200],
]

const REFUSED: readonly Row[] = [
  ['HTTP/1.1 without Host', '9112 3.2', one('GET /health HTTP/1.1', ''), 400],
  ['two Host lines', '9112 3.2', one('GET /health HTTP/1.1', H + H), 400],
  ['two Host lines in HTTP/1.0', '9112 3.2', one('GET /health HTTP/1.0', H + H), 400],
  ['an empty Host in HTTP/1.0', '9112 3.2', 'GET /health HTTP/1.0\r\nHost:\r\n\r\n', 400],
  ['a POST of HTTP/1.0 without Host', 'D16', `POST /token HTTP/1.0\r\n${FORM}Content-Length: 1\r\n\r\na`, 400],
  ['an OPTIONS of HTTP/1.0 without Host', 'D16', 'OPTIONS /health HTTP/1.0\r\n\r\n', 400],
  ['what pages may not call, by HTTP/1.0 without Host', 'D16', 'GET /own HTTP/1.0\r\n\r\n', 400],
  ['HTTP/0.9', '9112 2.3', 'GET /health\r\n\r\n', 400, 505],
  [
    'Transfer-Encoding in HTTP/1.0', '9112 6.1',
    `POST /token HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400,
  ],
  ['a target in absolute form', 'D16', one('GET http://a.example/keys HTTP/1.1'), 400],
  ['a target in authority form', '9112 3.2.3', one('GET a.example:80 HTTP/1.1'), 400],
  ['a target in asterisk form', 'D16', one('OPTIONS * HTTP/1.1'), 400],
  ['an encoded path', 'D16', one('GET /%6beys HTTP/1.1'), 400],
  ['an encoded slash', 'D16', one('GET /%2Fkeys HTTP/1.1'), 400],
  ['a path that begins with two slashes', '3986 3.3', one('GET //keys HTTP/1.1'), 404],
  ['two slashes with the name of a host', '3986 3.3', one('GET //evil.example/keys HTTP/1.1'), 404],
  ['a path with two slashes inside', '3986 3.3', one('GET /x//keys HTTP/1.1'), 404],
  ['dot segments', 'D16', one('GET /x/../keys HTTP/1.1'), 400],
  ['a path in other letters', '3986 6.2.2.1', one('GET /Keys HTTP/1.1'), 404],
  ['a method in small letters', '9110 9.1', one('get /keys HTTP/1.1'), 400],
  ['a method that the path does not have', '9110 15.5.6', one('DELETE /keys HTTP/1.1'), 405],
  ['TRACE', '9110 9.3.8', one('TRACE /keys HTTP/1.1'), 405],
  ['a body on GET', '9110 9.3.1', one('GET /keys HTTP/1.1', `${H}Content-Length: 1\r\n`, 'a'), 400],
  ['an expectation that it does not know', '9110 10.1.1', posted('Expect: x\r\nContent-Length: 1\r\n', 'a'), 417],
  [
    'a foreign Origin where some pages may read', 'D6',
    one('POST /own HTTP/1.1', `${H}Origin: http://evil.example\r\n`), 403,
  ],
]

describe('the forms of a request', () => {
  for (const [what, section, bytes, status] of ACCEPTED) {
    it(`D16 accepts ${what} (${section})`, async () => {
      const { statuses, text } = await exchange(port, bytes, isKept)
      assert.deepEqual(statuses.filter((other) => other !== 100), [status], text)
    })
  }

  for (const [what, section, bytes, status, other = status] of REFUSED) {
    it(`D16 refuses ${what} (${section})`, async () => {
      const { statuses, text, closed } = await exchange(port, bytes)
      assert.ok(statuses.length === 1 && [status, other].includes(statuses[0] ?? 0) && closed, text)
    })
  }

  it('D7 gives a page no header to read the answer of a token endpoint by', async () => {
    for (const origin of ['https://app.example', 'null', 'http://a.example']) {
      const { text } = await exchange(port, posted(`Origin: ${origin}\r\nContent-Length: 3\r\n`, 'a=1'))
      assert.match(text, /^HTTP\/1\.1 200 /)
      const headers = `${H}Origin: ${origin}\r\nAccess-Control-Request-Method: POST\r\n`
      const preflight = await exchange(port, one('OPTIONS /token HTTP/1.1', headers))
      assert.match(preflight.text, /^HTTP\/1\.1 204 /)
      assert.doesNotMatch(preflight.text, /access-control/i)
    }
  })
})
