"""redis-py, as its users use it, against a limpid at the port given. Any difference is an AssertionError.

With the files of an authority, a certificate and its key behind the port, by TLS.
"""

import sys
import threading
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PORT = int(sys.argv[1])
TLS = dict(zip(("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"), sys.argv[2:]))
PATIENCE_S = 20


def connect(protocol=3, **options):
    # Nothing is tried twice: a failure here is to be seen.
    once = Retry(NoBackoff(), 0)
    tls = dict(TLS, ssl=True) if TLS else {}
    return redis.Redis(port=PORT, protocol=protocol, socket_timeout=PATIENCE_S, retry=once, **tls, **options)


def raises(kind, text, call):
    try:
        call()
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__}")


def values_and_deadlines(r):
    every_byte = bytes(range(256))
    assert r.set("bin", every_byte) and r.get("bin") == every_byte
    assert r.set("k", "v", ex=100, nx=True) is True and r.set("k", "w", nx=True) is None
    assert 0 < r.ttl("k") <= 100 and r.persist("k") and r.ttl("k") == -1
    assert r.set("k", "x", get=True) == b"v"
    assert r.mset({"a": 1, "b": 2}) and r.mget("a", "missing", "b") == [b"1", None, b"2"]
    assert r.incrby("a", 41) == 42 and r.incrbyfloat("a", "0.5") == 42.5
    assert r.setbit("bits", 7, 1) == 0 and r.bitcount("bits") == 1
    assert r.bitfield("bits").set("u8", 8, 255).get("u4", 8).execute() == [0, 15]
    assert r.pfadd("seen", "x", "y") == 1 and r.pfcount("seen") == 2
    dump = r.dump("k")
    assert r.restore("copy", 0, dump) and r.get("copy") == b"x"
    assert r.expire("copy", 10) and r.expire("copy", 5, gt=True) == 0
    assert r.object("encoding", "b") == b"int" and r.type("bits") == b"string"


def collections(r):
    assert r.hset("h", mapping={"f": "1", "g": "2"}) == 2
    assert r.hgetall("h") == {b"f": b"1", b"g": b"2"}
    assert r.rpush("l", "a", "b", "c") == 3 and r.lrange("l", 0, -1) == [b"a", b"b", b"c"]
    assert r.sadd("s", "x", "y") == 2 and set(r.smembers("s")) == {b"x", b"y"}
    assert r.zadd("z", {"one": 1, "half": 0.5, "big": float("inf")}) == 3
    pairs = r.zrange("z", 0, -1, withscores=True)
    assert [tuple(pair) for pair in pairs] == [(b"half", 0.5), (b"one", 1.0), (b"big", float("inf"))]
    assert r.zscore("z", "missing") is None and r.zrank("z", "one") == 1
    assert r.geoadd("places", (13.361389, 38.115556, "Palermo")) == 1
    assert abs(r.geopos("places", "Palermo")[0][0] - 13.361389) < 1e-4


def scans(r):
    keys = {f"scanned:{n}".encode() for n in range(1500)}
    with r.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.set(key, "v")
        assert all(pipe.execute())
    assert set(r.scan_iter("scanned:*", count=100)) == keys
    assert r.sadd("many", *range(1500)) == 1500
    assert {int(member) for member in r.sscan_iter("many")} == set(range(1500))
    assert dict(r.hscan_iter("h")) == {b"f": b"1", b"g": b"2"}
    assert r.delete(*keys) == 1500


def transactions(r):
    assert r.set("n", 0)

    def add(times):
        mine = connect()
        for _ in range(times):
            # Tries again for as long as another client has changed the key meanwhile.
            mine.transaction(step, "n")

    def step(pipe):
        number = int(pipe.get("n"))
        pipe.multi()
        pipe.set("n", number + 1)

    threads = [threading.Thread(target=add, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert r.get("n") == b"200", r.get("n")

    with r.pipeline() as pipe:
        pipe.set("t", "text").incr("t").get("t")
        ok, error, text = pipe.execute(raise_on_error=False)
    assert ok is True and isinstance(error, redis.ResponseError) and text == b"text"
    with r.pipeline() as pipe:
        pipe.watch("t")
        r.set("t", "other")
        pipe.multi()
        pipe.set("t", "mine")
        raises(redis.WatchError, "", pipe.execute)
    assert r.get("t") == b"other"


def messages(r):
    with r.pubsub() as listener:
        listener.subscribe("news")
        listener.psubscribe("n?ws")
        kinds = [listener.get_message(timeout=PATIENCE_S)["type"] for _ in range(2)]
        assert kinds == ["subscribe", "psubscribe"], kinds
        assert r.publish("news", b"\x00\xff") == 2
        received = [listener.get_message(timeout=PATIENCE_S) for _ in range(2)]
        assert {message["type"] for message in received} == {"message", "pmessage"}, received
        assert all(message["data"] == b"\x00\xff" for message in received)
        listener.ping("there")
        assert listener.get_message(timeout=PATIENCE_S)["type"] == "pong"
        assert r.pubsub_numsub("news")[0][1] == 1


def blocking(r):
    popped = []
    waiter = threading.Thread(target=lambda: popped.append(connect().blpop(["empty", "queue"], PATIENCE_S)))
    waiter.start()
    while r.info("clients")["blocked_clients"] == 0:
        assert waiter.is_alive(), popped
    assert r.rpush("queue", "job") == 1
    waiter.join(PATIENCE_S)
    assert [tuple(pair) for pair in popped] == [(b"queue", b"job")], popped
    assert r.blpop("empty", 0.01) is None


def errors(r):
    r.set("text", "abc")
    raises(redis.ResponseError, "value is not an integer or out of range", lambda: r.incr("text"))
    raises(redis.ResponseError, "WRONGTYPE", lambda: r.lpush("text", "x"))
    raises(redis.ResponseError, "unknown command", lambda: r.execute_command("FLY"))
    raises(redis.ResponseError, "wrong number of arguments for 'get' command", lambda: r.execute_command("GET"))
    assert r.get("text") == b"abc"


def the_client_itself(r):
    named = connect(client_name="reporter", db=3)
    assert named.client_getname() in (b"reporter", "reporter")
    me = named.client_info()
    assert (me["name"], me["db"], me["lib-name"]) == ("reporter", 3, "redis-py"), me
    assert any(other["name"] == "reporter" for other in r.client_list())
    assert r.info("server")["redis_version"].startswith("7.2")
    assert r.config_get("maxclients") == {"maxclients": "10000"}
    assert r.command_count() > 200 and r.time()[0] > 1_600_000_000


def a_pool(r):
    kind = redis.SSLConnection if TLS else redis.Connection
    pool = redis.ConnectionPool(kind, port=PORT, max_connections=8, **TLS)
    failures = []

    def work(name):
        mine = redis.Redis(connection_pool=pool)
        for n in range(100):
            mine.set(f"pool:{name}", n)
            if mine.get(f"pool:{name}") != str(n).encode():
                failures.append((name, n))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not failures, failures
    pool.disconnect()


for protocol in (2, 3):
    client = connect(protocol)
    assert client.ping() and client.flushall()
    for check in (
        values_and_deadlines,
        collections,
        scans,
        transactions,
        messages,
        blocking,
        errors,
        the_client_itself,
        a_pool,
    ):
        check(client)
        print(f"RESP{protocol}: {check.__name__}")
