export { SimCrash } from './crash.js';
export { type DiskFault, type DiskOperation, type DiskOperationKind, SimDisk, type SimDiskOptions } from './disk.js';
export type { DiskOwner } from './mounted-disk.js';
export { type Latency, SimNetwork } from './network.js';
export { type KillOptions, SimProcess } from './process.js';
export { hashText, SimRandom } from './random.js';
export { formatTraceLine, Trace, type TraceLine } from './trace.js';
export { SimWorld, type SimWorldOptions } from './world.js';
