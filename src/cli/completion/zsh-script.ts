import type { CommandNode } from './command-tree.js';
import { quoted } from './quoted.js';

/** A script for zsh, with what each word means beside it. It may be sourced, or lie in `$fpath` as `_steady`. */
export function zshScript(nodes: readonly CommandNode[]): string {
  const parents = nodes.flatMap(({ path, subcommands }) =>
    subcommands.flatMap(({ names }) => names.map((name) => `${path} ${name}`)),
  );
  const valued = nodes.flatMap(({ path, options }) =>
    options.flatMap(({ names, takesValue, choices }) =>
      takesValue ? [{ words: names.map((name) => `${path} ${name}`), choices }] : [],
    ),
  );
  return `#compdef steady
# zsh completion of steady; made by \`steady completion zsh\`
_steady() {
  local node=steady word
  local -a commands options operands
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$node $word" in
      ${alternatives(parents)}) node="$node $word" ;;
    esac
  done
  case "$node \${words[CURRENT-1]}" in
${valued.map(({ words, choices }) => `    ${alternatives(words)}) ${choices === undefined ? '_files' : `compadd -- ${choices.map(quoted).join(' ')}`}; return ;;`).join('\n')}
  esac
  case "$node" in
${nodes.map(nodeCase).join('\n')}
  esac
  (( $#commands )) && _describe -t commands command commands
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe -o -t options option options
  elif (( $#operands )); then
    compadd -- $operands
  elif (( ! $#commands )); then
    _files
  fi
}
if [[ "\${funcstack[1]:-}" == _steady ]]; then
  _steady "$@"
else
  compdef _steady steady
fi
`;
}

const alternatives = (texts: readonly string[]): string => texts.map(quoted).join('|');

function nodeCase({ path, subcommands, options, operands }: CommandNode): string {
  const described = (words: readonly { names: readonly string[]; description: string }[]): string =>
    words
      .flatMap(({ names, description }) => names.map((name) => quoted(`${name}:${description}`)))
      .join(' ');
  return `    ${quoted(path)}) commands=(${described(subcommands)}); options=(${described(options)}); operands=(${operands.map(quoted).join(' ')}) ;;`;
}
