import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A real Chromium through its driver, by the WebDriver protocol (W3C) over fetch. */

const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run', '--lang=en',
  '--force-color-profile=srgb', '--hide-scrollbars',
  // A name that is not this machine's, so that the browser does not call the page secure.
  '--host-resolver-rules=MAP insecure.example 127.0.0.1',
]

/** Starts the driver and one browser; `more` are arguments and preferences of the browser. */
export async function startBrowser({ prefs = {} } = {}) {
  const driver = spawn('chromedriver', ['--port=0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const port = await new Promise((resolve, reject) => {
    driver.once('exit', () => reject(new Error('chromedriver does not start')))
    createInterface({ input: driver.stdout }).on('line', (line) => {
      const [, found] = /started successfully on port (\d+)/.exec(line) ?? []
      if (found !== undefined) resolve(Number(found))
    })
  })
  const base = `http://127.0.0.1:${port}`
  const capabilities = { alwaysMatch: {
    'browserName': 'chrome',
    'goog:chromeOptions': { args: ARGS, prefs, binary: '/usr/bin/chromium' },
    'goog:loggingPrefs': { performance: 'ALL', browser: 'ALL' },
  } }
  const { sessionId } = await command(`${base}/session`, { capabilities })
  const session = `${base}/session/${sessionId}`
  return browserOf(session, async () => {
    await command(session, undefined, 'DELETE').catch(() => {})
    driver.removeAllListeners('exit')
    const exit = once(driver, 'exit')
    driver.kill('SIGTERM')
    await exit
  })
}

async function command(url, body, method = body === undefined ? 'GET' : 'POST') {
  const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const answer = await fetch(url, { method, ...content, signal: AbortSignal.timeout(60_000) })
  const { value } = await answer.json()
  if (answer.status !== 200) throw new Error(`${value.error}: ${String(value.message).split('\n')[0]}`)
  return value
}

function browserOf(session, end) {
  const cdp = (cmd, params = {}) => command(`${session}/goog/cdp/execute`, { cmd, params })
  const element = async (css) => Object.values(await command(`${session}/element`, { using: 'css selector', value: css }))[0]
  const run = (script, ...args) => command(`${session}/execute/sync`, { script, args })
  return {
    cdp,
    run,
    end,
    open: (url) => command(`${session}/url`, { url }),
    runAsync: (script, ...args) => command(`${session}/execute/async`, { script, args }),
    click: async (css) => command(`${session}/element/${await element(css)}/click`, {}),
    type: async (css, text) => command(`${session}/element/${await element(css)}/value`, { text }),
    clear: async (css) => command(`${session}/element/${await element(css)}/clear`, {}),
    /** The messages of one of the logs since the last call. */
    log: (type) => command(`${session}/se/log`, { type }),
    /** How wide the window is, and which theme the system has. */
    look: async (width, theme, height = 900) => {
      await cdp('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
      await cdp('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: theme }] })
    },
    /** The whole page as PNG, or its first `height` pixels. */
    picture: async (width, height) => {
      const clip = { x: 0, y: 0, width, height: height ?? await run('return document.documentElement.scrollHeight'), scale: 1 }
      const { data } = await cdp('Page.captureScreenshot', { format: 'png', clip, captureBeyondViewport: true })
      return Buffer.from(data, 'base64')
    },
    /** Asks again and again until an expression is true in the page. */
    until: async (expression, milliseconds = 5000) => {
      for (const end = performance.now() + milliseconds; performance.now() < end;) {
        if (await run(`return Boolean(${expression})`)) return
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error(`after ${milliseconds} ms it is not true that ${expression}`)
    },
  }
}
