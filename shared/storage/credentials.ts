// Port: keys and secrets, as hashes. Nothing is ever taken out, so that a service once closed stays closed.
import type { Credential, CredentialKind, KeyCredential } from '../credential.ts';

/** One credential was put; `revision` grows with every put. */
export type CredentialChange = { readonly revision: number; readonly kind: CredentialKind; readonly id: string };

/** Message of the error when nothing was stored for lack of room; the same call may succeed later. */
export const CREDENTIALS_FULL = 'the disk of the credentials is full';

/** All calls throw TemporaryStorageError while the server is away; the same call is good again, `put` too. */
export type CredentialStore = {
  /**
   * Stores each in place of the one with its kind and id, durable once resolved; when it throws (CREDENTIALS_FULL), some
   * may be stored.
   */
  put(...credentials: readonly Credential[]): Promise<void>;
  /** As it was put last, whether it is still good or not. */
  find(kind: CredentialKind, id: string): Promise<Credential | null>;
  /** Every key, revoked and expired ones too, in the order of their making. */
  keys(): Promise<KeyCredential[]>;
  /** The revision of the newest change; 0 when no credential was ever put. */
  newest(): Promise<number>;
  /** The changes after revision `after` in their order, at most 10,000; of one credential only the newest is kept. */
  changes(after: number): Promise<CredentialChange[]>;
  close(): Promise<void>;
};

/** Changes that one call tells. */
export const CREDENTIAL_CHANGES_MAX = 10_000;
