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

/** Claims among the members of one process, and of those that it passes them on to. */
export class ClaimsExchange {
  readonly #members = new Set<(clientIds: readonly string[], isOwn: boolean) => void>();

  /** `deliver` gets all claims from now on; `claim` makes one in the member's name. */
  join(deliver: (clientIds: readonly string[], isOwn: boolean) => void): {
    readonly claim: Claims['claim'];
    leave(): void;
  } {
    this.#members.add(deliver);
    return {
      claim: (clientIds) => {
        for (const member of this.#members) member(clientIds, member === deliver);
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
        claim = this.join(onClaimed).claim;
      },
    };
  }
}
