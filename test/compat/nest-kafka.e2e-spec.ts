/**
 * A Nest microservice with `Transport.KAFKA` (KafkaJS inside) on YaK, as the Nest documentation writes it: a controller with
 * an event and a request-response pattern, and a client of both. Nothing of YaK is imported but the cluster of the test.
 */
import { Controller, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientKafka,
  type ClientKafkaProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { type Consumer, type Kafka, logLevel } from 'kafkajs';
import { firstValueFrom } from 'rxjs';
import { LocalCluster } from '../e2e/support/local-cluster.js';
import { until } from '../e2e/support/until.js';
import { areSettled } from './support/settled-consumers.js';

const ordered: string[] = [];

@Controller()
class OrdersController {
  @EventPattern('orders')
  note(@Payload() order: { id: string }) {
    ordered.push(order.id);
  }

  @MessagePattern('sum')
  sum(@Payload() numbers: number[]) {
    // An object: a bare number would come back as its digits, on Kafka too (that is how Nest writes it).
    return { sum: numbers.reduce((sum, number) => sum + number, 0) };
  }
}

@Module({ controllers: [OrdersController] })
class OrdersModule {}

let cluster: LocalCluster;
let service: INestMicroservice;
let client: ClientKafkaProxy;

beforeAll(async () => {
  cluster = await LocalCluster.start();
  const brokers = cluster.kafka.split(',');
  // The consumer has retries of its own: with KafkaJS's five it crashes within 1.3 s, and starts again after a leave that may be refused.
  const retry = { initialRetryTime: 50, retries: 20, maxRetryTime: 1_000 };
  service = await NestFactory.createMicroservice<MicroserviceOptions>(OrdersModule, {
    logger: false,
    transport: Transport.KAFKA,
    options: {
      client: { brokers, logLevel: logLevel.NOTHING, retry },
      consumer: { groupId: 'orders', sessionTimeout: 6_000, heartbeatInterval: 500, maxWaitTimeInMs: 100, retry },
    },
  });
  client = ClientProxyFactory.create({
    transport: Transport.KAFKA,
    options: {
      client: { brokers, logLevel: logLevel.NOTHING, retry },
      consumer: { groupId: 'orders-client', sessionTimeout: 6_000, heartbeatInterval: 500, maxWaitTimeInMs: 100, retry },
    },
  }) as unknown as ClientKafkaProxy;
  expect(client).toBeInstanceOf(ClientKafka);
}, 60_000);

afterAll(async () => {
  await client?.close();
  await service?.close();
  await cluster?.destroy();
}, 30_000);

it('events and requests arrive, also after the death of a broker', async () => {
  await service.listen();
  client.subscribeToResponseOf('sum');
  await client.connect();
  expect(await firstValueFrom(client.send('sum', [1, 2, 3]))).toEqual({ sum: 6 });
  await firstValueFrom(client.emit('orders', { key: 'a', value: { id: 'first' } }));

  const { leader } = await cluster.leaderOf('orders', 0);
  const pid = cluster.kill('broker', leader);
  await firstValueFrom(client.emit('orders', { key: 'a', value: { id: 'second' } }));
  await cluster.restarted('broker', leader, pid);
  expect(await firstValueFrom(client.send('sum', [20, 22]))).toEqual({ sum: 42 });
  await until(
    () => ordered.includes('first') && ordered.includes('second'),
    30_000,
    'both orders',
    () => JSON.stringify(ordered),
  );
  const [, consumer] = service.unwrap<[Kafka, Consumer]>();
  await areSettled(cluster, [consumer, client.consumer!], ['orders', 'sum', 'sum.reply']);
}, 120_000);
