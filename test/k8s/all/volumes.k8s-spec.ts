/** A broker without its volume, and brokers that are added. The last test leaves five brokers, so the file ends with nothing there. */
import { allReady, ensureRunning, pod, replaced, wipe } from '../support/deployment.js';
import { eventually } from '../support/eventually.js';
import { kubectl, kubectlJson } from '../support/kubectl.js';
import { LoadPod } from '../support/load-pod.js';
import type { ObjectMeta } from '../support/objects.js';
import { NAMESPACE } from '../support/settings.js';
import { underLoad } from '../support/under-load.js';

const LIMIT_MS = 420_000;
let load: LoadPod;

beforeAll(async () => {
  await ensureRunning();
  load = await LoadPod.start();
}, 300_000);

afterAll(async () => {
  await load?.stop();
  await wipe();
}, 240_000);

it(
  'the volume of a broker is lost: it comes back empty, is told from a clean one, and is refilled',
  async () => {
    await underLoad(load, 'the volume of a broker lost', { kind: 'unplanned' }, async () => {
      const claim = () => kubectlJson<{ metadata: ObjectMeta }>(['get', 'pvc', 'data-broker-1', '-n', NAMESPACE]);
      const [before, { uid }] = [await claim(), (await pod('broker-1')).metadata];
      await kubectl(['delete', 'pvc', 'data-broker-1', '-n', NAMESPACE, '--wait=false']);
      await kubectl(['delete', 'pod', 'broker-1', '-n', NAMESPACE, '--force', '--grace-period=0']);
      await eventually('a new volume for broker-1', 120_000, async () => {
        return (await claim()).metadata.uid === before.metadata.uid ? 'the claim is still the old one' : null;
      });
      await replaced('broker-1', uid);
      // In sync again by itself: an empty replica that the cluster took for a clean one would have been in sync all the time, and the
      // read-back that follows would miss what only it was asked for.
      await load.isSettled();
    });
  },
  LIMIT_MS,
);

it(
  'scaled from 3 to 5: no send fails, and a new topic has replicas on the new brokers',
  async () => {
    await underLoad(load, 'scale 3 to 5', { kind: 'planned' }, async () => {
      await kubectl(['scale', 'statefulset/broker', '--replicas=5', '-n', NAMESPACE]);
      await allReady();
      const { partitions } = await load.createTopic('wide', 10);
      const used = new Set(partitions.flatMap(({ replicas }) => replicas));
      expect([...used].sort()).toEqual([0, 1, 2, 3, 4]);
      expect(await load.roundTrip('wide', 200)).toEqual({ sent: 200, received: 200 });
      return '10 partitions of a new topic over brokers 0 to 4';
    });
  },
  LIMIT_MS,
);
