import { pino } from 'pino';
import { createApi } from '../api/index.js';
import type { SteadyConfig } from '../io/config-file.js';
import { RunningEngine } from '../io/running-engine.js';
import { HttpAccess } from './http-access.js';

export interface DaemonOptions {
  readonly steady: SteadyConfig;
  readonly openflowPort: number | undefined;
  readonly httpPort: number | undefined;
  readonly stateDirectory: string;
  readonly recordFile: string | undefined;
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info';
}
export interface Daemon {
  readonly openflowPort: number;
  readonly httpPort: number;
  readonly application: RunningEngine;
  /** Looks at once whether tokens or certificates were replaced. */
  look(): void;
  stop(): Promise<void>;
}

/** Puts the parts together: engine with its edges, HTTP interface on top. Log lines go to stderr. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { steady } = options;
  const log = pino({ level: options.logLevel, base: undefined }, pino.destination({ dest: 2, sync: true }));
  const { http } = steady.listen;
  const access = new HttpAccess(http, log);
  const application = await RunningEngine.start({
    config: steady.config,
    openflow: {
      ...steady.listen.openflow,
      port: options.openflowPort ?? steady.listen.openflow.port,
    },
    stateDirectory: options.stateDirectory,
    recordFile: options.recordFile,
    log,
  }).catch((error) => {
    access.stop();
    throw error;
  });
  const api = createApi({ application, logger: log, access: access.options });
  access.attach(api.server);
  try {
    await api.listen({ host: http.host, port: options.httpPort ?? http.port });
  } catch (error) {
    access.stop();
    await application.stop();
    throw error;
  }
  const address = api.server.address();
  const httpPort = typeof address === 'object' && address !== null ? address.port : 0;
  log.info({ openflowPort: application.openflowPort, httpPort }, 'listening');
  return {
    openflowPort: application.openflowPort,
    httpPort,
    application,
    look: () => access.look(),
    async stop() {
      access.stop();
      await api.close();
      await application.stop();
    },
  };
}
