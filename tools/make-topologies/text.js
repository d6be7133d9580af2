/** Keys whose text YAML could take for something else. */
const quoted = new Set(['dpid', 'mac']);

/** A topology as the other files of the folder are written: one line for each thing in it. */
export function topologyText(topology, about) {
  const lines = ['# yaml-language-server: $schema=./schema.json'];
  for (const line of about) lines.push(`# ${line}`);
  lines.push(`name: ${topology.name}`, 'description: >-', ...wrapped(topology.description, '  '));
  for (const part of ['sites', 'switches', 'links', 'hosts', 'vms', 'traffic']) {
    lines.push(`${part}:`);
    for (const item of topology[part]) lines.push(`  - ${flow(item)}`);
  }
  return `${lines.join('\n')}\n`;
}

function flow(item) {
  const parts = Object.entries(item).map(([key, value]) => `${key}: ${scalar(key, value)}`);
  return `{ ${parts.join(', ')} }`;
}

function scalar(key, value) {
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return quoted.has(key) ? `"${value}"` : String(value);
}

function wrapped(text, indent) {
  const lines = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > 116) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
