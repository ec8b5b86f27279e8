/* SPDX-License-Identifier: MIT
 *
 * tracked owns what is known of an accepted command that its rule tracks, as
 * plain data: OneNET's status of it, the device's answer, and the words for
 * how it ended. It decides nothing: `tracker` does. The I/O thread's.
 */
#ifndef ONENET_TRACKED_H
#define ONENET_TRACKED_H

#include "words/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKED_ANSWER_MAX_BYTES 4096 /* of the device's answer */
#define TRACKED_GRACE_MS 60000        /* added to the validity */

/* OneNET's statuses of a command. */
enum tracked_status {
  TRACKED_NOT_ONLINE,   /* final */
  TRACKED_CREATED,      /* so it is when it is accepted */
  TRACKED_SENT,         /* where a device that never answers stays */
  TRACKED_FAILED,       /* final */
  TRACKED_ANSWERED,     /* final */
  TRACKED_NOT_ANSWERED, /* final */
  TRACKED_TOO_LARGE,    /* final: the answer was */
  TRACKED_STATUSES
};

/* What became of it: "answered", "unanswered" (both were delivered) or
 * "undelivered". */
enum tracked_end {
  TRACKED_END_ANSWERED,
  TRACKED_END_UNANSWERED,
  TRACKED_END_UNDELIVERED,
  TRACKED_ENDS
};

struct tracked {
  struct change change;
  int64_t id; /* of the command */
  const struct policy *policy;
  const struct device *device;
  char *slot_key;
  char cmd_uuid[VERDICT_UUID_BYTES];
  struct moment created; /* when the event behind the command arrived */
  int64_t until_ms;      /* then its status is asked for the last time */
  enum tracked_status status;
  int64_t status_ms;   /* since when */
  struct body *answer; /* of the device, cut; NULL: not known */

  bool concluded;                /* the status is what it ended with */
  char why[VERDICT_CAUSE_BYTES]; /* what brought no status: the cause of the
                                    last poll, "" if it brought one */

  bool has_news; /* the status is new, or it is concluded, and that has not been
                    told */

  int64_t next_ms; /* kept by tracker: of the next poll */
  int64_t wait_ms; /* before it */
  int answer_polls;
  size_t next_index; /* in the heap of the next polls */
  size_t age_index;  /* in the heap of the oldest */
};

/* What a poll came to. */
enum poll_class {
  POLL_STATUS, /* its status is known */
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
  char cause[VERDICT_CAUSE_BYTES]; /* of the last two classes */
};

/* Returns one of that slot for the caller to fill in, and to own; NULL without
 * memory. */
struct tracked *tracked_new(const char *slot_key);

/* Returns what is to be tracked of a command that was accepted just now, owned
 * by the caller; NULL without memory. */
struct tracked *tracked_new_of(const struct command *c);

/* Frees it; NULL is allowed. */
void tracked_free(struct tracked *t);

/* Returns OneNET's words: "command sent". */
const char *tracked_status_text(enum tracked_status status);

/* Whether OneNET's status will not change any more. */
bool tracked_status_is_final(enum tracked_status status);

/* Returns what it means that this is the last status. */
enum tracked_end tracked_end_of(enum tracked_status status);

/* Returns "answered", "unanswered" or "undelivered". */
const char *tracked_end_name(enum tracked_end end);

#endif
