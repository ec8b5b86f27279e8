/* SPDX-License-Identifier: MIT
 *
 * slot owns what one rule controls at one device: the state of each series, the
 * state that follows from them, for how long that has held (After, Until), and
 * what the device accepted last. It knows no queue: `lanes` decides when a
 * command is sent.
 *
 * A slot belongs to the I/O thread.
 */
#ifndef ONENET_SLOT_H
#define ONENET_SLOT_H

#include "base/ring.h"
#include "base/table.h"
#include "words/command.h"
#include "words/ignored.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The time within which a late or repeated event is recognised. */
#define SLOT_REORDER_MS 5000

/* The largest step of the wall clock across which the events' own times are
 * still compared. */
#define SLOT_CLOCK_STEP_MS 2000

/* The length of a key: RULE/DEVICE or RULE/DEVICE/SERIES. */
#define SLOT_KEY_BYTES (2 * DEVICE_NAME_BYTES + EVENT_SERIES_BYTES)

/* The times of an event: its own, which may be in the future, and its
 * arrival. */
struct slot_time {
  bool known; /* false: there was no event */
  int64_t wall_event_ms;
  struct moment arrived;
};

/* One series and its state. */
struct series {
  struct change change;
  struct slot *slot;
  const char *name;  /* shared text, see base/shared_text.h */
  struct body *body; /* rendered from the last event; NULL: asks for nothing, or
                        has_unsendable */
  struct body *okay_body; /* body for the time after a silence, or after Until;
                             NULL: none */
  double value;
  int64_t arrived_ms; /* arrival of the last event or silence; 0: none */
  int64_t since_ms;   /* beginning of the state; of a value: its arrival */

  struct slot_time event;  /* last event; a silence is none */
  struct slot_time valued; /* last event that carried a CurrentValue */

  uint32_t unsendable_bytes;
  enum severity severity : 8;
  enum severity event_severity : 8;
  bool has_unsendable; /* the body can never be sent because of its size */
  bool has_value;

  uint32_t silence_index; /* kept by lanes: index in the heap of silences */
  struct ring idle;       /* kept by lanes: place among the idle series */
  struct body *held[2];   /* kept by lanes: its bodies that count as held, each
                             with a reference */

  struct series *newer; /* kept by slot: neighbours of the same severity */
  struct series *older;
};

/* The command that the device accepted last for a slot. */
struct accepted {
  struct body *body; /* NULL: nothing is remembered */
  bool has_value;
  double value;
  int64_t accepted_ms;
  uint64_t attempts_begun; /* the account's number at that time; void once that
                              has grown */
};

/* How long the state of a slot has held. A WARNING that becomes a FAILURE, or
 * the other way round, begins a new state; a second FAILURE does not. */
struct span {
  int64_t since_ms;     /* beginning of the state */
  int64_t left_okay_ms; /* when the state was last OKAY no more; 0: never */
  enum severity state : 8;
  bool is_known; /* there was an event, or a record; all else is void if not */
  bool is_recorded; /* all but the state is from a record */
  bool waits;     /* the state has not held for After: it asks for nothing yet,
                     and what was asked for before it stays */
  bool has_fired; /* something was asked for since the state was last OKAY, or
                     that OKAY itself was not accepted: the next OKAY is sent */
  bool is_spent;  /* Until is over: the slot counts as OKAY until it is so */
  uint32_t due_index; /* kept by lanes: index in the heap of slots with a due
                         time */
};

/* What a slot asks for. Borrowed from its series, until these change. */
struct asked {
  enum severity severity;
  struct body *body; /* NULL: nothing, or has_unsendable */
  uint32_t unsendable_bytes;
  bool has_unsendable;
  bool has_value;
  double value;
};

struct slot {
  struct change change;
  const struct policy *policy;
  const struct device *device;
  const char *key; /* shared text */
  struct accepted accepted;
  struct accepted *set_aside; /* what was remembered before the attempt that is
                                 under way; NULL: nothing */
  bool forget; /* the attempt under way is not to be remembered, even if it is
                  accepted */
  bool owes; /* the command for its state was dropped: it is asked for again */
  bool is_newer;    /* kept by lanes: its state is newer than the record that is
                       being restored */
  uint32_t pending; /* commands waiting or in flight */
  int64_t cooldown_until_ms; /* 0: there was none */
  struct span *span;         /* NULL: the rule has neither After nor Until */

  struct table_link by_key; /* kept by lanes: place in the table of all slots */
  struct ring owing;        /* kept by lanes: place among those that owe */
  struct command *waiting;  /* with Supersede: the waiting command, or NULL */
  struct body *held[2];     /* kept by lanes: the same of what it remembers */

  void *series_by_name; /* kept by slot: a tsearch tree; NULL while they are
                           few */
  struct series *newest[SEVERITY_COUNT];
};

/* Writes the key of the slot for that policy and device, and also for the
 * series if the policy has one slot for each series. */
void slot_format_key(const struct policy *policy, const struct device *device,
                     const char *series, char ret_key[static SLOT_KEY_BYTES]);

/* Returns a slot that the caller owns, with no series and nothing remembered;
 * NULL without memory. Policy and device are borrowed, the key is copied. */
struct slot *slot_new(const struct policy *policy, const struct device *device,
                      const char *key);
void slot_free(struct slot *s);

/* Returns the series of that name, or NULL. */
struct series *slot_find_series(const struct slot *s, const char *name);

/* Adds a series that is OKAY and asks for nothing. Returns the series, which
 * the slot owns, or NULL without memory. */
struct series *slot_add_series(struct slot *s, const char *name);

/* Takes a series out of its slot: the caller owns it. */
void slot_take_out(struct series *series);

/* Frees a series that is in no slot; NULL is allowed. */
void slot_free_series(struct series *series);

/* Calls visit for every series. */
void slot_each_series(const struct slot *s,
                      void (*visit)(void *context, struct series *series),
                      void *context);

/* Returns IGNORED_LATE, IGNORED_DUPLICATE or IGNORED_NOT.
 *
 * A firing is late if it carries a CurrentValue, and is older than the last
 * event of its series that carried one and arrived at most SLOT_REORDER_MS
 * before. For that last event a time in the future counts as its arrival. A
 * firing is a duplicate if it has the time and the severity of the last event
 * of its series, which arrived at most SLOT_REORDER_MS before. series NULL:
 * never seen. */
enum ignored slot_judge_arrival(const struct series *series,
                                const struct firing *f);

/* Returns what slot_judge_arrival would if `last` were the last event of the
 * series, and the first. */
enum ignored slot_judge_behind(const struct firing *last,
                               const struct firing *f);

/* Puts the series into the firing's state, as the newest series in that state.
 * Copies the firing's bodies, unless the series has the same already. Returns
 * 0; or -ENOMEM, and then nothing has changed. */
int slot_note_firing(struct series *series, const struct firing *f);

/* Puts a series that has been silent for ForgetAfter into the state OKAY, with
 * its okay_body. */
void slot_note_silence(struct series *series, int64_t now_ms);

/* Puts a restored series, whose fields are filled in, among the series of its
 * severity, by its arrival. */
void slot_place_series(struct series *series);

/* Returns the series that decides what the slot asks for: of those in the worst
 * state the one with the newest event. NULL if the slot has no series. */
const struct series *slot_speaker(const struct slot *s);

/* Returns when one of the series came into its state, or was told of it again;
 * that of the newest. 0 if there is none. */
int64_t slot_last_event_ms(const struct slot *s);

/* Returns what the slot asks for: what its speaker says; the OKAY body of the
 * speaker once Until is over; nothing if it is OKAY and has not fired. While it
 * waits, that is what it will ask for. */
struct asked slot_asks(const struct slot *s);

/* Returns whether that is nothing: no body, not even one that can never be
 * sent. */
bool slot_asks_nothing(const struct asked *asked);

/* ---- After and Until ----
 *
 * Of a slot without a span nothing of this is true, and the functions change
 * nothing. */

/* Notes which state the series say, after one of them has changed at now_ms.
 * was_settled: before, the device had accepted what the slot asked for. Returns
 * whether a new state has begun. */
bool slot_note_state(struct slot *s, bool was_settled, int64_t now_ms);

/* Notes the state that the restored series say, of which this one came last. If
 * the span is not from a record, the rule had no After and Until, or the slot
 * was another one: the state counts from the first of the series, and as one
 * that may have fired. Where the slot is newer than the record, a state that
 * the series begins has begun when the series came into it. */
void slot_restore_state(struct slot *s, const struct series *series);

/* Returns when the slot comes to ask for something else by itself, since After
 * or Until is over; COMMAND_NEVER_MS if it does not. */
int64_t slot_due_ms(const struct slot *s);

/* Notes that After or Until is over, at now_ms, which must be due. */
void slot_note_due(struct slot *s, int64_t now_ms);

/* Notes that the slot asks for what its state says. */
void slot_note_asked(struct slot *s);

/* Return whether the state waits for After; whether it is OKAY and nothing was
 * asked for before it; whether it is taken back. */
bool slot_waits(const struct slot *s);
bool slot_is_unfired(const struct slot *s);
bool slot_is_spent(const struct slot *s);

/* ---- what the device accepted last ----
 *
 * attempts_begun is the number in the device's account. When it has grown, what
 * a slot remembers is void, since the new attempt may have been that of another
 * slot. */

/* Returns whether the device accepted last what the command asks for (the same
 * body, or a value within Deadband), and not longer ago than Repeat. */
bool slot_remembers(const struct slot *s, const struct command *c,
                    uint64_t attempts_begun, int64_t now_ms);

/* Returns whether the state asks for nothing, or for what the device accepted
 * last from this slot, even if that is void by now. */
bool slot_is_satisfied(const struct slot *s);

/* Sets aside what the slot remembers, since an attempt of it begins; without
 * memory forgets it. attempts_begun does not include that attempt yet. */
void slot_begin_attempt(struct slot *s, uint64_t attempts_begun);

/* Remembers, after an attempt that ended with that verdict: the command if it
 * was accepted; what was set aside if the command was surely not executed; else
 * nothing. */
void slot_end_attempt(struct slot *s, const struct command *c,
                      const struct verdict *v, uint64_t attempts_begun,
                      int64_t now_ms);

/* Forgets what was accepted. An attempt that is under way will not be
 * remembered either. */
void slot_forget(struct slot *s);

#endif
