import { type Instant, never } from '../core/time.ts'
import type { Life, Replay } from '../testkit/simulate/schedule.ts'
import { markup } from '../web/markup.ts'
import { timeline } from '../web/page/timeline.js'
import type { KeyView, RingView } from '../web/view.ts'

/** Pixels; what is drawn is as wide as the picture. */
const WIDTH = 720

/** The colours of the page, in both themes, and a ground: the file stands alone. */
const STYLE = `
svg { background: #fff; font: 13px system-ui, sans-serif; fill: #1c2430 }
.standby { fill: #a86500 } .active { fill: #12753c } .retired { fill: #6b7280 } .planned { fill-opacity: .4 }
.tick { stroke: #d5d9de } .tick-label { fill: #55606e; font-size: 12px }
.now { stroke: #0b57a4; stroke-width: 2 } .now-label { fill: #0b57a4 } .removal { stroke: #1c2430; stroke-width: 2 }
.promotion { stroke: #12753c; stroke-dasharray: 4 4 }
.key-label { paint-order: stroke; stroke: #fff; stroke-width: 4px }
@media (prefers-color-scheme: dark) {
  svg { background: #1a2028; fill: #e6e9ed } .key-label { stroke: #1a2028 }
  .standby { fill: #e0a243 } .active { fill: #4cbf7d } .retired { fill: #8d97a5 }
  .tick { stroke: #333c48 } .tick-label { fill: #a3adb9 } .removal { stroke: #e6e9ed }
  .now { stroke: #82b8f5 } .now-label { fill: #82b8f5 } .promotion { stroke: #4cbf7d }
}
`

/** The first rotation of a simulated ring as SVG: one key has just retired, one signs, one is published. */
export function rotationSvg(lives: readonly Life[], { policy }: Replay): string {
  const { interval, retention } = policy.timing
  const now = (lives[1]?.activeAt ?? 0) + retention / 2
  const keys = lives.filter(({ publishedAt }) => publishedAt <= now).map((life) => keyView(life, now, policy.algs[0]))
  const view: RingView = { now, past: now + interval / 20, ahead: interval + retention, keys }
  const [name, attributes, ...drawn] = timeline(view)
  return `${markup([name, { ...attributes, width: WIDTH }, ['style', {}, STYLE], ...drawn])}\n`
}

function keyView({ number, publishedAt, activeAt, retiredAt, removedAt }: Life, now: number, alg: string): KeyView {
  const [active_from, active_to, removed_at] = [activeAt, retiredAt, removedAt].map(known)
  const state = now < activeAt ? 'standby' : now < retiredAt ? 'active' : now < removedAt ? 'retired' : 'removed'
  const jwk = { kid: `key ${number}`, alg, kty: '' }
  return { jwk, state, published_at: publishedAt, active_from, active_to, removed_at }
}

/** A moment within the simulated span; undefined for one after its end. */
function known(moment: Instant): number | undefined {
  return moment === never ? undefined : moment
}
