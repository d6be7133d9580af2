import { type Logger, pino } from 'pino';
import { createApi } from '../api/index.js';
import { type ConfigChange, changesBetween, type Effect, settingsIn } from '../io/config-changes.js';
import type { SteadyConfig } from '../io/config-file.js';
import { RestartableEngine } from '../io/restartable-engine.js';
import { HttpAccess } from './http-access.js';

export interface DaemonOptions {
  readonly steady: SteadyConfig;
  readonly openflowPort: number | undefined;
  readonly httpPort: number | undefined;
  readonly stateDirectory: string;
  readonly recordFile: string | undefined;
  /** reads the configuration again, for whoever asks for it by the API; undefined: nobody can */
  readonly reconfigure?: () => Promise<SteadyConfig>;
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info';
}
export interface Daemon {
  readonly openflowPort: number;
  readonly httpPort: number;
  readonly application: RestartableEngine;
  /** Looks at once whether tokens or certificates were replaced. */
  look(): void;
  /**
   * Takes up another configuration and says what became of each setting that differs. One reload at a time.
   * @throws what kept the engine from starting with it; then the old one is in force
   */
  reload(steady: SteadyConfig): Promise<readonly ConfigChange[]>;
  stop(): Promise<void>;
}

/** Puts the parts together: engine with its edges, HTTP interface on top. Log lines go to stderr. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { steady } = options;
  const log = pino({ level: options.logLevel, base: undefined }, pino.destination({ dest: 2, sync: true }));
  const { http } = steady.listen;
  const access = new HttpAccess(http, log);
  const application = await RestartableEngine.start({
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
  const reloader = new Reloader(steady, application, access, log);
  const { reconfigure } = options;
  const api = createApi({
    application,
    logger: log,
    access: access.options,
    ...(reconfigure && {
      configuration: {
        read: () => reloader.shown(),
        reload: async () => reloader.reload(await reconfigure()),
      },
    }),
  });
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
    reload: (next) => reloader.reload(next),
    async stop() {
      access.stop();
      await api.close();
      await application.stop();
    },
  };
}

/** Brings the configuration in force to what a new one says, as far as it can be done without a new process. */
class Reloader {
  readonly #application: RestartableEngine;
  readonly #access: HttpAccess;
  readonly #log: Logger;
  #inForce: SteadyConfig;
  #revision = 1;
  #last: Promise<unknown> = Promise.resolve();

  constructor(steady: SteadyConfig, application: RestartableEngine, access: HttpAccess, log: Logger) {
    this.#inForce = steady;
    this.#application = application;
    this.#access = access;
    this.#log = log;
  }

  /** What is in force, and the number of its last change. */
  shown(): { readonly revision: number; readonly settings: Readonly<Record<string, unknown>> } {
    const { topology: _, ...settings } = Object.fromEntries(settingsIn(this.#inForce));
    return {
      revision: this.#revision,
      settings: { topology: this.#inForce.topologyPath ?? null, ...settings },
    };
  }

  reload(next: SteadyConfig): Promise<readonly ConfigChange[]> {
    const done = this.#last.then(() => this.#take(next));
    this.#last = done.catch(() => {});
    return done;
  }

  async #take(next: SteadyConfig): Promise<readonly ConfigChange[]> {
    const changes = changesBetween(this.#inForce, next);
    const named = (effect: Effect) => changes.filter((c) => c.effect === effect).map((c) => c.setting);
    this.#access.look();
    if (named('warm').length > 0) this.#access.replace(next.listen.http);
    if (named('cold').length > 0) await this.#restart(next);
    // what waits for the next start stays as it is, and so is told again at the next reload
    const { host, port, insecure } = this.#inForce.listen.http;
    this.#inForce = {
      ...next,
      listen: { ...next.listen, http: { ...this.#access.http, host, port, insecure } },
    };
    if (changes.some(({ effect }) => effect !== 'restart')) this.#revision += 1;
    const told = { warm: named('warm'), cold: named('cold'), atNextStart: named('restart') };
    this.#log.info(told, changes.length === 0 ? 'the configuration is as it was' : 'new configuration');
    this.#application.noteAudit({
      actor: 'controller',
      action: 'reload',
      target: null,
      outcome: 'done',
      detail: changes.map(({ setting, effect }) => `${setting} (${effect})`).join(', ') || 'nothing changed',
      requestId: null,
    });
    return changes;
  }

  async #restart({ config, listen }: SteadyConfig): Promise<void> {
    const moved = listen.openflow.port !== this.#inForce.listen.openflow.port;
    const { learningSwitch } = this.#inForce.config;
    await this.#application.restart({
      config: { ...config, ...(learningSwitch === undefined ? {} : { learningSwitch }) },
      // the port may have been given on the command line, or picked by the system: switches know that one
      openflow: { ...listen.openflow, ...(moved ? {} : { port: this.#application.openflowPort }) },
    });
  }
}
