/* SPDX-License-Identifier: MIT
 *
 * worker_log owns the worker's words: the lines of the log about commands,
 * endpoints, and what a dry run would have done. A part of `worker`; no state.
 */
#ifndef ONENET_WORKER_LOG_H
#define ONENET_WORKER_LOG_H

#include "command.h"
#include "request.h"

#include <stdbool.h>

/* One INFO line for each finished command, and a WARNING, of which repeats are
 * counted, for one that needs attention. */
void worker_log_finished(const struct command *c);

/* The endpoint refused the credentials, or they could not be read: what to
 * check. */
void worker_log_credentials(const struct command *c, const struct verdict *v);

/* The circuit of the endpoint has opened or closed. */
void worker_log_circuit(const struct endpoint *e, bool is_open);

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
