// Requests are checked by the zod schemas of their route; answers are only described by theirs and go out unchecked.
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify';
import type { z } from 'zod';
import { type Fault, Problem } from './problem.ts';

const PART_NAMES: Record<string, string> = { body: 'body', querystring: 'query', params: 'path', headers: 'header' };

/** Faults that are listed; more would help nobody. */
const FAULTS_MAX = 1000;

/** Checks a part of a request and turns what is wrong into one `invalid_request` that lists every fault. */
export const validateRequest: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = PART_NAMES[httpPart ?? ''] ?? 'request';
  return (data) => {
    const parsed = schema.safeParse(data);
    return parsed.success ? { value: parsed.data } : { error: invalidRequest(part, parsed.error) };
  };
};

/** For a route whose body is judged elsewhere and only described by its schema. */
export const validateAllButBody: FastifySchemaCompiler<z.ZodType> = (route) =>
  route.httpPart === 'body' ? (value) => ({ value }) : validateRequest(route);

/** The types of the handlers keep answers to their schemas; checking again at run time would cost more than the answer. */
export const serializeAnswer: FastifySerializerCompiler<unknown> = () => (data) => JSON.stringify(data);

function invalidRequest(part: string, error: z.ZodError): Problem {
  const faults = error.issues.flatMap((issue) => faultsOf(part, issue));
  const first = faults[0] as Fault;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more, see errors)` : '';
  return new Problem('invalid_request', `${first.path}: ${first.message}${more}`, {
    errors: faults.slice(0, FAULTS_MAX),
  });
}

function faultsOf(part: string, issue: z.core.$ZodIssue): Fault[] {
  const path = [part, ...issue.path.map(String)].join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: `${path}.${key}`, message: 'there is no such field here' }));
  }
  return [{ path, message: issue.message }];
}
