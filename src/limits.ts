// Every bound of the service: a name with its unit, and why it is what it is.

// Shell: HTTP, log, health -------------------------------------------------------------------------------------

/** Log lines are written in pieces of this size: one write per 8 kB is lost in the noise of serving. */
export const logBufferBytes = 8_192

/** A line waits at most this long in the buffer, so that a quiet server's log is still live. */
export const logFlushMs = 100

// Platform: the database -----------------------------------------------------------------------------------------

/** A server on the same network answers in milliseconds; more than this and the request is better told 503. */
export const poolConnectTimeoutS = 3

/** Between two attempts of one connection: short, so that a query fails at once instead of waiting for it. */
export const poolReconnectDelayMs = 100

/** No call of the service takes a second on a healthy server; one that does must not hold its connection. */
export const poolStatementTimeoutMs = 10_000

/** The service opens no transactions of its own; one that idles is a lost client holding locks. */
export const poolIdleInTransactionMs = 10_000

/** A migration that cannot get its lock within this gives up, before every reader queues behind it. */
export const migrationLockTimeoutMs = 10_000

/** The oldest server whose SQL the tests run on. */
export const postgresMajorMin = 15

/** A fast shutdown writes one checkpoint; past this PostgreSQL is stopped hard and recovers at its next start. */
export const postgresStopMs = 30_000

/** After `kill -9` of the postmaster its last backends need a moment to notice; a query they are in delays that. */
export const postgresLeftoversMs = 20_000

/** Crash recovery replays at most max_wal_size (2 GB): minutes on a slow disk, never this long. */
export const postgresStartMs = 600_000

/** Between two looks at a process that starts or stops. */
export const processPollMs = 10

// Intake: webhooks ------------------------------------------------------------------------------------------------

/** The largest webhook body. Shopify's largest, products of 2,048 variants, stay under 2 MiB. */
export const webhookBodyBytesMax = 5 * 1024 * 1024

/** A sender that has not sent its whole body by then is let go: Shopify itself gives up after 5 s. */
export const webhookReadMsMax = 5_000

/** From a delivery's last byte to its refusal as busy: Shopify hangs up after 5 s and repeats. */
export const webhookWaitMsMax = 3_500

/** What Shopify allows for the whole request (shopify.md, 1.3). */
export const webhookAnswerMsMax = 5_000

/** Longer batches gain nothing: a row costs 75 µs in a batch of 100 and 82 µs in one of 300 (PostgreSQL 15). */
export const webhookBatchItemsMax = 200

/** Bounds the memory of one call: 200 bodies of 4 kB are a tenth of it. */
export const webhookBatchBytesMax = 8 * 1024 * 1024

/** Two batches at once: one reads its bodies while the other waits for the disk; more only wait for the hot row. */
export const webhookBatchesAtOnce = 2

/** One second's worth at the rate the service is made for: what waits longer is better refused and repeated. */
export const webhookQueueItemsMax = 10_000

/** Bounds the memory of the queue whatever the bodies' size: 10,000 of 4 kB are 40 MB. */
export const webhookQueueBytesMax = 64 * 1024 * 1024

/** A batch that lost a deadlock or a serialization race is tried again this often before it is refused. */
export const webhookRetriesMax = 3

/** Failed deliveries handed to one attempt: small, so that a lease of 2 minutes is never too short. */
export const retryItemsMax = 20

/** How often due failed deliveries are looked for: the first retry is due after 10 s. */
export const retryEveryMs = 5_000

/** How often old rows are forgotten. */
export const reapEveryMs = 60_000

/** Rows of a kind deleted at once: a transaction of tens of milliseconds. */
export const reapItemsMax = 5_000

/** Shopify repeats for 4 hours and may be a day late; after that a repeated delivery is stale by its stamp. */
export const deliveryIdsKeptHours = 72

/** A week: long enough for a person to look into a dead letter. */
export const failedDeliveriesKeptHours = 7 * 24

/** How often the counters are held against the facts. */
export const verifyEveryMs = 60 * 60 * 1_000

/** How often the gauges of waiting and dead deliveries are read. */
export const intakeStateEveryMs = 10_000

/** Distinct descriptions whose sanitised form is remembered: every sale repeats its product's. */
export const sanitisedDescriptionsMax = 2_000

if (webhookWaitMsMax >= webhookAnswerMsMax) throw new Error('webhookWaitMsMax must leave time for the answer')
if (webhookBatchBytesMax < webhookBodyBytesMax) throw new Error('webhookBatchBytesMax must fit one body')
if (webhookQueueBytesMax < webhookBatchBytesMax) throw new Error('webhookQueueBytesMax must fit one batch')
