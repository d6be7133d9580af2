import type { NetworkSimulation } from './network-simulation.js';
import { OvsdbDatabase, type OvsdbRow } from './ovsdb-database.js';
import type { OvsdbPlant } from './ovsdb-plant.js';
import { entriesOf, type OvsdbValue } from './ovsdb-values.js';

const databaseTag: OvsdbValue = ['map', [['steady', 'embedded']]];

/**
 * The database of all simulated switches, filled with their bridges, ports and queues, and joined to the plant:
 * when the max-rate of a queue row changes, the queues that stand for the row follow.
 */
export function queueDatabase(simulation: NetworkSimulation, plant: OvsdbPlant): OvsdbDatabase {
  const database = new OvsdbDatabase();
  const bridges = [...simulation.switches.values()].map((sw) => {
    const ports = [...sw.ports.values()].map((port) => {
      const wire = database.insert('Interface', { name: port.name, type: 'system', ofport: port.portNumber });
      const rate = port.egress.rateBitsPerSecond;
      const queues = port.egress.queues.map((queue): [number, OvsdbValue] => {
        const rates = maxRate(Math.min(queue.maxBitsPerSecond, rate ?? Infinity));
        return [
          queue.queueId,
          ref(database.insert('Queue', { other_config: rates, external_ids: databaseTag })),
        ];
      });
      const qos =
        rate === undefined
          ? ['set', []]
          : ref(
              database.insert('QoS', {
                type: 'linux-htb',
                other_config: maxRate(rate),
                queues: ['map', queues],
                external_ids: databaseTag,
              }),
            );
      return ref(database.insert('Port', { name: port.name, interfaces: ref(wire), qos }));
    });
    return ref(database.insert('Bridge', { name: sw.name, ports: ['set', ports], fail_mode: 'secure' }));
  });
  database.insert('Open_vSwitch', { bridges: ['set', bridges], ovs_version: 'simulated' });
  database.onChange = (changes) => {
    for (const change of changes)
      if (change.table === 'Queue' && change.after !== undefined)
        applyRate(database, plant, change.uuid, change.after);
  };
  return database;
}

function applyRate(database: OvsdbDatabase, plant: OvsdbPlant, queue: string, row: OvsdbRow): void {
  const rate = Number(entriesOf(row.other_config).find(([key]) => key === 'max-rate')?.[1]);
  if (!(rate > 0)) return;
  for (const [qos, { queues }] of database.rows('QoS'))
    for (const [id, value] of entriesOf(queues)) {
      if (uuidOf(value) !== queue) continue;
      for (const port of database.rows('Port').values())
        if (uuidOf(port.qos) === qos) plant.setMaxRate(String(port.name), Number(id), rate);
    }
}

const ref = (uuid: string): OvsdbValue => ['uuid', uuid];
const uuidOf = (value: OvsdbValue): string | undefined =>
  Array.isArray(value) && value[0] === 'uuid' ? String(value[1]) : undefined;
const maxRate = (bitsPerSecond: number): OvsdbValue => [
  'map',
  Number.isFinite(bitsPerSecond) ? [['max-rate', String(Math.round(bitsPerSecond))]] : [],
];
