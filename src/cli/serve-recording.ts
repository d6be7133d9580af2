import { once } from 'node:events';
import { createApi } from '../api/index.js';
import { type PlayerOptions, RecordingPlayer } from '../io/recording-player.js';
import type { Terminal } from './terminal.js';

/** Shows a recording on the same page as a running controller's, at its pace, until it is interrupted. */
export async function serveRecording(
  file: string,
  options: PlayerOptions & { readonly httpPort: number },
  terminal: Terminal,
): Promise<void> {
  const player = await RecordingPlayer.open(file, options);
  const api = createApi({ application: player });
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  try {
    await api.listen({ port: options.httpPort });
    const address = api.server.address();
    const httpPort = typeof address === 'object' && address !== null ? address.port : options.httpPort;
    await terminal.out(`${JSON.stringify({ httpPort })}\n`);
    terminal.err(`The recording plays at http://127.0.0.1:${httpPort}/ until Ctrl-C.\n`);
    const played = player.play().then(() => {
      if (player.ended) terminal.err(`It has ended after ${player.seconds.toFixed(1)} s and stands still.\n`);
    });
    await Promise.race([stopped, played.then(() => stopped)]);
  } finally {
    player.stop();
    await api.close();
  }
}
