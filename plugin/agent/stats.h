/* SPDX-License-Identifier: MIT
 *
 * stats owns the counters and gauges that the metrics are made of. They begin
 * with the process.
 *
 * Any thread may count what was ignored; all other counting is the I/O
 * thread's. Any one thread at a time may read. Nobody ever waits for a lock:
 * counters are atomics, and the counts of one device's commands, and of one
 * endpoint's, are guarded by a sequence number, so that a reader sees one
 * snapshot: created = all outcomes + pending.
 *
 * A device of which nothing is ever counted costs about 140 bytes: what most
 * devices never need is made when it is first counted, and latencies only live
 * until they are read or dropped.
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
  32 /* per device, and codes per endpoint; then `other` */
#define STATS_CAUSE_OTHER "other"

struct stats;

/* Returns stats for all devices and endpoints of the directory (borrowed), all
 * zero; NULL without memory. */
struct stats *stats_new(const struct directory *directory);
void stats_free(struct stats *s);

/* ---- counting ----
 *
 * What is published of a device's commands counts for its endpoint, too. What
 * is counted for a device makes it one that stats_take_active returns. */

/* The counters of the device begin after what its account was recorded with:
 * `created` begins at what is pending. To be called before the first
 * stats_publish. Returns 0 or -ENOMEM. */
int stats_begin_after(struct stats *s, const struct device *d,
                      const struct account *recorded);

/* The counters of the account's device are what the account has now, less what
 * they began after. */
void stats_publish(struct stats *s, const struct account *a);

/* An attempt failed, by cause ("errno_10"); "" is none. */
void stats_count_failure(struct stats *s, const struct device *d,
                         const char *cause);

/* A command was accepted so long after its event arrived. */
void stats_count_latency(struct stats *s, const struct device *d,
                         int64_t latency_ms);

/* A command of the device is tracked: its counts of those are reported from now
 * on. */
void stats_note_tracked(struct stats *s, const struct device *d);

/* A tracked command ended so. */
void stats_count_end(struct stats *s, const struct device *d,
                     enum tracked_end end);

/* A tracked command was answered so long after its event arrived. */
void stats_count_answer_latency(struct stats *s, const struct device *d,
                                int64_t latency_ms);

/* device is NULL where none is known. Any thread. */
void stats_count_ignored(struct stats *s, const struct device *d,
                         enum ignored reason);

/* A request was sent to the endpoint, and later ended with that HTTP status (0:
 * none). */
void stats_count_request(struct stats *s, const struct endpoint *e);
void stats_count_http_code(struct stats *s, const struct endpoint *e, int code);
void stats_set_endpoint(struct stats *s, const struct endpoint *e,
                        size_t connections, bool circuit_open);

void stats_set_agent(struct stats *s, size_t records_pending,
                     int64_t ledger_bytes);
void stats_count_ledger_error(struct stats *s);
/* Any thread. */
void stats_count_unreported(struct stats *s, uint64_t count);

/* ---- reading ---- */

struct stats_latency {
  double average_s; /* NaN where there was none */
  double upper_s;
  double
      percentile_99_s; /* the upper end of its bucket: at most 9 % too high */
};

/* Of the commands of a device, or of all devices of an endpoint. */
struct stats_commands {
  uint64_t created;
  uint64_t by_outcome[OUTCOME_COUNT];
  uint64_t pending;
};

/* Of tracked commands. */
struct stats_tracked {
  uint64_t delivered; /* answered + unanswered */
  uint64_t answered;
  uint64_t unanswered;
  uint64_t undelivered;
  struct stats_latency latency; /* as stats_read_latency */
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
  uint64_t ledger_errors;
  uint64_t unreported;
};

/* Returns a device for which something was counted since it was last returned:
 * each once, the one that was active first before the others; NULL when there
 * is none left. */
const struct device *stats_take_active(struct stats *s);

/* One snapshot of a device's counts. */
void stats_read_device(const struct stats *s, const struct device *d,
                       struct stats_commands *ret_commands);

/* What was accepted since the last call for this device, or since
 * stats_drop_latencies. Returns whether any command of it was ever accepted;
 * ret_latency is written in any case. */
bool stats_read_latency(struct stats *s, const struct device *d,
                        struct stats_latency *ret_latency);

/* Frees the latencies of a device that nobody will read. */
void stats_drop_latencies(struct stats *s, const struct device *d);

/* What became of the device's tracked commands, and what was answered since the
 * last call. Returns whether any was ever tracked; nothing is written if not.
 */
bool stats_read_tracked(struct stats *s, const struct device *d,
                        struct stats_tracked *ret_tracked);

/* Calls visit for each cause or code that was ever counted, STATS_CAUSE_OTHER
 * last. */
typedef void stats_visit_fn(void *context, const char *name, uint64_t count);
void stats_each_cause(const struct stats *s, const struct device *d,
                      stats_visit_fn *visit, void *context);
void stats_each_http_code(const struct stats *s, const struct endpoint *e,
                          stats_visit_fn *visit, void *context);

/* Returns how many events of the device (NULL: of no known device) were ignored
 * for that reason. */
uint64_t stats_ignored(const struct stats *s, const struct device *d,
                       enum ignored reason);

void stats_read_endpoint(const struct stats *s, const struct endpoint *e,
                         struct stats_endpoint *ret_endpoint);
void stats_read_agent(const struct stats *s, struct stats_agent *ret_agent);

#endif
