/* SPDX-License-Identifier: MIT
 *
 * lines owns the words of the log about commands, endpoints and devices, and
 * about what a dry run would have done. No state: any thread.
 */
#ifndef ONENET_LINES_H
#define ONENET_LINES_H

#include "agent/troubles.h"
#include "cloud/request.h"
#include "config/options.h"
#include "words/command.h"
#include "words/tracked.h"

#include <stdbool.h>

/* One INFO line: the version, the ledger and how many commands are pending in
 * it, and how many endpoints, devices and rules there are, by name where they
 * are few. */
void lines_write_start(const struct options *o, bool is_dry, size_t pending);

/* One INFO line for each finished command, and a WARNING, of which repeats are
 * counted, for one that needs attention. */
void lines_write_finished(const struct command *c);

/* One INFO line for the last status of a tracked command, and a WARNING unless
 * its device has answered. */
void lines_write_end(const struct tracked *one);

/* An attempt for the command has ended so, the command goes on or is finished,
 * and that is news of the trouble (not none): its cause, what to do, and when
 * the next attempt is. */
void lines_write_trouble(const struct command *c, const struct verdict *v,
                         enum verdict_trouble trouble, struct moment now);

/* The trouble of an endpoint or a device is over. */
void lines_write_endpoint_recovery(const struct endpoint *e);
void lines_write_device_recovery(const struct device *d);

/* The circuit of the endpoint has opened after that last failure, and lets an
 * attempt through in next_ms; or it has closed, which is the recovery, too. */
void lines_write_circuit_open(const struct endpoint *e,
                              const struct verdict *last, int64_t next_ms);
void lines_write_circuit_closed(const struct endpoint *e);

/* What would have been sent; the values of the credentials' header and of those
 * of the configuration are masked. */
void lines_write_dry_request(const struct command *c, const struct request *r);

/* It could not be sent, for the reason given. */
void lines_write_dry_failure(const struct command *c, const char *why);

/* It waits: for its cooldown, or behind others. */
void lines_write_dry_wait(const struct command *c);

/* The event is ignored, for that reason. */
void lines_write_dry_ignored(const char *rule, const struct device *device,
                             const char *reason);

#endif
