/* SPDX-License-Identifier: MIT
 *
 * watch owns what a person is told about rules, once: that a rule matches
 * nothing, that an event lacks what a body needs, that no device bears a name,
 * and in a dry run why an event fires no rule. It remembers what was told.
 *
 * Any thread may call any function except watch_new and watch_free.
 * watch_note_match takes no lock; the functions that tell take one for a
 * look-up in what was told. */
#ifndef ONENET_WATCH_H
#define ONENET_WATCH_H

#include "config/rule.h"
#include "words/event.h"

#include <stdint.h>

#define WATCH_IDLE_MS 3600000 /* wait before idle rules are named */
#define WATCH_IDLE_MAX 100    /* rules that are named; the rest is counted */
#define WATCH_NAMES_MAX 1000  /* names of devices, or series, that are told */

struct watch;

/* Returns a watch over the rules of a sealed book (borrowed), that the caller
 * owns; NULL without memory. now_ms is the start, on the monotonic clock. */
struct watch *watch_new(const struct rule_book *book, int64_t now_ms);
/* Frees the watch; NULL is allowed. */
void watch_free(struct watch *w);

/* Notes that an event is one for which the rule asks. */
void watch_note_match(struct watch *w, const struct policy *policy);

/* Warns of what an event lacks, and says what to do: once for each rule. A lack
 * in the body for silence (ForgetAfter) or for Until is told separately, also
 * once for each rule. */
void watch_tell_lack(struct watch *w, const struct rule_lack *lack);

/* Warns that no device bears the name (borrowed): once for each of the first
 * WATCH_NAMES_MAX names. */
void watch_tell_no_device(struct watch *w, const char *name);

/* Logs why the event fires no rule. Values come again and again: for them it
 * does so once for each of the first WATCH_NAMES_MAX series. It asks each rule,
 * which is too slow for anything but a dry run. */
void watch_tell_unmatched(struct watch *w, const struct event *event);

/* Warns of each rule that has matched nothing, once, when WATCH_IDLE_MS have
 * passed since the start. To be called now and then. */
void watch_tell_idle(struct watch *w, int64_t now_ms);

#endif
