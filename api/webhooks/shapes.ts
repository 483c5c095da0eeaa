// Webhooks and their messages as answers.
import type { WebhookRecord } from '../../shared/storage/webhooks.ts';
import { formatTimestamp, formatTimestampOrNull } from '../../shared/timestamp.ts';
import { type Delivery, isDisabled, type Threshold } from '../../shared/webhook.ts';

/** `next`: its first message that waits. */
export function webhookShape({ webhook, progress, waiting }: WebhookRecord, next: Delivery | null) {
  const { isEnabled, types, thresholds, spaceIds, rootSpaceId, createdAtMs, createdBy } = webhook;
  const isGivenUp = isEnabled && isDisabled(webhook, progress);
  const failingSinceMs = next?.failingSinceMs ?? null;
  const status = isDisabled(webhook, progress) ? 'disabled' : failingSinceMs === null ? 'working' : 'failing';
  return {
    id: webhook.id,
    name: webhook.name,
    url: webhook.url,
    types: [...types],
    space_ids: spaceIds === null ? null : [...spaceIds],
    thresholds: thresholds.map(thresholdShape),
    enabled: isEnabled,
    status: status as 'working' | 'failing' | 'disabled',
    waiting,
    failing_since: formatTimestampOrNull(failingSinceMs),
    disabled_at: isGivenUp ? formatTimestampOrNull(progress.disabled?.atMs ?? null) : null,
    disabled_reason: isGivenUp ? (progress.disabled?.reason ?? null) : null,
    root_space_id: rootSpaceId,
    created_at: formatTimestamp(createdAtMs),
    created_by: createdBy,
  };
}

function thresholdShape({ spaceId, of, above, below }: Threshold) {
  return { space_id: spaceId, of, above, below };
}

export function deliveryShape(delivery: Delivery) {
  const { number, messageId, type, isDelivered, createdAtMs, attempts, failures } = delivery;
  const state = isDelivered ? 'delivered' : failures > 0 ? 'failing' : 'waiting';
  return {
    id: String(number),
    message_id: messageId,
    type,
    state: state as 'waiting' | 'failing' | 'delivered',
    created_at: formatTimestamp(createdAtMs),
    attempts,
    last_attempt_at: formatTimestampOrNull(delivery.lastAttemptAtMs),
    next_attempt_at: formatTimestampOrNull(delivery.nextAttemptAtMs),
    status_code: delivery.statusCode,
    error: delivery.error,
  };
}
