// Who may do what: credentials checked against the store, remembered for as long as nothing in the store has changed.
import type { Clock } from './clock.ts';
import {
  type Credential,
  type CredentialKind,
  hasHash,
  idOfKey,
  impliedScopes,
  isGood,
  isTextOf,
  SCOPES,
  type Scope,
  type Standing,
  sha256,
  standingOf,
} from './credential.ts';
import type { SpaceId } from './ids.ts';
import { InStep } from './in-step.ts';
import type { CredentialStore } from './storage/credentials.ts';

/** What a good key may do. */
export type Identity = {
  readonly id: string;
  readonly scopes: ReadonlySet<Scope>;
  /** From then on it is no longer good; null: it does not expire. */
  readonly expiresAtMs: number | null;
  /** It is confined to this space and what is below it; null: to nothing. */
  readonly rootSpaceId: SpaceId | null;
  /** Counts below this are not told to it; null: as configured for all. */
  readonly suppressBelow: number | null;
};

/** Names a credential among changed ones. */
export type CredentialName = `${CredentialKind}:${string}`;

export type AccessDependencies = {
  /** `put` is left out where none are made. */
  readonly store: Pick<CredentialStore, 'find' | 'newest' | 'changes'> & Partial<Pick<CredentialStore, 'put'>>;
  readonly clock: Clock;
  /** A key with all scopes that is kept in no store; null: none. */
  readonly adminKey: string | null;
  /** False when others than this machine can reach the service. */
  readonly isLoopback: boolean;
};

/** What is remembered is good for so long without asking the store what has changed. */
const FRESH_MS = 500;
/** Credentials remembered, some 500 bytes each. */
const REMEMBERED_MAX = 20_000;

const ADMIN: Identity = {
  id: 'FOOTFALL_ADMIN_KEY',
  scopes: new Set(SCOPES),
  expiresAtMs: null,
  rootSpaceId: null,
  suppressBelow: null,
};

/**
 * A credential that was changed or revoked anywhere stops working within a second. Where the store cannot be asked,
 * checks throw TemporaryStorageError: nobody is let in on a guess.
 */
export class Access {
  readonly #dependencies: AccessDependencies;
  readonly #remembered = new Map<CredentialName, Credential | null>();
  readonly #watchers = new Set<(changed: ReadonlySet<CredentialName>) => void>();
  readonly #finding = new InStep();
  readonly #adminHash: string | null;
  #revision: number | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(dependencies: AccessDependencies) {
    this.#dependencies = dependencies;
    this.#adminHash = dependencies.adminKey === null ? null : sha256(dependencies.adminKey);
  }

  /** True in development: only this machine can reach the service, and no credential was ever made. */
  async isOpen(): Promise<boolean> {
    if (!this.#mayBeOpen()) return false;
    await this.#fresh();
    return this.#revision === 0;
  }

  /** True when there is something to be let in with. */
  async hasCredentials(): Promise<boolean> {
    if (this.#dependencies.adminKey !== null) return true;
    await this.#fresh();
    return this.#revision !== 0;
  }

  /** What the key of this text may do; null when it is not good. */
  async authenticateKey(text: string): Promise<Identity | null> {
    if (this.#adminHash !== null && hasHash(this.#adminHash, text)) return ADMIN;
    const id = idOfKey(text);
    if (id === null) return null;
    const credential = await this.#find('key', id);
    const nowMs = this.#dependencies.clock.nowMs();
    if (credential?.kind !== 'key' || !isTextOf(credential, text) || !isGood(credential, nowMs)) return null;
    const { scopes, expiresAtMs, rootSpaceId = null, suppressBelow = null } = credential;
    return { id, scopes: impliedScopes(scopes), expiresAtMs, rootSpaceId, suppressBelow };
  }

  /** Which secret of that DPU `text` is; null: none that is good. */
  async authenticateDpu(dpuId: string, text: string): Promise<Standing | null> {
    return this.#standing(dpuId, (kept) => isTextOf(kept, text));
  }

  /** What the DPU was let in with before, judged again: a secret by its hash, or with null its certificate; null: good no more. */
  async standing(dpuId: string, hash: string | null): Promise<Standing | null> {
    if (hash !== null) return this.#standing(dpuId, (kept) => kept.hash === hash);
    const credential = await this.#find('dpu', dpuId);
    const isRevoked = credential !== null && !isGood(credential, this.#dependencies.clock.nowMs());
    return isRevoked ? null : { hash: null, expiresAtMs: null };
  }

  async #standing(dpuId: string, isIt: Parameters<typeof standingOf>[1]): Promise<Standing | null> {
    const credential = await this.#find('dpu', dpuId);
    return credential?.kind === 'dpu' ? standingOf(credential, isIt, this.#dependencies.clock.nowMs()) : null;
  }

  /** Stores credentials; resolves when they work here. */
  async put(...credentials: readonly Credential[]): Promise<void> {
    const { store } = this.#dependencies;
    if (store.put === undefined) throw new Error('credentials are made by the primary');
    await store.put(...credentials);
    // It is stored; what fails now is asked again.
    await this.#ask().catch(() => undefined);
  }

  /** Somebody knows that something has changed. */
  refresh(): void {
    // What fails is asked again.
    this.#ask().catch(() => undefined);
  }

  /**
   * Until the answer is called, `onChanged` is told once a second or more which credentials were put (mostly none), for who ends what they began.
   */
  watch(onChanged: (changed: ReadonlySet<CredentialName>) => void): () => void {
    this.#watchers.add(onChanged);
    // What fails is tried again.
    this.#timer ??= setInterval(() => void (this.#asking ?? this.#ask()).catch(() => undefined), FRESH_MS).unref();
    return () => void this.#watchers.delete(onChanged);
  }

  /** True for what was let in without a credential while the service was open, and may stay. */
  get staysOpen(): boolean {
    return this.#mayBeOpen() && this.#revision === 0;
  }

  /** Of the newest change that is known here; null: none was asked for yet. */
  get revision(): number | null {
    return this.#revision;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watchers.clear();
  }

  #mayBeOpen(): boolean {
    return this.#dependencies.isLoopback && this.#dependencies.adminKey === null;
  }

  async #find(kind: CredentialKind, id: string): Promise<Credential | null> {
    await this.#fresh();
    const name: CredentialName = `${kind}:${id}`;
    const remembered = this.#remembered.get(name);
    if (remembered !== undefined) return remembered;
    const revision = this.#revision;
    const found = await this.#finding.ask(() => this.#dependencies.store.find(kind, id));
    // An answer from before a change would be remembered for ever.
    if (revision === this.#revision) this.#remember(name, found);
    return found;
  }

  #remember(name: CredentialName, credential: Credential | null): void {
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size >= REMEMBERED_MAX && !oldest.done) this.#remembered.delete(oldest.value);
    this.#remembered.set(name, credential);
  }

  async #fresh(): Promise<void> {
    if (this.#dependencies.clock.monotonicMs() - this.#askedAtMs < FRESH_MS) return;
    await (this.#asking ?? this.#ask());
  }

  /** Asks what has changed, after any such question that is under way: that one may be older than the caller's change. */
  #ask(): Promise<void> {
    const asking = (this.#asking ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#learn())
      .finally(() => {
        if (this.#asking === asking) this.#asking = null;
      });
    this.#asking = asking;
    return asking;
  }

  async #learn(): Promise<void> {
    const { store, clock } = this.#dependencies;
    const askedAtMs = clock.monotonicMs();
    const changed = new Set<CredentialName>();
    this.#revision ??= await store.newest();
    for (;;) {
      const changes = await store.changes(this.#revision);
      for (const { kind, id, revision } of changes) {
        changed.add(`${kind}:${id}`);
        this.#revision = revision;
      }
      if (changes.length === 0) break;
    }
    for (const name of changed) this.#remembered.delete(name);
    this.#askedAtMs = askedAtMs;
    for (const watcher of this.#watchers) watcher(changed);
  }
}
