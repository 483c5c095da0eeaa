// How much of a campaign to run, from the environment: CI and nightly runs differ in this only.

/** The number in the environment variable `name`, else `fallback`. */
export function setting(name: string, fallback: number): number {
  const text = process.env[name];
  return text === undefined || text === '' ? fallback : Number(text);
}
