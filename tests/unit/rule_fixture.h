/* SPDX-License-Identifier: MIT
 *
 * rule_fixture owns a book of rules, two devices ("fan" and "display") for
 * them, and a sink that keeps what the book tells of each event.
 */
#ifndef ONENET_TESTS_RULE_FIXTURE_H
#define ONENET_TESTS_RULE_FIXTURE_H

#include "basics.h"
#include "config/rule.h"

#define WHY_BYTES 256
#define TOLD_MAX 64

/* A test with a book of its own. */
#define WITH_BOOK(name)                                                        \
  cmocka_unit_test_setup_teardown(name, book_set_up, book_tear_down)
int book_set_up(void **state);
int book_tear_down(void **state);

extern struct directory *directory;
extern struct rule_book *book;
extern const struct moment arrived; /* when each event does */

/* ---- what is configured ---- */

/* Adds a device with the id "id-NAME", which the directory owns. */
struct device *add_device(const char *name);

/* Adds a rule for all notifications, for the fan: "on" for FAILURE, "off" for
 * OKAY. The book owns it. */
struct rule *add_rule(const char *name);
void set_body(struct rule *r, enum rule_body which, const char *text);
/* Adds a device that is found by a template. */
void add_lookup(struct rule *r, const char *text);
void add_pattern(struct rule *r, enum rule_field field, const char *text);

/* ---- what comes of an event ---- */

/* One thing that the sink was told: a firing, or else a reason. */
struct told {
  struct firing *firing;
  enum ignored reason;
  const struct device *device;
  char detail[64];
};

/* What was told of the last event, in order: firings and reasons; that it fires
 * no rule; and the rest as text. */
extern struct told told[TOLD_MAX];
extern size_t told_count;
extern bool is_unmatched;
extern char said[512];

/* Forgets what was told, and fires the event. */
void fire_event(const struct event *event);
/* Seals the book before. */
void fire_first(const struct event *event);

/* That firing is one of the rule. Returns it, borrowed until the next event. */
const struct firing *told_firing(size_t index, const char *rule);
/* That was ignored for the reason; device: its name, NULL for none. */
void assert_ignored(size_t index, enum ignored reason, const char *device,
                    const char *detail);

#endif
