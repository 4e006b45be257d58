// Rounds with our own clients, each in a process of its own: a producer, and the consumers in as many processes as there
// are cores, because a process of Node uses one. They stay from round to round, so that what is measured is warm.
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Progress, Task } from './client.ts'

export interface OwnRound {
  readonly consumers: number
  readonly out_msgs_s: number
}

export class OwnClients {
  readonly #producer: ChildProcess = started()
  readonly #consumers: readonly ChildProcess[] = Array.from({ length: availableParallelism() }, started)
  #session = 0

  /** From the first message sent to the last one handled by the last consumer. */
  async round(url: string, consumers: number, size: number, count: number): Promise<OwnRound> {
    const session = ++this.#session
    const task = { url, session, size, count }
    const used = this.#consumers.slice(0, consumers)
    this.#ask(this.#producer, { ...task, role: 'producer', consumers: 0 })
    await heard(this.#producer, 'ready')
    const shares = used.map((_, i) => Math.floor((consumers + i) / used.length))
    const ready = used.map(one => heard(one, 'ready'))
    for (const [i, one] of used.entries()) this.#ask(one, { ...task, role: 'consumer', consumers: shares[i]! })
    await Promise.all(ready)
    // The crate registers a consumer after it has told it so.
    await new Promise(resolve => setTimeout(resolve, 150))
    const all = [...used, this.#producer].map(one => heard(one, 'done'))
    const start = performance.now()
    this.#producer.send('go')
    await Promise.all(all)
    const seconds = (performance.now() - start) / 1000
    const closed = [...used, this.#producer].map(one => heard(one, 'closed'))
    for (const one of [...used, this.#producer]) one.send('end')
    await Promise.all(closed)
    return { consumers, out_msgs_s: (count * consumers) / seconds }
  }

  end(): void {
    for (const one of [this.#producer, ...this.#consumers]) one.kill()
  }

  #ask(child: ChildProcess, task: Task): void {
    child.send(task)
  }
}

function started(): ChildProcess {
  return fork(fileURLToPath(new URL('./client.ts', import.meta.url)), [], { execArgv: process.execArgv })
}

function heard(child: ChildProcess, what: Progress): Promise<void> {
  return new Promise((got, failed) => {
    const onMessage = (message: unknown): void => {
      if (message !== what) return
      child.off('message', onMessage)
      child.off('exit', onExit)
      got()
    }
    const onExit = (code: number | null): void => failed(new Error(`a client ended with ${code}`))
    child.on('message', onMessage)
    child.once('exit', onExit)
  })
}
