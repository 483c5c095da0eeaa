// Credentials: what a key and a DPU's secret look like, how they are kept, and which scope allows what. Pure.
//
// Both carry 128 random bits, which nobody can guess however fast they are hashed: so what is stored is a plain SHA-256,
// and checking one costs microseconds. A slow hash (scrypt, argon2) is for what people think up, and would only let
// anybody who sends wrong ones keep the service busy. DPU secrets are salted besides, because people do copy one
// device's settings to the next, and equal secrets must not show.
import { hash as hashOf, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { SpaceId } from './ids.ts';

export const SCOPES = ['read', 'ingest', 'manage', 'admin'] as const;
/** read: ask; ingest: send events of any DPU; manage: change the floor plan; admin: everything, keys included. */
export type Scope = (typeof SCOPES)[number];

/** What each scope includes besides itself: whoever may change the floor plan must see it. */
const IMPLIED: Record<Scope, readonly Scope[]> = { read: [], ingest: [], manage: ['read'], admin: SCOPES };

type Kept = {
  /** SHA-256, hexadecimal. */
  readonly hash: string;
  readonly createdAtMs: number;
};

export type KeyCredential = Kept & {
  readonly kind: 'key';
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** From then on it is good for nothing; null: never. */
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  /** Counts below this are not told to it; null or absent: as configured for all. */
  readonly suppressBelow?: number | null;
  /** Ids of the keys with which it was made and revoked; null or absent: with none, or at the command line. */
  readonly createdBy?: string | null;
  readonly revokedBy?: string | null;
  /** It is confined to this space and what is below it; null or absent: to nothing. */
  readonly rootSpaceId?: SpaceId | null;
};

type KeptSecret = { readonly salt: string; readonly hash: string };

/** `id` is the DPU's: it has one secret at a time, and for a while the one before. */
export type DpuCredential = Kept & {
  readonly kind: 'dpu';
  readonly id: string;
  readonly salt: string;
  /** The secret before, good besides until then; null or absent: none. */
  readonly former?: (KeptSecret & { readonly untilMs: number }) | null;
  /** From then on neither a secret nor a certificate of the DPU is good; null or absent: not revoked. */
  readonly revokedAtMs?: number | null;
};

/** What a DPU was let in with (null: its certificate), and until when that is good (null: without end). */
export type Standing = { readonly hash: string | null; readonly expiresAtMs: number | null };

export type Credential = KeyCredential | DpuCredential;
export type CredentialKind = Credential['kind'];

const KEY_PREFIX = 'ff_';
const SECRET_PREFIX = 'ffd_';
const ID_BYTES = 6;
const SECRET_BYTES = 16;
/** ff_<id>_<secret>_<checksum>, everything hexadecimal. The checksum is for people's slips and for scanners that look for leaked keys. */
const KEY_PATTERN = /^(ff_([0-9a-f]{12})_[0-9a-f]{32})_([0-9a-f]{8})$/;

export type KeyWish = Pick<
  KeyCredential,
  'name' | 'scopes' | 'expiresAtMs' | 'rootSpaceId' | 'createdBy' | 'suppressBelow'
>;

/** A new key: `text` is for its holder and kept nowhere. */
export function newKey(wish: KeyWish, nowMs: number): { readonly text: string; readonly credential: KeyCredential } {
  const id = randomBytes(ID_BYTES).toString('hex');
  const body = `${KEY_PREFIX}${id}_${randomBytes(SECRET_BYTES).toString('hex')}`;
  const text = `${body}_${checksum(body)}`;
  const { name, scopes, expiresAtMs, rootSpaceId = null, createdBy = null, suppressBelow = null } = wish;
  const times = { createdAtMs: nowMs, expiresAtMs, revokedAtMs: null };
  return {
    text,
    credential: { kind: 'key', id, name, scopes, rootSpaceId, hash: sha256(text), createdBy, suppressBelow, ...times },
  };
}

/** A new secret of a DPU: `text` is for the device and kept nowhere. `former`: what it is in place of, and stays good besides. */
export function newSecret(
  dpuId: string,
  nowMs: number,
  former: DpuCredential['former'] = null,
): { readonly text: string; readonly credential: DpuCredential } {
  const text = SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('hex');
  const salt = randomBytes(SECRET_BYTES).toString('hex');
  const credential = { kind: 'dpu', id: dpuId, salt, hash: sha256(salt + text), createdAtMs: nowMs, former } as const;
  return { text, credential };
}

/** The secret of `credential` as the one before the next; null when it is good no more, or is to be so at once. */
export function asFormer(credential: Credential | null, untilMs: number, nowMs: number): DpuCredential['former'] {
  if (credential?.kind !== 'dpu' || !isGood(credential, nowMs) || untilMs <= nowMs) return null;
  return { salt: credential.salt, hash: credential.hash, untilMs };
}

/** The secret of the DPU for which `isIt` holds; null when none of the good ones is. */
export function standingOf(
  credential: DpuCredential,
  isIt: (kept: KeptSecret) => boolean,
  nowMs: number,
): Standing | null {
  if (!isGood(credential, nowMs)) return null;
  if (isIt(credential)) return { hash: credential.hash, expiresAtMs: null };
  const { former = null } = credential;
  if (former === null || former.untilMs <= nowMs || !isIt(former)) return null;
  return { hash: former.hash, expiresAtMs: former.untilMs };
}

/** The id within the text of a key; null when it is none, a mistyped one included. */
export function idOfKey(text: string): string | null {
  const [, body = '', id = '', sum] = KEY_PATTERN.exec(text) ?? [];
  return sum !== undefined && sum === checksum(body) ? id : null;
}

/** True when `text` is what the credential was made from. */
export function isTextOf(credential: KeyCredential | KeptSecret, text: string): boolean {
  return hasHash(credential.hash, 'salt' in credential ? credential.salt + text : text);
}

/** True when `hash` is of `text`; how long that takes tells nothing about where two differ. */
export function hasHash(hash: string, text: string): boolean {
  return timingSafeEqual(Buffer.from(hash, 'hex'), hashOf('sha256', text, 'buffer'));
}

/** False once it is revoked or expired. */
export function isGood(credential: Credential, nowMs: number): boolean {
  if (credential.kind === 'dpu') return (credential.revokedAtMs ?? null) === null;
  return credential.revokedAtMs === null && (credential.expiresAtMs ?? Number.POSITIVE_INFINITY) > nowMs;
}

/** Every scope that `scopes` come to. */
export function impliedScopes(scopes: readonly Scope[]): ReadonlySet<Scope> {
  return new Set(scopes.flatMap((scope) => [scope, ...IMPLIED[scope]]));
}

/** In hex. */
export function sha256(text: string): string {
  return hashOf('sha256', text);
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
