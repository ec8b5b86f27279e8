/* SPDX-License-Identifier: MIT */
#include "agent/watch.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/names.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory of one rule. */
struct watched {
  atomic_bool has_matched;
  atomic_bool lack_told;
  atomic_bool silence_told; /* a lack in the body for silence is told */
};

/* Names that were told, and are not told again. */
struct told {
  pthread_mutex_t mutex;
  struct names names;
};

struct watch {
  const struct rule_book *book;
  int64_t started_ms;
  atomic_bool idle_told;
  struct told devices;
  struct told series; /* by their hashes */
  struct watched rules[];
};

struct watch *watch_new(const struct rule_book *book, int64_t now_ms) {
  struct watch *w =
      calloc(1, sizeof(*w) + rule_book_count(book) * sizeof(struct watched));
  if (w == NULL)
    return NULL;
  w->book = book;
  w->started_ms = now_ms;
  pthread_mutex_init(&w->devices.mutex, NULL);
  pthread_mutex_init(&w->series.mutex, NULL);
  return w;
}

static void forget_told(struct told *t) {
  names_free(&t->names, free);
  pthread_mutex_destroy(&t->mutex);
}

void watch_free(struct watch *w) {
  if (w == NULL)
    return;
  forget_told(&w->devices);
  forget_told(&w->series);
  free(w);
}

/* Returns whether the name is new, and there was room to keep it. */
static bool keep_if_new(struct told *t, const char *name) {
  bool is_kept = false;
  pthread_mutex_lock(&t->mutex);
  if (t->names.count < WATCH_NAMES_MAX && names_find(&t->names, name) == NULL)
    is_kept = names_add(&t->names, name, sizeof(const char *)) != NULL;
  pthread_mutex_unlock(&t->mutex);
  return is_kept;
}

void watch_note_match(struct watch *w, const struct policy *policy) {
  atomic_bool *has_matched = &w->rules[policy->index].has_matched;
  /* Set only once, so that the threads do not fight for the cache line. */
  if (!atomic_load_explicit(has_matched, memory_order_relaxed))
    atomic_store(has_matched, true);
}

/* ---- missing fields ---- */

/* Returns what helps besides a default; "" if nothing does. */
static const char *cure_of(const struct rule_lack *lack) {
  if (lack->event->source == EVENT_VALUE)
    return "";
  if (lack->event->has_value && strcmp(lack->field, "value") == 0)
    return "; its CurrentValue is no finite number";
  if (event_is_missing_value(lack->event))
    return "; a missing value has neither value nor meta data";
  return "; notifications have neither value nor meta data left when they come "
         "through the network plugin: evaluate thresholds where the values "
         "arrive";
}

void watch_tell_lack(struct watch *w, const struct rule_lack *lack) {
  struct watched *rule = &w->rules[lack->policy->index];
  char series[EVENT_SERIES_BYTES];
  if (atomic_exchange(
          lack->is_for_silence ? &rule->silence_told : &rule->lack_told, true))
    return;
  event_format_series(lack->event, series);
  log_warning(
      "rule \"%s\": %s needs %%{%.64s}, and an event of %.256s has none "
      "that fits: %s. Give it a default, as in %%{%.64s|%s}%s",
      lack->policy->rule, lack->option, lack->field, series,
      lack->is_for_silence
          ? "when that series falls silent (ForgetAfter), or is taken back "
            "(Until), nothing will be sent"
          : "it is ignored (no_value), as all like it will be",
      lack->field, strcmp(lack->field, "value") == 0 ? "0" : "none",
      cure_of(lack));
}

void watch_tell_no_device(struct watch *w, const char *name) {
  char cut[NAMES_NAME_BYTES];
  snprintf(cut, sizeof(cut), "%s", name);
  if (keep_if_new(&w->devices, cut))
    log_warning("no device bears the name \"%s\": its events are ignored",
                name);
}

/* ---- events that fire no rule ---- */

/* Writes the hash as a text: a series is longer than a name may be. */
static void format_hash(const char *text, char ret_hash[static 17]) {
  snprintf(ret_hash, 17, "%016" PRIx64, hash_text(HASH_BEGIN, text));
}

void watch_tell_unmatched(struct watch *w, const struct event *event) {
  char series[EVENT_SERIES_BYTES], hash[17];
  event_format_series(event, series);
  format_hash(series, hash);
  if (event->source == EVENT_VALUE && !keep_if_new(&w->series, hash))
    return;
  struct buf why;
  buf_init(&why, LOG_LINE_BYTES);
  rule_book_explain(w->book, event, &why);
  log_info("dry run: no rule fires for %s, %s: %s", series,
           event_severity_name(event->severity), buf_text(&why));
  buf_free(&why);
}

/* ---- idle rules ---- */

static void tell_idle_rules(const struct watch *w) {
  size_t idle = 0;
  for (size_t i = 0; i < rule_book_count(w->book); i++) {
    if (atomic_load(&w->rules[i].has_matched) || ++idle > WATCH_IDLE_MAX)
      continue;
    log_warning("rule \"%s\" has matched nothing in the hour since the start: "
                "DryRun true logs what keeps events from it",
                rule_name(rule_book_rule(w->book, i)));
  }
  if (idle > WATCH_IDLE_MAX)
    log_warning("and %zu more rules have matched nothing",
                idle - WATCH_IDLE_MAX);
}

void watch_tell_idle(struct watch *w, int64_t now_ms) {
  if (now_ms - w->started_ms >= WATCH_IDLE_MS &&
      !atomic_exchange(&w->idle_told, true))
    tell_idle_rules(w);
}
