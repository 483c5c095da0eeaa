// PUBLISH to journal: aedes acknowledges a publish when its hook calls back, and the hook calls back once it is stored.
//
//   PUBLISH ──▶ dpu/<id>/events ──▶ Ingest.accept ──────┐
//      ├─ of a DPU that the client does not speak for ─▶ connection closed, nothing acknowledged
//      └─ any other topic ─▶ quarantine as malformed ──┴─▶ durable ──▶ in its turn ──▶ PUBACK, PUBREC, nothing (QoS 0)
import type { AedesOptions, Client, PublishPacket } from 'aedes';
import type { DpuId } from '../shared/ids.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Guard } from './guard.ts';
import { dpuOfEventsTopic } from './topics.ts';

type PublishHook = NonNullable<AedesOptions['authorizePublish']>;

/** A publish that waits for those before it on its connection. */
type Turn = {
  readonly client: Client;
  readonly packet: PublishPacket;
  readonly acknowledge: () => void;
  stored: boolean;
};

/** Nobody can subscribe to it: aedes routes what is stored to it, because it routes everything to somewhere. */
const STORED_TOPIC = '$stored';
const NOTHING = Buffer.alloc(0);
/** What a payload of no bytes says: that the DPU is there. */
const NO_EVENTS: readonly unknown[] = [];

/** The `authorizePublish` of aedes. It never calls back before it has returned: aedes parses on inside that call. */
export function createPublishHook(ingest: Ingest, mayPublish: (client: Client, dpuId: DpuId) => boolean): PublishHook {
  const turnsOfClient = new WeakMap<Client, Turn[]>();

  return (client, packet, callback) => {
    if (client === null || packet.cmd !== 'publish') {
      callback(new Error('wills are not published'));
      return;
    }
    // What mqtt-packet reads where there is no packet identifier [MQTT-2.3.1-1].
    if (packet.qos > 0 && (packet.messageId ?? -1) < 0) {
      callback(new Error('PUBLISH without a packet identifier'));
      return;
    }
    const dpuId = dpuOfEventsTopic(packet.topic);
    if (dpuId !== null && !mayPublish(client, dpuId)) {
      callback(new Error(`it may not publish events of DPU ${dpuId}`));
      return;
    }
    let turns = turnsOfClient.get(client);
    if (turns === undefined) {
      turns = [];
      turnsOfClient.set(client, turns);
    }
    const inTurn = turns;
    const turn: Turn = { client, packet, acknowledge: callback, stored: false };
    inTurn.push(turn);
    let returned = false;
    store(ingest, dpuId, packet, () => {
      turn.stored = true;
      if (returned) acknowledgeStored(inTurn);
      else setImmediate(acknowledgeStored, inTurn);
    });
    returned = true;
    // What waits for the disk holds no memory of the network's.
    packet.payload = NOTHING;
  };
}

function store(ingest: Ingest, dpuId: DpuId | null, packet: PublishPacket, stored: () => void): void {
  const { topic } = packet;
  const payload = packet.payload as Buffer;
  if (dpuId === null) {
    ingest.quarantine({ topic, payload, reason: 'malformed', detail: 'topic: not dpu/<id>/events' }, stored);
  } else if (payload.length === 0) ingest.accept({ dpuId, topic, payload, value: NO_EVENTS }, stored);
  else ingest.accept({ dpuId, topic, payload }, stored);
}

/** Acknowledgements leave in the order of the publishes [MQTT-4.6.0-2], also past what had nothing to store. */
function acknowledgeStored(turns: Turn[]): void {
  while (turns[0]?.stored) acknowledge(turns.shift() as Turn);
}

function acknowledge({ client, packet, acknowledge }: Turn): void {
  if (client.closed) return;
  const { qos } = packet;
  packet.topic = STORED_TOPIC;
  packet.retain = false;
  acknowledge();
  // PUBACK is written; as QoS 0 aedes does not ask who would have to get it later.
  if (qos === 1) packet.qos = 0;
  else if (qos === 0) (client.conn as Guard).answered();
}
