/* SPDX-License-Identifier: MIT
 *
 * worker_log owns the worker's words: the lines of the log about commands,
 * endpoints, and what a dry run would have done. A part of `worker`; no state.
 */
#ifndef ONENET_WORKER_LOG_H
#define ONENET_WORKER_LOG_H

#include "agent/troubles.h"
#include "cloud/request.h"
#include "config/options.h"
#include "words/command.h"

#include <stdbool.h>

/* One INFO line: the version, the ledger and how many commands are pending in
 * it, and how many endpoints, devices and rules there are, by name where they
 * are few. */
void worker_log_start(const struct options *o, bool is_dry, size_t pending);

/* One INFO line for each finished command, and a WARNING, of which repeats are
 * counted, for one that needs attention. */
void worker_log_finished(const struct command *c);

/* An attempt for the command has ended so, the command goes on or is finished,
 * and that is news of the trouble (not none): its cause, what to do, and when
 * the next attempt is. */
void worker_log_trouble(const struct command *c, const struct verdict *v,
                        enum verdict_trouble trouble, struct moment now);

/* The trouble of an endpoint or a device is over. */
void worker_log_endpoint_recovery(const struct endpoint *e);
void worker_log_device_recovery(const struct device *d);

/* The circuit of the endpoint has opened after that last failure, and lets an
 * attempt through in next_ms; or it has closed, which is the recovery, too. */
void worker_log_circuit_open(const struct endpoint *e,
                             const struct verdict *last, int64_t next_ms);
void worker_log_circuit_closed(const struct endpoint *e);

/* What would have been sent; the values of the credentials' header and of those
 * of the configuration are masked. */
void worker_log_dry_request(const struct command *c, const struct request *r);

/* It could not be sent, for the reason given. */
void worker_log_dry_failure(const struct command *c, const char *why);

/* It waits: for its cooldown, or behind others. */
void worker_log_dry_wait(const struct command *c);

/* The event is ignored, for that reason. */
void worker_log_dry_ignored(const char *rule, const struct device *device,
                            const char *reason);

#endif
