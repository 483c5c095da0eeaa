// AsyncAPI 3 of what goes over MQTT, at /asyncapi.json: what DPUs publish, what they are told, and what readers are.
import { z } from 'zod';
import { EVENTS_PER_MESSAGE_MAX } from '../shared/event.ts';
import { eventSchema } from '../shared/event-schema.ts';
import { ID_PATTERN } from '../shared/ids.ts';

const dpuId = { description: `Id of the DPU: ${ID_PATTERN.source}`, examples: ['423'] };
const spaceId = { description: `Id of the space: ${ID_PATTERN.source}`, examples: ['lobby'] };
const events = z.union([eventSchema, z.array(eventSchema).max(EVENTS_PER_MESSAGE_MAX)]);
const command = z.object({ id: z.string(), command: z.string(), arguments: z.looseObject({}) });

const moment = z.iso.datetime();
const count = z.object({
  type: z.literal('count'),
  space_id: z.string(),
  at: moment,
  count: z.int(),
  occupancy: z.int().min(0),
  status: z.enum(['settled', 'provisional']),
  revision: z.int(),
});
const status = z.object({ online: z.boolean(), since: moment.nullable(), last_heard: moment.nullable() });

/** The schema in JSON Schema draft 7, which is the one of AsyncAPI. */
function payloadOf(schema: z.ZodType, example: unknown): object {
  const { $schema: _, ...payload } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', reused: 'inline' });
  return { ...payload, examples: [example] };
}

const EVENT = { timestamp: '2026-03-02T09:00:00.123Z', direction: 1, epoch: 1, seq: 4711 };
const AT = '2026-03-02T09:00:00.250Z';
const COUNT = { type: 'count', space_id: 'lobby', at: AT, count: 3, occupancy: 3, status: 'provisional', revision: 17 };
const STATUS = { online: true, since: '2026-03-01T22:10:04.003Z', last_heard: AT };
const COMMAND = { id: 'c1', command: 'restart', arguments: {} };

const securitySchemes = {
  dpu: {
    type: 'userPassword',
    description: 'Client id and user name are the id of the DPU, the password is its secret.',
  },
  key: {
    type: 'userPassword',
    description:
      'The password is a key, with the scope ingest for events and commands, with read for counts and states; any client id and user name.',
  },
};
const anySecurity = Object.keys(securitySchemes).map((name) => ({ $ref: `#/components/securitySchemes/${name}` }));

export const ASYNCAPI = {
  asyncapi: '3.0.0',
  info: {
    title: 'footfall',
    version: '1',
    description:
      'People counts from doorway sensors: the MQTT side. What is acknowledged is stored. MQTT 3.1.1 and 5, over TCP or WebSocket.',
  },
  defaultContentType: 'application/json',
  servers: {
    mqtt: { host: 'localhost:1883', protocol: 'mqtt', description: 'MQTT over TCP', security: anySecurity },
    websocket: {
      host: 'localhost:8080',
      pathname: '/mqtt',
      protocol: 'ws',
      description: 'MQTT over WebSocket',
      security: anySecurity,
    },
  },
  channels: {
    events: {
      address: 'dpu/{dpu_id}/events',
      description: 'Crossings that the DPU saw. An empty array says that it is there and saw nothing.',
      parameters: { dpu_id: dpuId },
      messages: { events: { $ref: '#/components/messages/events' } },
    },
    commands: {
      address: 'dpu/{dpu_id}/commands',
      description: 'What the DPU is asked to do.',
      parameters: { dpu_id: dpuId },
      messages: { command: { $ref: '#/components/messages/command' } },
    },
    count: {
      address: 'spaces/{space_id}/count',
      description:
        'Retained: the count of now of a space. An empty payload says that there is no such space any more. `spaces/+/count` brings those that the key may see.',
      parameters: { space_id: spaceId },
      messages: { count: { $ref: '#/components/messages/count' } },
    },
    status: {
      address: 'dpus/{dpu_id}/status',
      description: 'Retained: whether a DPU is connected, since when, and (by the minute) when it was last heard.',
      parameters: { dpu_id: dpuId },
      messages: { status: { $ref: '#/components/messages/status' } },
    },
  },
  operations: {
    receiveEvents: {
      action: 'receive',
      summary: 'Takes events; PUBACK says that they are durable',
      description:
        'Identity is dpu, timestamp, direction, epoch and seq: what is sent again counts once. What cannot be counted is quarantined and acknowledged.',
      channel: { $ref: '#/channels/events' },
      bindings: { mqtt: { qos: 1, retain: false, bindingVersion: '0.2.0' } },
    },
    sendCommand: {
      action: 'send',
      summary: 'Tells the DPU that subscribes to its own commands',
      description:
        'Once or more, until its PUBACK: what was queued while it was away comes when it subscribes, in order, one after the other. Subscribe with QoS 1.',
      channel: { $ref: '#/channels/commands' },
      bindings: { mqtt: { qos: 1, retain: false, bindingVersion: '0.2.0' } },
    },
    sendCount: {
      action: 'send',
      summary: 'Tells readers the count of a space, and every change of it',
      description: 'A slow reader gets the newest of each space, never a queue of older ones.',
      channel: { $ref: '#/channels/count' },
      bindings: { mqtt: { qos: 0, retain: true, bindingVersion: '0.2.0' } },
    },
    sendStatus: {
      action: 'send',
      summary: 'Tells readers the state of a DPU, and every change of it',
      channel: { $ref: '#/channels/status' },
      bindings: { mqtt: { qos: 0, retain: true, bindingVersion: '0.2.0' } },
    },
  },
  components: {
    messages: {
      events: {
        title: `An event, or an array of up to ${EVENTS_PER_MESSAGE_MAX}`,
        payload: payloadOf(events, EVENT),
        examples: [
          { name: 'one', payload: EVENT },
          { name: 'backlog', payload: [EVENT, { ...EVENT, direction: -1, seq: 4712 }] },
        ],
      },
      command: {
        title: 'A command',
        payload: payloadOf(command, COMMAND),
        examples: [{ name: 'restart', payload: COMMAND }],
      },
      count: {
        title: 'The count of a space',
        payload: payloadOf(count, COUNT),
        examples: [{ name: 'three people', payload: COUNT }],
      },
      status: {
        title: 'The state of a DPU',
        payload: payloadOf(status, STATUS),
        examples: [{ name: 'connected', payload: STATUS }],
      },
    },
    securitySchemes,
  },
};
