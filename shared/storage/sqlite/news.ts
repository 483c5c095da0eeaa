// What other processes have recorded: looked for inside a thread, which wakes the rest of its process only when there is some.

/** Numbers that grow: of facts that have been announced, and of commands that have been queued. */
export type News = { readonly announced: number; readonly command: number };

/** Between looks, and after one that failed. */
const LOOK_MS = 100;

/** Inside the thread: resolves when `look` finds other numbers than those that are known, which may be at once. */
export function awaitNews(look: () => Promise<News>): (known: News) => Promise<News> {
  return async (known) => {
    for (;;) {
      const found = await look();
      if (found.announced !== known.announced || found.command !== known.command) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
}

/** Outside: calls those who follow when there is news, and once as they begin; until the answer is called. */
export function followNews(
  next: (known: News) => Promise<News>,
  followers: { readonly announced: () => void; readonly command: () => void },
): () => void {
  let isOver = false;
  let known: News = { announced: -1, command: -1 };
  const run = async (): Promise<void> => {
    while (!isOver) {
      const found = await next(known);
      if (isOver) return;
      const before = known;
      known = found;
      if (found.announced !== before.announced) followers.announced();
      if (found.command !== before.command) followers.command();
    }
  };
  const start = (): void =>
    void run().catch(() => {
      if (!isOver) setTimeout(start, LOOK_MS).unref();
    });
  start();
  return () => {
    isOver = true;
  };
}
