/* SPDX-License-Identifier: MIT
 *
 * command owns the data of one command, of the policy behind it and of the
 * firing that asks for it, and the names of its outcomes. It decides nothing:
 * `lanes` does.
 *
 * A firing is made on one of collectd's threads, which hands it to the I/O
 * thread and does not touch it again. Commands belong to the I/O thread.
 * Policies and devices are read-only after configuration.
 */
#ifndef ONENET_COMMAND_H
#define ONENET_COMMAND_H

#include "base/ring.h"
#include "words/change.h"
#include "words/device.h"
#include "words/event.h"
#include "words/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_BODY_MAX_BYTES 65535 /* OneNET's limit: less than 64K */
#define COMMAND_NEVER_MS INT64_MAX   /* later than any time */

/* One instant on both clocks, passed in by the caller. Decisions use the
 * monotonic clock, which also counts the time for which the machine was
 * suspended: a deadline passes meanwhile. People and the ledger see the wall
 * clock. */
struct moment {
  int64_t ms;
  int64_t wall_ms; /* since 1970 */
};

/* ---- outcomes ---- */

enum outcome {
  OUTCOME_ACCEPTED,
  OUTCOME_REFUSED,
  OUTCOME_UNKNOWN,
  OUTCOME_EXPIRED,
  OUTCOME_SUPERSEDED,
  OUTCOME_UNCHANGED,
  OUTCOME_DROPPED,
  OUTCOME_CANCELLED,
  OUTCOME_COUNT
};

/* Returns the name that the outcome has everywhere outside the code:
 * "accepted", "refused" ... */
const char *outcome_name(enum outcome outcome);

/* Writes the outcome of that name to ret_outcome. Returns 0 or -EINVAL. */
int outcome_parse(const char *name, enum outcome *ret_outcome);

/* ---- bodies: reference-counted, used by one thread at a time ---- */

struct body {
  uint32_t references;
  uint32_t holders; /* kept by lanes: those for whom it counts as held, */
  uint32_t waiting; /* and the commands among them, which wait */
  uint32_t size;
  char data[];
};

/* Returns a copy of size bytes, fewer than 4 GiB, with one reference, or NULL
 * without memory. */
struct body *body_new(const void *data, size_t size);
/* Takes one more reference; returns b. NULL is allowed. */
struct body *body_ref(struct body *b);
/* Gives one reference back; the last one frees. NULL is allowed. */
void body_unref(struct body *b);
/* Returns whether both hold the same bytes; two NULLs are equal. */
bool body_equals(const struct body *a, const struct body *b);
/* Puts a reference to `same` in the place of *b, which is given back, if both
 * hold the same bytes. */
void body_share(struct body **b, struct body *same);

/* ---- policies: how a rule's commands are handled ---- */

#define POLICY_DEFAULT                                                         \
  (-1) /* timeout_s, expire_s or repeat_s is not configured */

/* The treatment of an OKAY for a slot of which nothing is recorded. Default:
 * ignored; but sent if records can not be relied on (the ledger is in memory,
 * or was damaged). */
enum first_okay { FIRST_OKAY_DEFAULT, FIRST_OKAY_IGNORE, FIRST_OKAY_SEND };

struct policy {
  const char *rule; /* name of the rule; borrowed from the configuration */
  size_t index;     /* dense, from 0 */
  const char *content_type;
  const char *service; /* identifier that a service is called by; borrowed from
                          the configuration; NULL: none */
  bool per_series;     /* Combine none, and every value rule */
  bool supersede;
  bool track;
  bool retry_offline; /* OnOffline retry */
  bool retry_unknown; /* OnUnknown retry */
  enum first_okay first_okay;
  int forget_after_s; /* 0: never */
  int after_s;        /* 0: at once */
  int until_s;        /* 0: never taken back */
  int cooldown_s;
  int timeout_s; /* POLICY_DEFAULT: the device's timeout */
  int expire_s;  /* 0: no deadline */
  int repeat_s;
  double deadband;
};

/* Return the values that apply to a device.
 *
 * Timeout: the rule's, else the device's. Expire: the rule's; else the timeout
 * if that is above 0, else 3600; cut to the timeout if that is above 0; 0: no
 * deadline. Repeat: the rule's; else the timeout if that is above 0, else
 * POLICY_DEFAULT: an acceptance never becomes too old. */
int policy_timeout_s(const struct policy *p, const struct device *d);
int policy_expire_s(const struct policy *p, const struct device *d);
int policy_repeat_s(const struct policy *p, const struct device *d);

/* Returns whether the age of a slot's state matters: the rule has After or
 * Until. */
bool policy_is_timed(const struct policy *p);

/* ---- a firing: one event that fired one rule for one device ---- */

/* The place of a firing in the inbox, which alone uses it. */
struct firing_place {
  uint64_t hash;        /* of policy, device and series */
  struct firing **link; /* what points to it among those of its device */
  struct ring outdated; /* place among those that have a newer one */
  struct firing *next_in_bucket;
};

struct firing {
  struct firing *next; /* next in the inbox */
  struct firing_place at;
  uint64_t replaced; /* older events of its series whose place it took in the
                        inbox, and that would have become commands */
  const struct policy *policy;
  const struct device *device;
  enum severity severity;
  const struct body *body;      /* NULL: asks for nothing, or has_unsendable */
  const struct body *okay_body; /* body for the time after a silence of
                                   ForgetAfter, or after Until; NULL: none */
  size_t unsendable_bytes; /* with has_unsendable: the size of the body that can
                              never be sent (0, or 65536 and more) */
  bool has_unsendable;
  bool is_other_source; /* an OKAY with another DataSource than its rule asks
                           for: it counts where its series has a state */
  bool passes_okay; /* an older event of its series that went from the inbox was
                       an OKAY */
  bool is_unmatched; /* if it does not count, it has fired no rule */
  bool has_value;    /* the event carries one; of an OKAY it may be NaN */
  double value;
  int64_t wall_event_ms; /* the event's own time; may be in the future */
  struct moment arrived;
  char series[]; /* NUL-terminated; the bodies stand behind it */
};

/* The bytes of a body, which somebody else owns; data NULL: none. */
struct firing_body {
  const void *data;
  size_t size;
};

/* Returns a firing, one piece of memory, that holds the series, copies of the
 * bodies, and zeros; NULL without memory. The caller owns it. Its bodies live
 * as long as the firing: what is to stay has to be copied. */
struct firing *firing_new(const char *series, struct firing_body body,
                          struct firing_body okay_body);
/* Frees a firing; NULL is allowed. */
void firing_free(struct firing *f);

/* ---- commands ---- */

enum command_state { COMMAND_WAITING, COMMAND_IN_FLIGHT, COMMAND_FINISHED };

/* Returns the name that the state has in the ledger and in the log. */
const char *command_state_name(enum command_state state);

/* The place of a waiting command. Used by lanes alone. */
struct command_place {
  struct slot *slot;
  uint64_t place;       /* order within the lane */
  uint32_t ready_index; /* index in the lane's heap of ready commands */
  uint32_t timer_index; /* index in the heap of timers */
  int64_t timer_ms;     /* time at which the timer runs out */
};

/* Details of an attempt. */
struct attempt {
  struct moment sent;           /* its beginning; 0: there was none */
  unsigned long key_generation; /* of the header that it was sent with */
  struct verdict verdict;       /* all zero until it has ended */
  struct body *reply; /* one line of text that the device itself replied; NULL:
                         none is known */
};

/* Many commands wait without ever having been tried, so that what belongs to an
 * attempt is apart. The names are shared texts, see base/shared_text.h: those
 * of the slot and the series, where these exist. */
struct command {
  struct change change;
  int64_t id; /* given by the ledger; unique for ever, greater is newer */
  const struct policy *policy;
  const struct device *device;
  const char *slot_key; /* see slot.h */
  const char *series;   /* series of the event that asked for it */
  struct body *body;    /* NULL: can never be sent */
  double value;
  struct moment created; /* arrival of its event */
  int64_t valid_from_ms; /* arrival, or the end of the cooldown that delayed it:
                            Expire and Timeout count from here */
  int64_t deadline_ms;   /* COMMAND_NEVER_MS: none */
  int64_t not_before_ms; /* end of the wait for a retry; 0: none */
  struct attempt *attempt; /* last attempt; its verdict is that on the last one
                              that ended. NULL before the first */
  const char *why; /* reason for the outcome where the verdict has no error: a
                      text that lives until the journal is cleared, or NULL */
  struct moment finished;
  int timeout_s;
  int attempts;
  enum severity severity : 8;
  enum command_state state : 8;
  enum outcome outcome : 8; /* valid once the command is finished */
  uint8_t tries; /* kept by lanes: attempts of it, and of those whose place it
                    took, up to 255: the back-off grows with them */
  bool has_value;
  bool waits_for_credentials;
  bool doubtful;          /* an attempt may have been executed */
  bool has_ended_attempt; /* the end of an attempt was not told yet */
  bool takes_back;        /* Until asks for it, and no event */
  bool is_ordered;        /* an order asked for it, and names it */
  bool is_outdated;       /* kept by lanes: a newer command of its slot was
                             cancelled while it was in flight */

  struct command_place at;
};

/* ---- the balance of one device ----
 *
 * Counted since the ledger was begun. Always: created = the sum of by_outcome +
 * pending. */
struct account {
  struct change change;
  const struct device *device;
  uint64_t created;
  uint64_t by_outcome[OUTCOME_COUNT];
  uint64_t pending;
  uint64_t attempts_begun; /* voids what a slot remembers from a smaller number:
                              another slot has commanded the device since */
};

/* Returns a command that is all zero, which the caller owns and fills in, or
 * NULL without memory. Any thread. */
struct command *command_new(void);

/* Frees a command; NULL is allowed. */
void command_free(struct command *c);

/* Returns whether a newer command took its place before it was ever recorded or
 * told: of such a command only the number is kept, since one slot may have many
 * of them in a moment. One that an order names is kept. */
bool command_is_fleeting(const struct command *c);

/* Gives the command details of an attempt, all zero, if it has none yet.
 * Returns 0 or -ENOMEM. */
int command_make_attempt(struct command *c);

/* Returns when the last attempt began; all zero if there was none. */
struct moment command_sent(const struct command *c);

/* Returns the command's verdict, or an all-zero one if it has none. Borrowed
 * until the verdict changes. */
const struct verdict *command_verdict(const struct command *c);

/* Returns what the device itself replied to the last attempt, or NULL. */
const struct body *command_reply(const struct command *c);

/* Returns the error of the last attempt, or if there is none the reason for the
 * outcome, as a text that may be "". Borrowed until the verdict changes. */
const char *command_why(const struct command *c);

/* Returns whether it is for us to keep the command while its device is offline:
 * it has a validity, and OneNET keeps none for that endpoint. */
bool command_is_kept_here(const struct command *c);

/* Returns the timeout= of an attempt that begins at now_ms: the rest of the
 * validity, rounded up to seconds, at least 1; 0 if the command has no
 * validity. */
int command_remaining_timeout_s(const struct command *c, int64_t now_ms);

#endif
