import type { Command, Option } from 'commander';

export interface OptionWords {
  /** as it is typed: `-o`, `--output` */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** the values there are; undefined: any, perhaps a file */
  readonly choices: readonly string[] | undefined;
}
export interface Subcommand {
  readonly names: readonly string[];
  readonly description: string;
}
/** What may be typed after the words of `path`. */
export interface CommandNode {
  /** `steady migrate start`; of a command with an alias there is a node for each of its names */
  readonly path: string;
  readonly subcommands: readonly Subcommand[];
  readonly options: readonly OptionWords[];
  /** values of its first argument, where there is a list of them */
  readonly operands: readonly string[];
}

/** Every command with what may follow it, from the definitions that also parse the command line. */
export function commandTree(root: Command): readonly CommandNode[] {
  const nodes: CommandNode[] = [];
  const walk = (command: Command, path: string): void => {
    const help = command.createHelp();
    const children = help.visibleCommands(command).filter((child) => child.name() !== 'help');
    nodes.push({
      path,
      subcommands: children.map((child) => ({ names: namesOf(child), description: child.description() })),
      options: help.visibleOptions(command).map(optionWords),
      operands: command.registeredArguments[0]?.argChoices ?? [],
    });
    for (const child of children) for (const name of namesOf(child)) walk(child, `${path} ${name}`);
  };
  walk(root, root.name());
  return nodes;
}

const namesOf = (command: Command): readonly string[] => [command.name(), ...command.aliases()];

const optionWords = (option: Option): OptionWords => ({
  names: [option.short, option.long].filter((name) => name !== undefined),
  description: option.description,
  takesValue: option.required || option.optional,
  choices: option.argChoices,
});
