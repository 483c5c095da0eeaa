// The command line: commands as data become words, options, help and exit codes.
import { CommanderError, InvalidArgumentError, Command as Program, Option as ProgramOption } from 'commander';
import { type Command, CommandFailure, type ExitCode, type Terminal, WrongUse } from './command.ts';

const WRONG_USE: ExitCode = 2;
const FAILED: ExitCode = 1;

/** Runs what `words` (without the program's own name) ask for. */
export async function runCommandLine(
  words: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Promise<ExitCode> {
  let result: ExitCode = 0;
  const program = new Program('footfall').description('People counts from doorway sensors.').exitOverride();
  program.configureOutput({ outputError: (text) => terminal.complain(text.trimEnd()) });
  for (const command of commands) {
    const sub = program.command(command.name).description(command.summary).exitOverride();
    sub.configureOutput(program.configureOutput());
    if (command.argument !== null) sub.argument(`<${command.argument.name}>`, command.argument.description);
    for (const [name, option] of Object.entries(command.options)) sub.addOption(programOption(name, option));
    sub.action(async (...given: unknown[]) => {
      const argument = command.argument === null ? '' : String(given[0]);
      result = await command.run(argument, sub.opts(), terminal);
    });
  }
  try {
    await program.parseAsync([...words], { from: 'user' });
    return result;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USE;
    if (!(error instanceof CommandFailure) && !(error instanceof WrongUse)) throw error;
    terminal.complain(error.message);
    return error instanceof WrongUse ? WRONG_USE : FAILED;
  }
}

function programOption(
  name: string,
  { value, description, parse, standard }: Command['options'][string],
): ProgramOption {
  const word = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const option = new ProgramOption(value === null ? `--${word}` : `--${word} <${value}>`, description);
  if (standard !== undefined) option.default(standard);
  if (parse === undefined) return option;
  return option.argParser((text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof WrongUse) throw new InvalidArgumentError(error.message);
      throw error;
    }
  });
}
