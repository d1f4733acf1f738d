import { open } from 'node:fs/promises'

/** Makes new and changed names in a folder outlive a power cut; rejects with the error of the system. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  await folder.sync().finally(() => folder.close())
}
