/** The same list on every broker and listener: some clients ask one and reuse the answer for all. */
import { ALL_APIS } from '#wire';

export const ADVERTISED_APIS = ALL_APIS.map(({ key, advertised }) => ({
  apiKey: key,
  minVersion: advertised.min,
  maxVersion: advertised.max,
}));
