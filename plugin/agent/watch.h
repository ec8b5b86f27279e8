/* SPDX-License-Identifier: MIT
 *
 * watch owns what a person is told about rules, once: that a rule matches
 * nothing, that an event lacks what a body needs, that no device bears a name,
 * and in a dry run why an event fires no rule. It keeps what was told already.
 *
 * Any thread may call any function, but for watch_new and watch_free. Only what
 * is told at all takes a lock, for a look-up; watch_note_match takes none.
 */
#ifndef ONENET_WATCH_H
#define ONENET_WATCH_H

#include "config/rule.h"
#include "words/event.h"

#include <stdint.h>

#define WATCH_IDLE_MS 3600000 /* after the start; then idle rules are named */
#define WATCH_IDLE_MAX 100    /* so many of them; the rest is counted */
#define WATCH_NAMES_MAX 1000  /* of devices, and of series of values */

struct watch;

/* Returns a watch over the rules of a sealed book (borrowed), that the caller
 * owns; NULL without memory. now_ms is the start, on the monotonic clock. */
struct watch *watch_new(const struct rule_book *book, int64_t now_ms);
/* Frees it; NULL is allowed. */
void watch_free(struct watch *w);

/* An event is what that rule asks for. */
void watch_note_match(struct watch *w, const struct policy *policy);

/* Warns of what an event lacks, and says what to do: once per rule; once more
 * if it is the body for silence. */
void watch_tell_lack(struct watch *w, const struct rule_lack *lack);

/* Warns that no device bears the name (borrowed): once for each of the first
 * WATCH_NAMES_MAX names. */
void watch_tell_no_device(struct watch *w, const char *name);

/* Says why the event fires no rule. Of values, which come again and again, it
 * says so once for each of the first WATCH_NAMES_MAX series. It asks each rule:
 * for a dry run. */
void watch_tell_unmatched(struct watch *w, const struct event *event);

/* To be called now and then. Once, when WATCH_IDLE_MS have passed since the
 * start, it warns of each rule that has matched nothing. */
void watch_tell_idle(struct watch *w, int64_t now_ms);

#endif
