import { assert } from '#kernel';
import type { Reader } from './primitives/reader.js';
import type { Writer } from './primitives/writer.js';
import type { Decoded, Encodable, Struct } from './schema/fields.js';
import { compileStruct, type StructCodec } from './schema/struct-codec.js';
import { includes, type VersionRange, versionRange } from './schema/version-range.js';

/**
 * One Kafka API over all versions that we speak: its two bodies, and which header goes with them. A value of the body
 * stands for every version; codecs are compiled on first use and kept.
 */
export interface ApiDescription<Q extends Struct, R extends Struct> {
  readonly key: number;
  readonly name: string;
  /** Versions that we decode and encode. */
  readonly versions: string;
  /** What ApiVersions says, where that differs (Produce, for old librdkafka). */
  readonly advertised?: string;
  readonly flexible: string;
  readonly request: Q;
  readonly response: R;
}

export class Api<Q extends Struct = Struct, R extends Struct = Struct> {
  readonly key: number;
  readonly name: string;
  readonly versions: VersionRange;
  readonly advertised: VersionRange;
  readonly flexible: VersionRange;
  readonly request: Q;
  readonly response: R;
  private readonly requestCodecs: StructCodec[] = [];
  private readonly responseCodecs: StructCodec[] = [];

  constructor(description: ApiDescription<Q, R>) {
    this.key = description.key;
    this.name = description.name;
    this.versions = versionRange(description.versions);
    this.advertised = versionRange(description.advertised ?? description.versions);
    this.flexible = versionRange(description.flexible);
    this.request = description.request;
    this.response = description.response;
  }

  serves(version: number): boolean {
    return includes(this.versions, version);
  }

  isFlexible(version: number): boolean {
    return includes(this.flexible, version);
  }

  requestHeaderVersion(version: number): 1 | 2 {
    return this.isFlexible(version) ? 2 : 1;
  }

  /** ApiVersions answers always carry header v0: the asker may not know its own version yet (KIP-511). */
  responseHeaderVersion(version: number): 0 | 1 {
    return this.isFlexible(version) && this.key !== 18 ? 1 : 0;
  }

  /** Throws WireError. Bytes after the last field are left in the reader. */
  readRequest(version: number, reader: Reader): Decoded<Q> {
    return this.codec(this.requestCodecs, this.request, version).read(reader) as Decoded<Q>;
  }

  readResponse(version: number, reader: Reader): Decoded<R> {
    return this.codec(this.responseCodecs, this.response, version).read(reader) as Decoded<R>;
  }

  writeRequest(version: number, writer: Writer, body: Encodable<Q>): void {
    this.codec(this.requestCodecs, this.request, version).write(writer, body as object);
  }

  writeResponse(version: number, writer: Writer, body: Encodable<R>): void {
    this.codec(this.responseCodecs, this.response, version).write(writer, body as object);
  }

  private codec(codecs: StructCodec[], struct: Struct, version: number): StructCodec {
    assert(this.serves(version), `${this.name} v${version} is not described`);
    return (codecs[version] ??= compileStruct(struct, version, this.isFlexible(version)));
  }
}

export function api<const Q extends Struct, const R extends Struct>(description: ApiDescription<Q, R>): Api<Q, R> {
  return new Api(description);
}

export type RequestOf<A> = A extends Api<infer Q, infer _R> ? Decoded<Q> : never;
export type ResponseOf<A> = A extends Api<infer _Q, infer R> ? Decoded<R> : never;
export type RequestBodyOf<A> = A extends Api<infer Q, infer _R> ? Encodable<Q> : never;
export type ResponseBodyOf<A> = A extends Api<infer _Q, infer R> ? Encodable<R> : never;
