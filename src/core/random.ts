/** Returns `length` unpredictable bytes from a cryptographic source. */
export type RandomBytes = (length: number) => Uint8Array
