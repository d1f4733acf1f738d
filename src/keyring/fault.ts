/** The content of the store cannot be used; it is left as it is, and never replaced by fresh keys. */
export class KeyringFault extends Error {
  override readonly name = 'KeyringFault'
  readonly code:
    | 'unreadable' | 'damaged' | 'altered' | 'newer_format' | 'cannot_unseal'
    | 'ring_vanished' | 'rolled_back' | 'promise_broken'

  constructor(code: KeyringFault['code'], detail: string) {
    super(detail)
    this.code = code
  }
}
