import { type TProperties, Type } from 'typebox';
import { type Json, received, sent, Timestamp } from './common.js';
import { SystemViewSchema } from './system-view.js';

/**
 * The live stream, `/v1/stream`, one JSON text message an envelope (member names as in CloudEvents), over WebSocket or as
 * server-sent events.
 *
 * - The first message is a `snapshot`: `data` is a whole SystemView.
 * - Then `delta`s, at most ten a second: `data` holds those top-level members of SystemView that changed, each
 *   whole. The new view is `{ ...view, ...data }`; there is nothing else to it.
 * - `?topics=migrations,events` leaves out all members but these, of snapshots too, and there is no message when none of them
 *   changed; `?intervalMs=1000` makes it at most one message a second. `time` of the envelope is the view's `at`.
 * - `seq` counts 0, 1, 2... without a gap on each connection. A reader that finds a gap has a bug or a bad
 *   proxy: it sends `{"type":"resync"}` (or reconnects) and gets a snapshot.
 * - To a reader that is too slow nothing is queued: what it missed is left out, and the next message it gets is
 *   a `snapshot`. If it stays too slow it is closed with 1013 (try again later).
 */
const envelope = {
  id: Type.String({ description: 'unique with `source`' }),
  source: Type.String({ description: 'one value per start of the controller' }),
  time: Timestamp,
  seq: Type.Integer({ minimum: 0 }),
};
export const StreamSnapshotSchema = sent('StreamSnapshot', {
  ...envelope,
  type: Type.Literal('snapshot'),
  data: SystemViewSchema,
});
export const StreamDeltaSchema = sent('StreamDelta', {
  ...envelope,
  type: Type.Literal('delta'),
  data: Type.Partial(Type.Object(SystemViewSchema.properties as TProperties)),
});

const topics = Object.keys(SystemViewSchema.properties);
export const StreamQuerySchema = received({
  topics: Type.Optional(
    Type.String({
      pattern: `^(${topics.join('|')})(,(${topics.join('|')}))*$`,
      description: `one or more of ${topics.join(', ')}; separated by commas; left out: all`,
    }),
  ),
  intervalMs: Type.Optional(
    Type.Integer({
      minimum: 100,
      maximum: 60_000,
      description: 'at most one message in this time; left out: 100',
    }),
  ),
});

export type StreamSnapshotJson = Json<typeof StreamSnapshotSchema>;
export type StreamDeltaJson = Omit<Json<typeof StreamDeltaSchema>, 'data'> & {
  readonly data: Partial<StreamSnapshotJson['data']>;
};
export type StreamMessageJson = StreamSnapshotJson | StreamDeltaJson;
