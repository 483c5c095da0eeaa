// Who may connect, and what each connection may do then: a DPU speaks for itself only, a key with the scope ingest for all,
// or, if it is confined to a space, for those wholly within it.
//
//   CONNECT ──▶ service open? ──▶ anybody
//                   └─ no ──▶ password is a good key with ingest ──▶ any DPU's events
//                        └──▶ client id = user name = a known DPU, password is its secret ──▶ its own events and commands
//                        └──▶ its certificate's name = client id = a known DPU ──▶ the same, no password
//                        └──▶ CONNACK 4 (wrong), 5 (nothing given, not allowed), 3 (cannot be judged now)
import type { Duplex } from 'node:stream';
import type { AedesOptions, Client } from 'aedes';
import type { Access, CredentialName } from '../shared/access.ts';
import type { Clock } from '../shared/clock.ts';
import { Confinements } from '../shared/confinement.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import { dpuOfCommandsFilter, isSubscribable } from './topics.ts';

export type Authenticate = NonNullable<AedesOptions['authenticate']>;

/** Stands at the broker's door, and beside every connection that it let in. */
export type Doorman = {
  readonly authenticate: Authenticate;
  /** The client at the other end of this stream has shown a good certificate with this name. */
  certify(stream: Duplex, name: string): void;
  /** False: the connection is to be closed, because MQTT 3.1.1 has no answer that refuses a publish. */
  mayPublish(client: Client, dpuId: DpuId): boolean;
  maySubscribe(client: Client, filter: string): boolean;
  /** True for a client that is one DPU, whose rate is limited; false for keys, and while the service is open. */
  isLimited(client: Client): boolean;
  close(): void;
};

export type DoormanDependencies = {
  readonly access: Access;
  readonly plan: Floorplan;
  readonly clock: Clock;
};

/** What a connection was let in with; `name` null: with nothing, while the service was open. */
type Session = {
  readonly name: CredentialName | null;
  /** Of the secret; null: not with a secret. */
  readonly hash: string | null;
  /** The only DPU that it speaks for; null: for all. */
  readonly dpuId: DpuId | null;
  /** Of those it speaks for only the ones that lie wholly within this space; null: all. */
  readonly rootSpaceId: SpaceId | null;
  readonly expiresAtMs: number | null;
};

type Connect = [client: Client, username: string | undefined, password: string | undefined];

/** CONNACK return codes (MQTT 3.1.1, table 3.1). */
const UNAVAILABLE = 3;
const WRONG_CREDENTIALS = 4;
const NOT_AUTHORIZED = 5;

/** Why a CONNECT is refused; aedes answers with `returnCode`. */
class Refusal extends Error {
  readonly returnCode: number;
  constructor(returnCode: number, message: string) {
    super(message);
    this.returnCode = returnCode;
  }
}

/** Lets everybody in: right where no credential is known. */
export function admitAnybody(): Doorman {
  return {
    authenticate: (_client, _username, _password, done) => done(null, true),
    certify: () => undefined,
    mayPublish: () => true,
    maySubscribe: (_client, filter) => isSubscribable(filter),
    isLimited: () => false,
    close: () => undefined,
  };
}

/** Asks `access`; ends connections soon after what they were let in with is revoked, replaced or expired. */
export function admitKnown(dependencies: DoormanDependencies): Doorman {
  const { access, clock } = dependencies;
  const sessions = new Map<Client, Session>();
  const confinements = new Confinements(dependencies.plan);
  const speaksFor = ({ dpuId: own, rootSpaceId }: Session, dpuId: DpuId): boolean => {
    if ((own ?? dpuId) !== dpuId) return false;
    return rootSpaceId === null || confinements.of(rootSpaceId, clock.nowMs()).isDpuInside(dpuId);
  };
  const certified = new WeakMap<object, string>();
  /** Those among `sessions` that end by the clock. */
  const ending = new Map<Client, Session>();
  const keep = (client: Client, session: Session): void => {
    sessions.set(client, session);
    if (session.expiresAtMs === null) ending.delete(client);
    else ending.set(client, session);
  };
  const forget = (client: Client): void => {
    sessions.delete(client);
    ending.delete(client);
  };
  const end = (client: Client) => void client.conn.destroy(new Error('its credential is no longer good'));
  /** A DPU may go on with what it was let in with while that is good besides its new secret. */
  const judgeAgain = async (client: Client, { dpuId, hash }: Session): Promise<void> => {
    const standing = dpuId === null ? null : await access.standing(dpuId, hash).catch(() => null);
    const session = sessions.get(client);
    if (session === undefined) return;
    if (standing === null) end(client);
    else keep(client, { ...session, expiresAtMs: standing.expiresAtMs });
  };
  const unwatch = access.watch((changed) => {
    const nowMs = clock.nowMs();
    for (const [client, { expiresAtMs }] of ending) if ((expiresAtMs ?? nowMs + 1) <= nowMs) end(client);
    if (changed.size === 0) return;
    for (const [client, session] of sessions) {
      if (session.name === null) access.staysOpen || end(client);
      else if (changed.has(session.name)) void judgeAgain(client, session);
    }
  });
  /** Judges again when a credential changed meanwhile: only what has been let in is watched over. */
  const admit = async (...connect: Connect): Promise<void> => {
    for (;;) {
      const { revision } = access;
      const session = await sessionOf(dependencies, certified.get(connect[0].conn) ?? null, ...connect);
      if (revision !== access.revision) continue;
      const [client] = connect;
      if (!client.conn.destroyed) keep(client, session);
      return;
    }
  };
  return {
    authenticate: (client, username, password, done) => {
      client.conn.once('close', () => forget(client));
      admit(client, username, password?.toString()).then(
        () => done(null, true),
        (error: Error) => done(refusalOf(error), false),
      );
    },
    certify: (stream, name) => void certified.set(stream, name),
    mayPublish: (client, dpuId) => {
      const session = sessions.get(client);
      return session !== undefined && speaksFor(session, dpuId);
    },
    maySubscribe: (client, filter) => {
      const session = sessions.get(client);
      if (session === undefined || !isSubscribable(filter)) return false;
      if (session.dpuId === null && session.rootSpaceId === null) return true;
      const dpuId = dpuOfCommandsFilter(filter);
      return dpuId !== null && speaksFor(session, dpuId);
    },
    isLimited: (client) => (sessions.get(client)?.dpuId ?? null) !== null,
    close: unwatch,
  };
}

async function sessionOf(
  { access, plan }: DoormanDependencies,
  certifiedId: string | null,
  ...[client, username, password]: Connect
): Promise<Session> {
  if (await access.isOpen()) return { name: null, hash: null, dpuId: null, rootSpaceId: null, expiresAtMs: null };
  const dpuId = client.id as DpuId;
  if (certifiedId !== null) {
    if (certifiedId !== dpuId || !plan.dpus.has(dpuId)) {
      throw new Refusal(NOT_AUTHORIZED, 'the name in its certificate is not its client id, or of no DPU');
    }
    const standing = await access.standing(dpuId, null);
    if (standing === null) throw new Refusal(NOT_AUTHORIZED, 'what it connects with has been revoked');
    return { name: `dpu:${dpuId}`, dpuId, rootSpaceId: null, ...standing };
  }
  if (password === undefined || password === '') throw new Refusal(NOT_AUTHORIZED, 'neither a key nor a secret');
  const identity = await access.authenticateKey(password);
  if (identity !== null) {
    if (!identity.scopes.has('ingest')) throw new Refusal(NOT_AUTHORIZED, 'the key has not the scope ingest');
    const { id, rootSpaceId, expiresAtMs } = identity;
    return { name: `key:${id}`, hash: null, dpuId: null, rootSpaceId, expiresAtMs };
  }
  const isKnown = username === client.id && plan.dpus.has(dpuId);
  const standing = isKnown ? await access.authenticateDpu(dpuId, password) : null;
  if (standing !== null) return { name: `dpu:${dpuId}`, dpuId, rootSpaceId: null, ...standing };
  throw new Refusal(WRONG_CREDENTIALS, 'wrong credentials; a DPU has its id as client id and as user name');
}

function refusalOf(error: Error): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(UNAVAILABLE, `it cannot be judged now: ${error.message}`);
}
