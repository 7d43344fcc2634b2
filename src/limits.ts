// Every bound of the service: a name with its unit, and why it is what it is.

// Shell: HTTP, log, health -------------------------------------------------------------------------------------

/** Log lines are written in pieces of this size: a write costs 20 µs of two threads, the lines of 400 requests. */
export const logBufferBytes = 65_536

/** A line waits at most this long in the buffer, so that a quiet server's log is still live. */
export const logFlushMs = 100

/** Unwritten log kept in memory while its reader stands still: past this lines are dropped, not requests. */
export const logBacklogBytesMax = 16 * 1024 * 1024

/** A process that ends waits so long for the reader of its log. */
export const logWriteOutMsMax = 1_000

/** JSON bodies are catalogue edits and orders; the longest is an event's description (64 kB) with 100 tickets. */
export const jsonBodyBytesMax = 256 * 1024

/**
 * Levels of a JSON body; ours have four. To tell a caller that 100,000 levels fit no schema took the validator 14 s,
 * and it says the same to strangers.
 */
export const jsonBodyLevelsMax = 32

/** A client that has not sent its JSON body by then is let go. */
export const jsonReadMsMax = 10_000

/**
 * Bun's own limit answers with an empty 413, so it stands out of reach: ours are counted while reading, and what is
 * not read is not held (500 MB sent to a handler that slept for 2 s: 37 MB of memory).
 */
export const requestBodyBytesMax = 2 ** 40

/** A connection on which nothing moves is closed; above every deadline of our own, below a proxy's 60 s. */
export const connectionIdleS = 30

/** A health probe that has not answered by then counts as failed: orchestrators ask every few seconds. */
export const healthProbeMsMax = 1_000

/** A health answer is reused this long, so that asking often costs the database nothing. */
export const healthReusedMs = 500

/** The schema changes at a deploy only; reading it hashes every SQL file. */
export const schemaProbeEveryMs = 10_000

/** Heartbeats come every second or so: later than this and the connection is as good as lost. */
export const notifyLagMsMax = 5_000

/** The causes of 503 answers are logged at most once in this time: an outage must not flood the log. */
export const outageLogEveryMs = 1_000

// Platform: the database -----------------------------------------------------------------------------------------

/** A server on the same network answers in milliseconds; more than this and the request is better told 503. */
export const poolConnectTimeoutS = 3

/** Between two attempts of one connection: short, so that a query fails at once instead of waiting for it. */
export const poolReconnectDelayMs = 100

/** No call of the service takes a second on a healthy server; one that does must not hold its connection. */
export const poolStatementTimeoutMs = 10_000

/** After the server's own timeout a call that is not answered within this hangs, and its pool is replaced. */
export const poolAnswerGraceMs = 1_000

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

/** Bounds the time of one call: 200 orders of 5 kB are half of it. A longer body goes alone. */
export const webhookBatchBytesMax = 2 * 1024 * 1024

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

/** How often the counters are held against the facts, by one process of all that share the database. */
export const verifyEveryMs = 60 * 60 * 1_000

/** How often each process asks whether it is due, and how the newest one came out. */
export const verifyClaimEveryMs = 10_000

/** How often the gauges of waiting and dead deliveries are read. */
export const intakeStateEveryMs = 10_000

/** Distinct descriptions whose sanitised form is remembered: every sale repeats its product's. */
export const sanitisedDescriptionsMax = 2_000

if (webhookWaitMsMax >= webhookAnswerMsMax) throw new Error('webhookWaitMsMax must leave time for the answer')
if (webhookQueueBytesMax < webhookBatchBytesMax) throw new Error('webhookQueueBytesMax must fit one batch')
if (webhookQueueBytesMax < webhookBodyBytesMax) throw new Error('webhookQueueBytesMax must fit one body')

/** Thousands of event pages and lists; what is used least goes first. */
export const localRedisMemoryMb = 128

/** It starts in 20 ms; a machine that needs longer than this runs without. */
export const localRedisStartMs = 3_000

/** It keeps nothing, so there is nothing to wait for. */
export const localRedisStopMs = 2_000

// Catalog: reads ------------------------------------------------------------------------------------------------

/** The promise: a committed change is in details and tickets, and every edit in lists, this long after the commit. */
export const freshMsMax = 100

/** The promise for mere counts in lists: one hot event must not dirty every list at every sale. */
export const listCountsFreshMsMax = 1_000

/** Bytes that a change has outdated may still be sent this long: the rest of the promise is for the notification and a load. */
export const staleServeMsMax = 60
/** The same for counts in lists. */
export const listCountsStaleMsMax = 800

/** A hot key is loaded at most this often, however often it changes: 40 calls a second, not one a sale. */
export const refreshMsMin = 25
/** The same for counts in lists. */
export const listCountsRefreshMsMin = 400

/** A list looks through its events for flips at most this often: a look costs 2 µs, a hit less than one. */
export const listScanMsMin = 10

/** Backstop where a notification was missed: lists and details live no longer than this. */
export const listTtlMs = 300_000
export const eventTtlMs = 600_000

/** What was heard of an event is remembered longer than any bytes made before it can live. */
export const heardKeptMs = eventTtlMs + 60_000

/** Events with something heard at once; past it everything is read anew. 200,000 take about 20 MB. */
export const heardEventsMax = 200_000

/** Level 1 of one process, bodies in all their encodings: with it full, and 10,000 connections, a process takes 240 MB. */
export const cacheBytesMax = 96 * 1024 * 1024

/** A reader waits this long for the database before it is sent the last good bytes, or 503. */
export const readWaitMsMax = 2_000

/** After a failed load the others do not wait for their own failure; the next try is this much later. */
export const databaseAwayMs = 250
/** Tries that a hanging database has not answered yet; more are not made until one of them ends. */
export const probesHangingMax = 16

/** Loads under way at once: fewer than the pool has connections, so that none waits behind another on its connection. */
export const eventLoadsAtOnceMax = 8
/** Lists and searches cost more; two cores of a database are busy with four. */
export const listLoadsAtOnceMax = 4
/** Loads that wait for their turn; more is answered 503 at once. */
export const loadsWaitingMax = 1_000

/** Redis answers in a fraction of a millisecond; a read does not wait longer for it than a load takes. */
export const sharedCacheWaitMsMax = 30
/** Failures in a row after which Redis is left alone for a while. */
export const sharedCacheFailuresMax = 3
export const sharedCachePauseMs = 1_000
/** How often an idle connection to Redis is tried, and how long it may stay silent before it is made anew. */
export const sharedCachePingMs = 1_000
export const sharedCacheSilenceMsMax = 3_000
/** Between two attempts to connect: each that fails adds as much to the next, up to a second. */
export const sharedCacheRetryMsMin = 100
export const sharedCacheRetryMsMax = 1_000
/** Bytes of one value in Redis; a list of 100 events has about 80 kB. */
export const sharedCacheValueBytesMax = 2 * 1024 * 1024

/** How often the listening connection is made to hear itself. */
export const heartbeatMs = 1_000
/** Heartbeats in a row that may stay unheard; then the connection counts as half-open and is made anew. */
export const heartbeatsMissedMax = 2
/** Between two attempts to listen again. */
export const listenRetryMs = 100
/** A start does not wait longer to listen; bytes read before would have to be read again. */
export const listenWaitMsMax = 1_000

/** Below this compression saves less than its header costs. */
export const compressBytesMin = 1_024

/** URLs of which is remembered what they name, so that a hit checks nothing. */
export const urlsRememberedMax = 10_000
/** A longer URL is checked each time. */
export const urlRememberedCharsMax = 500

export const listLimitDefault = 20
export const listLimitMax = 100
/** Rows that can be counted and reached by page; past them a cursor goes on at the cost of the first page. */
export const listRowsMax = 10_000
export const searchCharsMax = 200

/** Kinds of ticket in one order, and units of each: more is a mistake or an attack; the event's own limit is far below. */
export const orderItemsMax = 20
export const orderUnitsMax = 100

/**
 * Tickets on one page: a QR code takes 0.3 ms of the process that answers everybody else meanwhile, so that a page takes it 10 ms.
 * Nearly every order fits on one; the largest there can be has 80.
 */
export const ticketsPerPage = 25

/** Orders of one event in one call: each takes some 65 µs of PostgreSQL in a batch of 100, so that a call stays under 15 ms. */
export const orderBatchMax = 200

/** Batches of one event at once: each waits for the event's lock, so a second one would only hold a connection. */
export const orderBatchesAtOnce = 1

/** Calls at once that look up what orders name: short reads that wait for nobody. */
export const itemBatchesAtOnce = 2

/** Tickets of which a process remembers their event: those of a thousand events on sale, of some 300 bytes each. */
export const ticketsKnownMax = 20_000

/** Calls at once that check codes in: they take the locks of their events, so that a second one would mostly wait for the first. */
export const checkinBatchesAtOnce = 1
/** Codes in one call: as many doors as there are, and a call stays within milliseconds. */
export const checkinBatchMax = 200
/** A code that was scanned: anything longer is no ticket of ours. */
export const checkinCodeCharsMax = 200

/** Connections of the sales: as many events are decided side by side. */
export const salesPoolSize = 8

/** Orders of all events that wait for their batch: a second's worth on the busiest day. */
export const orderQueueMax = 10_000

/** From an order's last byte to its refusal as busy: longer nobody looks at a spinner. */
export const orderWaitMsMax = 3_000

/** How long an order that is not paid holds its units. */
export const orderHoldS = 10 * 60

/** Connections of the payments: as many events take results side by side, beside calls for single buyers. */
export const paymentsPoolSize = 4
/** Results in one call, and calls that look up their events at once. */
export const paymentBatchMax = 200
export const paymentBatchesAtOnce = 1
/** Results of all events that wait for their batch: all who have paid in the seconds of a restart of the database. */
export const paymentQueueMax = 10_000
/** From a result's last byte to its refusal as busy: providers wait for 10 s and more, and repeat. */
export const paymentWaitMsMax = 5_000
/** A result of ours is 100 bytes, an event of Stripe with its session 5 kB. */
export const paymentBodyBytesMax = 256 * 1024

/** A call of a payment provider: longer than Stripe takes on a bad day, shorter than a buyer waits. */
export const providerTimeoutMs = 5_000
/** A call that failed is repeated this often while its buyer waits, first after this time, then twice as long with chance. */
export const providerRetriesMax = 3
export const providerRetryMs = 150
export const providerRetryMsMax = 1_500
/** So many failures in a row, and the provider counts as down: for so long nobody is kept waiting for it. */
export const providerBreakAfter = 8
export const providerBreakMs = 5_000
/** How often the age of the oldest refund that is due is read. */
export const refundsLookEveryMs = 10_000

/** How often a worker looks for jobs that are due. */
export const jobsEveryMs = 1_000
/** The same of an admin's writes to Shopify: he watches what comes of them. A look that finds nothing costs 0.1 ms. */
export const writesEveryMs = 250
/** Jobs that one worker has under way. */
export const jobsAtOnceMax = 8
/** How often a worker tells that it is still at its jobs. */
export const jobHeartbeatMs = 5_000
/** Those of a worker that was not heard of for so long are handed to another: it was killed, or is cut off and gives them up. */
export const jobLeaseS = 20
assertBefore(
  { heartbeatAnsweredMs: jobHeartbeatMs * 1.2 + poolStatementTimeoutMs + poolAnswerGraceMs },
  { jobLeaseMs: jobLeaseS * 1_000 },
)
/** One attempt takes no longer, with all of its calls: what hangs must not keep the jobs behind it waiting. */
export const jobAttemptMsMax = 90_000
assertBefore(
  { providerAnswerMsMax: (providerRetriesMax + 1) * (providerTimeoutMs + providerRetryMsMax) },
  { jobAttemptMsMax },
)
/** A worker that stops lets the jobs under way go on for so long; most take less than a second. */
export const jobStopMsMax = 4_000
/** A job is tried again after this time, then after five times as long up to the most: three quick ones, then slow ones for a day. */
export const jobRetryS = 2
export const jobRetryFactor = 5
export const jobRetrySMax = 21_600
/** Attempts of a job; when the last one fails, or its worker does not come back, it is dead, and waits for a person. */
export const jobAttemptsMax = 10
/** How often jobs are looked for whose worker did not come back from the last attempt: what is behind them waits for that. */
export const jobsExpireEveryMs = 2_000
/** How often the mirror is held against what was done at Shopify: whoever wrote waits for that. It costs 0.1 ms where nothing is open. */
export const jobsConfirmEveryMs = 250
/** How often the jobs are counted. */
export const jobsStateEveryMs = 10_000
/** Connections of the jobs: those that are under way write one after the other. */
export const jobsPoolSize = 2

/** A change of capacity waits so long for a moment in which nothing is sold, and then is off by the least that was on its way meanwhile. */
export const capacityQuietMsMax = 10_000
/** How often it looks for one. */
export const capacityLookEveryMs = 250
assertBefore({ capacityQuietMsMax: capacityQuietMsMax + capacityLookEveryMs }, { jobAttemptMsMax })

// Shopify's Admin API ----------------------------------------------------------------------------------------------

/** One attempt: Shopify itself gives up after 10 s, with 504. */
export const shopifyTimeoutMs = 12_000
/** Another token comes at once, or not at all. */
export const shopifyTokenMsMax = 5_000
/** A call with its attempts and what it waits for points; with another token it is still within an attempt of its job. */
export const shopifyCallMsMax = 35_000
assertBefore({ shopifyTimeoutMs }, { shopifyCallMsMax })
assertBefore({ shopifyMsMax: shopifyCallMsMax + shopifyTokenMsMax }, { jobAttemptMsMax })
/** What did no harm is repeated this often, first after this time, then twice as long with chance; then its job waits. */
export const shopifyRetriesMax = 2
export const shopifyRetryMs = 300
export const shopifyRetryMsMax = 3_000
/** Shopify throttles a call that waited for its points only where others took them: somebody else is faster each time. */
export const shopifyThrottledMax = 5
/** So many failures in a row, and Shopify counts as down: for so long no job is kept waiting for it. */
export const shopifyBreakAfter = 8
export const shopifyBreakMs = 10_000
/**
 * A call whose answer was lost may still be done for so long: Shopify gives up after 10 s. What is not found before that may come
 * to be, and is looked for again.
 */
export const shopifySettleMs = 12_000
assertBefore({ shopifySettleMs }, { lostJobMs: jobLeaseS * 1_000 - jobHeartbeatMs })
/** How long the shop's locations and channels are believed to stay what they are. */
export const shopifyPlacesKeptMs = 300_000
/** Keys that one change of stock may use up: one for each time that Shopify refused it and an admin had it tried again. */
export const shopifyKeysMax = 20
/** An event with 100 tickets is 100 kB. */
export const shopifyAnswerBytesMax = 8 * 1024 * 1024
/** Of all points, what calls that nobody waits for leave to writes. */
export const shopifyLookReservePercent = 50
/** Calls that wait for points: more than the workers of a process have under way is a mistake. */
export const shopifyWaitingMax = 1_000
/** Until Shopify has said otherwise: the smallest bucket it ever documented, and what a mutation with a short answer is asked for. */
export const shopifyPointsAssumed = 1_000
export const shopifyRestoreAssumed = 50
export const shopifyCostAssumed = 50
/** How often a bulk operation is asked how far it is: it takes seconds to hours, and a look costs one point. */
export const bulkLookEveryMs = 2_000
/** Shopify ends a bulk operation after 10 days; nobody waits longer than this for one. */
export const bulkMsMax = 24 * 3_600_000
/** Days of orders that an app sees without the scope read_all_orders. */
export const ordersDaysMax = 60
/** Shopify keeps a file for 7 days: a run that was stopped is taken up again for so long. */
export const syncKeptHours = 6 * 24
/** A line is one record: a product with the longest description that Shopify takes has half a MiB. */
export const syncLineBytesMax = 4 * 1_024 * 1_024
/** Lines and bytes of them that are staged together: what a run that is stopped does again, and what it holds in memory twice. */
export const syncPieceLines = 5_000
export const syncPieceBytes = 4 * 1_024 * 1_024
/** Nothing of a file for so long, and it is asked for again behind what came. */
export const syncSilenceMsMax = 30_000
/** A file that breaks off so often without a line more is given up. */
export const syncBreaksMax = 5
/** A COPY of one piece takes a tenth of a second. */
export const syncCopyMsMax = 120_000
/** Products that are applied by one call, a tenth of a second in which their webhooks wait; their cost grows by the batch. */
export const syncBatchProducts = 200
/** Items or orders that are applied by one call. */
export const syncBatchRecords = 1_000
/** The planner is told what is there after so many records of a file, and then after four times as many. */
export const syncAnalyzeRecordsMin = 1_000
/** A batch that others' locks keep from being applied is tried again so often. */
export const syncBusyMax = 10
/** Connections of a sync: one holds its place, one stages, and each lane of a file is applied on one. */
export const syncPoolSize = 6
/** Where there is no terminal, how often a sync says how far it is. */
export const syncToldEveryMs = 2_000
/** Snapshots that admins see. */
export const syncRunsShown = 20
/** How often each process asks whether a sync is wanted, and how long it waits for another snapshot's end before it asks again. */
export const syncClaimEveryMs = 5_000
/** A process that was not heard of for so long is killed or cut off: another one goes on with its sync. */
export const syncLeaseS = 20
/** How often it tells that it is still at it. */
export const syncHeartbeatMs = 5_000
assertBefore(
  { heartbeatAnsweredMs: syncHeartbeatMs * 1.2 + poolStatementTimeoutMs + poolAnswerGraceMs },
  { syncLeaseMs: syncLeaseS * 1_000 },
)
/** A sync that broke off goes on after this time, then after twice as long up to the most: ten attempts in 40 minutes, and a person looks. */
export const syncRetryMs = 10_000
export const syncRetryMsMax = 600_000
export const syncAttemptsMax = 10
/** How long a throttled call is taken to say that more processes share the points, and how many at most. */
export const shopifyCrowdedMs = 60_000
export const shopifySharersMax = 16
/** A token is renewed so long before its end, or a tenth of its life: it is good for a day. */
export const shopifyTokenAheadMs = 600_000
/** By how much a level may seem older than its last change: both are told to the second, each by its own clock. */
export const levelSkewMs = 2_000

/** How often the webhook subscriptions are looked at, by one process of all: Shopify deletes those that fail for four hours. */
export const subscriptionsLookEveryMs = 15 * 60_000
/** How often each process asks whether it is due, and how the newest look came out. */
export const subscriptionsClaimEveryMs = 10_000
/** How often the rights of the app are asked for: a merchant may change them. */
export const accessLookEveryMs = 60 * 60_000
/** And again after this time where the shop did not answer. */
export const accessRetryMs = 60_000
/** How often items are looked for whose newest level is late. */
export const levelLooksEveryMs = 10_000
/** Looks queued at once: a shop whose levels do not come at all is asked about its busiest items, not about all. */
export const levelLooksAtOnceMax = 100
/** A look that was done is of interest for a day. */
export const looksKeptHours = 24

/** Products, items or orders of a snapshot that are compared at once: a tenth of a second. */
export const reconcileRecordsAtOnce = 500
/** Differences that are repaired at once. */
export const repairsAtOnce = 50
/** Differences that one reconciliation repairs where nobody says otherwise: many more are a matter of `sync`. */
export const repairsMaxDefault = 1_000
/** What changed in the shop so shortly ago is late, not lost: Shopify repeats a webhook that failed first after about a minute. */
export const reconcileGraceS = 600
/** How often each process asks whether a reconciliation is wanted or due. */
export const reconcileClaimEveryMs = 10_000
/** Differences of the newest reconciliation that are shown. */
export const differencesShownMax = 100

/** How often what has expired is tidied, so that shown counts follow: who needs the units does not wait for this. */
export const expireEveryMs = 1_000

/** Events tidied in one go. */
export const expireEventsMax = 1_000

// Accounts --------------------------------------------------------------------------------------------------------

/** Shorter ones are guessed: what NIST SP 800-63B asks for at least. */
export const passwordCharsMin = 8
/** Room for a sentence. */
export const passwordCharsMax = 128
/** As it is sent: normalisation makes one character of up to four, and a character may have two units. */
export const passwordSentCharsMax = 1_024

/** The longest address that mail can be sent to (RFC 5321). */
export const emailCharsMax = 254

/** Argon2id as OWASP recommends it at least: 55 ms of one core, and what a guess costs whoever has the hashes. */
export const passwordHashKiB = 19_456
export const passwordHashPasses = 2

/** Hashes of a process at once: on two cores the other one stays with the reads and PostgreSQL. */
export const passwordHashesAtOnceMax = 1
/** The last of them waits 2 s; more is answered 503 at once. */
export const passwordHashesWaitingMax = 40
/** A hash is done in a tenth of a second on any machine that serves. */
export const passwordHashMsMax = 10_000

/** A token is good for an hour; what ends it earlier is its user's token generation. */
export const tokenLifeS = 60 * 60

/** Tokens whose signature a process remembers to have checked: 10,000 users at once, of some 500 bytes each. */
export const tokensKnownMax = 10_000

/** Bytes of chance in a key for a machine: nobody guesses it, so its SHA-256 needs no salt. */
export const apiKeyRandomBytes = 32
export const apiKeyNameCharsMax = 100

/** Users whom tokens name, looked up in one call: a row costs microseconds. */
export const userBatchMax = 200
export const userBatchesAtOnceMax = 2
/** Requests with a token that wait for their batch: a second's worth and more. */
export const userQueueMax = 10_000
/** As long as a read waits for the database. */
export const userWaitMsMax = 2_000

/** Other calls of the accounts: a connection each. */
export const accountCallsAtOnceMax = 2
export const accountCallsWaitingMax = 1_000

// Rate limits ------------------------------------------------------------------------------------------------------

/** The window of what is limited by the minute. */
export const rateWindowS = 60
/** Orders and bookings of a user: nobody decides faster by hand, and a script gets no more of a sale than a person. */
export const ordersPerUserMax = 10
/** Logins of an address, right or wrong: a household's worth, and a minute of them costs half a second of hashing. */
export const loginsPerAddressMax = 10
/** Signups of an address: an office may sign up, a robot that fills the table may not. */
export const signupsPerAddressMax = 5
/** Wrong passwords of an account, from wherever and where it is changed: room for typos; with the pause below 10 guesses in half an hour. */
export const wrongLoginsMax = 5
export const wrongLoginsWithinS = 15 * 60
/** How long an account is paused then: what slows a guesser down and somebody with a bad memory can wait for. */
export const loginPauseS = 15 * 60
/**
 * Users, addresses or accounts that a process counts by itself at once, for each limit: at some 800 bytes each, 16 MB. Who
 * asks too often by the minute is not forgotten below 3,000 others a second.
 */
export const rateLimitKeysMax = 20_000
/** Keys of Redis looked at in one step where all counters are forgotten: a fraction of a millisecond. */
export const rateLimitKeysScanned = 1_000
/** Edits, statistics and pages of tables at once: a connection each, one of them for what takes long. */
export const adminCallsAtOnceMax = 3
/** There are few admins; more than this is a script that has run away. */
export const adminCallsWaitingMax = 100

/** Room for any title; search reads as much of it. */
export const eventTitleCharsMax = 255
/** Names and kinds of tickets, categories, skus, places: what fits into a line. */
export const lineCharsMax = 255
/** A long page; search reads 20,000 characters of it. */
export const descriptionCharsMax = 50_000
export const urlCharsMax = 2_048
/** Images of an event and tickets of one: every answer about the event carries all of them. */
export const eventImagesMax = 20
export const eventTicketsMax = 100
/** Ten million in a currency of two decimals; times the units of a stadium it is still a number that JavaScript can hold. */
export const priceCentsMax = 1_000_000_000
/** Nothing on earth seats more. */
export const capacityMax = 10_000_000
/** Places of tickets in a list. */
export const positionMax = 10_000
/** Units that one user may be allowed: above it, say null for no limit. */
export const perUserLimitMax = 1_000_000

/** Orders in one page of a table that is streamed: a few hundred KiB, read within tens of ms. */
export const orderRowsPerPage = 1_000

/** How often edits are looked for that the bitmaps of search should take in. */
export const searchChangesEveryMs = 1_000
/**
 * An edit that they have not taken in costs a search 8 µs. A block takes its edits in at once, in a few tenths of a second:
 * of so many, some 5 stand in the same block of a million events, 20 in one of a hundred thousand.
 */
export const searchChangesMin = 128

/** Made-up events inserted by one call of `seed`: a second or two, so that progress shows. */
export const seedBatchEvents = 5_000

/** Availability is asked of the database at the moment of the request, gathered into calls of at most this many events. */
export const availabilityBatchMax = 100
export const availabilityCallsAtOnceMax = 2
export const availabilityQueueMax = 2_000

assertBefore({ staleServeMsMax }, { freshMsMax })
assertBefore({ refreshMsMin }, { staleServeMsMax })
assertBefore({ listScanMsMin }, { refreshMsMin })
assertBefore({ listCountsStaleMsMax }, { listCountsFreshMsMax })
assertBefore({ listCountsRefreshMsMin }, { listCountsStaleMsMax })
assertBefore({ sharedCachePingMs }, { sharedCacheSilenceMsMax })
assertBefore({ eventTtlMs }, { heardKeptMs })

/** Refuses to start where a limit is not below the one that must contain it. */
function assertBefore(less: Record<string, number>, more: Record<string, number>): void {
  const [[name, value], [bound, limit]] = [Object.entries(less)[0]!, Object.entries(more)[0]!]
  if (value >= limit) throw new Error(`The limit ${name} (${value}) must be below ${bound} (${limit})`)
}

// Platform: shutdown ---------------------------------------------------------------------------------------------

/** How long answers are held so that no request is on its way when the listener closes: some round trips. */
export const drainHoldMs = 100

/** Open requests get this long; Docker kills 10 s after SIGTERM, and the database must still stop. */
export const drainMsMax = 6_000

// Several processes under one supervisor -------------------------------------------------------------------------

/** More than any machine has cores to serve with. */
export const processesMax = 256

/** A process serves 0.3 s after its start; one that waits for a database of its own to come back gives up earlier. */
export const processStartMsMax = 30_000

/** A process that ends by itself is replaced at once, and this much later where another ended shortly before. */
export const replaceDelayMsMin = 100
/** The delay doubles with each end within `crashesCountedMs`, and stays here: a database may be away for hours. */
export const replaceDelayMsMax = 10_000
/** An end longer ago than this says nothing about the next one. */
export const crashesCountedMs = 60_000

/** What a process is told to do takes it some milliseconds; a machine that is overrun takes longer, and is waited for. */
export const processOrderMsMax = 10_000

/**
 * A listener closes this long after new connections are led past it. A connection whose client has not sent anything
 * yet waits in the kernel for 1 s (TCP_DEFER_ACCEPT of Bun's listeners) and some round trips, and would be reset.
 */
export const listenerSettleMs = 1_500

/** Between two looks at the connections that a retiring process still has; and as much again for each of them. */
export const retireLookEveryMs = 250
export const retireLookPerConnectionMs = 1

/** A retiring process ends after this, whoever is still connected: each has asked again or idled out by then. */
export const retireMsMax = 40_000

/** A process that was told to stop gets this long: a bit more than the drain, a bit less than Docker's 10 s. */
export const processStopMsMax = 9_000

/** A process tells its metrics in some milliseconds; one that is busier than this is counted with what it told last. */
export const metricsReportMsMax = 1_000
/** Whoever is asked for the metrics of all waits this long for them. */
export const metricsMergeMsMax = 2_000

assertBefore({ connectionIdleMs: connectionIdleS * 1_000 }, { retireMsMax })
assertBefore({ drainMsMax }, { processStopMsMax })
assertBefore({ jobStopMsMax }, { processStopMsMax })
assertBefore({ metricsReportMsMax }, { metricsMergeMsMax })

// Platform: the pools of a process -------------------------------------------------------------------------------

/** A batch occupies a connection from start to commit; one more for single calls beside them. */
export const intakePoolSize = webhookBatchesAtOnce + 1

/** A start waits so long for Redis, so that the first answers already come through it. */
export const redisFirstAnswerMsMax = 500

/** Whom a token names, beside what somebody does with an account. */
export const accountsPoolSize = userBatchesAtOnceMax + accountCallsAtOnceMax

/** The admin's calls, a connection each: what one asks that takes seconds holds up no visitor. */
export const adminPoolSize = adminCallsAtOnceMax

/** Background tasks run one call at a time each: one that verifies for a minute, one that makes bitmaps, and one for the rest. */
export const taskPoolSize = 3

/** `verify` recomputes every counter: seconds at a million events, minutes on a slow disk. */
export const taskStatementTimeoutMs = 600_000

assertBefore({ taskStatementTimeoutMs }, { verifyEveryMs })

// Platform: `up` -------------------------------------------------------------------------------------------------

/** An embedded PostgreSQL that ends this often within `postgresRestartsWithinMs` will not get better by itself. */
export const postgresRestartsMax = 5

/** A crash now and then is survived for ever; a row of them within a minute is not. */
export const postgresRestartsWithinMs = 60_000

/** Connections of a command: one works, one looks on. */
export const commandPoolSize = 2

/** How often `up` looks whether the `npx` or `bun run` that started it is still there. */
export const launchersLookEveryMs = 200
