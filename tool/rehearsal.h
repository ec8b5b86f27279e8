/* SPDX-License-Identifier: MIT
 *
 * rehearsal owns what would become of a firing if it came now: lanes of its
 * own, in the state that the ledger holds at this moment, which take the firing
 * and run as far as they would. It decides nothing itself, sends nothing, and
 * leaves the ledger as it is.
 *
 * Of the endpoints it assumes that each works: its circuit is closed, and
 * nothing of its rate is used up but by what the ledger says is in flight.
 */
#ifndef ONENET_REHEARSAL_H
#define ONENET_REHEARSAL_H

#include "config/options.h"
#include "words/command.h"
#include "words/ignored.h"
#include "words/slot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REHEARSAL_WHY_BYTES 1200

struct rehearsal;

/* The state of a slot before the firing came. */
struct slot_sight {
  bool is_known; /* the ledger has it; all else is void if not */
  enum severity severity;
  size_t series[SEVERITY_COUNT]; /* how many are in which state */
  char speaker[EVENT_SERIES_BYTES];
  int64_t since_ms;      /* since when the speaker is in that state */
  struct body *accepted; /* what the device accepted last; NULL: not known */
  int64_t accepted_ms;
  bool is_void; /* and another command went to the device since */
  int64_t cooldown_until_ms;
  int64_t due_ms; /* end of After or Until; COMMAND_NEVER_MS: none */
  bool owes;
  int64_t waiting_id;   /* the command that waits; 0: none */
  int64_t in_flight_id; /* likewise */
};

/* What would become of one firing. */
struct fate {
  struct slot_sight before;
  const struct policy *policy;
  const struct device *device;
  struct command *sample;        /* the event's own body as a command, which was
                                    not decided of; NULL: it has no body */
  const struct command *command; /* the one that the lanes made for the state of
                                    the slot; NULL: none */
  enum ignored ignored;
  bool is_other_source;  /* an OKAY with another DataSource than the rule asks
                            for */
  int64_t superseded_id; /* the older command that gives way; 0: none */
  int64_t due_ms;        /* end of After or Until now; COMMAND_NEVER_MS: none */
};

/* Makes lanes in the state that the ledger holds. is_running: an agent has it
 * open, so that what is in flight there is in flight now; otherwise it is
 * doubtful, as at the next start. Returns 0; -ENOMEM; or as ledger_peek, and
 * writes ret_why as it does. Without a file (-ENOENT) and in memory there is
 * nothing to be read. */
int rehearsal_new(const struct options *options, bool is_running,
                  struct moment now, struct rehearsal **ret_rehearsal,
                  char *ret_why, size_t why_bytes);

/* Does the same for an agent of which nothing is recorded. NULL without memory.
 */
struct rehearsal *rehearsal_new_empty(const struct options *options);

void rehearsal_free(struct rehearsal *r);

/* Takes a firing, and writes what was before and what the lanes decide of it at
 * once. r NULL: nothing is decided, since no state is known. Returns 0, and
 * owns the firing; or -ENOMEM, and does, too. */
int rehearsal_take(struct rehearsal *r, struct firing *f, struct moment now,
                   struct fate *ret_fate);

/* Begins the attempts that would begin now, once all firings of the event were
 * taken. From then on the states of their commands say what becomes of them. */
void rehearsal_run(struct rehearsal *r, struct moment now);

/* Returns the command of the same lane that this one, which waits, has to wait
 * for: one in flight, or one whose retry has not come yet. NULL: for none. */
const struct command *rehearsal_ahead_of(const struct rehearsal *r,
                                         const struct command *c,
                                         struct moment now);

/* Returns whether the command was made of a firing that was taken here, so that
 * there is none of its id. */
bool rehearsal_has_made(const struct rehearsal *r, const struct command *c);

/* Returns whether the endpoint has as many requests in flight as it may. */
bool rehearsal_is_full(const struct rehearsal *r,
                       const struct endpoint *endpoint);

/* Frees what a fate owns. */
void fate_free(struct fate *f);

#endif
