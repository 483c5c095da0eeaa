// Problems: the table, and how errors that are no Problems become one without telling what they were.
import { expect, test } from 'vitest';
import { PROBLEMS, Problem, type ProblemCode, problemBody, problemOf } from '../../api/problem.ts';

test('every code is a snake_case word with a status that says what it is', () => {
  for (const [code, { status, title }] of Object.entries(PROBLEMS)) {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(status >= 400 && status < 600).toBe(true);
    if (code.endsWith('_not_found')) expect(status).toBe(404);
    if (code.endsWith('_unavailable')) expect(status).toBe(503);
  }
});

test('a body has what RFC 9457 asks for, and the code', () => {
  const problem = new Problem('id_retired', 'choose another id', { errors: [{ path: 'body.id', message: 'retired' }] });
  expect(problemBody(problem)).toEqual({
    type: 'urn:footfall:problem:id_retired',
    title: PROBLEMS.id_retired.title,
    status: 409,
    code: 'id_retired',
    detail: 'choose another id',
    errors: [{ path: 'body.id', message: 'retired' }],
  });
});

const cases: [string, unknown, ProblemCode][] = [
  ['a Problem', new Problem('space_cycle', ''), 'space_cycle'],
  ['a body that is too long', { code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 }, 'payload_too_large'],
  ['a body of another kind', { code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE', statusCode: 415 }, 'unsupported_media_type'],
  ['another fault of the client', { code: 'FST_ERR_BAD_URL', statusCode: 400, message: 'bad' }, 'invalid_request'],
  ['anything else', new Error('SELECT secret'), 'internal_error'],
];
test.each(cases)('%s', (_, error, code) => {
  expect(problemOf(error).code).toBe(code);
  expect(JSON.stringify(problemBody(problemOf(error)))).not.toContain('secret');
});
