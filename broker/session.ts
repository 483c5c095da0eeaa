// What a connection was let in with, and what follows: which DPUs it speaks for, and whether it may read.
import type { Client } from 'aedes';
import type { Access, CredentialName } from '../shared/access.ts';
import type { Floorplan } from '../shared/floorplan.ts';
import type { DpuId, SpaceId } from '../shared/ids.ts';
import { suppressBelowOf } from '../shared/suppression.ts';

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

export type Connect = [client: Client, username: string | undefined, password: string | undefined];

/** CONNACK return codes (MQTT 3.1.1, table 3.1). */
export const IDENTIFIER_REJECTED = 2;
const UNAVAILABLE = 3;
const WRONG_CREDENTIALS = 4;
const NOT_AUTHORIZED = 5;

/** Why a CONNECT is refused; aedes answers with `returnCode`. */
export class Refusal extends Error {
  readonly returnCode: number;
  constructor(returnCode: number, message: string) {
    super(message);
    this.returnCode = returnCode;
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

/** Throws what `refusalOf` makes a refusal of. `certifiedId`: the name in its certificate. */
export async function sessionOf(
  { access, plan, suppressBelow }: SessionSources,
  certifiedId: string | null,
  ...[client, username, password]: Connect
): Promise<Session> {
  if (await access.isOpen()) return OPEN;
  const dpuId = client.id as DpuId;
  const ofDpu = { name: `dpu:${dpuId}`, dpuId, rootSpaceId: null, maySpeak: true, mayRead: false } as const;
  if (certifiedId !== null) {
    if (certifiedId !== dpuId || !plan.dpus.has(dpuId)) {
      throw new Refusal(NOT_AUTHORIZED, 'the name in its certificate is not its client id, or of no DPU');
    }
    const standing = await access.standing(dpuId, null);
    if (standing === null) throw new Refusal(NOT_AUTHORIZED, 'what it connects with has been revoked');
    return { ...ofDpu, ...standing };
  }
  if (password === undefined || password === '') throw new Refusal(NOT_AUTHORIZED, 'neither a key nor a secret');
  const identity = await access.authenticateKey(password);
  if (identity !== null) {
    const { id, scopes, rootSpaceId, expiresAtMs } = identity;
    const [maySpeak, isReader] = [scopes.has('ingest'), scopes.has('read')];
    // With suppression all that tells single crossings is closed.
    const mayRead = isReader && suppressBelowOf(identity, suppressBelow) === null;
    return { name: `key:${id}`, hash: null, dpuId: null, rootSpaceId, maySpeak, mayRead, expiresAtMs };
  }
  const isKnown = username === client.id && plan.dpus.has(dpuId);
  const standing = isKnown ? await access.authenticateDpu(dpuId, password) : null;
  if (standing !== null) return { ...ofDpu, ...standing };
  throw new Refusal(WRONG_CREDENTIALS, 'wrong credentials; a DPU has its id as client id and as user name');
}

export function refusalOf(error: Error): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(UNAVAILABLE, `it cannot be judged now: ${error.message}`);
}
