import { Type } from 'typebox';
import type { ComparedRule } from '../../engine/rule-comparison.js';
import { toJson } from '../../openflow/index.js';
import { preferred } from '../accept.js';
import { parseDpid } from '../dpid.js';
import { flowText } from '../flow-text.js';
import { ApiProblem } from '../problems.js';
import {
  DpidParamsSchema,
  RuleComparisonSchema,
  SwitchListSchema,
  SwitchReadingSchema,
} from '../schemas/network.js';
import { SwitchSchema } from '../schemas/system-view.js';
import { problems, type RouteContext, type Routes } from './route-context.js';

const tags = ['network'];
const readings = {
  flows: 'Flow entries',
  ports: 'Counters of ports',
  queues: 'Counters of queues',
  meters: 'Meters and their counters',
  groups: 'Groups and their counters',
} as const;
const readingProblems = {
  400: 'not a dpid',
  404: 'unknown switch',
  409: 'the switch is not connected',
  502: 'the switch did not answer as it should',
} as const;
type What = keyof typeof readings;
const json = 'application/json';
const text = 'text/plain';

export function switchRoutes(app: Routes, context: RouteContext): void {
  const { application } = context;
  app.get(
    '/v1/switches',
    {
      schema: { operationId: 'listSwitches', summary: 'Switches', tags, response: { 200: SwitchListSchema } },
    },
    async () => ({ items: application.view().switches }),
  );
  app.get(
    '/v1/switches/:dpid',
    {
      schema: {
        operationId: 'getSwitch',
        summary: 'One switch',
        tags,
        params: DpidParamsSchema,
        response: { 200: SwitchSchema, ...problems({ 400: 'not a dpid', 404: 'unknown switch' }) },
      },
    },
    async (request) => {
      const dpid = readDpid(request.params.dpid);
      const found = application.view().switches.find((s) => s.dpid === dpid);
      if (found === undefined)
        throw new ApiProblem({
          slug: 'unknown-switch',
          status: 404,
          title: 'Unknown switch',
          detail: `No switch ${dpid} is configured or has attached; GET /v1/switches lists them.`,
        });
      return found;
    },
  );
  app.get(
    '/v1/switches/:dpid/rules',
    {
      schema: {
        operationId: 'compareRules',
        summary: 'Intended and installed flow entries side by side, read from the switch now',
        tags,
        params: DpidParamsSchema,
        response: { 200: RuleComparisonSchema, ...problems(readingProblems) },
      },
    },
    async (request) => {
      const dpid = readDpid(request.params.dpid);
      const rules = (await context.commander.run({ kind: 'compareRules', dpid })) as ComparedRule[];
      return { dpid, rules };
    },
  );
  for (const what of Object.keys(readings) as What[]) reading(app, context, what);
}

function reading(app: Routes, { commander }: RouteContext, what: What): void {
  app.get(
    `/v1/switches/:dpid/${what}`,
    {
      schema: {
        operationId: `read${what[0]?.toUpperCase()}${what.slice(1)}`,
        summary: `${readings[what]}, read from the switch now`,
        tags,
        params: DpidParamsSchema,
        response: {
          200: {
            description:
              what === 'flows' ? 'with Accept: text/plain as ovs-ofctl dump-flows prints them' : 'as read',
            content: {
              [json]: { schema: SwitchReadingSchema },
              ...(what === 'flows' ? { [text]: { schema: Type.String() } } : {}),
            },
          },
          ...problems({ ...readingProblems, 406: 'only other media types are accepted' }),
        },
      },
    },
    async (request, reply) => {
      const dpid = readDpid(request.params.dpid);
      const type = preferred(request.headers.accept, what === 'flows' ? [json, text] : [json]);
      if (type === undefined) throw notAcceptable(what);
      const body = await commander.run({ kind: 'readSwitch', dpid, what });
      reply.header('vary', 'accept');
      if (type === text) return reply.type(`${text}; charset=utf-8`).serializer(String).send(flowText(body));
      return { dpid, items: toJson(body) };
    },
  );
}

function readDpid(text: string): string {
  const dpid = parseDpid(text);
  if (dpid !== undefined) return dpid;
  throw new ApiProblem({
    slug: 'invalid-path',
    status: 400,
    title: 'Invalid datapath id',
    detail:
      `${JSON.stringify(text)} is not a datapath id; write it as 1, 0x1, 0000000000000001, ` +
      '00:00:00:00:00:00:00:01 or of:0000000000000001.',
    errors: [{ pointer: '/dpid', detail: 'is not a datapath id' }],
  });
}

function notAcceptable(what: What): ApiProblem {
  return new ApiProblem({
    slug: 'not-acceptable',
    status: 406,
    title: 'Not acceptable',
    detail: `${readings[what]} come as ${what === 'flows' ? `${json} or ${text}` : json}; the Accept header wants neither.`,
  });
}
