import { DemoError, type DemoNetwork } from './demo-network.js';
export async function openEmbeddedNetwork(_seed: number): Promise<DemoNetwork> {
  throw new DemoError('the embedded network is being built');
}
