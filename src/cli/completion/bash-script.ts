import type { CommandNode } from './command-tree.js';
import { quoted } from './quoted.js';

/** A script that gives bash the completions of `steady`; it needs bash 3.2 or newer, neither bash-completion nor a running controller. */
export function bashScript(nodes: readonly CommandNode[]): string {
  const pairs = (of: (node: CommandNode) => readonly string[]): string[] =>
    nodes.flatMap((node) => of(node).map((word) => `${node.path} ${word}`));
  const parents = pairs(({ subcommands }) => subcommands.flatMap(({ names }) => names));
  const open = pairs(({ options }) =>
    options.filter((o) => o.takesValue && o.choices === undefined).flatMap(({ names }) => names),
  );
  const chosen = nodes.flatMap(({ path, options }) =>
    options.flatMap(({ names, choices }) =>
      choices === undefined ? [] : [{ words: names.map((name) => `${path} ${name}`), choices }],
    ),
  );
  return `# bash completion of steady; made by \`steady completion bash\`
_steady() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} node=steady words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$node \${COMP_WORDS[i]}" in
      ${alternatives(parents)}) node="$node \${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$node $previous" in
${chosen.map(({ words, choices }) => `    ${alternatives(words)}) COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$current")); return ;;`).join('\n')}
    ${alternatives(open)}) return ;;
  esac
  case "$node" in
${nodes.map((node) => `    ${quoted(node.path)}) words=${quoted(wordsOf(node).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _steady steady
`;
}

const alternatives = (texts: readonly string[]): string => texts.map(quoted).join('|');

const wordsOf = ({ subcommands, options, operands }: CommandNode): string[] => [
  ...operands,
  ...[...subcommands, ...options].flatMap(({ names }) => names),
];
