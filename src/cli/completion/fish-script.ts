import type { CommandNode, OptionWords } from './command-tree.js';

/** A script for fish, with what each word means beside it. */
export function fishScript(nodes: readonly CommandNode[]): string {
  const parents = nodes.flatMap(({ path, subcommands }) =>
    subcommands.flatMap(({ names }) => names.map((name) => `${path} ${name}`)),
  );
  return `# fish completion of steady; made by \`steady completion fish\`
function __steady_at
    set -l node steady
    for word in (commandline -opc)[2..-1]
        switch "$node $word"
            case ${parents.map(quoted).join(' ')}
                set node "$node $word"
        end
    end
    test "$node" = "$argv[1]"
end
${nodes.flatMap(nodeLines).join('\n')}
`;
}

/** In single quotes fish knows two escapes. */
const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function nodeLines({ path, subcommands, options, operands }: CommandNode): string[] {
  const here = `complete -c steady -n ${quoted(`__steady_at ${quoted(path)}`)}`;
  return [
    ...subcommands.flatMap(({ names, description }) =>
      names.map((name) => `${here} -f -a ${quoted(name)} -d ${quoted(description)}`),
    ),
    ...(operands.length === 0 ? [] : [`${here} -f -a ${quoted(operands.join(' '))}`]),
    ...options.map((option) => `${here} ${flags(option)} -d ${quoted(option.description)}`),
  ];
}

function flags({ names, takesValue, choices }: OptionWords): string {
  const spelt = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  if (choices !== undefined) return `${spelt.join(' ')} -x -a ${quoted(choices.join(' '))}`;
  return takesValue ? `${spelt.join(' ')} -r` : spelt.join(' ');
}
