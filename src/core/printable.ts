// C0 and C1 controls, DEL, line separators that some viewers use, marks that change the
// direction of text, and a space without width.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** The text with control characters as JSON escapes, so that they have no effect on a terminal or a log viewer. */
export function printable(text: string): string {
  return text.replace(HIDDEN, (hidden) => `\\u${hidden.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
