import { memoryStore } from '../../src/stores/memory.ts'
import { ringStoreContract } from './contract.ts'

ringStoreContract('memoryStore()', async () => memoryStore())
