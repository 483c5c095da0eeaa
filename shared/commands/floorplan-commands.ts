// `import` and `export`: the whole floor plan as one document.
import { apiClient } from './api-client.ts';
import { CommandFailure, command } from './command.ts';
import { readJsonFile } from './input-file.ts';
import { keyOption, parseInstant, urlOption } from './options.ts';

type Section = readonly { readonly retired_at?: string | null }[] | undefined;
type Document = { readonly spaces?: Section; readonly doorways?: Section; readonly dpus?: Section };

/** Retired things stay in a document for the past. */
function inUse(section: Section): number {
  return (section ?? []).filter((thing) => (thing.retired_at ?? null) === null).length;
}

export const importCommand = command({
  name: 'import',
  argument: { name: 'plan.json', description: 'a floor plan document, as `export` prints it' },
  summary: 'bring the floor plan to the state of a document; what is absent from it is retired',
  options: {
    url: urlOption,
    key: keyOption,
    effectiveFrom: {
      value: 'time',
      description: 'from when changes to existing things count (default: now)',
      parse: parseInstant,
    },
  },
  run: async (path, { url, key, effectiveFrom }, terminal) => {
    const document = await readJsonFile(path);
    const query = effectiveFrom === undefined ? '' : `?effective_from=${encodeURIComponent(effectiveFrom)}`;
    try {
      await apiClient(url, key).call('PUT', `/v1/floorplan${query}`, document);
    } catch (error) {
      if (error instanceof CommandFailure) throw new CommandFailure(`nothing was imported: ${error.message}`);
      throw error;
    }
    const { spaces, doorways, dpus } = document as Document;
    terminal.print(`imported ${inUse(spaces)} spaces, ${inUse(doorways)} doorways, ${inUse(dpus)} DPUs`);
    return 0;
  },
});

export const exportCommand = command({
  name: 'export',
  argument: null,
  summary: 'print the floor plan as a document that `import` takes',
  options: { url: urlOption, key: keyOption },
  run: async (_, { url, key }, terminal) => {
    const document = await apiClient(url, key).call('GET', '/v1/floorplan');
    terminal.print(JSON.stringify(document, null, 2));
    return 0;
  },
});
