/** Packages that hold machine code. Their .node files are found beside their package.json: they stay in node_modules, never in a bundle. */
export const NATIVE = ['snappy', 'lz4-napi', '@node-rs/crc32'];
