// `dpu create`, `dpu secret` and `dpu revoke`: a sensor in the floor plan, and what it connects with.
import { apiClient } from './api-client.ts';
import { command } from './command.ts';
import { keyOption, overlapOption, urlOption } from './options.ts';

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
  summary: 'make the secret of a DPU and print it, this once, in place of the one before',
  options: { 'overlap-s': overlapOption, url: urlOption, key: keyOption },
  run: async (id, { 'overlap-s': overlapS, url, key }, terminal) => {
    const path = `/v1/dpus/${encodeURIComponent(id)}/secret`;
    const { secret } = await apiClient(url, key).call<Made>('POST', path, { overlap_s: overlapS });
    terminal.print(secret);
    return 0;
  },
});

export const dpuRevokeCommand = command({
  name: 'dpu revoke',
  argument: { name: 'id', description: 'of a DPU in the floor plan' },
  summary: 'end what a DPU connects with, a certificate too, until a secret is made for it again',
  options: { url: urlOption, key: keyOption },
  run: async (id, { url, key }, terminal) => {
    await apiClient(url, key).call('DELETE', `/v1/dpus/${encodeURIComponent(id)}/secret`);
    terminal.print(`revoked; DPU ${id} is cut off within a second`);
    return 0;
  },
});
