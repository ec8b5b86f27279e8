/* SPDX-License-Identifier: MIT
 *
 * lanes_model owns a naive model of lanes, written from the design's text:
 * short lists, searched from end to end, nothing shared with the real one. It
 * is told what is done to the real lanes, foretells what must come of it, and
 * compares.
 *
 * To find an attempt that begins, first tell model_settle, then ask the lanes.
 */
#ifndef ONENET_TESTS_LANES_MODEL_H
#define ONENET_TESTS_LANES_MODEL_H

#include "lanes_harness.h"

#define MODEL_ENDPOINTS 2
#define MODEL_DEVICES 5
#define MODEL_CONTROLS 7
#define MODEL_SERIES 3
/* One of each device is for what is sent by hand. */
#define MODEL_SLOTS (MODEL_CONTROLS * MODEL_SERIES + MODEL_DEVICES)
#define MODEL_SILENCES (MODEL_CONTROLS + MODEL_DEVICES)
#define MODEL_PAST 8
#define MODEL_COMMANDS 512
#define MODEL_TEXT 16
/* Two of each series and slot, and one of each command. */
#define MODEL_BODIES (2 * (MODEL_SLOTS * (MODEL_SERIES + 1)) + MODEL_COMMANDS)
#define MODEL_BEGINS 16

/* Bodies have numbers: those of one number are one in memory. */
struct model_series {
  bool seen;
  enum severity severity;
  char body[MODEL_TEXT]; /* "": none */
  uint64_t body_number;
  char okay_body[MODEL_TEXT];
  uint64_t okay_body_number;
  bool unsendable;
  bool has_value;
  double value;
  int64_t arrived_ms;
  uint64_t order;               /* greater is newer */
  enum severity event_severity; /* of its last event, with the next two */
  int64_t wall_event_ms;
  int64_t event_arrived_ms;
  bool timed; /* an event carried a value, with the next two */
  int64_t wall_timed_ms;
  int64_t timed_arrived_ms;
};

struct model_memory {
  bool known;
  bool is_void; /* another slot has commanded the device since */
  char body[MODEL_TEXT];
  uint64_t body_number;
  bool has_value;
  double value;
  int64_t accepted_ms;
};

/* How long the state of a slot has held. */
struct model_span {
  bool known;
  enum severity state;
  int64_t since_ms;
  int64_t left_okay_ms;
  bool waits; /* for After */
  bool fired;
  bool spent; /* by Until */
};

struct model_slot {
  const struct control *at;
  struct model_span span; /* if its rule has After or Until */
  bool recorded;
  struct model_series series[MODEL_SERIES];
  struct model_memory memory;
  struct model_memory aside;    /* while an attempt is under way */
  struct model_memory accepted; /* the last body ever accepted */
  bool forget;
  uint64_t owes;  /* since when, as an order; 0: it owes nothing */
  bool is_parked; /* what it owes waits for After, */
  bool is_hushed; /* or for the end of a silence */
  int64_t cooldown_until_ms;
  uint64_t last_order; /* of its newest command, */
  int last_outcome;    /* and what became of it */
  bool is_overruled;   /* that was asked for by an order */
};

struct model_command {
  int64_t id; /* 0: not told yet */
  struct model_slot *slot;
  char body[MODEL_TEXT];
  uint64_t body_number;
  bool has_value;
  double value;
  uint64_t place;
  uint64_t order;
  bool in_flight;
  bool doubtful;
  bool has_turn; /* it holds its lane */
  bool for_credentials;
  int attempts;
  int tries; /* with those of the commands whose place it took */
  int64_t arrived_ms;
  int expire_s;
  int64_t valid_from_ms;
  int64_t not_before_ms;
  int64_t sent_ms;
  bool is_outdated; /* a newer one was cancelled while it was in flight */
  int foretold;     /* the outcome that it must have now; -1: none */
};

/* What a real device is, seen from outside. */
struct model_device {
  const struct device *device;
  bool certain;
  struct model_memory executed;
  uint64_t created;
  uint64_t by_outcome[OUTCOME_COUNT];
  int64_t begins_ms[MODEL_BEGINS]; /* of the last attempts */
};

struct model_endpoint {
  const struct endpoint *endpoint;
  int64_t begins_ms[MODEL_BEGINS];
  int failures;
  const char *failed_id; /* the device_id of the first of them */
  bool several;
  bool open;
  int64_t probe; /* the id of the command let through; 0: none */
  int64_t pause_ms;
  int64_t next_probe_ms;
  int polls; /* under way */
};

struct model_silence {
  int64_t id; /* of its order */
  const struct device *device;
  const struct policy *policy;
  int64_t until_ms;
};

/* A command that has ended. */
struct model_past {
  int64_t id; /* 0: none */
  struct model_slot *slot;
  char body[MODEL_TEXT];
  bool has_value;
  double value;
  enum outcome outcome;
};

struct model {
  struct world *world;
  long step; /* for messages */
  struct model_slot slots[MODEL_SLOTS];
  struct model_endpoint endpoints[MODEL_ENDPOINTS];
  struct model_device devices[MODEL_DEVICES];
  struct model_command commands[MODEL_COMMANDS]; /* pending, in any order */
  size_t count;
  struct model_silence silences[MODEL_SILENCES]; /* in force, in any order */
  size_t silence_count;
  struct model_past past[MODEL_PAST]; /* of these some, the last among them */
  size_t past_count;
  int64_t last_id;
  uint64_t last_order;
  uint64_t last_body_number;
  uint64_t forgotten; /* series, for want of room, since the restart */
  long ignored[IGNORED_REASONS];
  uint64_t drawn;     /* the last random number for a wait, */
  uint64_t drawn_max; /* and what was asked for; 0: none since the last end */
  long by_outcome[OUTCOME_COUNT];
};

/* Begins to watch a world that has not begun, with MODEL_CONTROLS controls,
 * MODEL_DEVICES devices, for each of which there is one control more, by hand,
 * and MODEL_ENDPOINTS endpoints. */
void model_init(struct model *m, struct world *w);

/* Fails the test, with the step, unless it holds. */
#define model_holds(m, condition)                                              \
  model_holds_at((m), (condition), #condition, __FILE__, __LINE__)
void model_holds_at(const struct model *m, bool holds, const char *what,
                    const char *file, int line);

/* For world.observe: commands were created, or have ended. */
void model_observe(void *context, const struct world *w);

/* ---- what is done; to be told before the commit ---- */

/* Returns what lanes_take must return. series is the number of the series. */
enum ignored model_take(struct model *m, struct model_slot *s, int series,
                        const struct fired *f);
/* The slot of a control for a series. */
struct model_slot *model_slot(struct model *m, const struct control *at,
                              int series);
/* Returns whether the order must be obeyed; and how many commands it ends.
 * series is that of a command which is sent again. */
bool model_obey(struct model *m, const struct order *o, int series,
                uint64_t *ret_count);
/* The number of the series that the slot is for; 0 if it is for all. */
int model_series_of(const struct model *m, const struct model_slot *s);
void model_drop(struct model *m, const struct device *d, uint64_t count);
void model_forget(struct model_slot *s);
void model_end(struct model *m, int64_t id, const struct verdict *v);
void model_end_dry(struct model *m, int64_t id);
/* Returns whether a poll may begin, after lanes_begin returned NULL; it does.
 */
bool model_begin_poll(struct model *m, const struct endpoint *e);
void model_end_poll(struct model *m, const struct endpoint *e);
void model_key_changed(struct model *m, const struct endpoint *e);
void model_restart(struct model *m);

/* Returns how many slots must be trimmed. */
size_t model_trim(struct model *m, int64_t idle_ms);

/* lanes_begin is about to be called: silence, deadlines, what is unchanged. */
void model_settle(struct model *m);

/* It was; c is what it returned. */
void model_begun(struct model *m, const struct command *c);

/* ---- what must hold ---- */

/* After each commit: all that was foretold has happened; the numbers agree. */
void model_agrees(const struct model *m);

/* When lanes_begin returned NULL: nothing that is due was left. */
void model_left_nothing(const struct model *m);

/* With nothing pending: each slot's device has accepted what its state asks
 * for, or an outcome says why not. */
void model_converged(const struct model *m);

#endif
