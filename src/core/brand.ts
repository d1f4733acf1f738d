declare const brand: unique symbol

/** A `Base` that only its parser or constructor makes, so that two meanings of one type cannot be mixed. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }
