/** Which structures and families a version of the protocol reaches from its messages: nothing else is generated. */
import { holds, oxmVersions } from './names.js';

const overlaps = (a, b) => a.from <= b.to && b.from <= a.to;

export function sliceOf(catalogue, version) {
  const live = (rows) => rows.filter((row) => holds(row.versions, version));
  const structs = new Map(live(catalogue.structs).map((row) => [row.name, row]));
  const families = new Map(
    catalogue.tlvFamilies.map((family) => [family.name, { ...family, rows: live(family.rows) }]),
  );
  const reached = { structs: new Map(), families: new Map(), oxm: false, match: false, oxs: false };

  const visitFields = (fields) => {
    for (const field of fields) {
      if (['oxm', 'oxms', 'match'].includes(field.kind)) reached.oxm = true;
      if (field.kind === 'match') reached.match = true;
      if (field.kind === 'stats') reached.oxs = true;
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

  const messages = live(catalogue.messages);
  const multiparts = live(catalogue.multiparts);
  for (const message of messages) {
    visitFields(message.fields);
    if (message.multipart === undefined) continue;
    for (const part of multiparts) {
      const body = part[message.multipart];
      if (body.shape !== 'empty') visit(body.of);
    }
  }
  return {
    version,
    messages,
    multiparts,
    oxm: catalogue.oxm.filter((row) => overlaps(row.versions, oxmVersions(version))),
    oxs: live(catalogue.oxs),
    families,
    ...pick(reached),
  };
}

function pick(reached) {
  return {
    reachedStructs: [...reached.structs.values()],
    reachedFamilies: [...reached.families.values()],
    usesOxm: reached.oxm,
    usesMatch: reached.match,
    usesOxs: reached.oxs,
  };
}

/**
 * What the code of a structure, family or message depends on, as text: where it is the same in two versions, the later
 * one uses the code of the earlier one.
 */
export function signatures(slice) {
  const structs = new Map(slice.reachedStructs.map((row) => [row.name, row]));
  const families = new Map(slice.reachedFamilies.map((family) => [family.name, family]));
  const oxm = slice.oxm.map((row) => row.name).join();
  const expand = (fields, above) =>
    fields.map((field) => {
      if (field.kind === 'message') return [field, slice.version];
      if (['match', 'oxm', 'oxms'].includes(field.kind)) return [field, oxm];
      return 'of' in field && !['listLength', 'listCount'].includes(field.kind)
        ? [field, ofName(field.of, above)]
        : field;
    });
  const ofName = (name, above = []) => {
    if (above.includes(name)) return `within ${name}`;
    const inner = [...above, name];
    if (structs.has(name)) return [name, expand(structs.get(name).fields, inner)];
    const family = families.get(name);
    return [
      name,
      family.rows.map((row) => [row.name, row.code, row.experimenter, expand(row.fields, inner)]),
    ];
  };
  return {
    ofName: (name) => JSON.stringify(ofName(name)),
    ofMessage: (row) =>
      JSON.stringify([
        row.name,
        row.code,
        row.experimenter,
        expand(row.fields, []),
        row.multipart && slice.version,
      ]),
    ofMember: (family, row) =>
      JSON.stringify([family.name, row.name, row.code, row.experimenter, expand(row.fields, [])]),
    oxm,
  };
}
