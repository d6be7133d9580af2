/** All tables of the protocol in one value, as the generator, the JSON converter and the tests read them. */

import { errorRows } from './errors.js';
import type { ErrorRow, MessageRow, MultipartRow, OxmRow, OxsRow, StructRow, TlvFamily } from './language.js';
import { messages } from './messages.js';
import { messages14, messages15 } from './messages-14.js';
import { multiparts } from './multiparts.js';
import { vendorFamilies } from './nicira-families.js';
import { vendorMessages, vendorMultiparts, vendorStructs } from './nicira-messages.js';
import { nxmRows } from './nxm.js';
import { oxmRows } from './oxm.js';
import { oxsRows } from './oxs.js';
import { structs } from './structs.js';
import { structs14 } from './structs-14.js';
import { structs15 } from './structs-15.js';
import { tlvFamilies } from './tlvs.js';
import { errorRows10 } from './v1-errors.js';
import { messages10, multiparts10 } from './v1-messages.js';
import { structs10 } from './v1-structs.js';
import { tlvFamilies10 } from './v1-tlvs.js';

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
  messages: [...messages, ...messages14, ...messages15, ...messages10, ...vendorMessages],
  multiparts: [...multiparts, ...multiparts10, ...vendorMultiparts],
  structs: [...structs, ...structs14, ...structs15, ...structs10, ...vendorStructs],
  tlvFamilies: [...tlvFamilies, ...tlvFamilies10, ...vendorFamilies],
  oxm: [...oxmRows, ...nxmRows],
  oxs: oxsRows,
  errors: [...errorRows, ...errorRows10],
};
