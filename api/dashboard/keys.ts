// Keys: who may ask and change what. A new one is shown once; a revoked one works nowhere within a second.
import type { Building } from './building.ts';
import { announce, openDialog, wordsOf } from './dialog.ts';
import { make, replace } from './element.ts';
import { listView, nothing, tableOf } from './list-view.ts';
import { ask, everyPage, keyInUse, useKey } from './service.ts';
import type { Key } from './shapes.ts';
import { dayText, inputMs } from './zone.ts';

const SCOPES: readonly (readonly [scope: string, words: string])[] = [
  ['read', 'see counts and the floor plan'],
  ['ingest', 'send events of any sensor'],
  ['manage', 'change the floor plan, replay; includes read'],
  ['admin', 'everything, keys too'],
];

export function keyView(element: HTMLElement, building: Building): () => void {
  const newKey = make(
    'button',
    { type: 'button', class: 'primary', onclick: () => openNewKey(building, load) },
    'New key…',
  );
  const forget = make('button', { type: 'button', onclick: () => forgetKey(forget) }, 'Forget my key');
  forget.hidden = keyInUse() === null;
  const words =
    'As long as there are none, everybody on this machine may do everything. The first key closes that door.';
  const view = listView(element, 'Keys', words, make('div', { class: 'tools' }, newKey, forget));
  const load = (): Promise<void> =>
    view.load(async () => {
      const keys = await everyPage<Key>('/v1/keys');
      forget.hidden = keyInUse() === null;
      if (keys.length === 0) return [nothing('There are no keys.')];
      const rows = keys.map((key) => [
        key.name || key.id,
        key.scopes.join(', '),
        dayText(Date.parse(key.created_at), building.zoneOf(null)),
        stateOf(key, building),
        key.revoked_at === null &&
          make(
            'button',
            { type: 'button', 'aria-label': `Revoke ${key.name || key.id}`, onclick: () => openRevoke(key, load) },
            'Revoke…',
          ),
      ]);
      return [tableOf('Keys', ['Name', 'Allows', 'Made', 'State', 'Action'], rows)];
    });
  void load();
  return () => undefined;
}

function stateOf({ revoked_at, expires_at }: Key, building: Building): string {
  const day = (text: string) => dayText(Date.parse(text), building.zoneOf(null));
  if (revoked_at !== null) return `revoked ${day(revoked_at)}`;
  return expires_at === null ? 'does not expire' : `until ${day(expires_at)}`;
}

function forgetKey(button: HTMLElement): void {
  useKey(null);
  button.hidden = true;
  location.reload();
}

function openNewKey(building: Building, onMade: () => Promise<void>): void {
  const dialog = openDialog('New key');
  const name = make('input', { id: 'key-name', type: 'text', maxlength: '200', autocomplete: 'off' });
  const until = make('input', { id: 'key-until', type: 'datetime-local' });
  const boxes = SCOPES.map(([scope, words]) => {
    const box = make('input', { type: 'checkbox', id: `scope-${scope}`, value: scope, checked: scope === 'admin' });
    return { box, label: make('label', { class: 'choice', for: box.id }, box, make('strong', {}, scope), ` ${words}`) };
  });
  const submit = async (event: Event) => {
    event.preventDefault();
    dialog.complain('');
    const scopes = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    const expires = until.value === '' ? null : inputMs(until.value, building.zoneOf(null));
    try {
      const body = { name: name.value, scopes, expires_at: expires };
      const made = await ask<Key & { readonly key: string }>('POST', '/v1/keys', body);
      // Whoever closes the door behind everybody stays inside.
      if (keyInUse() === null && scopes.includes('admin')) useKey(made.key);
      replace(dialog.body, shownOnce(made.key));
      announce('The key has been made. It is shown once.');
      await onMade();
    } catch (error) {
      dialog.complain(wordsOf(error));
    }
  };
  const form = make(
    'form',
    { onsubmit: (event: Event) => void submit(event) },
    make('div', { class: 'field' }, make('label', { for: 'key-name' }, 'Name, for those who read the list'), name),
    make('fieldset', {}, make('legend', {}, 'It allows to'), ...boxes.map(({ label }) => label)),
    make('div', { class: 'field' }, make('label', { for: 'key-until' }, 'Until, if it is to expire'), until),
    make('button', { type: 'submit', class: 'primary' }, 'Make it'),
  );
  replace(dialog.body, form);
  name.focus();
}

function shownOnce(key: string): HTMLElement {
  const copy = make(
    'button',
    { type: 'button', onclick: () => void navigator.clipboard.writeText(key).then(() => announce('Copied')) },
    'Copy',
  );
  const words = 'Keep it now: it is stored as a hash only and never shown again.';
  return make(
    'div',
    {},
    make('p', {}, words),
    make('code', { class: 'secret', id: 'new-key', tabindex: '0' }, key),
    copy,
  );
}

function openRevoke({ id, name }: Key, onDone: () => Promise<void>): void {
  const dialog = openDialog(`Revoke ${name || id}?`);
  const revoke = async () => {
    try {
      await ask('DELETE', `/v1/keys/${id}`);
      dialog.close();
      announce('The key has been revoked.');
      await onDone();
    } catch (error) {
      dialog.complain(wordsOf(error));
    }
  };
  const words = 'Whoever uses it is turned away within a second. That cannot be taken back.';
  const button = make('button', { type: 'button', class: 'danger', onclick: () => void revoke() }, 'Revoke it');
  replace(dialog.body, make('p', {}, words), button);
}
