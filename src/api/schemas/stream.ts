import { type TProperties, Type } from 'typebox';
import { type Json, sent, Timestamp } from './common.js';
import { SystemViewSchema } from './system-view.js';

/**
 * The live stream, WebSocket `/v1/stream`, one JSON text message an envelope (member names as in CloudEvents).
 *
 * - The first message is a `snapshot`: `data` is a whole SystemView.
 * - Then `delta`s, at most ten a second: `data` holds those top-level members of SystemView that changed, each
 *   whole. The new view is `{ ...view, ...data }`; there is nothing else to it.
 * - `seq` counts 0, 1, 2... without a gap on each connection. A reader that finds a gap has a bug or a bad
 *   proxy: it should reconnect.
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

export type StreamSnapshotJson = Json<typeof StreamSnapshotSchema>;
export type StreamDeltaJson = Omit<Json<typeof StreamDeltaSchema>, 'data'> & {
  readonly data: Partial<StreamSnapshotJson['data']>;
};
export type StreamMessageJson = StreamSnapshotJson | StreamDeltaJson;
