// A DPU as the MQTT client library has it: publishes with QoS 1 and waits for the acknowledgement.
import { connectAsync } from 'mqtt';

export type Publish = ((event: object) => Promise<void>) & { end(): Promise<void> };

export async function mqttPublisher(url: string, dpuId: string): Promise<Publish> {
  const client = await connectAsync(url, { clientId: dpuId });
  const publish = async (event: object) => {
    await client.publishAsync(`dpu/${dpuId}/events`, JSON.stringify(event), { qos: 1 });
  };
  return Object.assign(publish, { end: () => client.endAsync() });
}
