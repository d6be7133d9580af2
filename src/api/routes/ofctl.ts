import { Type } from 'typebox';
import { ofctlFlow, ofctlPort } from '../ofctl-text.js';
import { ApiProblem } from '../problems.js';
import { received } from '../schemas/common.js';
import { entriesOf } from '../switch-entries.js';
import { problems, type RouteContext, type Routes } from './route-context.js';

const tags = ['ofctl'];
const Dpid = Type.String({
  pattern: '^([0-9]{1,20}|0[xX][0-9a-fA-F]{1,16})$',
  description: 'datapath id, decimal or 0x and hexadecimal digits',
});
const Number32 = Type.String({ pattern: '^[0-9]{1,10}$' });
const Unchecked = Type.Object(
  {},
  { additionalProperties: true, title: 'OfctlAnswer', description: 'datapath id, decimal, and its entries' },
);

interface Asked {
  readonly dpid: string;
  readonly port?: string;
  readonly queue?: string;
}
type What = 'flows' | 'ports' | 'queues' | 'groups' | 'meters';

/**
 * `/stats/...` as Ryu's `ofctl_rest` answers it: datapath ids and counters are JSON numbers of any size, decimal. What
 * changes something there (`POST /stats/flowentry/add` and the like) is not here: rules follow from what is configured.
 */
export function ofctlRoutes(app: Routes, { application, commander }: RouteContext): void {
  app.get(
    '/stats/switches',
    {
      schema: {
        operationId: 'ofctlSwitches',
        summary: 'Datapath ids of connected switches',
        tags,
        response: { 200: Type.Array(Type.Integer()) },
      },
    },
    async (_request, reply) => {
      const ready = application.view().switches.filter(({ state }) => state === 'ready');
      return reply
        .type('application/json; charset=utf-8')
        .serializer(String)
        .send(bigJson(ready.map(({ dpid }) => BigInt(`0x${dpid}`))) as never);
    },
  );

  const route = (
    url: string,
    what: What,
    summary: string,
    params: Parameters<typeof received>[0],
    entries: (body: unknown, asked: Asked) => readonly unknown[],
  ): void => {
    app.get(
      url,
      {
        schema: {
          operationId: `ofctl${url
            .split(/[/:]+/)
            .slice(2)
            .map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)
            .join('')}`,
          summary,
          tags,
          params: received(params),
          response: {
            200: Unchecked,
            ...problems({ 400: 'not a number', 404: 'unknown switch', 502: 'the switch did not answer' }),
          },
        },
      },
      async (request, reply) => {
        const asked = request.params as unknown as Asked;
        const value = BigInt(asked.dpid);
        if (value >= 1n << 64n)
          throw new ApiProblem({
            slug: 'invalid-path',
            status: 400,
            title: 'Invalid datapath id',
            detail: `${asked.dpid} does not fit into 64 bits.`,
            errors: [{ pointer: '/dpid', detail: 'does not fit into 64 bits' }],
          });
        const dpid = value.toString(16).padStart(16, '0');
        const body = await commander.run({ kind: 'readSwitch', dpid, what });
        return reply
          .type('application/json; charset=utf-8')
          .serializer(String)
          .send(bigJson({ [String(value)]: entries(body, asked) }) as never);
      },
    );
  };

  const dpid = { dpid: Dpid };
  const port = { ...dpid, port: Number32 };
  const ports = (body: unknown, asked: Asked) =>
    entriesOf('port_stats', body)
      .filter(({ port_no }) => asked.port === undefined || port_no === Number(asked.port))
      .map((entry) => ({ ...entry, port_no: ofctlPort(entry.port_no) }));
  const queues = (body: unknown, asked: Asked) =>
    entriesOf('queue', body)
      .filter(({ port_no }) => asked.port === undefined || port_no === Number(asked.port))
      .filter(({ queue_id }) => asked.queue === undefined || queue_id === Number(asked.queue))
      .map((entry) => ({ ...entry, port_no: ofctlPort(entry.port_no) }));
  route('/stats/flow/:dpid', 'flows', 'Flow entries', dpid, (body) => entriesOf('flow', body).map(ofctlFlow));
  route('/stats/port/:dpid', 'ports', 'Counters of ports', dpid, ports);
  route('/stats/port/:dpid/:port', 'ports', 'Counters of one port', port, ports);
  route('/stats/queue/:dpid', 'queues', 'Counters of queues', dpid, queues);
  route('/stats/queue/:dpid/:port', 'queues', 'Counters of the queues of one port', port, queues);
  route(
    '/stats/queue/:dpid/:port/:queue',
    'queues',
    'Counters of one queue',
    { ...port, queue: Number32 },
    queues,
  );
  route('/stats/group/:dpid', 'groups', 'Counters of groups', dpid, (body) => entriesOf('group', body));
  route('/stats/meter/:dpid', 'meters', 'Counters of meters', dpid, (body) => entriesOf('meter', body));
}

/** JSON in which a bigint is a number with all its digits, and padding bytes are left out. */
function bigJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(bigJson).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([key, member]) => key !== 'padding' && member !== undefined)
      .map(([key, member]) => `${JSON.stringify(key)}:${bigJson(member)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}
