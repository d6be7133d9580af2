import { Argument, type Command } from 'commander';
import { bashScript } from '../completion/bash-script.js';
import { type CommandNode, commandTree } from '../completion/command-tree.js';
import { fishScript } from '../completion/fish-script.js';
import { zshScript } from '../completion/zsh-script.js';
import type { Terminal } from '../terminal.js';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Record<
  string,
  (nodes: readonly CommandNode[]) => string
>;
type Shell = keyof typeof scripts;

/** `steady completion SHELL`. To be added last: it prints what was defined before. */
export function addCompletionCommand(steady: Command, terminal: Terminal): void {
  steady
    .command('completion')
    .description('print a script with which a shell completes commands, options and their values')
    .addArgument(new Argument('<shell>').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      `
Once for this shell:   source <(steady completion bash)
bash, from now on:     steady completion bash > ~/.local/share/bash-completion/completions/steady
zsh, from now on:      steady completion zsh > a directory of $fpath/_steady
fish, from now on:     steady completion fish > ~/.config/fish/completions/steady.fish
In a clone:            alias steady='npx steady' first`,
    )
    .action(async (shell: Shell) => {
      await terminal.out(scripts[shell](commandTree(steady)));
    });
}
