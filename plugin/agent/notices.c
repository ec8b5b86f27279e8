/* SPDX-License-Identifier: MIT */
#include "agent/notices.h"

#include "agent/lines.h"
#include "agent/metric.h"
#include "cloud/api.h"

#include "collectd/core/utils/avltree/avltree.h"
#include "collectd/core/utils/common/common.h"

/* Memory of one device and rule: the time of the last duration, and how the
 * last notification ended. */
struct told {
  cdtime_t last_time;
  bool is_failing;  /* the last notification was not OKAY */
  bool was_bad_end; /* and that one was for a bad end of a tracked command */
};

struct notices {
  enum notify_outcomes wanted;
  c_avl_tree_t *told; /* "DEVICE/RULE" to struct told */
};

/* ---- memory ---- */

struct notices *notices_new(enum notify_outcomes wanted) {
  struct notices *n = calloc(1, sizeof *n);
  if (n == NULL)
    return NULL;
  n->wanted = wanted;
  n->told = c_avl_create((int (*)(const void *, const void *))strcmp);
  if (n->told != NULL)
    return n;
  free(n);
  return NULL;
}

void notices_free(struct notices *n) {
  void *key, *value;
  if (n == NULL)
    return;
  while (c_avl_pick(n->told, &key, &value) == 0) {
    free(key);
    free(value);
  }
  c_avl_destroy(n->told);
  free(n);
}

static struct told *find_or_add_told(struct notices *n,
                                     const struct device *device,
                                     const struct policy *policy) {
  char name[2 * DEVICE_NAME_BYTES];
  void *found = NULL;
  snprintf(name, sizeof name, "%s/%s", device->name, policy->rule);
  if (c_avl_get(n->told, name, &found) == 0)
    return found;
  char *key = strdup(name);
  found = calloc(1, sizeof(struct told));
  if (key == NULL || found == NULL || c_avl_insert(n->told, key, found) != 0) {
    free(key);
    free(found);
    return NULL;
  }
  return found;
}

void notices_note_earlier(struct notices *n, const struct earlier *earlier) {
  struct told *told = find_or_add_told(n, earlier->device, earlier->policy);
  if (told != NULL && told->last_time == 0)
    told->is_failing = true;
}

/* ---- durations ---- */

static struct metric duration_of(const struct news *one) {
  return (struct metric){one->device->name, "duration", one->policy->rule};
}

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

/* collectd drops a value that is not newer than the last of its series, until
 * the series has been silent for some intervals and is forgotten. Where a clock
 * that was ahead has gone back, values are held back for that time: else all to
 * come would bear a time of the future, each a little later than the last.
 * Returns false for one that is to be held back. */
static bool choose_time(struct told *told, const struct news *one,
                        cdtime_t *ret_time) {
  int64_t wall_ms = one->wall_finished_ms > 0 ? one->wall_finished_ms : 0;
  cdtime_t time = MS_TO_CDTIME_T((uint64_t)wall_ms);
  value_t last;
  if (told->last_time > time + plugin_get_interval()) {
    if (metric_find_last(duration_of(one), &last))
      return false;
    told->last_time = 0;
  }
  if (time <= told->last_time)
    time = told->last_time + 1;
  told->last_time = time;
  *ret_time = time;
  return true;
}

bool notices_send_duration(struct notices *n, const struct news *one) {
  struct told *told = find_or_add_told(n, one->device, one->policy);
  cdtime_t time;
  if (told == NULL || !choose_time(told, one, &time))
    return false;
  meta_data_t *meta = meta_of(one);
  metric_send(duration_of(one),
              (value_t){.gauge = (double)one->duration_ms / 1000}, time, meta);
  meta_data_destroy(meta);
  return true;
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
  return one->policy->track && !one->device->endpoint->api->is_answer &&
         one->verdict.cmd_uuid[0] != '\0';
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

static bool is_wanted(const struct notices *n, int severity,
                      const struct news *one, const struct told *told) {
  if (severity == 0 || n->wanted == NOTIFY_NONE)
    return false;
  if (severity != NOTIF_OKAY || (told->is_failing && is_recovery(one, told)))
    return true;
  return n->wanted == NOTIFY_ALL && one->kind == NEWS_OUTCOME;
}

static void format_detail(char *text, size_t size, const struct news *one) {
  const struct verdict *v = &one->verdict;
  if (one->kind == NEWS_END)
    snprintf(text, size, "status %d (%s), cmd_uuid %s", (int)one->status,
             tracked_status_text(one->status), v->cmd_uuid);
  else if (v->cmd_uuid[0] != '\0' && v->cause[0] == '\0')
    snprintf(text, size, "cmd_uuid %s", v->cmd_uuid);
  else if (v->has_errno && (v->errno_value != 0 || v->cause[0] == '\0'))
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
  if (one->reply != NULL)
    plugin_notification_meta_add_string(n, "reply", one->reply);
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

/* Returns a notification of this moment, of the series plugin-instance/type-
 * type_instance of this plugin, without a message. */
static notification_t notification_of(int severity, const char *instance,
                                      const char *type,
                                      const char *type_instance) {
  notification_t n = {.severity = severity, .time = cdtime()};
  sstrncpy(n.host, hostname_g, sizeof n.host);
  sstrncpy(n.plugin, METRIC_PLUGIN, sizeof n.plugin);
  sstrncpy(n.plugin_instance, instance, sizeof n.plugin_instance);
  sstrncpy(n.type, type, sizeof n.type);
  sstrncpy(n.type_instance, type_instance, sizeof n.type_instance);
  return n;
}

static void dispatch(notification_t *n) {
  plugin_dispatch_notification(n);
  plugin_notification_meta_free(n->meta);
}

static void notify(const struct news *one, int severity) {
  notification_t n = notification_of(severity, one->device->name, "commands",
                                     one->policy->rule);
  format_message(n.message, sizeof n.message, one);
  add_meta(&n, one);
  dispatch(&n);
}

bool notices_send_notification(struct notices *n, const struct news *one,
                               cdtime_t until) {
  struct told *told = find_or_add_told(n, one->device, one->policy);
  int severity = severity_of(one);
  if (told == NULL)
    return false;
  if (!is_wanted(n, severity, one, told))
    return true;
  if (cdtime() > until)
    return false;
  told->is_failing = severity != NOTIF_OKAY;
  told->was_bad_end = told->is_failing && one->kind == NEWS_END;
  notify(one, severity);
  return true;
}

void notices_send_loss(const struct notices *n,
                       const struct ledger_loss *loss) {
  if (n->wanted == NOTIFY_NONE)
    return;
  notification_t one =
      notification_of(NOTIF_FAILURE, METRIC_AGENT, "records", "lost");
  lines_format_loss(one.message, sizeof one.message, loss);
  plugin_notification_meta_add_unsigned_int(&one, "commands", loss->commands);
  dispatch(&one);
}
