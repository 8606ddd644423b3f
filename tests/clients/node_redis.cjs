// node-redis, as its users use it, against a limpid at the port given. Any difference ends it with an error.
'use strict';
const assert = require('node:assert/strict');
const { once, EventEmitter } = require('node:events');
const redis = require('redis');

const port = Number(process.argv[2]);

async function connect(options = {}) {
  const { RESP = 3, ...rest } = options;
  const socket = { port, host: '127.0.0.1', reconnectStrategy: false };
  const client = redis.createClient({ RESP, socket, ...rest });
  client.on('error', (error) => { throw error; });
  return client.connect();
}

async function valuesAndDeadlines(client) {
  assert.equal(await client.set('k', 'v', { EX: 100, NX: true }), 'OK');
  assert.equal(await client.set('k', 'w', { NX: true }), null);
  assert.ok((await client.ttl('k')) > 0);
  assert.equal(Number(await client.persist('k')), 1);
  assert.equal(await client.ttl('k'), -1);
  assert.deepEqual(await client.mGet(['k', 'missing']), ['v', null]);
  assert.equal(await client.incrBy('n', 41), 41);
  assert.equal(Number(await client.incrByFloat('n', 0.5)), 41.5);
  assert.equal(await client.type('n'), 'string');
}

async function binary(client) {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const raw = client.withTypeMapping({ [redis.RESP_TYPES.BLOB_STRING]: Buffer });
  await raw.set('bin', bytes);
  assert.deepEqual(await raw.get('bin'), bytes);
}

async function collections(client) {
  assert.equal(await client.hSet('h', { f: '1', g: '2' }), 2);
  assert.deepEqual({ ...(await client.hGetAll('h')) }, { f: '1', g: '2' });
  assert.equal(await client.rPush('l', ['a', 'b', 'c']), 3);
  assert.deepEqual(await client.lRange('l', 0, -1), ['a', 'b', 'c']);
  assert.equal(await client.sAdd('s', ['x', 'y']), 2);
  assert.deepEqual([...(await client.sMembers('s'))].sort(), ['x', 'y']);
  await client.zAdd('z', [{ score: 1, value: 'one' }, { score: 0.5, value: 'half' }]);
  assert.deepEqual(
    (await client.zRangeWithScores('z', 0, -1)).map(({ value, score }) => [value, Number(score)]),
    [['half', 0.5], ['one', 1]],
  );
}

async function pipelines(client) {
  const count = 5000;
  await Promise.all(Array.from({ length: count }, (_, n) => client.set(`piped:${n}`, String(n))));
  const values = await Promise.all(Array.from({ length: count }, (_, n) => client.get(`piped:${n}`)));
  values.forEach((value, n) => assert.equal(value, String(n)));
}

async function scans(client) {
  const seen = new Set();
  for await (const keys of client.scanIterator({ MATCH: 'piped:*', COUNT: 500 })) {
    [keys].flat().forEach((key) => seen.add(key));
  }
  assert.equal(seen.size, 5000);
  await client.unlink([...seen]);
  assert.equal(await client.exists([...seen]), 0);
}

async function transactions(client, options) {
  const results = await client.multi().set('t', 'text').get('t').exec();
  assert.deepEqual(results, ['OK', 'text']);
  await assert.rejects(client.multi().incr('t').get('t').exec(), redis.MultiErrorReply);
  const [mine, other] = [await connect(options), await connect(options)];
  await mine.watch('t');
  await other.set('t', 'changed');
  await assert.rejects(mine.multi().set('t', 'mine').exec(), redis.WatchError);
  assert.equal(await client.get('t'), 'changed');
  mine.destroy();
  other.destroy();
}

async function messages(client, options) {
  const heard = new EventEmitter();
  const listener = await connect(options);
  await listener.subscribe('news', (message, channel) => heard.emit('news', message, channel));
  await listener.pSubscribe('n?ws', (message, channel) => heard.emit('pattern', message, channel));
  const both = Promise.all([once(heard, 'news'), once(heard, 'pattern')]);
  assert.equal(await client.publish('news', 'hello'), 2);
  assert.deepEqual(await both, [['hello', 'news'], ['hello', 'news']]);
  await listener.unsubscribe();
  await listener.pUnsubscribe();
  assert.equal(String(await listener.ping()), 'PONG');
  listener.destroy();
}

async function blocking(client, options) {
  const waiter = await connect(options);
  const id = await waiter.clientId();
  const popped = waiter.blPop('queue', 20);
  const isBlocked = async () =>
    (await client.clientList()).some((other) => other.id === id && other.flags.includes('b'));
  while (!(await isBlocked()));
  await client.rPush('queue', 'job');
  assert.deepEqual({ ...(await popped) }, { key: 'queue', element: 'job' });
  assert.equal(await waiter.blPop('queue', 0.01), null);
  waiter.destroy();
}

async function errors(client) {
  await client.set('text', 'abc');
  await assert.rejects(client.incr('text'), /^Error: ERR value is not an integer or out of range$|not an integer/);
  await assert.rejects(client.lPush('text', 'x'), /WRONGTYPE/);
  await assert.rejects(client.sendCommand(['FLY']), /unknown command 'FLY'/);
  assert.equal(await client.get('text'), 'abc');
}

async function theClientItself(client, options) {
  const named = await connect({ ...options, name: 'reporter', database: 3 });
  assert.equal(await named.clientGetName(), 'reporter');
  const info = await named.clientInfo();
  assert.equal(info.db, 3);
  assert.match(info.libName, /node-redis/);
  assert.match(await client.info('server'), /redis_version:7\.2/);
  named.destroy();
}

async function aPool(client, options) {
  const socket = { port, host: '127.0.0.1' };
  const pool = redis.createClientPool({ RESP: options.RESP, socket }, { maximum: 8 });
  await pool.connect();
  await Promise.all(Array.from({ length: 500 }, () => pool.incr('pooled')));
  assert.equal(await client.get('pooled'), '500');
  await pool.close();
}

async function main() {
  for (const RESP of [2, 3]) {
    const client = await connect({ RESP });
    await client.flushAll();
    const checks = [
      valuesAndDeadlines, binary, collections, pipelines, scans, transactions, messages, blocking, errors,
      theClientItself, aPool,
    ];
    for (const check of checks) {
      await check(client, { RESP });
      console.log(`RESP${RESP}: ${check.name}`);
    }
    await client.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
