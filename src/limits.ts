// Every bound of the service: a name with its unit, and why it is what it is.

// Shell: HTTP, log, health -------------------------------------------------------------------------------------

/** Log lines are written in pieces of this size: one write per 8 kB is lost in the noise of serving. */
export const logBufferBytes = 8_192

/** A line waits at most this long in the buffer, so that a quiet server's log is still live. */
export const logFlushMs = 100
