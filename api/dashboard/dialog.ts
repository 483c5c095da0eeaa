// Dialogs: the browser's own, which keep the focus inside and give it back, with a title, a way out and a message line.
import { found, make } from './element.ts';

export type Dialog = {
  readonly body: HTMLElement;
  /** A line for what went wrong; read out at once. */
  complain(message: string): void;
  close(): void;
};

let dialogs = 0;

/** Opens a dialog; `onclose` is called however it is left. */
export function openDialog(title: string, onclose: () => void = () => undefined): Dialog {
  dialogs += 1;
  const id = `dialog-${dialogs}`;
  const body = make('div', { class: 'dialog-body' });
  const fault = make('p', { class: 'fault', role: 'alert' });
  const dialog = make(
    'dialog',
    { 'aria-labelledby': id },
    make(
      'div',
      { class: 'dialog-head' },
      make('h2', { id }, title),
      make('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: () => dialog.close() }, '✕'),
    ),
    body,
    fault,
  );
  dialog.addEventListener('close', () => {
    dialog.remove();
    onclose();
  });
  document.body.append(dialog);
  dialog.showModal();
  const complain = (message: string) => {
    fault.textContent = message;
  };
  return { body, complain, close: () => dialog.close() };
}

/** Says something to those who do not see it; sparingly. */
export function announce(message: string): void {
  found('announcer').textContent = message;
}

/** What went wrong, for people. */
export function wordsOf(error: unknown): string {
  return error instanceof TypeError ? 'The service cannot be reached.' : (error as Error).message;
}
