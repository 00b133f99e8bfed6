/**
 * class-validator on the Nest door: control and admin messages are checked as a whole, and a peer that sent something wrong
 * learns every field and why. Produce and fetch do not come through here: a pipe costs more than their whole dispatch.
 */
import { type ArgumentMetadata, type PipeTransform, ValidationPipe } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import * as classTransformer from 'class-transformer';
import type { ValidationError } from 'class-validator';
import * as classValidator from 'class-validator';
import type { RpcFailure } from '#rpc';
import { DEFAULT_SHAPE_LIMITS, type ShapeLimits, shapeProblem } from './message-shape.js';

/** An answer that lists more than this helps nobody. */
const REPORTED_FIELDS_MAX = 20;

export function requestValidationPipe(shape: ShapeLimits = DEFAULT_SHAPE_LIMITS): PipeTransform {
  return new BoundedPipe(shape, validationPipe());
}

/** Judges the shape before anything walks the values: checking millions of them would hold up every other request for seconds. */
class BoundedPipe implements PipeTransform {
  constructor(
    private readonly limits: ShapeLimits,
    private readonly checks: ValidationPipe,
  ) {}

  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const problem = shapeProblem(value, this.limits);
    if (problem !== null) throw new RpcException(invalid([{ field: 'message', reason: problem }]));
    return this.checks.transform(value, metadata);
  }
}

function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    // A newer peer may send fields that we do not know (versions roll): dropped, not refused.
    whitelist: true,
    forbidUnknownValues: false,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => new RpcException(invalid(fieldsOf(errors))),
    // Handed over rather than found by name, so that the bundle needs no look-up at run time.
    validatorPackage: classValidator as never,
    transformerPackage: classTransformer as never,
  });
}

export function invalid(fields: readonly { field: string; reason: string }[]): RpcFailure {
  const reported = fields.slice(0, REPORTED_FIELDS_MAX);
  const more = fields.length - reported.length;
  const list = reported.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return { code: 'INVALID', message: `the request is not valid: ${list}${more > 0 ? `; and ${more} more` : ''}`, fields: reported };
}

function fieldsOf(errors: readonly ValidationError[], parent = ''): { field: string; reason: string }[] {
  return errors.flatMap((error) => {
    const field = parent === '' ? error.property : `${parent}.${error.property}`;
    const reasons = Object.values(error.constraints ?? {});
    const own = reasons.map((text) => ({ field, reason: withoutPrefix(text, error.property) }));
    return [...own, ...fieldsOf(error.children ?? [], field)];
  });
}

/** "partitions must be …" says the field twice; messages of `each` begin "each value in …". */
function withoutPrefix(text: string, property: string): string {
  return text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
}
