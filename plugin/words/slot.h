/* SPDX-License-Identifier: MIT
 *
 * slot owns what one rule controls at one device: the state of each series, the
 * state that follows from them, and what the device accepted last. It knows of
 * no queue: `lanes` decides when.
 *
 * A slot belongs to the I/O thread.
 */
#ifndef ONENET_SLOT_H
#define ONENET_SLOT_H

#include "words/command.h"
#include "words/ignored.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An event is compared with the last ones of its series for this long. */
#define SLOT_REORDER_MS 5000

/* If the wall clock was set by more than this in between, the events' own times
 * can not be compared. */
#define SLOT_CLOCK_STEP_MS 2000

/* RULE/DEVICE, or RULE/DEVICE/SERIES */
#define SLOT_KEY_BYTES (2 * DEVICE_NAME_BYTES + EVENT_SERIES_BYTES)

/* When an event was, by its own time, which may be in the future, and when it
 * arrived. */
struct slot_time {
  bool known; /* there was one */
  int64_t wall_event_ms;
  struct moment arrived;
};

/* One series and its state. */
struct series {
  struct change change;
  struct slot *slot;
  char *name;
  enum severity severity;
  struct body *body; /* rendered from its last event; NULL: asks for nothing,
                        or unsendable */
  struct body *okay_body; /* what to send once it is silent; NULL: nothing */
  bool has_unsendable;    /* the body can never be sent, for its size */
  size_t unsendable_bytes;
  bool has_value;
  double value;
  int64_t arrived_ms; /* of its last event; 0: there was none yet */
  int64_t since_ms;   /* when it came into its state; of a value: its arrival */

  struct slot_time event; /* its last event; silence is none */
  enum severity event_severity;
  struct slot_time valued; /* its last event that carried a CurrentValue */

  size_t
      silence_index; /* kept by lanes: in the heap of the next to fall silent */

  struct series *newer; /* kept by slot: neighbours of the same severity */
  struct series *older;
};

/* What a device has accepted last for a slot. */
struct accepted {
  struct body *body; /* NULL: nothing is remembered */
  bool has_value;
  double value;
  int64_t accepted_ms;
  uint64_t attempts_begun; /* for the device until then: void once there are
                              more */
};

struct slot {
  struct change change;
  const struct policy *policy;
  const struct device *device;
  char *key;
  struct accepted accepted;
  struct accepted accepted_before; /* while an attempt is under way */
  bool forget; /* what is in flight must not be remembered, whatever comes of it
                */
  int64_t cooldown_until_ms; /* 0: there was none */
  int64_t last_event_ms;

  struct slot *next;       /* kept by lanes: of all */
  struct command *waiting; /* with Supersede: the one that waits, or NULL */
  size_t pending;          /* commands waiting or in flight */

  void *series_by_name; /* kept by slot: a tsearch tree */
  struct series *newest[SEVERITY_COUNT];
};

/* Writes the key of the slot for that policy and device, and for the series if
 * the policy has a slot for each. */
void slot_format_key(const struct policy *policy, const struct device *device,
                     const char *series, char ret_key[static SLOT_KEY_BYTES]);

/* Returns a slot that the caller owns, with no series and nothing remembered;
 * NULL without memory. Policy and device are borrowed, the key is copied. */
struct slot *slot_new(const struct policy *policy, const struct device *device,
                      const char *key);
void slot_free(struct slot *s);

/* Returns the series of that name; or NULL. */
struct series *slot_find_series(const struct slot *s, const char *name);

/* Adds a series, OKAY and asking for nothing; the slot owns it. NULL without
 * memory. */
struct series *slot_add_series(struct slot *s, const char *name);

/* Removes and frees a series. */
void slot_remove_series(struct slot *s, struct series *series);

/* Calls visit for every series. */
void slot_each_series(const struct slot *s,
                      void (*visit)(void *context, struct series *series),
                      void *context);

/* Whether the firing is to be ignored. It is late if it carries a CurrentValue,
 * and its series (which may be NULL: never seen) has seen a newer one that did
 * so within SLOT_REORDER_MS; a time in the future counts as its arrival. It is
 * a duplicate if it has the time and the severity of the last event of its
 * series, within the same time. */
enum ignored slot_judge_arrival(const struct series *series,
                                const struct firing *f);

/* The series is now in the firing's state, and the newest in it. Takes the
 * firing's bodies. */
void slot_note_firing(struct series *series, struct firing *f);

/* The series has been silent for ForgetAfter: it counts as OKAY from now on,
 * with its okay_body. */
void slot_note_silence(struct series *series, int64_t now_ms);

/* Puts a series whose fields were filled in (restored) in its place; to be
 * called in the order of arrival. */
void slot_place_series(struct series *series);

/* Returns the series that speaks for the slot: of those in the worst state, the
 * one with the newest event. NULL while the slot has none. */
const struct series *slot_speaker(const struct slot *s);

/* Whether a series asks for nothing: no body, and none that is unsendable. */
bool slot_asks_nothing(const struct series *speaker);

/* ---- what the device accepted last ----
 *
 * attempts_begun: how many attempts were ever begun for the device. What a slot
 * remembers is void once there was another one, which may have been that of
 * another slot. */

/* Returns whether the device has accepted exactly what the command asks for,
 * not longer ago than Repeat. */
bool slot_remembers(const struct slot *s, const struct command *c,
                    uint64_t attempts_begun, int64_t now_ms);

/* An attempt of this slot begins, not counted yet: puts what is remembered
 * aside. */
void slot_begin_attempt(struct slot *s, uint64_t attempts_begun);

/* The attempt ended in that class: remembers the command, or what was
 * remembered before it, or nothing. */
void slot_end_attempt(struct slot *s, const struct command *c,
                      enum verdict_class class, uint64_t attempts_begun,
                      int64_t now_ms);

/* Forgets what was accepted, and what an attempt that is under way may bring.
 */
void slot_forget(struct slot *s);

#endif
