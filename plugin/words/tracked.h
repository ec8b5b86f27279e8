/* SPDX-License-Identifier: MIT
 *
 * tracked owns the data of a tracked command, which is an accepted command
 * whose rule has Track: its status at OneNET, the device's answer, and the
 * names of its end. It decides nothing: `tracker` does. Tracked commands belong
 * to the I/O thread.
 */
#ifndef ONENET_TRACKED_H
#define ONENET_TRACKED_H

#include "words/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKED_ANSWER_MAX_BYTES 4096 /* a longer answer is cut */
#define TRACKED_GRACE_MS 60000        /* time of polling after the validity */

/* OneNET's statuses of a command. */
enum tracked_status {
  TRACKED_NOT_ONLINE,   /* final */
  TRACKED_CREATED,      /* the first status */
  TRACKED_SENT,         /* stays so if the device never answers */
  TRACKED_FAILED,       /* final */
  TRACKED_ANSWERED,     /* final */
  TRACKED_NOT_ANSWERED, /* final */
  TRACKED_TOO_LARGE,    /* final; the answer was too large */
  TRACKED_STATUSES
};

/* The end of a tracked command. It was delivered if it is "answered" or
 * "unanswered", and not if it is "undelivered". */
enum tracked_end {
  TRACKED_END_ANSWERED,
  TRACKED_END_UNANSWERED,
  TRACKED_END_UNDELIVERED,
  TRACKED_END_NOT_KNOWN,
  TRACKED_ENDS
};

struct tracked {
  struct change change;
  int64_t id; /* the command's */
  const struct policy *policy;
  const struct device *device;
  char *slot_key;
  char cmd_uuid[VERDICT_UUID_BYTES];
  struct moment created; /* arrival of the event behind the command */
  int64_t until_ms;      /* time of the last poll */
  enum tracked_status status;
  int64_t status_ms;   /* beginning of the status */
  struct body *answer; /* the device's answer, cut; NULL: not known */

  bool concluded;                  /* the status is the last one */
  char cause[VERDICT_CAUSE_BYTES]; /* reason if the last poll brought no status,
                                      else "" */

  bool has_news; /* a new status, or the conclusion, was not told yet */

  int64_t next_ms; /* kept by tracker: time of the next poll */
  int64_t wait_ms; /* wait before that poll */
  int answer_polls;
  uint32_t next_index; /* index in the heap by next_ms */
  uint32_t age_index;  /* index in the heap by age */
};

/* The result of a poll. */
enum poll_class {
  POLL_STATUS, /* the status is known */
  POLL_ANSWER, /* the device's answer came */
  POLL_AGAIN,  /* nothing is known: ask again */
  POLL_NEVER   /* a definite no: OneNET will never tell */
};

struct poll {
  enum poll_class class;
  enum tracked_status status;      /* POLL_STATUS */
  const void *answer;              /* POLL_ANSWER: borrowed from the reply */
  size_t answer_size;              /* at most TRACKED_ANSWER_MAX_BYTES */
  int64_t retry_after_ms;          /* 0: the server did not say */
  char cause[VERDICT_CAUSE_BYTES]; /* POLL_AGAIN, POLL_NEVER */
};

/* Returns a tracked command of that slot, which the caller owns and fills in;
 * NULL without memory. */
struct tracked *tracked_new(const char *slot_key);

/* Returns the tracked command of a command that was accepted just now; the
 * caller owns it. NULL without memory. */
struct tracked *tracked_new_of(const struct command *c);

/* Frees a tracked command; NULL is allowed. */
void tracked_free(struct tracked *t);

/* Returns OneNET's text for the status, such as "command sent". */
const char *tracked_status_text(enum tracked_status status);

/* Returns whether OneNET will not change the status any more. */
bool tracked_status_is_final(enum tracked_status status);

/* Returns the end of a tracked command that is concluded: the meaning of its
 * last status; not known if its last poll brought no status and the status
 * before was not final. */
enum tracked_end tracked_end_of(const struct tracked *one);

/* Returns "answered", "not known" ... */
const char *tracked_end_name(enum tracked_end end);

#endif
