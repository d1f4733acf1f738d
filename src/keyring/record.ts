import { isObject, type Json } from '../core/json.ts'
import { KeyringFault } from './fault.ts'

/** Reads the value of a member, or throws the fault that names the member. */
export type Read<Value> = (value: Json | undefined, member: string) => Value

/** How each member of a record is read; a record with any other member is damaged. */
type Members<Kept> = { readonly [Member in keyof Kept]: Read<Kept[Member]> }

/** A record with these members and no other. */
export function record<Kept extends object>(members: Members<Kept>): Read<Kept> {
  return (value, member) => {
    if (!isObject(value)) return reject(member)
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name))
    if (unknown !== undefined) return reject(unknown)
    const readers = Object.entries<Read<unknown>>(members)
    return Object.fromEntries(readers.map(([name, read]) => [name, read(value[name], name)])) as Kept
  }
}

/** A list whose items are read alike. */
export function list<Item>(read: Read<Item>): Read<readonly Item[]> {
  return (value, member) => Array.isArray(value) ? value.map((item: Json) => read(item, member)) : reject(member)
}

/** A member that may be missing. */
export function optional<Value>(read: Read<Value>): Read<Value | undefined> {
  return (value, member) => value === undefined ? undefined : read(value, member)
}

/** One of some values. */
export function oneOf<Value extends string | number>(...values: readonly Value[]): Read<Value> {
  return (value, member) => values.find((one) => one === value) ?? reject(member)
}

/** Throws the fault that names a member. */
export function reject(member: string): never {
  throw new KeyringFault('damaged', `Cannot read ${member}`)
}
