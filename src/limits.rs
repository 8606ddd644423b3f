//! Every bound, named once. Sizes in bytes unless the name says otherwise.

/// A plain-text or inline line, without its line end. Redis: `PROTO_INLINE_MAX_SIZE`.
pub const LINE_MAX: usize = 64 << 10;
/// One RESP bulk string, and one string value. Redis: `proto-max-bulk-len`.
pub const BULK_MAX: usize = 512 << 20;
/// Arguments of one RESP request. Redis: 1024 * 1024.
pub const ARGS_MAX: usize = 1 << 20;
/// Whole unparsed input of one client: the most that `client-query-buffer-limit` can be, and its default.
pub const QUERY_MAX: usize = 1 << 30;
/// RESP limits of a client that has not authenticated yet. Redis: 10 arguments of 16 KiB.
pub const UNAUTHENTICATED_ARGS_MAX: usize = 10;
pub const UNAUTHENTICATED_BULK_MAX: usize = 16 << 10;
/// Whole unparsed input of such a client, perhaps behind a login whose outcome is not known yet. Redis: 1 MiB.
pub const UNAUTHENTICATED_QUERY_MAX: usize = 1 << 20;
/// What such a client leaves unread of its replies. Redis: 1 KiB.
pub const UNAUTHENTICATED_OUTPUT_MAX: usize = 1 << 10;

/// Room offered to one `read`.
pub const READ_CHUNK: usize = 16 << 10;
/// A client's parsed but unexecuted bytes; past it, its socket is not read.
pub const IN_FLIGHT_MAX: usize = 1 << 20;
/// A client's unsent replies; past it, its requests wait.
pub const OUTPUT_PAUSE: usize = 1 << 20;
/// A client's unsent replies; past it, the client is closed, unless `client-output-buffer-limit` says otherwise.
pub const OUTPUT_MAX: usize = 1 << 30;
/// Messages that wait for one subscriber, by default; past it, the subscriber is closed. Redis: `client-output-buffer-limit`.
pub const POSTED_MAX: usize = 32 << 20;
/// A client that reads nothing while replies wait is closed after this long.
pub const OUTPUT_STALL_SECONDS: u64 = 60;
/// After the last reply, what a client still sends is read and thrown away for so long.
pub const LINGER_SECONDS: u64 = 2;
/// An orderly stop waits so long for clients to take their replies.
pub const STOP_SECONDS: u64 = 5;
/// Log bytes appended and not yet written; past it, no socket is read.
pub const LOG_BACKLOG_MAX: usize = 64 << 20;
/// Text of one commit group; what was taken when it is passed still goes in.
pub const LOG_GROUP: usize = 1 << 20;

/// Members of a collection become records of so many words each, beside its name, and so many bytes before another
/// record is begun: lines that a person can read.
pub const RECORD_WORDS: usize = 128;
pub const RECORD_BYTES: usize = 1 << 20;

/// Threads that apply records at a start, where there are as many cores.
pub const REPLAY_THREADS_MAX: usize = 8;
/// Words of records that are handed to such a thread at a time, and such batches that it has at most.
pub const REPLAY_BATCH: usize = 64 << 10;
pub const REPLAY_BATCHES: usize = 4;

/// Addresses to listen on. Redis: `CONFIG_BINDADDR_MAX`.
pub const BIND_MAX: usize = 16;
/// A TLS client that has not agreed on keys after this long is closed.
pub const HANDSHAKE_SECONDS: u32 = 10;
/// Steps of TLS handshakes in one round of the reactor: each may cost a signature, and everyone else waits for them.
pub const HANDSHAKES_PER_ROUND: usize = 4;

/// File descriptors beside those of clients: listeners, the log, a compaction, standard streams.
pub const DESCRIPTORS_RESERVED: usize = 64;
/// Keys that each worker's sketch of hot keys tells apart, and the bytes of a key that it keeps.
pub const HOT_KEY_SLOTS: usize = 128;
pub const HOT_KEY_BYTES: usize = 256;
/// Keys of one sampled request that are counted.
pub const HOT_KEYS_PER_REQUEST: usize = 16;

/// Connections to the metrics port; past it, the one that needs its place least is closed.
pub const HTTP_CONNECTIONS_MAX: usize = 256;
/// An HTTP request: its line and headers.
pub const HTTP_HEAD_MAX: usize = 8 << 10;
pub const HTTP_HEADERS_MAX: usize = 64;
/// An HTTP client has so long to send its request, and so long to take the answer.
pub const HTTP_REQUEST_SECONDS: u64 = 5;
pub const HTTP_ANSWER_SECONDS: u64 = 10;
/// What an HTTP client sends beside its request is read and thrown away up to here, so that it gets its answer.
pub const HTTP_DISCARDED_MAX: usize = 64 << 10;
/// Seconds that the dashboard's charts go back.
pub const HISTORY_SECONDS: usize = 300;
/// Entries of each list on the dashboard: clients, slow requests, hot keys, big keys.
pub const DASHBOARD_LIST: usize = 20;

/// Configuration files that include one another, and how many are read in all.
pub const INCLUDE_DEPTH_MAX: usize = 16;
pub const INCLUDED_FILES_MAX: usize = 1000;
/// Wrong lines of theirs that are named.
pub const WRONG_LINES_MAX: usize = 50;

/// Connections by default. Redis: `maxclients`.
pub const CLIENTS_DEFAULT: usize = 10_000;
/// `*` in one pattern, where stars side by side are one; a pattern with more matches nothing. Redis: the same.
pub const PATTERN_STARS_MAX: usize = 1000;
/// Numbered databases. Redis: `databases`.
pub const DATABASES: usize = 16;
/// Shards of each database: many and small, so that no lock is held long.
pub const SHARDS: usize = 1024;

/// How long `limpid cli` waits for a connection, and for a TLS handshake.
pub const CLIENT_CONNECT_SECONDS: u64 = 10;
/// Lines that its history keeps.
pub const CLIENT_HISTORY_LINES: usize = 10_000;
/// Keys that `--hotkeys` reports. Redis: `HOTKEYS_SAMPLE`.
pub const CLIENT_HOT_KEYS: usize = 16;

const _: () = assert!(SHARDS.is_power_of_two() && SHARDS <= 16_384, "a hash slot lies in one shard");
const _: () = assert!(READ_CHUNK <= IN_FLIGHT_MAX && OUTPUT_PAUSE < OUTPUT_MAX);
const _: () = assert!(LOG_GROUP < LOG_BACKLOG_MAX);
const _: () = assert!(BULK_MAX < QUERY_MAX && QUERY_MAX < u32::MAX as usize, "argument ranges are 32-bit");
