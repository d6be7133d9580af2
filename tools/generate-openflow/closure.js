/** Which structures and families a version of the protocol reaches from its messages: nothing else is generated. */
import { holds, NEGOTIABLE } from './names.js';

export function sliceOf(catalogue, version) {
  const live = (rows) => rows.filter((row) => holds(row.versions, version));
  const structs = new Map(live(catalogue.structs).map((row) => [row.name, row]));
  const families = new Map(
    catalogue.tlvFamilies.map((family) => [family.name, { ...family, rows: live(family.rows) }]),
  );
  const reached = { structs: new Map(), families: new Map(), oxm: false, match: false };

  const visitFields = (fields) => {
    for (const field of fields) {
      if (['oxm', 'oxms', 'match'].includes(field.kind)) reached.oxm = true;
      if (field.kind === 'match') reached.match = true;
      if (field.kind === 'list' || field.kind === 'struct') visit(field.of);
    }
  };
  const visit = (name) => {
    if (reached.structs.has(name) || reached.families.has(name)) return;
    const struct = structs.get(name);
    const family = families.get(name);
    if (struct !== undefined) {
      reached.structs.set(name, struct);
      visitFields(struct.fields);
    } else if (family !== undefined) {
      reached.families.set(name, family);
      for (const row of family.rows) visitFields(row.fields);
    } else throw new Error(`no structure or family called ${name} in version ${version}`);
  };

  // Versions that are refused in the handshake need no vendor's messages.
  const vendors = (rows) => (NEGOTIABLE.includes(version) ? rows : rows.filter((row) => !row.experimenter));
  const messages = vendors(live(catalogue.messages));
  const multiparts = vendors(live(catalogue.multiparts));
  for (const message of messages) {
    visitFields(message.fields);
    if (message.multipart === undefined) continue;
    for (const part of multiparts) {
      const body = part[message.multipart];
      if (body.shape !== 'empty') visit(body.of);
    }
  }
  return { version, messages, multiparts, oxm: live(catalogue.oxm), families, ...pick(reached) };
}

function pick(reached) {
  return {
    reachedStructs: [...reached.structs.values()],
    reachedFamilies: [...reached.families.values()],
    usesOxm: reached.oxm,
    usesMatch: reached.match,
  };
}

/** Versions whose rows are the same share one module. */
export function signature(slice) {
  return JSON.stringify([slice.messages, slice.multiparts, slice.reachedStructs, slice.reachedFamilies]);
}
