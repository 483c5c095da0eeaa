// The quarantine: what was received and could not be counted, with its bytes and the reason, and trying it again.
import type { Building } from './building.ts';
import { announce, wordsOf } from './dialog.ts';
import { make } from './element.ts';
import { listView, nothing, tableOf } from './list-view.ts';
import { ask } from './service.ts';
import type { Page, QuarantineItem } from './shapes.ts';
import { plain, plural } from './words.ts';
import { momentText } from './zone.ts';

const ROWS = 100;
const BYTES_SHOWN = 160;

type Replayed = { readonly replayed: number; readonly still_quarantined: number; readonly events: number };

export function quarantineView(element: HTMLElement, building: Building): () => void {
  const words =
    'Stored, acknowledged and not counted. Replay what is good by now: a sensor that was entered since, a clock that has caught up.';
  const view = listView(element, 'Quarantine', words);
  const replay = async (what: object) => {
    try {
      const { replayed, still_quarantined } = await ask<Replayed>('POST', '/v1/quarantine/replay', what);
      await load();
      const told = `${plural(replayed, 'item')} counted, ${still_quarantined} still in quarantine.`;
      view.body.prepend(make('p', { class: 'done' }, told));
      announce(told);
    } catch (error) {
      view.body.prepend(make('p', { class: 'fault', role: 'alert' }, wordsOf(error)));
    }
  };
  const button = (label: string, words: string, what: object) =>
    make('button', { type: 'button', 'aria-label': label, onclick: () => void replay(what) }, words);
  const load = () =>
    view.load(async () => {
      const { total, results } = await ask<Page<QuarantineItem>>('GET', `/v1/quarantine?page_size=${ROWS}`);
      if (total === 0) return [nothing('Everything that was received has been counted.')];
      const reasons = [...new Set(results.map(({ reason }) => reason))];
      const all = reasons.map((reason) =>
        button(`Replay all: ${plain(reason)}`, `Replay all: ${plain(reason)}`, { reason }),
      );
      const rows = results.map(({ id, dpu_id, topic, reason, received_at, detail, payload_base64 }) => [
        momentText(Date.parse(received_at), building.zoneOf(null)),
        dpu_id ?? topic ?? '',
        make('div', {}, make('strong', {}, plain(reason)), make('div', { class: 'soft' }, detail)),
        make('code', {}, textOf(payload_base64)),
        button(`Replay the item of ${dpu_id ?? topic ?? 'unknown'}, ${plain(reason)}`, 'Replay', { ids: [id] }),
      ]);
      const more = total > results.length ? make('p', { class: 'soft' }, `and ${total - results.length} more`) : null;
      return [
        make('div', { class: 'tools' }, ...all),
        tableOf('Quarantine', ['Received', 'Sensor', 'Why', 'What', 'Action'], rows),
        more,
      ];
    });
  void load();
  return () => undefined;
}

function textOf(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const text = new TextDecoder().decode(bytes.subarray(0, BYTES_SHOWN));
  return bytes.length > BYTES_SHOWN ? `${text}…` : text;
}
