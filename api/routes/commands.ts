// Routes of commands: queued for a DPU, listed with what has become of them, withdrawn while they wait.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { DpuId } from '../../shared/ids.ts';
import { COMMANDS_WAITING_MAX, type Command, stateOf } from '../../shared/storage/commands.ts';
import { formatTimestamp, formatTimestampOrNull } from '../../shared/timestamp.ts';
import { listOf } from '../answers.ts';
import { commandAnswer } from '../answers-fleet.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { dpuOf, retired } from '../lookup.ts';
import { pageOf } from '../paging.ts';
import { invalidField, Problem } from '../problem.ts';
import { dpuId, givenId, moment, paging } from '../schemas.ts';

const DAY_MS = 86_400_000;
/** Whoever is away for longer is told what it missed by a person. */
const EXPIRES_AFTER_MS = 7 * DAY_MS;
const EXPIRES_AFTER_MS_MAX = 366 * DAY_MS;
/** Of `arguments` as JSON: a device has little room for one message. */
const ARGUMENTS_BYTES_MAX = 4096;
const COMMAND_PATTERN = /^[A-Za-z0-9_.:-]{1,64}$/;

const tags = ['fleet'];
const config = { confinement: 'own_dpu' } as const;
const params = z.strictObject({ id: dpuId });
const item = z.strictObject({ id: dpuId, command_id: givenId });
const body = z.strictObject({
  command: z.string().regex(COMMAND_PATTERN, 'a command is 1 to 64 of the characters A-Z a-z 0-9 _ . : -'),
  arguments: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(`At most ${ARGUMENTS_BYTES_MAX} bytes as JSON; default {}.`),
  expires_at: moment
    .optional()
    .describe('From then on it is not delivered any more; default in seven days, at most in a year.'),
});

export function commandRoutes(api: Api, { clock, commands, floorplan }: ApiDependencies): void {
  const found = async (id: DpuId, commandId: string): Promise<Command> => {
    const command = (await commands.list(id)).find((one) => one.id === commandId);
    if (command === undefined) throw missing(id, commandId);
    return command;
  };
  api.post(
    '/v1/dpus/:id/commands',
    {
      config,
      schema: {
        tags,
        summary: 'Send a DPU a command: at least once, as soon as it is there, over MQTT with QoS 1',
        params,
        body,
        response: { 202: commandAnswer },
      },
    },
    async ({ params: { id }, body }, reply) => {
      if (dpuOf(floorplan.plan, id).retiredAtMs !== null) throw retired('dpu', id);
      const nowMs = clock.nowMs();
      const command: Command = {
        id: randomUUID(),
        dpuId: id,
        payload: '',
        queuedAtMs: nowMs,
        expiresAtMs: expiryOf(body.expires_at, nowMs),
        deliveredAtMs: null,
      };
      const payload = payloadOf(command.id, body.command, body.arguments ?? {});
      if (!(await commands.queue({ ...command, payload }))) {
        const detail = `${COMMANDS_WAITING_MAX} commands wait for DPU ${id} already: withdraw some, or wait until it has been there`;
        throw new Problem('too_many_commands', detail);
      }
      return reply
        .code(202)
        .header('location', `/v1/dpus/${id}/commands/${command.id}`)
        .send(commandShape({ ...command, payload }, nowMs));
    },
  );
  api.get(
    '/v1/dpus/:id/commands',
    {
      config,
      schema: {
        tags,
        summary: 'List the commands of a DPU that wait, and the newest of those that do not',
        params,
        querystring: z.strictObject(paging),
        response: { 200: listOf(commandAnswer) },
      },
    },
    async ({ params: { id }, query, view }) => {
      const all = await commands.list(dpuOf(view.plan, id).id);
      const numbered = all.map((command, index) => ({ command, index }));
      const page = pageOf(`commands of ${id}`, numbered, ({ index }) => index, query);
      const nowMs = clock.nowMs();
      return { ...page, results: page.results.map(({ command }) => commandShape(command, nowMs)) };
    },
  );
  api.get(
    '/v1/dpus/:id/commands/:command_id',
    { config, schema: { tags, summary: 'A command', params: item, response: { 200: commandAnswer } } },
    async ({ params: { id, command_id }, view }) =>
      commandShape(await found(dpuOf(view.plan, id).id, command_id), clock.nowMs()),
  );
  api.delete(
    '/v1/dpus/:id/commands/:command_id',
    {
      config,
      schema: {
        tags,
        summary: 'Withdraw a command that was not delivered',
        params: item,
        response: { 204: z.undefined() },
      },
    },
    async ({ params: { id, command_id }, view }, reply) => {
      const withdrawn = await commands.withdraw(dpuOf(view.plan, id).id, command_id);
      if (withdrawn === null) throw missing(id, command_id);
      if (withdrawn.deliveredAtMs !== null) {
        throw new Problem('command_delivered', `DPU ${id} has it already: send another one that undoes it`);
      }
      return reply.code(204).send();
    },
  );
}

function expiryOf(expiresAtMs: number | undefined, nowMs: number): number {
  if (expiresAtMs === undefined) return nowMs + EXPIRES_AFTER_MS;
  if (expiresAtMs <= nowMs) throw invalidField('body.expires_at', 'it must be ahead of the clock of the service');
  if (expiresAtMs - nowMs <= EXPIRES_AFTER_MS_MAX) return expiresAtMs;
  throw invalidField('body.expires_at', 'it must be within a year');
}

/** What the DPU is sent. */
function payloadOf(id: string, command: string, given: Record<string, unknown>): string {
  const tooLarge = invalidField('body.arguments', `at most ${ARGUMENTS_BYTES_MAX} bytes as JSON, not too deep`);
  let text: string;
  try {
    text = JSON.stringify(given);
  } catch {
    throw tooLarge; // Nested deeper than can be written.
  }
  if (Buffer.byteLength(text) > ARGUMENTS_BYTES_MAX) throw tooLarge;
  return JSON.stringify({ id, command, arguments: given });
}

function commandShape(kept: Command, nowMs: number) {
  const { id, dpuId: dpu_id, payload, queuedAtMs, expiresAtMs, deliveredAtMs } = kept;
  const sent = JSON.parse(payload) as { command: string; arguments: Record<string, unknown> };
  return {
    id,
    dpu_id,
    command: sent.command,
    arguments: sent.arguments,
    state: stateOf(kept, nowMs),
    queued_at: formatTimestamp(queuedAtMs),
    expires_at: formatTimestamp(expiresAtMs),
    delivered_at: formatTimestampOrNull(deliveredAtMs),
  };
}

function missing(id: DpuId, commandId: string): Problem {
  return new Problem('command_not_found', `there is no command ${commandId} of DPU ${id}; old ones are not kept`);
}
