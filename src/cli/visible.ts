/** What has no glyph of its own, looks like a space, or changes the direction of text. */
const INVISIBLE = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu

/**
 * The text of somebody else for a terminal, on one line: everything invisible but a space becomes JSON escapes.
 * Escapes made in the strings of a JSON document leave their meaning as it was (RFC 8259 section 7).
 */
export function visible(text: string): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replace(INVISIBLE, (hidden) => hidden.split('').map(escaped).join(''))
}

/** A JSON value on one line, of which a terminal shows every character. */
export function visibleJson(value: unknown): string {
  return visible(JSON.stringify(value))
}
