/* SPDX-License-Identifier: MIT
 *
 * command owns what one command is, as plain data, and the words for what can
 * become of it. It decides nothing: `lanes` does.
 *
 * A firing is made on one of collectd's threads and handed over whole; from
 * then on it, and all commands, belong to the I/O thread. Policies and devices
 * are read-only after configuration.
 */
#ifndef ONENET_COMMAND_H
#define ONENET_COMMAND_H

#include "words/change.h"
#include "words/device.h"
#include "words/event.h"
#include "words/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_BODY_MAX_BYTES 65535 /* OneNET: less than 64K */
#define COMMAND_NEVER_MS INT64_MAX   /* a moment that does not come */

/* Now, told by the caller: the monotonic clock decides, the wall clock is for
 * what people and the ledger see. */
struct moment {
  int64_t ms;
  int64_t wall_ms; /* since 1970 */
};

/* ---- what became of a command ---- */

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

/* Returns "accepted", "refused" ... : the words of the public interface. */
const char *outcome_name(enum outcome outcome);

/* Writes the outcome of that name to ret_outcome. Returns 0 or -EINVAL. */
int outcome_parse(const char *name, enum outcome *ret_outcome);

/* ---- bodies: shared by counting, on one thread at a time ---- */

struct body {
  int references;
  size_t size;
  char data[];
};

/* Returns a copy of size bytes with one reference, or NULL without memory. */
struct body *body_new(const void *data, size_t size);
/* Takes one more reference; returns b. NULL is allowed. */
struct body *body_ref(struct body *b);
/* Gives one reference back; the last one frees. NULL is allowed. */
void body_unref(struct body *b);
/* Whether both hold the same bytes; two NULLs are equal. */
bool body_equals(const struct body *a, const struct body *b);

/* ---- what a rule wants done with its commands ---- */

#define POLICY_DEFAULT                                                         \
  (-1) /* of timeout_s, expire_s, repeat_s: not configured */

/* What an OKAY does for a slot of which nothing is recorded. Default: ignored,
 * but sent where nothing can be known (a ledger in memory, or one that was
 * damaged). */
enum first_okay { FIRST_OKAY_DEFAULT, FIRST_OKAY_IGNORE, FIRST_OKAY_SEND };

struct policy {
  const char *rule; /* its name; borrowed from the configuration */
  size_t index;     /* dense, from 0 */
  const char *content_type;
  bool per_series; /* Combine none, and every value rule */
  bool supersede;
  bool track;
  bool retry_offline; /* OnOffline retry */
  bool retry_unknown; /* OnUnknown retry */
  enum first_okay first_okay;
  int forget_after_s; /* 0: never */
  int cooldown_s;
  int timeout_s; /* POLICY_DEFAULT: the device's */
  int expire_s;  /* 0: no deadline */
  int repeat_s;
  double deadband;
};

/* Effective values for a device. timeout: the rule's, else the device's.
 * expire: the rule's, else the timeout if above 0, else 3600; never above a
 * timeout above 0; 0 means none. repeat: the rule's; else never too old
 * (POLICY_DEFAULT) with a timeout of 0, else the timeout. */
int policy_timeout_s(const struct policy *p, const struct device *d);
int policy_expire_s(const struct policy *p, const struct device *d);
int policy_repeat_s(const struct policy *p, const struct device *d);

/* ---- a firing: one event that fired one rule for one device ---- */

struct firing {
  struct firing *next; /* of the inbox */
  const struct policy *policy;
  const struct device *device;
  enum severity severity;
  struct body *body;       /* NULL: asks for nothing, or unsendable */
  struct body *okay_body;  /* what to send when the series has been silent for
                              ForgetAfter; else NULL */
  size_t unsendable_bytes; /* with has_unsendable: the size of the body that can
                              never be sent (0, or 65536 and more) */
  bool has_unsendable;
  bool has_value;
  double value;
  int64_t wall_event_ms; /* the event's own time; may be in the future */
  struct moment arrived;
  char series[]; /* NUL-terminated */
};

/* Returns a firing of that series, all else zero, or NULL without memory. */
struct firing *firing_new(const char *series);
/* Frees it and gives its bodies back; NULL is allowed. */
void firing_free(struct firing *f);

/* ---- commands ---- */

enum command_state { COMMAND_WAITING, COMMAND_IN_FLIGHT, COMMAND_FINISHED };

/* Where a command waits. Kept by lanes alone. */
struct command_place {
  struct slot *slot;
  struct lane *lane;
  uint64_t place;     /* order within the lane */
  size_t ready_index; /* in the lane's heap of what is ready */
  size_t timer_index; /* in the heap of timers */
  int64_t timer_ms;   /* when it changes by itself */
};

struct command {
  struct change change;
  int64_t id; /* the ledger's; unique for ever, greater is newer */
  const struct policy *policy;
  const struct device *device;
  char *slot_key; /* see slot.h */
  char *series;   /* of the event behind it */
  enum severity severity;
  struct body *body; /* NULL: can never be sent */
  bool has_value;
  double value;
  int timeout_s;
  struct moment created; /* when its event arrived */
  int64_t valid_from_ms; /* arrival, or the end of the cooldown that held it
                            back: Expire and Timeout count from here */
  int64_t deadline_ms;   /* COMMAND_NEVER_MS: none */
  int64_t not_before_ms; /* the wait for a retry; 0: none */
  bool waits_for_credentials;
  bool doubtful; /* an attempt may have been executed */
  int attempts;
  struct moment sent;     /* when the last attempt began; 0: none */
  bool has_ended_attempt; /* and that has not been told */
  enum command_state state;
  struct verdict *verdict; /* of the last attempt that ended; all zero while the
                              first is under way, NULL before it began */
  enum outcome outcome;    /* once finished */
  const char *why; /* it is finished, in words that live for ever; NULL: as the
                      verdict says */
  struct moment finished;

  struct command_place at;
};

/* ---- the balance of one device ----
 *
 * Since its ledger was begun: created = the sum of by_outcome + pending,
 * always. */
struct account {
  struct change change;
  const struct device *device;
  uint64_t created;
  uint64_t by_outcome[OUTCOME_COUNT];
  uint64_t pending;
  uint64_t attempts_begun; /* attempts begun: a slot's memory of an older
                     attempts_begun is void, since another slot has commanded
                     the device meanwhile */
};

/* Frees it; NULL is allowed. */
void command_free(struct command *c);

/* Makes room for a verdict, all zero, if there is none yet. Returns 0 or
 * -ENOMEM. */
int command_make_verdict(struct command *c);

/* Returns its verdict, or one that is all zero where there is none. Borrowed,
 * until the verdict changes. */
const struct verdict *command_verdict(const struct command *c);

/* Returns in words why it is finished, or what its last attempt came to; may be
 * "". Borrowed likewise. */
const char *command_why(const struct command *c);

/* What timeout= an attempt begun at now_ms sends: what remains of the validity,
 * rounded up to seconds, at least 1; 0 if the command has none. */
int command_remaining_timeout_s(const struct command *c, int64_t now_ms);

#endif
