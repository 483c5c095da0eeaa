// Who may connect, and what each connection may do then: a DPU speaks for itself only, a key with the scope ingest for all,
// or, if it is confined to a space, for those wholly within it. A key with the scope read reads what it would over HTTP.
//
//   CONNECT ──▶ service open? ──▶ anybody
//                   └─ no ──▶ password is a good key ──▶ ingest: any DPU's events; read: counts and states
//                        └──▶ client id = user name = a known DPU, password is its secret ──▶ its own events and commands
//                        └──▶ its certificate's name = client id = a known DPU ──▶ the same, no password
//                        └──▶ CONNACK 4 (wrong), 5 (nothing given, not allowed), 3 (cannot be judged now)
import type { Duplex } from 'node:stream';
import type { AedesOptions, Client } from 'aedes';
import type { Clock } from '../shared/clock.ts';
import { Confinements, isDoingShown } from '../shared/confinement.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import {
  type Connect,
  IDENTIFIER_REJECTED,
  Refusal,
  refusalOf,
  type Session,
  type SessionSources,
  sessionOf,
} from './session.ts';
import { dpuOfCommandsFilter, idInFilter, isSubscribable, READABLES, type Readable } from './topics.ts';

export type Authenticate = NonNullable<AedesOptions['authenticate']>;

/** Stands at the broker's door, and beside every connection that it let in. */
export type Doorman = {
  readonly authenticate: Authenticate;
  /** The client at the other end of this stream has shown a good certificate with this name. */
  certify(stream: Duplex, name: string): void;
  /**
   * Of events of the DPU; null: of anything else, which is quarantined. False: the connection is to be closed, because MQTT
   * 3.1.1 has no answer that refuses a publish.
   */
  mayPublish(client: Client, dpuId: DpuId | null): boolean;
  maySubscribe(client: Client, filter: string): boolean;
  /** The count of a space, or the state of a DPU. */
  mayRead(client: Client, what: Readable, id: string): boolean;
  /** True for a client that sees a part only, which changes with the floor plan. */
  isConfined(client: Client): boolean;
  /** For such a client the way to its part, another object whenever the part may have changed; null for any other. */
  partOf(client: Client): (() => object) | null;
  /** True for a client that is one DPU, whose rate is limited; false for keys, and while the service is open. */
  isLimited(client: Client): boolean;
  close(): void;
};

export type DoormanDependencies = SessionSources & { readonly clock: Clock };

/** Lets everybody in: right where no credential is known. */
export function admitAnybody(): Doorman {
  return {
    authenticate: (_client, _username, _password, done) => done(null, true),
    certify: () => undefined,
    mayPublish: () => true,
    maySubscribe: (_client, filter) => isSubscribable(filter),
    mayRead: () => true,
    isConfined: () => false,
    partOf: () => null,
    isLimited: () => false,
    close: () => undefined,
  };
}

/** What sessions may do by the floor plan as it is whenever they are asked about. */
function rightsBy({ plan, clock }: DoormanDependencies) {
  const confinements = new Confinements(plan);
  const speaksFor = ({ dpuId: own, rootSpaceId, maySpeak }: Session, dpuId: DpuId): boolean => {
    if (!maySpeak || (own ?? dpuId) !== dpuId) return false;
    return rootSpaceId === null || confinements.of(rootSpaceId, clock.nowMs()).isDpuInside(dpuId);
  };
  const reads = ({ mayRead, rootSpaceId }: Session, what: Readable, id: string): boolean => {
    if (!mayRead || rootSpaceId === null) return mayRead;
    const nowMs = clock.nowMs();
    const within = confinements.of(rootSpaceId, nowMs);
    return what === 'count' ? within.plan.spaces.has(id as SpaceId) : isDoingShown(within.spans, id as DpuId, nowMs);
  };
  const partOf = ({ rootSpaceId }: Session) =>
    rootSpaceId === null ? null : () => confinements.of(rootSpaceId, clock.nowMs());
  return { speaksFor, reads, partOf };
}

/** Asks `access`; ends connections soon after what they were let in with is revoked, replaced or expired. */
export function admitKnown(dependencies: DoormanDependencies): Doorman {
  const { access, clock } = dependencies;
  const sessions = new Map<Client, Session>();
  const { speaksFor, reads, partOf } = rightsBy(dependencies);
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
      const dpuId = client.id as DpuId;
      // It would take over from the DPU.
      if (dependencies.plan.dpus.has(dpuId) && !speaksFor(session, dpuId)) {
        throw new Refusal(IDENTIFIER_REJECTED, `${dpuId} is the id of a DPU, for which it does not speak`);
      }
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
      return session !== undefined && (dpuId === null ? session.maySpeak : speaksFor(session, dpuId));
    },
    maySubscribe: (client, filter) => {
      const session = sessions.get(client);
      if (session === undefined || !isSubscribable(filter)) return false;
      const dpuId = dpuOfCommandsFilter(filter);
      if (dpuId !== null) return speaksFor(session, dpuId);
      for (const what of READABLES) {
        const id = idInFilter(what, filter);
        if (id !== null) return session.mayRead && (id === '+' || reads(session, what, id));
      }
      // Nothing comes by it.
      return session.dpuId === null && session.rootSpaceId === null;
    },
    mayRead: (client, what, id) => {
      const session = sessions.get(client);
      return session !== undefined && reads(session, what, id);
    },
    partOf: (client) => {
      const session = sessions.get(client);
      return session === undefined ? null : partOf(session);
    },
    isConfined: (client) => (sessions.get(client)?.rootSpaceId ?? null) !== null,
    isLimited: (client) => (sessions.get(client)?.dpuId ?? null) !== null,
    close: unwatch,
  };
}
