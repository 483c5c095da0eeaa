// A scrape of a service's metrics, taken apart.
import type { Service } from './service.ts';

export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** What `service`, started with FOOTFALL_METRICS_PORT, tells at this moment. */
export async function scrape(service: Service): Promise<Sample[]> {
  const address = /\bmetrics=(\S+)/.exec(service.readyLine)?.[1];
  const response = await fetch(`http://${address}/metrics`);
  if (!response.ok) throw new Error(`the scrape failed: ${response.status} ${await response.text()}`);
  return [...(await response.text()).matchAll(/^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/gim)].map(
    ([, name = '', labels = '', value]) => ({ name, labels: labelsIn(labels), value: Number(value) }),
  );
}

/** The value of the only sample with this name and these labels; NaN: there is none. */
export function sampleOf(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  const isAsked = (sample: Sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
  const found = samples.filter((sample) => sample.name === name && isAsked(sample));
  if (found.length > 1) throw new Error(`${name} has ${found.length} samples; name more of its labels`);
  return found[0]?.value ?? Number.NaN;
}

function labelsIn(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]));
}
