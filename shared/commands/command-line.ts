// From the table of commands to commander, and from what a command throws to an exit code.
import type { Command as CommanderCommand } from 'commander';
import { CommanderError, InvalidArgumentError, Option, program } from 'commander';
import { type Command, CommandFailure, type ExitCode, type Terminal, WrongUse } from './command.ts';

const DESCRIPTION =
  'footfall turns doorway sensors into people counts. Exit codes: 0 done, 1 the answer is no, 2 wrong use.';

/** Runs the command that the process was started with, and resolves with the exit code. */
export async function runCommandLine(commands: readonly Command[]): Promise<ExitCode> {
  const terminal = processTerminal();
  let exitCode: ExitCode = 0;
  program.name('footfall').description(DESCRIPTION).exitOverride().showHelpAfterError('--help tells how it is used');
  for (const command of commands) {
    addCommand(command, async (argument, options) => {
      exitCode = await command.run(argument, options, terminal);
    });
  }
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, terminal);
  }
}

type Action = (argument: string, options: Record<string, unknown>) => Promise<void>;

function addCommand(command: Command, action: Action): void {
  const words = command.name.split(' ');
  const added = parentOf(words)
    .command(words.at(-1) ?? '')
    .description(command.summary)
    .exitOverride();
  added.showHelpAfterError(`footfall ${command.name} --help tells how it is used`);
  if (command.argument !== null) {
    const { name, description, isOptional } = command.argument;
    added.argument(isOptional ? `[${name}]` : `<${name}>`, description);
  }
  for (const [name, { value, description, parse, standard }] of Object.entries(command.options)) {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const option = new Option(value === null ? flag : `${flag} <${value}>`, description);
    if (standard !== undefined) option.default(standard);
    if (parse !== undefined) option.argParser((text) => asInvalidArgument(() => parse(text)));
    added.addOption(option);
  }
  added.action(async (...given: unknown[]) => {
    const argument = command.argument === null ? '' : String(given[0] ?? '');
    await action(argument, added.opts());
  });
}

/** The command that a group of commands hangs on, such as `key`. */
function parentOf([group, ...rest]: readonly string[]): CommanderCommand {
  if (group === undefined || rest.length === 0) return program;
  const made = program.commands.find((one) => one.name() === group);
  if (made !== undefined) return made;
  const added = program.command(group).description(`see ${group} --help`).exitOverride();
  return added.showHelpAfterError(`footfall ${group} --help tells how it is used`);
}

function asInvalidArgument<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw error instanceof WrongUse ? new InvalidArgumentError(error.message) : error;
  }
}

function exitCodeOf(error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // Its own line is printed already.
  if (error instanceof WrongUse || error instanceof CommandFailure) {
    for (const line of error.message.split('\n')) terminal.complain(line);
    return error instanceof WrongUse ? 2 : 1;
  }
  throw error;
}

function processTerminal(): Terminal {
  return {
    print: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
    interactive: process.stderr.isTTY === true,
    interruption: () => {
      const controller = new AbortController();
      process.once('SIGINT', () => controller.abort());
      return controller.signal;
    },
  };
}
