// What a command of the command line is: its name, arguments and options as data, and the function that does it.

/** 0: done; 1: the answer is no; 2: wrong use. */
export type ExitCode = 0 | 1 | 2;

/** The command was used wrongly: exit code 2. The message says how it is used. */
export class WrongUse extends Error {}

/** The command could not be done, or the answer is no: exit code 1. The message says what to do, a line each. */
export class CommandFailure extends Error {}

/** Where a command writes, and how it learns of Ctrl-C. */
export type Terminal = {
  /** A line on standard output. */
  print(line: string): void;
  /** A line on standard error. */
  complain(line: string): void;
  /** True when somebody watches: progress bars are drawn. */
  readonly interactive: boolean;
  /** From the call on, Ctrl-C does not end the process but aborts the signal. */
  interruption(): AbortSignal;
};

export type Option<Value> = {
  /** Name of the option's value in the help; null: the option is a switch. */
  readonly value: string | null;
  readonly description: string;
  /** Throws WrongUse. */
  readonly parse?: (text: string) => Value;
  readonly standard?: Value;
};

type Options = Readonly<Record<string, Option<unknown>>>;
type ValuesOf<Given extends Options> = {
  readonly [Name in keyof Given]: Given[Name] extends Option<infer Value>
    ? Given[Name] extends { standard: unknown }
      ? Value
      : Value | undefined
    : never;
};

type Definition<Given extends Options> = {
  /** One word, or a group and a word: `key create`. */
  readonly name: string;
  /** The one positional argument, if there is one; empty where it is optional and not given. */
  readonly argument: { readonly name: string; readonly description: string; readonly isOptional?: true } | null;
  readonly summary: string;
  readonly options: Given;
  run(argument: string, options: ValuesOf<Given>, terminal: Terminal): Promise<ExitCode>;
};

export type Command = Omit<Definition<Options>, 'run'> & {
  /** `options` holds a parsed value for each option given, and the standard values. */
  run(argument: string, options: Readonly<Record<string, unknown>>, terminal: Terminal): Promise<ExitCode>;
};

/** A command whose `run` knows the types of its options. */
export function command<const Given extends Options>(definition: Definition<Given>): Command {
  return { ...definition, run: (argument, options, terminal) => definition.run(argument, options as never, terminal) };
}
