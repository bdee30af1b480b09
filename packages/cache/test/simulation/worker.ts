import { parentPort, workerData } from 'node:worker_threads'
import { runBatch } from './batch.ts'

parentPort?.postMessage(await runBatch(workerData), [])
