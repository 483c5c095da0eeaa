// Who may connect, and what each connection may do then: a DPU speaks for itself only, a key with the scope ingest for all,
// or, if it is confined to a space, for those wholly within it. A key with the scope read reads what it would over HTTP.
//
//   CONNECT ──▶ service open? ──▶ anybody
//                   └─ no ──▶ client id = user name = a known DPU, password is its secret ──▶ its own events and commands
//                        └──▶ password is a good key ──▶ ingest: any DPU's events; read: counts and states
//                        └──▶ its certificate's name = client id = a known DPU ──▶ the same, no password
//                        └──▶ CONNACK 4 (wrong), 5 (nothing given, not allowed), 3 (cannot be judged now)
import type { Clock } from '../shared/clock.ts';
import { Confinements, isDoingShown } from '../shared/confinement.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import type { Guard } from './guard.ts';
import { ConnectRefused, refusalOf, type Session, type SessionSources, sessionOf } from './session.ts';
import { dpuOfCommandsFilter, idInFilter, isSubscribable, READABLES, type Readable } from './topics.ts';

/** Resolves when it may come in, with what its CONNECT says; rejects with ConnectRefused. */
export type Authenticate = (guard: Guard) => Promise<void>;

/** Stands at the broker's door, and beside every connection that it let in. */
export type Doorman = {
  readonly authenticate: Authenticate;
  /** The client at the other end has shown a good certificate with this name. */
  certify(guard: Guard, name: string): void;
  /**
   * Of events of the DPU; null: of anything else, which is quarantined. False: the connection is to be closed, because MQTT
   * 3.1.1 has no answer that refuses a publish.
   */
  mayPublish(guard: Guard, dpuId: DpuId | null): boolean;
  maySubscribe(guard: Guard, filter: string): boolean;
  /** The count of a space, or the state of a DPU. */
  mayRead(guard: Guard, what: Readable, id: string): boolean;
  /** True for a client that sees a part only, which changes with the floor plan. */
  isConfined(guard: Guard): boolean;
  /** For such a client the way to its part, another object whenever the part may have changed; null for any other. */
  partOf(guard: Guard): (() => object) | null;
  /** True for a client that is one DPU, whose rate is limited; false for keys, and while the service is open. */
  isLimited(guard: Guard): boolean;
  /** The connection is over. */
  left(guard: Guard): void;
  close(): void;
};

export type DoormanDependencies = SessionSources & { readonly clock: Clock };

/** Lets everybody in: right where no credential is known. */
export function admitAnybody(): Doorman {
  return {
    authenticate: async () => undefined,
    certify: () => undefined,
    mayPublish: () => true,
    maySubscribe: (_guard, filter) => isSubscribable(filter),
    mayRead: () => true,
    isConfined: () => false,
    partOf: () => null,
    isLimited: () => false,
    left: () => undefined,
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
  const sessions = new Map<Guard, Session>();
  const { speaksFor, reads, partOf } = rightsBy(dependencies);
  const certified = new WeakMap<Guard, string>();
  /** Those among `sessions` that end by the clock. */
  const ending = new Map<Guard, Session>();
  const keep = (guard: Guard, session: Session): void => {
    sessions.set(guard, session);
    if (session.expiresAtMs === null) ending.delete(guard);
    else ending.set(guard, session);
  };
  const end = (guard: Guard) => guard.destroy(new Error('its credential is no longer good'));
  /** A DPU may go on with what it was let in with while that is good besides its new secret. */
  const judgeAgain = async (guard: Guard, { dpuId, hash }: Session): Promise<void> => {
    const standing = dpuId === null ? null : await access.standing(dpuId, hash).catch(() => null);
    const session = sessions.get(guard);
    if (session === undefined) return;
    if (standing === null) end(guard);
    else keep(guard, { ...session, expiresAtMs: standing.expiresAtMs });
  };
  const unwatch = access.watch((changed) => {
    const nowMs = clock.nowMs();
    for (const [guard, { expiresAtMs }] of ending) if ((expiresAtMs ?? nowMs + 1) <= nowMs) end(guard);
    if (changed.size === 0) return;
    for (const [guard, session] of sessions) {
      if (session.name === null) access.staysOpen || end(guard);
      else if (changed.has(session.name)) void judgeAgain(guard, session);
    }
  });
  /** Judges again when a credential changed meanwhile: only what has been let in is watched over. */
  const admit = async (guard: Guard): Promise<void> => {
    const { username, password } = guard.connect ?? {};
    const certifiedId = certified.get(guard) ?? null;
    const applicant = { clientId: guard.clientId, username, password: password?.toString(), certifiedId };
    for (;;) {
      const { revision } = access;
      const session = await sessionOf(dependencies, applicant);
      if (revision !== access.revision) continue;
      const dpuId = guard.clientId as DpuId;
      // It would take over from the DPU.
      if (dependencies.plan.dpus.has(dpuId) && !speaksFor(session, dpuId)) {
        throw new ConnectRefused('identifier_rejected', `${dpuId} is the id of a DPU, for which it does not speak`);
      }
      if (!guard.destroyed) keep(guard, session);
      return;
    }
  };
  return {
    authenticate: (guard) =>
      admit(guard).catch((error: Error) => {
        throw refusalOf(error);
      }),
    certify: (guard, name) => void certified.set(guard, name),
    mayPublish: (guard, dpuId) => {
      const session = sessions.get(guard);
      return session !== undefined && (dpuId === null ? session.maySpeak : speaksFor(session, dpuId));
    },
    maySubscribe: (guard, filter) => {
      const session = sessions.get(guard);
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
    mayRead: (guard, what, id) => {
      const session = sessions.get(guard);
      return session !== undefined && reads(session, what, id);
    },
    partOf: (guard) => {
      const session = sessions.get(guard);
      return session === undefined ? null : partOf(session);
    },
    isConfined: (guard) => (sessions.get(guard)?.rootSpaceId ?? null) !== null,
    isLimited: (guard) => (sessions.get(guard)?.dpuId ?? null) !== null,
    left: (guard) => {
      sessions.delete(guard);
      ending.delete(guard);
    },
    close: unwatch,
  };
}
