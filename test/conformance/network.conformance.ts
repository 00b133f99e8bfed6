/** What every Network must do. `wait` settles a promise (and drives virtual time where there is some). */
import type { Address, Connection, Listener, Network } from '#seams';

export interface NetworkFixture {
  /** The listening side; `host` is where it can be dialled. */
  readonly server: Network;
  readonly client: Network;
  readonly host: string;
  wait<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface Pair {
  readonly listener: Listener;
  readonly near: Connection;
  readonly far: Connection;
}

export function networkConformance(name: string, create: () => NetworkFixture): void {
  describe(`Network conformance: ${name}`, () => {
    let fixture: NetworkFixture;
    beforeEach(() => {
      fixture = create();
    });
    afterEach(() => fixture.close());

    async function connect(): Promise<Pair> {
      const accepted = defer<Connection>();
      const listener = await fixture.wait(fixture.server.listen({ host: fixture.host, port: 0 }, accepted.resolve));
      const near = await fixture.wait(fixture.client.dial(addressOf(listener)));
      return { listener, near, far: await fixture.wait(accepted.promise) };
    }
    const addressOf = (listener: Listener): Address => ({ host: fixture.host, port: listener.address.port });

    it('carries bytes in order both ways, whatever the chunks', async () => {
      const { listener, near, far } = await connect();
      const sent = Array.from({ length: 200 }, (_, index) => Buffer.alloc(1 + ((index * 37) % 900), index));
      const expected = Buffer.concat(sent);
      const echoed = collect(near, expected.length);
      far.onData((chunk) => far.write(chunk));
      for (let index = 0; index < sent.length; index += 4) near.write(sent.slice(index, index + 4));
      expect((await fixture.wait(echoed)).equals(expected)).toBe(true);
      expect(near.remoteAddress).toMatch(/:\d+$/);
      near.destroy();
      await fixture.wait(listener.close());
    });

    it('delivers what was queued before end, then closes both sides without an error, exactly once', async () => {
      const { listener, near, far } = await connect();
      const received = collect(far, 100_000);
      const closes: unknown[] = [];
      const bothClosed = new Promise<void>((resolve) => {
        for (const side of [near, far]) {
          side.onClose((error) => {
            closes.push(error);
            if (closes.length === 2) resolve();
          });
        }
      });
      near.write(Buffer.alloc(100_000, 7));
      near.end();
      near.write(Buffer.from('ignored'));
      expect((await fixture.wait(received)).every((byte) => byte === 7)).toBe(true);
      await fixture.wait(bothClosed);
      expect(closes).toEqual([null, null]);
      expect(near.isClosed && far.isClosed).toBe(true);
      await fixture.wait(new Promise<void>((resolve) => near.onClose(() => resolve())));
      await fixture.wait(listener.close());
    });

    it('tells the other side when one side destroys the connection', async () => {
      const { listener, near, far } = await connect();
      const closed = new Promise<void>((resolve) => near.onClose(() => resolve()));
      near.onData(() => {});
      far.destroy();
      await fixture.wait(closed);
      expect(near.isClosed).toBe(true);
      await fixture.wait(listener.close());
    });

    it('holds a sender back while the receiver pauses, and tells it when to go on', async () => {
      const { listener, near, far } = await connect();
      let receivedBytes = 0;
      far.onData((chunk) => {
        receivedBytes += chunk.length;
      });
      far.pause();
      let sentBytes = 0;
      const chunk = Buffer.alloc(256 * 1024, 1);
      let maySend = true;
      while (maySend && sentBytes < 64 * chunk.length) {
        maySend = near.write(chunk);
        sentBytes += chunk.length;
      }
      expect(maySend).toBe(false);
      expect(near.bufferedBytes).toBeGreaterThan(0);
      const drained = new Promise<void>((resolve) => near.onDrain(resolve));
      far.resume();
      await fixture.wait(drained);
      const done = defer<void>();
      far.onClose(() => done.resolve());
      near.end();
      await fixture.wait(done.promise);
      expect(receivedBytes).toBe(sentBytes);
      await fixture.wait(listener.close());
    });

    it('refuses with CONNECTION_REFUSED and names the address when nobody listens', async () => {
      const { listener, near } = await connect();
      const address = addressOf(listener);
      near.destroy();
      await fixture.wait(listener.close());
      const failure = await fixture.wait(fixture.client.dial(address).catch((error) => error));
      expect(failure).toMatchObject({ code: 'CONNECTION_REFUSED', message: expect.stringContaining(`${address.host}:${address.port}`) });
    });

    it('refuses a second listener with ADDRESS_IN_USE and names the address', async () => {
      const listener = await fixture.wait(fixture.server.listen({ host: fixture.host, port: 0 }, () => {}));
      const address = addressOf(listener);
      const failure = await fixture.wait(fixture.server.listen(address, () => {}).catch((error) => error));
      expect(failure).toMatchObject({ code: 'ADDRESS_IN_USE', message: expect.stringContaining(`${address.host}:${address.port}`) });
      await fixture.wait(listener.close());
    });

    it('closes accepted connections with the listener', async () => {
      const { listener, near } = await connect();
      const closed = new Promise<void>((resolve) => near.onClose(() => resolve()));
      near.onData(() => {});
      await fixture.wait(listener.close());
      await fixture.wait(closed);
    });
  });
}

function collect(connection: Connection, length: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    connection.onData((chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= length) resolve(Buffer.concat(chunks));
    });
  });
}

function defer<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
