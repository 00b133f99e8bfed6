declare const __YAK_VERSION__: string | undefined;

/** Written in by tools/bundle.mjs. */
export const VERSION: string = typeof __YAK_VERSION__ === 'string' ? __YAK_VERSION__ : 'unbundled';
