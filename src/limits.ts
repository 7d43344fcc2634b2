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
