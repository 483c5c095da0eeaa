// What was looked at, how it is, and what to do about it: what /readyz and `doctor` answer with.

/** A `warning` wants to be looked at; what is `failing` keeps the service from working. */
export type CheckState = 'ok' | 'warning' | 'failing';

/** `detail`: what was found; `action`: what to do about it, null while it is ok. */
export type Check = {
  readonly name: string;
  readonly state: CheckState;
  readonly detail: string | null;
  readonly action: string | null;
};

export function fine(name: string, detail: string): Check {
  return { name, state: 'ok', detail, action: null };
}

export function warning(name: string, detail: string, action: string): Check {
  return { name, state: 'warning', detail, action };
}

export function failing(name: string, detail: string, action: string): Check {
  return { name, state: 'failing', detail, action };
}
