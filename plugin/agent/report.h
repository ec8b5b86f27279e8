/* SPDX-License-Identifier: MIT
 *
 * report owns what is sent to collectd when: the counters of stats as values,
 * the news of the outbox, and how many devices at a time.
 *
 * report_send is called by collectd's read callback, one thread at a time, and
 * never by the I/O thread: a notification waits for every notification plugin.
 */
#ifndef ONENET_REPORT_H
#define ONENET_REPORT_H

#include "agent/outbox.h"
#include "agent/stats.h"
#include "config/options.h"

#include <stddef.h>
#include <stdint.h>

struct report;

/* Returns a report that the caller owns; all arguments are borrowed. NULL
 * without memory. */
struct report *report_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox);
void report_free(struct report *r);

/* Dispatches the metrics of the agent, the endpoints and the devices, and one
 * value per finished command; then the notifications of outcomes. Notifications
 * that are not begun within half an interval are counted as unreported.
 * inbox_count is the number of firings that wait to be taken, now_ms the
 * monotonic time. */
void report_send(struct report *r, size_t inbox_count, int64_t now_ms);

/* Writes the totals of each endpoint, and of each device that is reported one
 * by one, to the log. For the shutdown: values dispatched then would be
 * lost. */
void report_log_totals(struct report *r);

#endif
