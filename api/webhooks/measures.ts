// What is told of webhooks as a whole: how many do well, and how much waits for their receivers.
import { gauge, type Reading } from '../../shared/metrics/reading.ts';
import type { WebhookStore } from '../../shared/storage/webhooks.ts';
import { webhookShape } from './shapes.ts';

export async function webhookReadings(store: Pick<WebhookStore, 'webhooks' | 'delivery'>): Promise<Reading[]> {
  const status = { working: 0, failing: 0, disabled: 0 };
  let waiting = 0;
  for (const record of await store.webhooks()) {
    const next = record.waiting === 0 ? null : await store.delivery(record.webhook.id, 'next');
    status[webhookShape(record, next?.delivery ?? null).status] += 1;
    waiting += record.waiting;
  }
  return [
    gauge('footfall_webhooks', 'Webhooks, by how they do', status, 'status'),
    gauge('footfall_webhook_messages_waiting', 'Messages to webhooks that are made and not delivered', waiting),
  ];
}
