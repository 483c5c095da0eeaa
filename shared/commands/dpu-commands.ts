// `dpu create` and `dpu secret`: a sensor in the floor plan, and what it connects with.
import { apiClient } from './api-client.ts';
import { command } from './command.ts';
import { keyOption, urlOption } from './options.ts';

type Made = { readonly dpu_id: string; readonly secret: string };

export const dpuCreateCommand = command({
  name: 'dpu create',
  argument: { name: 'id', description: '1 to 64 of the characters A-Z a-z 0-9 _ -' },
  summary: 'make a DPU; what it sent before it was known is counted then',
  options: {
    name: { value: 'text', description: 'what people call it (default: its id)', parse: (text: string) => text },
    url: urlOption,
    key: keyOption,
  },
  run: async (id, { name, url, key }, terminal) => {
    await apiClient(url, key).call('POST', '/v1/dpus', { id, ...(name === undefined ? {} : { name }) });
    terminal.print(`made DPU ${id}`);
    return 0;
  },
});

export const dpuSecretCommand = command({
  name: 'dpu secret',
  argument: { name: 'id', description: 'of a DPU in the floor plan' },
  summary: 'make the secret of a DPU and print it, this once; the one before it is good for nothing at once',
  options: { url: urlOption, key: keyOption },
  run: async (id, { url, key }, terminal) => {
    const { secret } = await apiClient(url, key).call<Made>('POST', `/v1/dpus/${encodeURIComponent(id)}/secret`);
    terminal.print(secret);
    return 0;
  },
});
