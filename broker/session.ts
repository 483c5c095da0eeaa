// What a connection was let in with, and what follows: which DPUs it speaks for, and whether it may read.
import type { Access, CredentialName } from '../shared/access.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import { suppressBelowOf } from '../shared/suppression.ts';
import type { Refusal } from './frames.ts';

/** `name` null: let in with nothing, while the service was open. */
export type Session = {
  readonly name: CredentialName | null;
  /** Of the secret; null: not with a secret. */
  readonly hash: string | null;
  /** The only DPU that it speaks for; null: for all. */
  readonly dpuId: DpuId | null;
  /** Of spaces and DPUs only the ones that lie within this space, to speak for them wholly; null: all. */
  readonly rootSpaceId: SpaceId | null;
  readonly maySpeak: boolean;
  /** Counts of spaces and states of DPUs. */
  readonly mayRead: boolean;
  readonly expiresAtMs: number | null;
};

export type SessionSources = {
  readonly access: Access;
  readonly plan: Floorplan;
  /** Counts below this are not told to keys that may only read; null: all are told. */
  readonly suppressBelow: number | null;
};

/** Who wants in, and with what. */
export type Applicant = {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The name in its certificate; null: it has shown none. */
  readonly certifiedId: string | null;
};

export type ConnectRefusal = Extract<
  Refusal,
  'identifier_rejected' | 'server_unavailable' | 'wrong_credentials' | 'not_authorized'
>;

/** Why a CONNECT is refused. */
export class ConnectRefused extends Error {
  readonly refusal: ConnectRefusal;
  constructor(refusal: ConnectRefusal, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

const OPEN: Session = {
  name: null,
  hash: null,
  dpuId: null,
  rootSpaceId: null,
  maySpeak: true,
  mayRead: true,
  expiresAtMs: null,
};

/** Throws what `refusalOf` makes a refusal of. */
export async function sessionOf(
  { access, plan, suppressBelow }: SessionSources,
  { clientId, username, password, certifiedId }: Applicant,
): Promise<Session> {
  if (await access.isOpen()) return OPEN;
  const dpuId = clientId as DpuId;
  const ofDpu = { name: `dpu:${dpuId}`, dpuId, rootSpaceId: null, maySpeak: true, mayRead: false } as const;
  if (certifiedId !== null) {
    if (certifiedId !== dpuId || !plan.dpus.has(dpuId)) {
      throw new ConnectRefused('not_authorized', 'the name in its certificate is not its client id, or of no DPU');
    }
    const standing = await access.standing(dpuId, null);
    if (standing === null) throw new ConnectRefused('not_authorized', 'what it connects with has been revoked');
    return { ...ofDpu, ...standing };
  }
  if (password === undefined || password === '')
    throw new ConnectRefused('not_authorized', 'neither a key nor a secret');
  // Most are DPUs, and many come at once.
  const isKnown = username === clientId && plan.dpus.has(dpuId);
  const standing = isKnown ? await access.authenticateDpu(dpuId, password) : null;
  if (standing !== null) return { ...ofDpu, ...standing };
  const identity = await access.authenticateKey(password);
  if (identity !== null) {
    const { id, scopes, rootSpaceId, expiresAtMs } = identity;
    const [maySpeak, isReader] = [scopes.has('ingest'), scopes.has('read')];
    // With suppression all that tells single crossings is closed.
    const mayRead = isReader && suppressBelowOf(identity, suppressBelow) === null;
    return { name: `key:${id}`, hash: null, dpuId: null, rootSpaceId, maySpeak, mayRead, expiresAtMs };
  }
  throw new ConnectRefused('wrong_credentials', 'wrong credentials; a DPU has its id as client id and as user name');
}

export function refusalOf(error: Error): ConnectRefused {
  if (error instanceof ConnectRefused) return error;
  return new ConnectRefused('server_unavailable', `it cannot be judged now: ${error.message}`);
}
