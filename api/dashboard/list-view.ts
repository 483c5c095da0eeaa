// What the views beside the building have in common: a heading, words about it, and rows that are loaded or could not be.
import { wordsOf } from './dialog.ts';
import { type Child, make, replace } from './element.ts';
import { ServiceProblem } from './service.ts';

export type ListView = {
  /** Where the rows go. */
  readonly body: HTMLElement;
  /** Fills the rows with what `load` makes, or says why it could not. */
  load(load: () => Promise<readonly Child[]>): Promise<void>;
};

export function listView(element: HTMLElement, title: string, words: string, ...tools: readonly Child[]): ListView {
  const body = make('div', { class: 'list-body', 'aria-live': 'off' });
  const heading = make('h2', { tabindex: '-1' }, title);
  const head = make(
    'div',
    { class: 'list-head' },
    make('div', {}, heading, make('p', { class: 'soft' }, words)),
    ...tools,
  );
  replace(element, head, body);
  const load: ListView['load'] = async (given) => {
    try {
      const rows = await given();
      if (body.isConnected) replace(body, ...rows);
    } catch (error) {
      const isMissing = error instanceof ServiceProblem && error.code === 'route_not_found';
      const message = isMissing ? 'This service does not offer that yet.' : wordsOf(error);
      replace(body, make('p', { class: isMissing ? 'soft' : 'fault', role: isMissing ? 'status' : 'alert' }, message));
    }
  };
  replace(body, make('p', { class: 'soft' }, 'Asking…'));
  return { body, load };
}

/** A table that scrolls by itself where it is too wide for the page. */
export function tableOf(label: string, head: readonly string[], rows: readonly (readonly Child[])[]): HTMLElement {
  const cells = (row: readonly Child[]) =>
    row.map((cell, index) => make('td', { 'data-head': head[index] ?? '' }, cell));
  const scroll = { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': label };
  const columns = head.map((text) => make('th', { scope: 'col' }, text));
  const body = rows.map((row) => make('tr', {}, ...cells(row)));
  const table = make('table', {}, make('thead', {}, make('tr', {}, ...columns)), make('tbody', {}, ...body));
  return make('div', scroll, table);
}

/** What stands where a list is empty. */
export function nothing(words: string): HTMLElement {
  return make('p', { class: 'nothing' }, words);
}
