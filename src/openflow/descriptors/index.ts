/** All tables of the protocol in one value, as the generator, the JSON converter and the tests read them. */

import { errorRows } from './errors.js';
import type { ErrorRow, MessageRow, MultipartRow, OxmRow, OxsRow, StructRow, TlvFamily } from './language.js';
import { messages, multiparts } from './messages.js';
import { nxmRows } from './nxm.js';
import { oxmRows } from './oxm.js';
import { oxsRows } from './oxs.js';
import { structs } from './structs.js';
import { tlvFamilies } from './tlvs.js';

export interface Catalogue {
  readonly messages: readonly MessageRow[];
  readonly multiparts: readonly MultipartRow[];
  readonly structs: readonly StructRow[];
  readonly tlvFamilies: readonly TlvFamily[];
  readonly oxm: readonly OxmRow[];
  readonly oxs: readonly OxsRow[];
  readonly errors: readonly ErrorRow[];
}

export const catalogue: Catalogue = {
  messages,
  multiparts,
  structs,
  tlvFamilies,
  oxm: [...oxmRows, ...nxmRows],
  oxs: oxsRows,
  errors: errorRows,
};
