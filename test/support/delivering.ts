// Delivery to webhooks on a real store, in the process of the test: on a clock that the test moves, and with little patience.
import type { Deliverer } from '../../api/webhooks/deliverer.ts';
import { openDeliverer } from '../../api/webhooks/open.ts';
import { startProcessor } from '../../processor/main.ts';
import { systemClock } from '../../shared/clock.ts';
import { readConfig } from '../../shared/config.ts';
import { openCore } from '../../shared/core.ts';
import type { Change } from '../../shared/fact.ts';
import type { DoorwayId, DpuId, PlacementId, SpaceId } from '../../shared/ids.ts';
import { createLog } from '../../shared/log.ts';
import type { Storage } from '../../shared/storage/open.ts';
import { SpaceWatch } from '../../shared/watch.ts';
import { newWebhookId, newWebhookSecret, type Webhook } from '../../shared/webhook.ts';
import { newStorage } from './storage.ts';
import { removeDir, temporaryDir } from './temporary-dir.ts';

export type Delivering = AsyncDisposable & {
  readonly store: Storage['webhooks'];
  readonly history: Storage['history'];
  /** Ahead of the time of day by this. */
  aheadMs: number;
  /** Makes a webhook at `url`; its id. The rest is of one that asks for all counts and changes. */
  webhook(url: string, over?: Partial<Webhook>, cursor?: string): Promise<Webhook>;
  change(webhook: Webhook): Promise<void>;
  /** One crossing of the door of this space, which is known and has a DPU. */
  cross(spaceId: string, direction: 1 | -1): Promise<void>;
  /** Delivery ends and begins again, as with another process. */
  restart(): Promise<void>;
};

const onFatal = (error: Error) => {
  throw error;
};

/** Of an attempt. */
const PATIENCE_MS = 1_000;

/** A building of spaces, each with a door of its own. */
function buildingOf(spaceIds: readonly string[]): Change[] {
  return spaceIds.flatMap((id): Change[] => {
    const [spaceId, doorwayId, dpuId] = [id as SpaceId, `door-${id}` as DoorwayId, `dpu-${id}` as DpuId];
    const version = { fromMs: null, parentId: null, timeZone: 'UTC', dailyReset: null };
    const placed = {
      id: `at-${id}` as PlacementId,
      dpuId,
      doorwayId,
      facing: 'a',
      fromMs: null,
      untilMs: null,
    } as const;
    return [
      { kind: 'space', id: spaceId, name: id, capacity: 10, retiredAtMs: null },
      { kind: 'space_version', id: spaceId, ...version },
      { kind: 'doorway', id: doorwayId, name: id, retiredAtMs: null },
      { kind: 'doorway_version', id: doorwayId, fromMs: null, a: spaceId, b: null },
      { kind: 'dpu', id: dpuId, name: id, retiredAtMs: null },
      { kind: 'placement', ...placed },
    ];
  });
}

export async function startDeliveringTo(spaceIds: readonly string[]): Promise<Delivering> {
  const dataDir = temporaryDir();
  const { config } = readConfig({ FOOTFALL_DATA_DIR: dataDir, FOOTFALL_LOG_LEVEL: 'silent', ...(await newStorage()) });
  const log = createLog('silent');
  const processor = await startProcessor(config, onFatal);
  const core = await openCore(config, log, processor);
  const { floorplan, storage, processors, ingest } = core;
  await floorplan.record(() => buildingOf(spaceIds), null);
  const { webhooks: store, history } = storage;
  let deliverer: Deliverer;
  let stamps = Date.UTC(2026, 2, 1);
  const open = () =>
    openDeliverer(
      {
        ...config,
        floorplan,
        history,
        processor: processors,
        watch: new SpaceWatch(floorplan.facts),
        clock: { nowMs: () => systemClock.nowMs() + delivering.aheadMs, monotonicMs: systemClock.monotonicMs },
        log,
        webhooks: { networks: ['127.0.0.0/8'] },
      },
      store,
      PATIENCE_MS,
    );
  const delivering: Delivering = {
    store,
    history,
    aheadMs: 0,
    webhook: async (url, over = {}, cursor) => {
      const webhook: Webhook = {
        id: newWebhookId(),
        name: '',
        url,
        types: ['change'],
        spaceIds: null,
        thresholds: [],
        isEnabled: true,
        secrets: [{ text: newWebhookSecret(), untilMs: null }],
        rootSpaceId: null,
        createdAtMs: systemClock.nowMs(),
        createdBy: null,
        revision: 1,
        ...over,
      };
      const place = cursor ?? (await history.newestChange());
      const progress = { cursor: place, revision: 0, factNumber: 0, ahead: [], crossed: [], disabled: null };
      await store.putWebhook(webhook.id, { webhook, progress });
      deliverer.refresh();
      return webhook;
    },
    change: async (webhook) => {
      const [record] = (await store.webhooks()).filter((one) => one.webhook.id === webhook.id);
      if (record !== undefined) await store.putWebhook(webhook.id, { ...record, webhook });
      deliverer.refresh();
    },
    cross: async (spaceId, direction) => {
      stamps += 1;
      const [dpuId, value] = [`dpu-${spaceId}` as DpuId, { timestamp: stamps, direction }];
      const payload = Buffer.from(JSON.stringify(value));
      await new Promise((stored) => ingest.accept({ dpuId, topic: null, payload, value }, stored));
    },
    restart: async () => {
      await deliverer.close();
      deliverer = await open();
    },
    [Symbol.asyncDispose]: async () => {
      await deliverer.close();
      await ingest.writer.drained();
      await processor.close();
      await core.close();
      removeDir(dataDir);
    },
  };
  deliverer = await open();
  return delivering;
}
