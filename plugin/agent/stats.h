/* SPDX-License-Identifier: MIT
 *
 * stats owns the counters and gauges that the metrics are made of. They start
 * anew with the process.
 *
 * Any thread may count what was ignored or not reported; all other counting is
 * the I/O thread's. One thread at a time reads. Nobody ever waits for a lock:
 * counters are atomics, and a sequence number guards the command counts of each
 * device and of each endpoint, so that a reader sees one snapshot of them:
 * created = all outcomes + pending.
 *
 * A device for which nothing was ever counted costs about 140 bytes: what most
 * devices never need is allocated when it is first counted, and latencies are
 * freed when they are read or dropped.
 */
#ifndef ONENET_STATS_H
#define ONENET_STATS_H

#include "words/command.h"
#include "words/device.h"
#include "words/ignored.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_MAX_CAUSES                                                       \
  32 /* different causes per device, and codes per endpoint; further ones are  \
        counted as `other` */
#define STATS_CAUSE_OTHER "other"

struct stats;

/* Returns stats for all devices and endpoints of the directory (borrowed), all
 * zero; NULL without memory. */
struct stats *stats_new(const struct directory *directory);
void stats_free(struct stats *s);

/* ---- counting ----
 *
 * Commands of a device count for its endpoint, too. Whatever is counted for a
 * device makes it active: stats_take_active returns it. */

/* Leaves a recorded account of the device out of its counters: outcomes of an
 * earlier process do not count, and of what was created then only the pending
 * commands do. To be called before the account that has it is published.
 * Returns 0 or -ENOMEM. */
int stats_begin_after(struct stats *s, const struct device *d,
                      const struct account *recorded);

/* Sets the command counters of the account's device to the values of the
 * account, less those that stats_begin_after left out. */
void stats_publish(struct stats *s, const struct account *a);

/* Counts a failed attempt by its cause ("errno_10"); "" is no failure. */
void stats_count_failure(struct stats *s, const struct device *d,
                         const char *cause);

/* Counts an acceptance so long after the arrival of the event behind the
 * command. */
void stats_count_latency(struct stats *s, const struct device *d,
                         int64_t latency_ms);

/* Notes that a command of the device is tracked: its counts of tracked commands
 * are reported from now on. */
void stats_note_tracked(struct stats *s, const struct device *d);

/* Counts how a tracked command ended. */
void stats_count_end(struct stats *s, const struct device *d,
                     enum tracked_end end);

/* Counts an answer so long after the arrival of the event behind the
 * command. */
void stats_count_answer_latency(struct stats *s, const struct device *d,
                                int64_t latency_ms);

/* Counts an ignored event; d is NULL if it is of no known device. Any
 * thread. */
void stats_count_ignored(struct stats *s, const struct device *d,
                         enum ignored reason);

/* Count a request that was sent to the endpoint, and the HTTP status of one
 * that ended (0: none). */
void stats_count_request(struct stats *s, const struct endpoint *e);
void stats_count_http_code(struct stats *s, const struct endpoint *e, int code);
/* Sets the gauges of the endpoint. */
void stats_set_endpoint(struct stats *s, const struct endpoint *e,
                        size_t connections, bool circuit_open);

/* Sets the gauges of the agent. */
void stats_set_agent(struct stats *s, size_t records_pending,
                     int64_t ledger_bytes);
/* How many series are kept, and how many had to go for want of room. */
void stats_set_series(struct stats *s, size_t kept, uint64_t forgotten);
void stats_count_ledger_error(struct stats *s);
/* Counts news that was not reported. Any thread. */
void stats_count_unreported(struct stats *s, uint64_t count);

/* ---- reading ---- */

struct stats_latency {
  double average_s; /* NaN, as the others, where there was none */
  double upper_s;
  double percentile_99_s; /* upper end of its bucket: at most 9 % too high */
};

/* Counts of the commands of a device, or of all devices of an endpoint. */
struct stats_commands {
  uint64_t created;
  uint64_t by_outcome[OUTCOME_COUNT];
  uint64_t pending;
};

/* Counts of the tracked commands of a device. */
struct stats_tracked {
  uint64_t delivered; /* answered + unanswered */
  uint64_t answered;
  uint64_t unanswered;
  uint64_t undelivered;
  uint64_t not_known;
  struct stats_latency latency; /* time to the answer; see stats_take_latency */
};

struct stats_endpoint {
  struct stats_commands commands;
  uint64_t requests;
  size_t connections;
  bool circuit_open;
};

struct stats_agent {
  size_t records_pending;
  int64_t ledger_bytes;
  size_t series;
  uint64_t series_forgotten;
  uint64_t ledger_errors;
  uint64_t unreported;
};

/* Takes out and returns an active device: one for which something was counted
 * since it was returned last. The one that became active first is returned
 * first; NULL if there is none. */
const struct device *stats_take_active(struct stats *s);

/* Reads one snapshot of the command counts of a device. */
void stats_read_device(const struct stats *s, const struct device *d,
                       struct stats_commands *ret_commands);

/* Takes the latencies of acceptances that were counted for the device since
 * they were last taken or dropped. Returns whether any command of the device
 * was ever accepted; ret_latency is written in any case. */
bool stats_take_latency(struct stats *s, const struct device *d,
                        struct stats_latency *ret_latency);

/* Frees the latencies of a device, which nobody will read. */
void stats_drop_latencies(struct stats *s, const struct device *d);

/* Reads how the device's tracked commands ended, and takes the latencies of
 * answers. Returns whether any command of the device was ever tracked; nothing
 * is written if not. */
bool stats_take_tracked(struct stats *s, const struct device *d,
                        struct stats_tracked *ret_tracked);

/* Function that sees the count of one cause or code. */
typedef void stats_visit_fn(void *context, const char *name, uint64_t count);
/* Call visit for each cause or code that was ever counted, STATS_CAUSE_OTHER
 * last. */
void stats_each_cause(const struct stats *s, const struct device *d,
                      stats_visit_fn *visit, void *context);
void stats_each_http_code(const struct stats *s, const struct endpoint *e,
                          stats_visit_fn *visit, void *context);

/* Returns how many events of the device were ignored for that reason; d is NULL
 * for those of no known device. */
uint64_t stats_ignored(const struct stats *s, const struct device *d,
                       enum ignored reason);

/* Read one snapshot of the endpoint's command counts, and the present values of
 * all else. */
void stats_read_endpoint(const struct stats *s, const struct endpoint *e,
                         struct stats_endpoint *ret_endpoint);
void stats_read_agent(const struct stats *s, struct stats_agent *ret_agent);

#endif
