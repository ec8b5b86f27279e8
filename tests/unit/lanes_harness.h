/* SPDX-License-Identifier: MIT
 *
 * lanes_harness owns a small world around lanes: endpoints, devices, rules, a
 * pretended clock, a store that keeps what a ledger would, and the words in
 * which a situation is told. Every word is checked, and ends with a commit. The
 * jitter is 100 %: a retry waits as long as it may, 1 s at first.
 */
#ifndef ONENET_TESTS_LANES_HARNESS_H
#define ONENET_TESTS_LANES_HARNESS_H

#include "delivery/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ENDED_BYTES 4096

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A test with a world of its own. */
#define SITUATION(name)                                                        \
  cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

/* One rule at one device: a slot, or a slot for each series. */
struct control {
  struct control *next;
  struct world *world;
  struct policy policy; /* to be changed before the first event */
  char rule[DEVICE_NAME_BYTES];
  struct device *device; /* the same */
  struct command *in_flight;
};

/* What was committed, as a ledger keeps it. */
struct store {
  struct stored_command *commands; /* by id */
  struct stored_series *series;    /* by arrival */
  struct stored_slot *slots;
  struct stored_account *accounts;
  struct stored_silence *silences; /* in force, by id */
  int64_t next_id;
};

struct world {
  struct directory *directory;
  struct control *controls;
  struct journal journal;
  struct lanes_options options; /* to be changed before the first event */
  struct lanes *lanes;          /* made when they are first needed */
  struct moment now;
  int64_t event_count; /* of the events below that have no age of their own */
  int64_t order_count;
  struct store store;
  struct store unread;      /* what can not be read yet */
  bool reads_silences_last; /* at a start: behind all else */
  uint64_t jitter_max;      /* the longest wait that was asked for last */
  uint64_t jitter_percent;  /* how much of it is waited; 100 */
  size_t fleeting;          /* commands that ended so */
  char ended[ENDED_BYTES];  /* what ended since that was last asked for */
  void (*observe)(void *context, const struct world *w); /* instead of that: */
  void *observe_context; /* told of each commit before it is made */
};

/* ---- the world ---- */

/* For cmocka; *state is the world. */
int world_setup(void **state);
int world_teardown(void **state);

struct world *world_new(void);
void world_free(struct world *w);

/* The lanes, made now if they are not there yet. */
struct lanes *world_lanes(struct world *w);

/* Return the one of that name, made on first use with the documented defaults:
 * a device at the endpoint "cloud" with its name as device_id, and a rule with
 * all options at their defaults. */
struct endpoint *endpoint_called(struct world *w, const char *name);
struct device *device_called(struct world *w, const char *name);
struct control *rule_for(struct world *w, const char *rule, const char *device);

/* The rule "heat" for the device "fan", which most situations are about. */
struct control *the_fan(void **state);

/* Puts what changed into the store, and on record. */
void commit(struct world *w);

/* Trims, in the lanes and in the store. Returns how many slots are gone. */
size_t trim(struct world *w, int64_t idle_ms);

/* The process is gone; a new one begins with what the store holds. What has
 * begun is forgotten by the controls. */
void restart(struct world *w);

/* The same, but what the store holds can not be read: the new process begins
 * with nothing, and with numbers of its own for its commands. */
void restart_without_reading(struct world *w);
/* It can be read now. */
void read_late(struct world *w);

/* ---- what happens ---- */

struct fired {
  const char *series;
  enum severity severity;
  const char *body;      /* NULL: none */
  const char *okay_body; /* for when it is silent; NULL: none */
  bool has_value;
  double value;
  int64_t age_ms;          /* how old the event is when it arrives */
  size_t unsendable_bytes; /* above 0: it has a body of that size */
  bool is_other_source;    /* it names another data source than its rule */
  bool passes_okay;        /* an OKAY right before it is not told */
};

/* Returns a firing with all that. */
struct firing *firing_of(const struct control *at, const struct fired *f);
enum ignored fire(struct control *at, struct fired f);

/* A FAILURE with the body "on", and "off" for when it is silent. */
struct fired silent_failure(const char *series);
/* Fires an OKAY of "rack1" with the body "off". */
enum ignored take_okay(struct control *at);

/* The series is in that state, and the body is for it. They must be taken: each
 * event is a little younger than the one before, so that none is a duplicate.
 */
void failure(struct control *at, const char *series, const char *body);
void warning(struct control *at, const char *series, const char *body);
void okay(struct control *at, const char *series, const char *body);
/* The series has that value, and so has the body. */
void value(struct control *at, const char *series, double number);

void passes(struct world *w, int64_t ms);

/* The attempt that began ends so. */
void ends_with(struct control *at, struct verdict verdict);
void ends(struct control *at, enum verdict_class class);
void ends_telling_to_wait(struct control *at, enum verdict_class class,
                          int64_t retry_after_ms);

/* ---- orders ---- */

/* Return an order with a number of its own, to be filled in. */
struct order *order_of(struct world *w, enum order_verb verb);
struct order *silence_of(struct control *at, int64_t ms); /* of its rule */
struct order *silence_of_device(struct world *w, const char *device,
                                int64_t ms);
/* A command by hand, or that one of the history again, which ended so. */
struct order *send_order(struct world *w, const char *device, const char *body);
struct order *retry_order(struct control *at, int64_t id, const char *body,
                          enum outcome was);
struct order *cancel_order(struct world *w, int64_t id);

/* Gives it, and checks that it is obeyed; or refused, in these words. */
void obeyed(struct world *w, struct order *o);
void refused(struct world *w, struct order *o, const char *why);

/* ---- what must come of it ---- */

/* The next attempt to begin is one of that rule, with that body. */
void begins(struct control *at, const char *body);
void nothing_begins(struct world *w);
/* Nothing begins or changes until so many ms have passed; then this does. */
void begins_after(struct control *at, const char *body, int64_t ms);
/* begins, and is accepted. */
void is_sent(struct control *at, const char *body);

/* These, and no others, have ended since this was last asked: "RULE BODY
 * OUTCOME", with ", " between them, in the order of commits and, within one,
 * of the first change; "" for none. */
void ended(struct world *w, const char *expected);

/* So much time passes, nothing begins before its end, and then this is the
 * first to have ended. */
void ended_after(struct world *w, const char *expected, int64_t ms);

/* created = the sum of all outcomes + pending, for each device. */
void is_balanced(struct world *w);

/* How many commands of the device have ended so, and how many were created. */
uint64_t outcomes_of(struct world *w, const char *device, enum outcome outcome);
uint64_t created_of(struct world *w, const char *device);

#endif
