/* SPDX-License-Identifier: MIT */
#include "agent/report.h"

#include "agent/roster.h"
#include "base/log.h"

/* collectd's headers redefine PACKAGE_NAME and its like. */
#include "collectd/core/daemon/collectd.h"

#include "collectd/core/daemon/plugin.h"
#include "collectd/core/daemon/utils_cache.h"
#include "collectd/core/utils/avltree/avltree.h"
#include "collectd/core/utils/common/common.h"

#include <math.h>

#define PLUGIN_NAME "onenet"
#define AGENT_INSTANCE "agent"
#define REPORTS_SERIES "reports"
#define UNCACHED_REPORTS_MAX 10
#define FEW_SERIES 100 /* devices and commands; so few are sent in any case */
#define UUID_SERIES_MAX 1000
#define UUID_SERIES_KEPT TIME_T_TO_CDTIME_T(300)

/* Memory of one device and rule: the time of the last duration, and how the
 * last notification ended. */
struct told {
  cdtime_t last_time;
  bool is_failing;  /* the last notification was not OKAY */
  bool was_bad_end; /* and that one was for a bad end of a tracked command */
};

struct uuid_series {
  const struct device *device;
  char cmd_uuid[VERDICT_UUID_BYTES];
  enum tracked_status status;
  cdtime_t changed_at;
};

/* Measure of whether collectd keeps up with the values that are sent. Its queue
 * of values has no bound by default, and is taken out in order. Each report
 * ends with a value that is its own number: once collectd's cache has that
 * number, collectd has taken the whole report. */
struct pace {
  uint64_t reports;      /* number of the last report */
  uint64_t devices_sent; /* number of the last report that had the devices */
  bool was_cached;
  bool was_told; /* the log says that collectd does not keep up */
};

struct report {
  const struct options *options;
  struct stats *stats;
  struct outbox *outbox;
  struct roster *roster; /* devices that are reported one by one */
  struct pace pace;
  c_avl_tree_t *told;                        /* "DEVICE/RULE" to struct told */
  struct uuid_series uuids[UUID_SERIES_MAX]; /* a ring */
  size_t uuids_oldest;
  size_t uuids_count;
  struct news batch[OUTBOX_MAX];
  bool is_held_back[OUTBOX_MAX]; /* the value of that news */
};

/* ---- life ---- */

struct report *report_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox) {
  struct report *r = calloc(1, sizeof *r);
  if (r == NULL)
    return NULL;
  r->options = options;
  r->stats = stats;
  r->outbox = outbox;
  r->roster = roster_new(options->directory, options->device_metrics);
  r->told = c_avl_create((int (*)(const void *, const void *))strcmp);
  if (r->roster != NULL && r->told != NULL)
    return r;
  report_free(r);
  return NULL;
}

void report_free(struct report *r) {
  void *key, *value;
  if (r == NULL)
    return;
  while (r->told != NULL && c_avl_pick(r->told, &key, &value) == 0) {
    free(key);
    free(value);
  }
  c_avl_destroy(r->told);
  roster_free(r->roster);
  free(r);
}

static struct told *find_or_add_told(struct report *r,
                                     const struct device *device,
                                     const struct policy *policy) {
  char name[2 * DEVICE_NAME_BYTES];
  void *found = NULL;
  snprintf(name, sizeof name, "%s/%s", device->name, policy->rule);
  if (c_avl_get(r->told, name, &found) == 0)
    return found;
  char *key = strdup(name);
  found = calloc(1, sizeof(struct told));
  if (key == NULL || found == NULL || c_avl_insert(r->told, key, found) != 0) {
    free(key);
    free(found);
    return NULL;
  }
  return found;
}

/* ---- value lists ---- */

/* Identity of the series of a value, without host and plugin. */
struct identity {
  const char *instance;
  const char *type;
  const char *type_instance;
};

static void dispatch(struct identity id, value_t value, cdtime_t time,
                     meta_data_t *meta) {
  value_list_t vl = VALUE_LIST_INIT;
  vl.values = &value;
  vl.values_len = 1;
  vl.time = time;
  vl.meta = meta;
  sstrncpy(vl.plugin, PLUGIN_NAME, sizeof vl.plugin);
  sstrncpy(vl.plugin_instance, id.instance, sizeof vl.plugin_instance);
  sstrncpy(vl.type, id.type, sizeof vl.type);
  sstrncpy(vl.type_instance, id.type_instance, sizeof vl.type_instance);
  plugin_dispatch_values(&vl);
}

static void send_derive(const char *instance, const char *type,
                        const char *type_instance, uint64_t value) {
  dispatch((struct identity){instance, type, type_instance},
           (value_t){.derive = (derive_t)value}, cdtime(), NULL);
}

static void send_gauge(const char *instance, const char *type,
                       const char *type_instance, double value) {
  dispatch((struct identity){instance, type, type_instance},
           (value_t){.gauge = value}, cdtime(), NULL);
}

/* ---- devices, endpoints, the agent ---- */

struct visit_context {
  const char *instance;
  const char *type;
};

static void send_counter(void *context, const char *name, uint64_t count) {
  const struct visit_context *c = context;
  send_derive(c->instance, c->type, name, count);
}

/* instance is the device's name, or `agent` for events of no known device. */
static void send_ignored(struct report *r, const struct device *d,
                         const char *instance) {
  for (int reason = 0; reason < IGNORED_REASONS; reason++) {
    char name[DATA_MAX_NAME_LEN];
    uint64_t count = stats_ignored(r->stats, d, (enum ignored)reason);
    if (count == 0)
      continue;
    snprintf(name, sizeof name, "ignored_%s",
             ignored_name((enum ignored)reason));
    send_derive(instance, "derive", name, count);
  }
}

/* Sends three gauges whose names begin with `what`: "accept" or "answer". */
static void send_latency(const struct device *d, const char *what,
                         const struct stats_latency *latency) {
  char name[DATA_MAX_NAME_LEN];
  snprintf(name, sizeof name, "%s-average", what);
  send_gauge(d->name, "latency", name, latency->average_s);
  snprintf(name, sizeof name, "%s-upper", what);
  send_gauge(d->name, "latency", name, latency->upper_s);
  snprintf(name, sizeof name, "%s-percentile-99", what);
  send_gauge(d->name, "latency", name, latency->percentile_99_s);
}

/* Leaves out the zeros of a device of a DeviceFile: a counter that is 0 has
 * never counted. */
static void send_device_count(const struct device *d, const char *name,
                              uint64_t count) {
  if (d->declared || count > 0)
    send_derive(d->name, "commands", name, count);
}

static void send_tracked(struct report *r, const struct device *d) {
  struct stats_tracked tracked;
  if (!stats_take_tracked(r->stats, d, &tracked))
    return;
  send_device_count(d, "delivered", tracked.delivered);
  send_device_count(d, "answered", tracked.answered);
  send_device_count(d, "unanswered", tracked.unanswered);
  send_device_count(d, "undelivered", tracked.undelivered);
  send_device_count(d, "not_known", tracked.not_known);
  if (tracked.answered > 0)
    send_latency(d, "answer", &tracked.latency);
}

static void send_device(struct report *r, const struct device *d) {
  struct stats_commands counts;
  struct stats_latency latency;
  stats_read_device(r->stats, d, &counts);
  send_device_count(d, "created", counts.created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    send_device_count(d, outcome_name((enum outcome)i), counts.by_outcome[i]);
  if (d->declared || counts.created > 0)
    send_gauge(d->name, "pending_operations", "", (double)counts.pending);
  if (stats_take_latency(r->stats, d, &latency))
    send_latency(d, "accept", &latency);
  send_tracked(r, d);
  stats_each_cause(r->stats, d, send_counter,
                   &(struct visit_context){d->name, "errors"});
  send_ignored(r, d, d->name);
}

static void send_endpoint(struct report *r, const struct endpoint *e) {
  struct stats_endpoint counts;
  stats_read_endpoint(r->stats, e, &counts);
  send_derive(e->name, "commands", "created", counts.commands.created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    send_derive(e->name, "commands", outcome_name((enum outcome)i),
                counts.commands.by_outcome[i]);
  send_derive(e->name, "total_requests", "", counts.requests);
  stats_each_http_code(r->stats, e, send_counter,
                       &(struct visit_context){e->name, "http_response_codes"});
  send_gauge(e->name, "current_connections", "", (double)counts.connections);
  send_gauge(e->name, "bool", "circuit_open", counts.circuit_open ? 1 : 0);
}

static void send_agent(struct report *r, size_t inbox_count) {
  struct stats_agent counts;
  stats_read_agent(r->stats, &counts);
  send_gauge(AGENT_INSTANCE, "queue_length", "inbox", (double)inbox_count);
  send_gauge(AGENT_INSTANCE, "records", "pending",
             (double)counts.records_pending);
  send_gauge(AGENT_INSTANCE, "file_size", "ledger",
             (double)counts.ledger_bytes);
  send_derive(AGENT_INSTANCE, "errors", "ledger", counts.ledger_errors);
  send_gauge(AGENT_INSTANCE, "count", "series", (double)counts.series);
  send_derive(AGENT_INSTANCE, "derive", "series_forgotten",
              counts.series_forgotten);
  send_gauge(AGENT_INSTANCE, "count", "skipped_lines",
             (double)r->options->skipped_lines);
  send_gauge(AGENT_INSTANCE, "count", "devices_unreported",
             (double)roster_unreported(r->roster));
  send_derive(AGENT_INSTANCE, "derive", "unreported", counts.unreported);
  send_ignored(r, NULL, AGENT_INSTANCE);
}

/* ---- single commands ---- */

static meta_data_t *meta_of(const struct news *one) {
  meta_data_t *meta = meta_data_create();
  if (meta == NULL)
    return NULL;
  meta_data_add_string(meta, "outcome", outcome_name(one->outcome));
  meta_data_add_string(meta, "rule", one->policy->rule);
  meta_data_add_string(meta, "device_id", one->device->device_id);
  meta_data_add_signed_int(meta, "attempts", one->attempts);
  meta_data_add_signed_int(meta, "http_code", one->verdict.http_code);
  if (one->verdict.has_errno)
    meta_data_add_signed_int(meta, "errno", one->verdict.errno_value);
  if (one->verdict.cmd_uuid[0] != '\0')
    meta_data_add_string(meta, "cmd_uuid", one->verdict.cmd_uuid);
  return meta;
}

static bool is_in_cache(const char *name) {
  value_t *values = NULL;
  size_t count = 0;
  bool is_there = uc_get_value_by_name(name, &values, &count) == 0;
  free(values);
  return is_there;
}

static bool has_duration_in_cache(const struct news *one) {
  char name[6 * DATA_MAX_NAME_LEN];
  snprintf(name, sizeof name, "%s/" PLUGIN_NAME "-%s/duration-%s", hostname_g,
           one->device->name, one->policy->rule);
  return is_in_cache(name);
}

/* collectd drops a value that is not newer than the last of its series, until
 * the series has been silent for some intervals and is forgotten. Where a clock
 * that was ahead has gone back, values are held back for that time: else all to
 * come would bear a time of the future, each a little later than the last.
 * Returns false for one that is to be held back. */
static bool choose_time(struct told *told, const struct news *one,
                        cdtime_t *ret_time) {
  int64_t wall_ms = one->wall_finished_ms > 0 ? one->wall_finished_ms : 0;
  cdtime_t time = MS_TO_CDTIME_T((uint64_t)wall_ms);
  if (told->last_time > time + plugin_get_interval()) {
    if (has_duration_in_cache(one))
      return false;
    told->last_time = 0;
  }
  if (time <= told->last_time)
    time = told->last_time + 1;
  told->last_time = time;
  *ret_time = time;
  return true;
}

/* Returns whether it was sent. */
static bool send_duration(struct report *r, const struct news *one) {
  struct told *told = find_or_add_told(r, one->device, one->policy);
  cdtime_t time;
  if (told == NULL || !choose_time(told, one, &time))
    return false;
  meta_data_t *meta = meta_of(one);
  dispatch((struct identity){one->device->name, "duration", one->policy->rule},
           (value_t){.gauge = (double)one->duration_ms / 1000}, time, meta);
  meta_data_destroy(meta);
  return true;
}

/* Looks at the newest first, since most changes are of these. */
static struct uuid_series *find_uuid(struct report *r, const char *cmd_uuid) {
  for (size_t i = r->uuids_count; i-- > 0;) {
    struct uuid_series *series =
        &r->uuids[(r->uuids_oldest + i) % UUID_SERIES_MAX];
    if (strcmp(series->cmd_uuid, cmd_uuid) == 0)
      return series;
  }
  return NULL;
}

static struct uuid_series *add_uuid(struct report *r, const struct news *one) {
  struct uuid_series *series =
      &r->uuids[(r->uuids_oldest + r->uuids_count) % UUID_SERIES_MAX];
  if (r->uuids_count == UUID_SERIES_MAX)
    r->uuids_oldest = (r->uuids_oldest + 1) % UUID_SERIES_MAX;
  else
    r->uuids_count++;
  series->device = one->device;
  sstrncpy(series->cmd_uuid, one->verdict.cmd_uuid, sizeof series->cmd_uuid);
  return series;
}

/* Begins a series with an outcome, and changes it with a status. A status
 * begins one, too, if the series was left out by now or its outcome was before
 * a restart. */
static void note_uuid(struct report *r, const struct news *one) {
  struct uuid_series *series = NULL;
  if (one->outcome != OUTCOME_ACCEPTED || one->verdict.cmd_uuid[0] == '\0')
    return;
  if (one->kind != NEWS_OUTCOME)
    series = find_uuid(r, one->verdict.cmd_uuid);
  if (series == NULL)
    series = add_uuid(r, one);
  series->status = one->kind == NEWS_OUTCOME ? TRACKED_CREATED : one->status;
  series->changed_at = cdtime();
}

static bool is_over(const struct uuid_series *series, cdtime_t now) {
  return now > series->changed_at + UUID_SERIES_KEPT;
}

static void send_uuids(struct report *r) {
  cdtime_t now = cdtime();
  while (r->uuids_count > 0 && is_over(&r->uuids[r->uuids_oldest], now)) {
    r->uuids_oldest = (r->uuids_oldest + 1) % UUID_SERIES_MAX;
    r->uuids_count--;
  }
  for (size_t i = 0; i < r->uuids_count; i++) {
    const struct uuid_series *series =
        &r->uuids[(r->uuids_oldest + i) % UUID_SERIES_MAX];
    if (!is_over(series, now))
      send_gauge(series->device->name, "gauge", series->cmd_uuid,
                 series->status);
  }
}

/* ---- many devices ---- */

/* Drops the latencies of a device that has no place, since nobody will read
 * them. */
static void note_active(struct report *r, int64_t now_ms) {
  const struct device *d;
  while ((d = stats_take_active(r->stats)) != NULL) {
    roster_note_active(r->roster, d, now_ms);
    if (!roster_has(r->roster, d))
      stats_drop_latencies(r->stats, d);
  }
  roster_turn(r->roster, now_ms);
}

/* Returns the number of the last report that collectd has taken; 0 if its cache
 * has none. */
static uint64_t taken_reports(void) {
  char name[6 * DATA_MAX_NAME_LEN];
  value_t *values = NULL;
  size_t count = 0;
  uint64_t taken = 0;
  snprintf(name, sizeof name, "%s/" PLUGIN_NAME "-" AGENT_INSTANCE "/derive-%s",
           hostname_g, REPORTS_SERIES);
  if (uc_get_value_by_name(name, &values, &count) == 0 && count > 0)
    taken = (uint64_t)values[0].derive;
  free(values);
  return taken;
}

/* Returns whether collectd has taken the last report that had the devices;
 * false, too, if numbers were in the cache and no longer are. If none ever was,
 * a filter chain may keep them out: after UNCACHED_REPORTS_MAX reports collectd
 * then counts as keeping up. */
static bool has_kept_up(struct pace *p) {
  uint64_t taken = taken_reports();
  p->was_cached = p->was_cached || taken > 0;
  return taken >= p->devices_sent ||
         (!p->was_cached && p->reports > UNCACHED_REPORTS_MAX);
}

static void tell_late(struct pace *p) {
  if (!p->was_told)
    log_warning("collectd does not keep up with the values of so many devices: "
                "they are sent less often than once per interval; a longer "
                "Interval or a lower DeviceMetrics helps");
  p->was_told = true;
}

/* Makes the interval of the next values longer, and returns the context to be
 * set again after them: a value that is sent every third interval is then not
 * missing after two. */
static plugin_ctx_t stretch_interval(uint64_t reports) {
  plugin_ctx_t before = plugin_get_ctx();
  plugin_ctx_t stretched = before;
  stretched.interval = plugin_get_interval() * reports;
  plugin_set_ctx(stretched);
  return before;
}

static void send_devices(struct report *r) {
  for (const struct device *d = roster_first(r->roster); d != NULL;
       d = roster_next(r->roster, d))
    send_device(r, d);
  if (r->options->command_series)
    send_uuids(r);
}

/* Sends the series of devices and of commands, of which there may be very
 * many. */
static void send_many(struct report *r) {
  struct pace *p = &r->pace;
  bool are_few = roster_reported(r->roster) + r->uuids_count <= FEW_SERIES;
  if (!has_kept_up(p) && !are_few) {
    tell_late(p);
    return;
  }
  plugin_ctx_t before = stretch_interval(p->reports - p->devices_sent);
  send_devices(r);
  plugin_set_ctx(before);
  p->devices_sent = p->reports;
}

static size_t take_batch(struct report *r) {
  size_t count = 0;
  while (count < OUTBOX_MAX && outbox_take(r->outbox, &r->batch[count]))
    count++;
  return count;
}

/* ---- notifications ---- */

/* Returns 0 if nobody is to be notified: what became of the command is not
 * known. */
static int severity_of_end(enum tracked_end end) {
  switch (end) {
  case TRACKED_END_NOT_KNOWN:
    return 0;
  case TRACKED_END_UNDELIVERED:
    return NOTIF_FAILURE;
  case TRACKED_END_UNANSWERED:
    return NOTIF_WARNING;
  default:
    return NOTIF_OKAY;
  }
}

/* Returns 0 for news of which nobody is notified. */
static int severity_of(const struct news *one) {
  if (one->kind == NEWS_STATUS)
    return 0;
  if (one->kind == NEWS_END)
    return severity_of_end(one->end);
  switch (one->outcome) {
  case OUTCOME_ACCEPTED:
    return NOTIF_OKAY;
  case OUTCOME_UNKNOWN:
    return NOTIF_WARNING;
  case OUTCOME_REFUSED:
  case OUTCOME_EXPIRED:
  case OUTCOME_DROPPED:
    return NOTIF_FAILURE;
  default:
    return 0;
  }
}

/* Returns whether the accepted command is tracked, so that news of its end will
 * follow. */
static bool will_end(const struct news *one) {
  return one->policy->track && one->verdict.cmd_uuid[0] != '\0';
}

/* Returns whether this OKAY is the recovery from the failure that was notified
 * last. If that was the bad end of a tracked command, a recovery is a good end,
 * or an acceptance after which no end will follow. If it was another failure, a
 * recovery is an acceptance. */
static bool is_recovery(const struct news *one, const struct told *told) {
  if (one->kind == NEWS_END)
    return told->was_bad_end;
  return !told->was_bad_end || !will_end(one);
}

static bool is_wanted(const struct report *r, int severity,
                      const struct news *one, const struct told *told) {
  if (severity == 0 || r->options->notify_outcomes == NOTIFY_NONE)
    return false;
  if (severity != NOTIF_OKAY || (told->is_failing && is_recovery(one, told)))
    return true;
  return r->options->notify_outcomes == NOTIFY_ALL && one->kind == NEWS_OUTCOME;
}

static void format_detail(char *text, size_t size, const struct news *one) {
  const struct verdict *v = &one->verdict;
  if (one->kind == NEWS_END)
    snprintf(text, size, "status %d (%s), cmd_uuid %s", (int)one->status,
             tracked_status_text(one->status), v->cmd_uuid);
  else if (v->cmd_uuid[0] != '\0')
    snprintf(text, size, "cmd_uuid %s", v->cmd_uuid);
  else if (v->has_errno)
    snprintf(text, size, "errno %d: %s", (int)v->errno_value, v->error);
  else
    snprintf(text, size, "%s%s%s", v->cause,
             v->cause[0] != '\0' && v->error[0] != '\0' ? ": " : "", v->error);
}

static void add_attempt_meta(notification_t *n, const struct news *one) {
  plugin_notification_meta_add_signed_int(n, "attempts", one->attempts);
  plugin_notification_meta_add_signed_int(n, "http_code",
                                          one->verdict.http_code);
  if (one->verdict.has_errno)
    plugin_notification_meta_add_signed_int(n, "errno",
                                            one->verdict.errno_value);
}

static void add_meta(notification_t *n, const struct news *one) {
  plugin_notification_meta_add_string(n, "outcome", outcome_name(one->outcome));
  plugin_notification_meta_add_string(n, "rule", one->policy->rule);
  plugin_notification_meta_add_string(n, "device_id", one->device->device_id);
  if (one->kind == NEWS_OUTCOME)
    add_attempt_meta(n, one);
  else
    plugin_notification_meta_add_signed_int(n, "status", one->status);
  if (one->verdict.cmd_uuid[0] != '\0')
    plugin_notification_meta_add_string(n, "cmd_uuid", one->verdict.cmd_uuid);
}

/* Leaves out the device_id, which is in the meta data, too, if the names are so
 * long that the text does not fit. A text that still does not fit is cut
 * between two characters. */
static void format_message(char *text, size_t size, const struct news *one) {
  char detail[VERDICT_ERROR_BYTES + 2 * VERDICT_CAUSE_BYTES];
  const char *rule = one->policy->rule, *device = one->device->name;
  const char *fate = one->kind == NEWS_END ? tracked_end_name(one->end)
                                           : outcome_name(one->outcome);
  format_detail(detail, sizeof detail, one);
  if ((size_t)snprintf(text, size, "command %s for device %s (%s) %s: %s", rule,
                       device, one->device->device_id, fate, detail) < size)
    return;
  size_t length =
      (size_t)snprintf(text, size, "command %s for device %s %s: %s", rule,
                       device, fate, detail);
  if (length < size)
    return;
  length = size - 1;
  while (length > 0 && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
    length--;
  if (length > 0 && ((unsigned char)text[length - 1] & 0x80) != 0)
    length--;
  text[length] = '\0';
}

static void notify(const struct news *one, int severity) {
  notification_t n = {.severity = severity, .time = cdtime()};
  format_message(n.message, sizeof n.message, one);
  sstrncpy(n.host, hostname_g, sizeof n.host);
  sstrncpy(n.plugin, PLUGIN_NAME, sizeof n.plugin);
  sstrncpy(n.plugin_instance, one->device->name, sizeof n.plugin_instance);
  sstrncpy(n.type, "commands", sizeof n.type);
  sstrncpy(n.type_instance, one->policy->rule, sizeof n.type_instance);
  add_meta(&n, one);
  plugin_dispatch_notification(&n);
  plugin_notification_meta_free(n.meta);
}

/* Notes which pairs of rule and device were failing before the start. Without
 * memory a later acceptance of such a pair is no news. */
static void note_earlier(struct report *r) {
  struct earlier earlier;
  while (outbox_take_earlier(r->outbox, &earlier)) {
    struct told *told = find_or_add_told(r, earlier.device, earlier.policy);
    if (told != NULL)
      told->is_failing = true;
  }
}

/* Returns false if a notification that is wanted could not be sent: no memory,
 * or no time. */
static bool send_notification(struct report *r, const struct news *one,
                              cdtime_t until) {
  struct told *told = find_or_add_told(r, one->device, one->policy);
  int severity = severity_of(one);
  if (told == NULL)
    return false;
  if (!is_wanted(r, severity, one, told))
    return true;
  if (cdtime() > until)
    return false;
  told->is_failing = severity != NOTIF_OKAY;
  told->was_bad_end = told->is_failing && one->kind == NEWS_END;
  notify(one, severity);
  return true;
}

/* ---- the report ---- */

void report_send(struct report *r, size_t inbox_count, int64_t now_ms) {
  const struct directory *directory = r->options->directory;
  cdtime_t until = cdtime() + plugin_get_interval() / 2;
  size_t count = take_batch(r);
  uint64_t unreported = 0;
  r->pace.reports++;
  note_active(r, now_ms);
  note_earlier(r);
  for (size_t i = 0; i < directory_endpoint_count(directory); i++)
    send_endpoint(r, directory_endpoint(directory, i));
  send_agent(r, inbox_count);
  for (size_t i = 0; i < count; i++) {
    r->is_held_back[i] =
        r->batch[i].kind == NEWS_OUTCOME && !send_duration(r, &r->batch[i]);
    note_uuid(r, &r->batch[i]);
  }
  send_many(r);
  send_derive(AGENT_INSTANCE, "derive", REPORTS_SERIES, r->pace.reports);
  for (size_t i = 0; i < count; i++) {
    bool is_told = send_notification(r, &r->batch[i], until);
    unreported += is_told && !r->is_held_back[i] ? 0 : 1;
  }
  stats_count_unreported(r->stats, unreported);
}

/* Logs one line; `what` is "device" or "endpoint". */
static void log_totals(const char *what, const char *name,
                       const struct stats_commands *counts) {
  char text[512];
  size_t used = 0;
  if (counts->created == 0)
    return;
  for (int o = 0; o < OUTCOME_COUNT && used < sizeof text; o++)
    used += (size_t)snprintf(text + used, sizeof text - used, ", %s %llu",
                             outcome_name((enum outcome)o),
                             (unsigned long long)counts->by_outcome[o]);
  log_info("totals of %s \"%s\": created %llu%s, pending %llu", what, name,
           (unsigned long long)counts->created, text,
           (unsigned long long)counts->pending);
}

void report_log_totals(struct report *r) {
  const struct directory *directory = r->options->directory;
  for (const struct device *d = roster_first(r->roster); d != NULL;
       d = roster_next(r->roster, d)) {
    struct stats_commands counts;
    stats_read_device(r->stats, d, &counts);
    log_totals("device", d->name, &counts);
  }
  for (size_t i = 0; i < directory_endpoint_count(directory); i++) {
    const struct endpoint *e = directory_endpoint(directory, i);
    struct stats_endpoint counts;
    stats_read_endpoint(r->stats, e, &counts);
    log_totals("endpoint", e->name, &counts.commands);
  }
}
