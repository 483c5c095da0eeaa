// A progress bar on standard error for those who watch; nothing for those who read the output later.
import type { Terminal } from './command.ts';

export type Progress = { update(done: number): void; stop(): void };

/** `label` stands before the bar; `total` is in the unit of `update`. */
export async function startProgress(terminal: Terminal, label: string, total: number): Promise<Progress> {
  if (!terminal.interactive) return { update: () => {}, stop: () => {} };
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar({
    format: `${label} [{bar}] {percentage} %`,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(total, 0);
  return {
    update: (done) => bar.update(Math.min(done, total)),
    stop: () => bar.stop(),
  };
}
