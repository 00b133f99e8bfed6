/** One record as a person sees it. Lives only at the edges (client, tools, timestamp look-up); the hot path never builds one. */
export interface Record {
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
