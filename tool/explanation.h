/* SPDX-License-Identifier: MIT
 *
 * explanation owns what each rule makes of one event: whether it fires, what
 * keeps it from that, and what would become of its commands. It says nothing
 * itself: explain_words and explain_json do.
 */
#ifndef ONENET_EXPLANATION_H
#define ONENET_EXPLANATION_H

#include "base/buf.h"
#include "rehearsal.h"

#include <stdbool.h>
#include <stddef.h>

/* One thing that a rule makes of the event: a firing, or an event that is
 * ignored before it becomes one. */
struct finding {
  struct finding *next;
  bool is_firing;
  struct fate fate;            /* of a firing */
  enum ignored reason;         /* of an ignored event: why, */
  const struct device *device; /* and for which device; NULL: not known */
  char *detail; /* name that no device has, or "OnFailure needs %{value}" */
};

/* What one rule says. */
struct answer {
  const struct rule *rule;
  struct rule_gap gap; /* option NULL: it matches */
  char *wanted;        /* what the option must be; "" for a body */
  struct finding *findings;
  struct finding **end;
  char *lacking; /* "OnFailure needs %{value}", told before it is ignored, or of
                    the body for the time after ForgetAfter or Until; NULL */
};

/* Where the states come from. */
enum ground {
  GROUND_RECORD,  /* from the ledger */
  GROUND_NOTHING, /* there is no ledger yet: nothing is recorded */
  GROUND_UNKNOWN  /* it can not be read */
};

struct explanation {
  const struct options *options;
  struct event event; /* borrowed texts */
  struct moment now;
  enum ground ground;
  char why[REHEARSAL_WHY_BYTES]; /* why it can not be read */
  long agent;                    /* process that has the ledger open; 0: none */
  struct rehearsal *rehearsal;   /* NULL: no states are known */
  bool is_own;            /* an event of the plugin's own: no rule sees it */
  bool is_truncated;      /* its identity can not be trusted */
  struct answer *answers; /* one for each rule, in their order */
  struct answer *present; /* of the rule that is being asked */
  bool has_lost;          /* there was no memory for a part of it */
};

/* Asks all rules. Options and the texts of the event are borrowed until
 * explanation_free. agent: the process that has the ledger open, 0 for none.
 * Returns 0 or -ENOMEM. */
int explanation_make(const struct options *options, const struct event *event,
                     long agent, struct moment now,
                     struct explanation *ret_explanation);
void explanation_free(struct explanation *x);

/* Appends what would become of a firing, as a sentence without a full stop, and
 * returns the word for it: "sent", "waits", "nothing", "ignored", the name of
 * an outcome; "unknown" where no states are known. */
const char *explanation_append_fate(const struct explanation *x,
                                    const struct fate *fate, struct buf *out);

/* Appends why an event is ignored, likewise. */
void explanation_append_reason(enum ignored reason, struct buf *out);

/* Appends a time in words: "2026-11-25 12:00:01". */
void explanation_append_time(const struct explanation *x, int64_t ms,
                             struct buf *out);

/* Returns the header that carries the endpoint's credential, with its secret
 * masked. */
const char *explanation_credential_header(const struct endpoint *e);

/* Appends bytes in hex. */
void explanation_append_hex(const void *data, size_t size, struct buf *out);

/* Returns whether the rule makes a firing of the event. */
bool explanation_fires(const struct answer *a);

/* Returns the command whose request is shown: the one that the lanes made, or
 * else the event's own; NULL: there is no body. */
const struct command *explanation_shown(const struct fate *fate);

/* Write it to stdout: for people, or as a JSON array of one object for each
 * rule. Return 0 or -ENOMEM. */
int explain_words_write(const struct explanation *x);
int explain_json_write(const struct explanation *x);

#endif
