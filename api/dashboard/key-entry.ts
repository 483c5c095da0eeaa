// Asks for a key when the service wants one.
import { openDialog } from './dialog.ts';
import { make, replace } from './element.ts';
import { onKeyWanted } from './service.ts';

/** From now on a key is asked for whenever one is wanted, until one is given. */
export function wantKey(): void {
  onKeyWanted((why) => new Promise((resolve) => askOnce(why, resolve)));
}

function askOnce(why: string, resolve: (key: string) => void): void {
  let given = '';
  const dialog = openDialog('This service wants a key', () => {
    if (given === '') askOnce(why, resolve);
    else resolve(given);
  });
  const input = make('input', {
    type: 'password',
    id: 'key',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const submit = (event: Event) => {
    event.preventDefault();
    given = input.value.trim();
    if (given !== '') dialog.close();
  };
  replace(
    dialog.body,
    make('p', {}, why),
    make(
      'form',
      { onsubmit: submit },
      make('label', { for: 'key' }, 'Key'),
      input,
      make('p', { class: 'soft' }, 'It is kept until this tab is closed, and sent to this service only.'),
      make('button', { type: 'submit' }, 'Use it'),
    ),
  );
  input.focus();
}
