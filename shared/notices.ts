// Notices: what stands on retained topics, the newest of each id, followed only while somebody reads. Nothing is queued here.

/** `payload` null: there is none any more. */
export type Notice = readonly [id: string, payload: string | null];

/** `isFirst`: they stood there before anybody looked. */
export type Told = { readonly notices: readonly Notice[]; readonly isFirst: boolean };

/** Boards by what they tell: counts of spaces, states of DPUs. */
export type Boards = { readonly counts: NoticeBoard; readonly statuses: NoticeBoard };

/** Notices in one message between processes, or in one look-up. */
export const NOTICES_TOGETHER = 2_000;

/** Puts notices on a board until `signal` is aborted; first those of all that there is. */
export type Source = (put: (told: Told) => void, signal: AbortSignal) => void;

/** Told the ids whose payloads have changed, or stand there (`isFirst`). */
export type Follower = (ids: readonly string[], isFirst: boolean) => void;

export class NoticeBoard {
  readonly #source: Source;
  readonly #payloads = new Map<string, string>();
  readonly #followers = new Set<Follower>();
  #stop: AbortController | null = null;

  /** `source` runs while anybody follows. */
  constructor(source: Source) {
    this.#source = source;
  }

  /** Undefined: there is none. */
  payloadOf(id: string): string | undefined {
    return this.#payloads.get(id);
  }

  ids(): IterableIterator<string> {
    return this.#payloads.keys();
  }

  /** Calls `onChanged` until the answer is called; what is here already is not told. */
  follow(onChanged: Follower): () => void {
    this.#followers.add(onChanged);
    if (this.#stop === null) {
      const stop = new AbortController();
      this.#stop = stop;
      this.#source((told) => stop.signal.aborted || this.#put(told), stop.signal);
    }
    return () => {
      this.#followers.delete(onChanged);
      if (this.#followers.size > 0) return;
      this.#stop?.abort();
      this.#stop = null;
      this.#payloads.clear();
    };
  }

  #put({ notices, isFirst }: Told): void {
    const changed: string[] = [];
    for (const [id, payload] of notices) {
      if ((this.#payloads.get(id) ?? null) === payload) continue;
      if (payload === null) this.#payloads.delete(id);
      else this.#payloads.set(id, payload);
      changed.push(id);
    }
    if (changed.length === 0) return;
    for (const follower of this.#followers) follower(changed, isFirst);
  }
}

/** Follows boards for another process: of each everything first, then what changes. */
export class Passing {
  readonly #boards: Boards;
  readonly #send: (board: keyof Boards, told: Told) => void;
  readonly #followed = new Map<keyof Boards, () => void>();

  constructor(boards: Boards, send: (board: keyof Boards, told: Told) => void) {
    this.#boards = boards;
    this.#send = send;
  }

  follow(name: keyof Boards): void {
    this.unfollow(name);
    const board = this.#boards[name];
    const tell: Follower = (ids, isFirst) => {
      for (let at = 0; at < ids.length; at += NOTICES_TOGETHER) {
        const some = ids.slice(at, at + NOTICES_TOGETHER);
        this.#send(name, { notices: some.map((id) => [id, board.payloadOf(id) ?? null]), isFirst });
      }
    };
    this.#followed.set(name, board.follow(tell));
    tell([...board.ids()], true);
  }

  unfollow(name: keyof Boards): void {
    this.#followed.get(name)?.();
    this.#followed.delete(name);
  }

  end(): void {
    for (const name of [...this.#followed.keys()]) this.unfollow(name);
  }
}

/** Calls `step` again and again, `restMs` after it is done, until `signal` is aborted; what fails is told and tried again. */
export function repeat(
  step: () => Promise<void>,
  { restMs, signal, failed }: { restMs: number; signal: AbortSignal; failed: (error: unknown) => void },
): void {
  const run = async (): Promise<void> => {
    await step().catch((error) => signal.aborted || failed(error));
    if (!signal.aborted) setTimeout(run, restMs).unref();
  };
  void run();
}
