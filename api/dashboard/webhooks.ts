// Webhooks: who is told over HTTP, how that goes, and taking one up again that was given up.
import type { Building } from './building.ts';
import { announce, wordsOf } from './dialog.ts';
import { make } from './element.ts';
import { listView, nothing, tableOf } from './list-view.ts';
import { ask, everyPage } from './service.ts';
import type { Webhook } from './shapes.ts';
import { plural } from './words.ts';
import { momentText } from './zone.ts';

const ASK_EVERY_MS = 5_000;

export function webhookView(element: HTMLElement, building: Building): () => void {
  const words = 'Addresses that are told of counts, changes and thresholds. They are made with POST /v1/webhooks.';
  const view = listView(element, 'Webhooks', words);
  const load = (): Promise<void> =>
    view.load(async () => {
      const webhooks = await everyPage<Webhook>('/v1/webhooks');
      if (webhooks.length === 0) return [nothing('There are no webhooks.')];
      const rows = webhooks.map((webhook) => [
        webhook.name || new URL(webhook.url).host,
        webhook.types.join(', '),
        stateOf(webhook, building),
        actionOn(webhook, load),
      ]);
      return [tableOf('Webhooks', ['Name', 'Is told', 'State', 'Action'], rows)];
    });
  void load();
  const timer = setInterval(() => {
    if (!document.hidden && !view.body.contains(document.activeElement)) void load();
  }, ASK_EVERY_MS);
  return () => clearInterval(timer);
}

function stateOf(
  { enabled, status, waiting, failing_since, disabled_at, disabled_reason }: Webhook,
  building: Building,
) {
  const at = (moment: string | null) => (moment === null ? '' : momentText(Date.parse(moment), building.zoneOf(null)));
  if (!enabled) return 'switched off';
  if (status === 'disabled') return `given up ${at(disabled_at)}: ${disabled_reason ?? ''}`;
  const left = waiting === 0 ? '' : `, ${plural(waiting, 'message')} waiting`;
  return status === 'failing' ? `failing since ${at(failing_since)}${left}` : `working${left}`;
}

function actionOn({ id, name, url, status }: Webhook, onDone: () => Promise<void>): HTMLElement {
  const isDisabled = status === 'disabled';
  const act = async () => {
    try {
      if (isDisabled) await ask('PATCH', `/v1/webhooks/${id}`, { enabled: true });
      else await ask('POST', `/v1/webhooks/${id}/test`, {});
      announce(isDisabled ? 'It is told again, from where it stopped.' : 'A message to try it is on its way.');
    } catch (error) {
      announce(wordsOf(error));
    }
    await onDone();
  };
  const words = isDisabled ? 'Take up again' : 'Try it';
  const label = `${words}: ${name || new URL(url).host}`;
  return make('button', { type: 'button', 'aria-label': label, onclick: () => void act() }, words);
}
