// Port: which client ids have connected, told to every process that takes connections of one service.

/** One client id has one connection, wherever it is: the one whose claim is the last in the order that all are told. */
export type Claims = {
  /** These client ids have connected here. */
  claim(clientIds: readonly string[]): void;
  /**
   * Calls `onClaimed` with every claim, those made here (`isOwn`) too, in one order that is the same for all. Claims made
   * while the processes cannot reach each other are not told.
   */
  follow(onClaimed: (clientIds: readonly string[], isOwn: boolean) => void): void;
};

export type Claimed = { readonly clientIds: readonly string[]; readonly isOwn: boolean };

/** What comes within so long is told together: every member is told of every claim. */
const GATHER_MS = 2;

/** Claims among the members of one process, and of those that it passes them on to. */
export class ClaimsExchange {
  readonly #members = new Set<(claimed: readonly Claimed[]) => void>();
  #gathered: { readonly by: unknown; readonly clientIds: readonly string[] }[] = [];

  /** `deliver` gets all claims from now on; `claim` makes one in the member's name. */
  join(deliver: (claimed: readonly Claimed[]) => void): { readonly claim: Claims['claim']; leave(): void } {
    this.#members.add(deliver);
    return {
      claim: (clientIds) => {
        if (this.#gathered.length === 0) setTimeout(() => this.#tell(), GATHER_MS);
        this.#gathered.push({ by: deliver, clientIds });
      },
      leave: () => void this.#members.delete(deliver),
    };
  }

  /** The port for a member in this process. */
  member(): Claims {
    let claim: Claims['claim'] = () => undefined;
    return {
      claim: (clientIds) => claim(clientIds),
      follow: (onClaimed) => {
        claim = this.join((claimed) => {
          for (const { clientIds, isOwn } of claimed) onClaimed(clientIds, isOwn);
        }).claim;
      },
    };
  }

  #tell(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const member of this.#members) {
      member(gathered.map(({ by, clientIds }) => ({ clientIds, isOwn: by === member })));
    }
  }
}
