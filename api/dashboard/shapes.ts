// What the service answers, as far as the page uses it.

export type Page<Item> = { readonly total: number; readonly next: string | null; readonly results: readonly Item[] };

export type Space = {
  readonly id: string;
  readonly name: string;
  readonly parent_id: string | null;
  readonly time_zone: string;
  readonly capacity: number | null;
};

export type Count = {
  readonly space_id: string;
  readonly at: string;
  readonly count: number;
  readonly occupancy: number;
  readonly status?: 'settled' | 'provisional';
  readonly watermark?: string | null;
  readonly waiting_for?: readonly string[];
  readonly lost?: readonly string[];
  readonly coverage?: 'full' | 'partial' | 'none';
  readonly reset?: { readonly at: string; readonly count: number } | null;
  readonly revision: number;
  readonly today?: { readonly entrances: number; readonly exits: number; readonly peak: number };
};

export type Bucket = {
  readonly timestamp: string;
  readonly count: number;
  readonly interval: {
    readonly start: string;
    readonly end: string;
    readonly analytics: {
      readonly min: number;
      readonly max: number;
      readonly entrances: number;
      readonly exits: number;
    };
  };
};

export type ExplainedEvent = {
  readonly dpu_id: string;
  readonly timestamp: string;
  readonly recorded_at: string;
  readonly kind: 'on_time' | 'late';
  readonly status: string;
  readonly delta: number;
  readonly recounted: number;
};

export type Explanation = {
  readonly at: string;
  readonly count: number;
  readonly reset: { readonly at: string; readonly count: number } | null;
  readonly placements: readonly {
    readonly dpu_id: string;
    readonly from: string | null;
    readonly until: string | null;
  }[];
  readonly deltas: {
    readonly on_time: number;
    readonly late: number;
    readonly recounted: number;
    readonly adjusted: number;
  };
  readonly events: { readonly [kind: string]: number };
  readonly results: readonly ExplainedEvent[];
  readonly next: string | null;
};

export type Doorway = {
  readonly id: string;
  readonly name: string;
  readonly a: string | null;
  readonly b: string | null;
  readonly retired_at?: string | null;
};

export type Placement = {
  readonly id: string;
  readonly doorway_id: string;
  readonly facing: 'a' | 'b';
  readonly from: string | null;
  readonly until: string | null;
};

export type Dpu = {
  readonly id: string;
  readonly name: string;
  readonly retired_at?: string | null;
  readonly placements: readonly Placement[];
};

export type Floorplan = {
  readonly spaces: readonly (Space & { readonly retired_at?: string | null })[];
  readonly doorways: readonly Doorway[];
  readonly dpus: readonly Dpu[];
};

export type Recount = {
  readonly id: string;
  readonly status: 'running' | 'done';
  readonly events_total: number;
  readonly events_done: number;
  readonly spaces: readonly string[];
  readonly cause: unknown;
};

export type Difference = {
  readonly space_id: string;
  readonly days: readonly {
    readonly date: string;
    readonly count_before: number;
    readonly count_after: number;
    readonly largest_difference: number;
  }[];
};
export type DryRun = { readonly spaces: readonly Difference[]; readonly events: number };

export type QuarantineItem = {
  readonly id: string;
  readonly topic: string | null;
  readonly dpu_id: string | null;
  readonly reason: string;
  readonly received_at: string;
  readonly payload_base64: string;
  readonly detail: string;
};

export type Key = {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
};

export type Webhook = {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly types: readonly string[];
  readonly enabled: boolean;
  readonly status: 'working' | 'failing' | 'disabled';
  readonly waiting: number;
  readonly failing_since: string | null;
  readonly disabled_at: string | null;
  readonly disabled_reason: string | null;
};
