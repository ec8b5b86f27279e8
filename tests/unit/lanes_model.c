/* SPDX-License-Identifier: MIT */
#include "lanes_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define UNDECIDED (-1)
#define REORDER_MS 5000

void model_holds_at(const struct model *m, bool holds, const char *what,
                    const char *file, int line) {
  if (!holds)
    fail_msg("%s:%d: step %ld, %lld ms: does not hold: %s", file, line, m->step,
             (long long)m->world->now.ms, what);
}

void model_init(struct model *m, struct world *w) {
  size_t count = 0;
  *m = (struct model){.world = w};
  for (const struct control *at = w->controls; at != NULL; at = at->next)
    for (int i = 0; i < (order_sends_by(&at->policy) ? 1 : MODEL_SERIES); i++)
      m->slots[count++].at = at;
  for (size_t i = 0; i < MODEL_ENDPOINTS; i++)
    m->endpoints[i].endpoint = directory_endpoint(w->directory, i);
  for (size_t i = 0; i < MODEL_DEVICES; i++)
    m->devices[i].device = directory_device(w->directory, i);
  w->observe = model_observe;
  w->observe_context = m;
}

/* ---- finding ---- */

static int64_t now_ms(const struct model *m) { return m->world->now.ms; }

struct model_slot *model_slot(struct model *m, const struct control *at,
                              int series) {
  size_t i = 0;
  while (m->slots[i].at != at)
    i++;
  return &m->slots[i + (at->policy.per_series ? (size_t)series : 0)];
}

int model_series_of(const struct model *m, const struct model_slot *s) {
  int series = 0;
  while (s > m->slots && s[-1].at == s->at) {
    s--;
    series++;
  }
  return series;
}

static struct model_device *device_of(struct model *m,
                                      const struct model_slot *s) {
  return &m->devices[s->at->device->index];
}

static struct model_endpoint *endpoint_of(struct model *m,
                                          const struct model_slot *s) {
  return &m->endpoints[s->at->device->endpoint->index];
}

static struct model_command *find_command(struct model *m, int64_t id) {
  size_t i = 0;
  while (i < m->count && m->commands[i].id != id)
    i++;
  model_holds(m, i < m->count); /* it is pending */
  return &m->commands[i];
}

static bool is_waiting(const struct model_command *c) {
  return !c->in_flight && c->foretold == UNDECIDED;
}

static bool share_a_lane(const struct model_command *a,
                         const struct model_command *b) {
  const struct device *left = a->slot->at->device, *right = b->slot->at->device;
  return left->endpoint == right->endpoint &&
         strcmp(left->device_id, right->device_id) == 0;
}

static struct model_command *waiting_of(struct model *m,
                                        const struct model_slot *s) {
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].slot == s && is_waiting(&m->commands[i]))
      return &m->commands[i];
  return NULL;
}

static const struct policy *policy_of(const struct model_command *c) {
  return &c->slot->at->policy;
}

/* ---- when ---- */

static bool is_held(const struct model *m, const struct model_command *c) {
  return !c->doubtful && c->slot->cooldown_until_ms > now_ms(m);
}

/* A cooldown that holds a command back moves its validity. */
static void hold_back(struct model_command *c) {
  if (!c->doubtful && c->valid_from_ms < c->slot->cooldown_until_ms)
    c->valid_from_ms = c->slot->cooldown_until_ms;
}

static int64_t deadline_ms(const struct model_command *c) {
  return c->expire_s == 0 ? COMMAND_NEVER_MS
                          : c->valid_from_ms + (int64_t)c->expire_s * 1000;
}

static void start_cooldown(struct model *m, const struct model_command *c) {
  struct model_slot *s = c->slot;
  if (c->doubtful || s->at->policy.cooldown_s == 0)
    return;
  s->cooldown_until_ms = c->sent_ms + (int64_t)s->at->policy.cooldown_s * 1000;
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].slot == s && is_waiting(&m->commands[i]))
      hold_back(&m->commands[i]);
}

/* Whose turn it is in the lane of `any`: what holds it, else the first in order
 * that no cooldown holds back. NULL: nobody's, or one is in flight. */
static struct model_command *whose_turn(const struct model *m,
                                        const struct model_command *any) {
  const struct model_command *first = NULL;
  for (size_t i = 0; i < m->count; i++) {
    const struct model_command *c = &m->commands[i];
    if (c->foretold != UNDECIDED || !share_a_lane(c, any))
      continue;
    if (c->in_flight)
      return NULL;
    if (c->has_turn)
      return (struct model_command *)c;
    if (!is_held(m, c) && (first == NULL || c->place < first->place))
      first = c;
  }
  return (struct model_command *)first;
}

/* ---- memory ---- */

static bool equals(const struct model_slot *s, const struct model_memory *k,
                   const struct model_command *c) {
  double deadband = s->at->policy.deadband;
  if (!k->known)
    return false;
  return strcmp(k->body, c->body) == 0 ||
         (deadband > 0 && k->has_value && c->has_value &&
          fabs(k->value - c->value) <= deadband);
}

static bool remembers(const struct model *m, const struct model_command *c) {
  const struct model_slot *s = c->slot;
  int repeat_s = policy_repeat_s(&s->at->policy, s->at->device);
  if (repeat_s != POLICY_DEFAULT &&
      now_ms(m) - s->memory.accepted_ms >= (int64_t)repeat_s * 1000)
    return false;
  return !s->memory.is_void && equals(s, &s->memory, c);
}

static struct model_memory memory_of(const struct model *m,
                                     const struct model_command *c) {
  struct model_memory k = {.known = true,
                           .has_value = c->has_value,
                           .value = c->value,
                           .body_number = c->body_number,
                           .accepted_ms = now_ms(m)};
  memcpy(k.body, c->body, sizeof k.body);
  return k;
}

void model_forget(struct model_slot *s) {
  s->memory.known = false;
  s->aside.known = false;
  s->forget = true;
}

/* ---- what a state asks for ---- */

static const struct model_series *speaker_of(const struct model_slot *s) {
  const struct model_series *worst = NULL;
  for (size_t i = 0; i < MODEL_SERIES; i++) {
    const struct model_series *one = &s->series[i];
    if (one->seen &&
        (worst == NULL || one->severity > worst->severity ||
         (one->severity == worst->severity && one->order > worst->order)))
      worst = one;
  }
  return worst;
}

static bool is_unfired(const struct model_slot *s) {
  return s->at->policy.after_s > 0 && s->span.state == SEVERITY_OKAY &&
         !s->span.fired;
}

/* What the slot asks for once it does not wait. */
static struct model_series asked_of(const struct model_slot *s) {
  const struct model_series *speaker = speaker_of(s);
  struct model_series asked = {.severity = SEVERITY_OKAY};
  if (speaker == NULL || is_unfired(s))
    return asked;
  asked = *speaker;
  if (s->span.spent) {
    memcpy(asked.body, speaker->okay_body, sizeof asked.body);
    asked.body_number = speaker->okay_body_number;
    asked.unsendable = false;
  }
  return asked;
}

static enum outcome outcome_of(const struct model_command *c,
                               enum outcome outcome) {
  return c->doubtful ? OUTCOME_UNKNOWN : outcome;
}

/* A slot that has no series goes with its last command. */
static void leave_slot(struct model *m, struct model_slot *s) {
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].slot == s && m->commands[i].foretold == UNDECIDED)
      return;
  if (speaker_of(s) == NULL)
    *s = (struct model_slot){.at = s->at};
}

static void foretell(struct model *m, struct model_command *c,
                     enum outcome outcome) {
  c->foretold = (int)outcome;
  c->in_flight = false;
  c->has_turn = false;
  leave_slot(m, c->slot);
}

static void supersede(struct model *m, struct model_command *newer,
                      struct model_command *older) {
  newer->place = older->place;
  newer->tries += older->tries;
  newer->not_before_ms = older->not_before_ms;
  newer->for_credentials = older->for_credentials;
  newer->has_turn = older->has_turn && !is_held(m, newer);
  foretell(m, older, outcome_of(older, OUTCOME_SUPERSEDED));
}

/* ---- what is at rest, and goes for want of room ---- */

/* Its device has accepted last what its state asks for. */
static bool is_satisfied(const struct model_slot *s) {
  const struct model_series wanted = asked_of(s);
  struct model_command asked = {0};
  if (wanted.body[0] == '\0' && !wanted.unsendable)
    return true;
  memcpy(asked.body, wanted.body, sizeof asked.body);
  asked.has_value = wanted.has_value;
  asked.value = wanted.value;
  return equals(s, &s->memory, &asked);
}

static bool is_at_rest(const struct model *m, const struct model_slot *s) {
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].slot == s && m->commands[i].foretold == UNDECIDED)
      return false;
  return s->owes == 0 && s->cooldown_until_ms <= now_ms(m) && is_satisfied(s);
}

static bool is_idle(const struct model_series *one) {
  return one->seen &&
         (one->severity == SEVERITY_OKAY || one->severity == SEVERITY_VALUE);
}

/* The oldest one that may go and is younger than that. */
static struct model_series *next_to_go(struct model *m, uint64_t after,
                                       struct model_slot **ret_slot) {
  struct model_series *oldest = NULL;
  for (size_t i = 0; i < MODEL_SLOTS * MODEL_SERIES; i++) {
    struct model_slot *s = &m->slots[i / MODEL_SERIES];
    struct model_series *one = &s->series[i % MODEL_SERIES];
    if (is_idle(one) && one->order > after &&
        (one != speaker_of(s) || is_at_rest(m, s)) &&
        (oldest == NULL || one->order < oldest->order)) {
      oldest = one;
      *ret_slot = s;
    }
  }
  return oldest;
}

/* Returns whether its slot goes with it. */
static bool forget_series(struct model_slot *s, struct model_series *one) {
  bool is_speaker = one == speaker_of(s);
  if (is_speaker)
    *s = (struct model_slot){.at = s->at};
  else
    *one = (struct model_series){0};
  return is_speaker;
}

static size_t count_series(const struct model *m) {
  size_t count = 0;
  for (size_t i = 0; i < MODEL_SLOTS * MODEL_SERIES; i++)
    count += m->slots[i / MODEL_SERIES].series[i % MODEL_SERIES].seen;
  return count;
}

static size_t forget_oldest(struct model *m) {
  struct model_slot *s;
  struct model_series *one;
  size_t count = count_series(m), max = m->world->options.series_max;
  size_t wanted = 1 + (count > max ? count - max : 0), gone = 0;
  for (; gone < wanted && (one = next_to_go(m, 0, &s)) != NULL; gone++)
    forget_series(s, one);
  m->forgotten += gone;
  return gone;
}

static bool has_room_for_series(struct model *m) {
  if (count_series(m) >= m->world->options.series_max)
    forget_oldest(m);
  return count_series(m) < m->world->options.series_max;
}

/* Bodies, each once. */
struct bodies {
  uint64_t numbers[MODEL_BODIES];
  size_t count;
  size_t bytes;
};

static void add_body(struct bodies *all, const char *text, uint64_t number) {
  for (size_t i = 0; i < all->count; i++)
    if (all->numbers[i] == number)
      return;
  if (text[0] == '\0')
    return;
  all->numbers[all->count++] = number;
  all->bytes += strlen(text);
}

static void add_memory(struct bodies *all, const struct model_memory *k) {
  if (k->known)
    add_body(all, k->body, k->body_number);
}

static void add_waiting(struct bodies *all, const struct model *m) {
  for (size_t i = 0; i < m->count; i++)
    if (is_waiting(&m->commands[i]))
      add_body(all, m->commands[i].body, m->commands[i].body_number);
}

static size_t waiting_bytes(const struct model *m) {
  struct bodies all = {.count = 0};
  add_waiting(&all, m);
  return all.bytes;
}

static size_t held_bytes(const struct model *m) {
  struct bodies all = {.count = 0};
  add_waiting(&all, m);
  for (size_t i = 0; i < MODEL_SLOTS; i++) {
    const struct model_slot *s = &m->slots[i];
    add_memory(&all, &s->memory);
    add_memory(&all, &s->aside);
    for (const struct model_series *one = s->series;
         one < s->series + MODEL_SERIES; one++) {
      add_body(&all, one->body, one->body_number);
      add_body(&all, one->okay_body, one->okay_body_number);
    }
  }
  return all.bytes;
}

/* Besides c. */
static size_t count_waiting(const struct model *m,
                            const struct model_command *c) {
  size_t waiting = 0;
  for (size_t i = 0; i < m->count; i++)
    waiting += is_waiting(&m->commands[i]) && &m->commands[i] != c;
  return waiting;
}

/* Whether c, whose body its series has, can not wait, too. */
static bool is_full(struct model *m, const struct model_command *c) {
  size_t waiting = count_waiting(m, c);
  if (waiting >= m->world->options.queue_limit)
    return true;
  while (waiting > 0 && held_bytes(m) > m->world->options.queue_bytes)
    if (forget_oldest(m) == 0)
      return true;
  return false;
}

/* Whether a body of that size can wait, which nothing has yet. */
static bool has_room_besides(struct model *m, size_t size) {
  size_t waiting = count_waiting(m, NULL);
  if (waiting >= m->world->options.queue_limit)
    return false;
  while (waiting > 0 && held_bytes(m) + size > m->world->options.queue_bytes)
    if (forget_oldest(m) == 0)
      return false;
  return true;
}

static struct model_command *create(struct model *m, struct model_slot *s,
                                    const struct model_series *speaker) {
  model_holds(m, m->count < MODEL_COMMANDS);
  struct model_command *c = &m->commands[m->count++];
  *c = (struct model_command){
      .slot = s,
      .has_value = speaker->has_value,
      .value = speaker->value,
      .body_number = speaker->body_number,
      .order = m->last_order + 1,
      .place = m->last_order + 1,
      .arrived_ms = now_ms(m),
      .valid_from_ms = now_ms(m),
      .expire_s = policy_expire_s(&s->at->policy, s->at->device),
      .foretold = UNDECIDED};
  memcpy(c->body, speaker->body, sizeof c->body);
  m->last_order++;
  s->last_order = c->order;
  s->last_outcome = UNDECIDED;
  s->is_overruled = false;
  hold_back(c);
  device_of(m, s)->created++;
  return c;
}

/* ---- silences ---- */

static bool is_of(const struct model_silence *silence,
                  const struct model_slot *s) {
  return silence->device == s->at->device || silence->policy == &s->at->policy;
}

/* By a silence that ends later than that. */
static bool is_silenced(const struct model *m, const struct model_slot *s,
                        int64_t at_ms) {
  for (size_t i = 0; i < m->silence_count; i++)
    if (is_of(&m->silences[i], s) && m->silences[i].until_ms > at_ms)
      return !order_sends_by(&s->at->policy);
  return false;
}

static void owe(struct model *m, struct model_slot *s) {
  if (s->owes == 0 || s->is_parked) {
    s->owes = ++m->last_order;
    s->is_hushed = is_silenced(m, s, INT64_MIN);
  }
  s->is_parked = false;
}

static void owe_nothing(struct model_slot *s) {
  s->owes = 0;
  s->is_parked = false;
}

/* Nothing more is to be said of what the slot was asked for. */
static void excuse(struct model *m, struct model_slot *s) {
  s->last_order = ++m->last_order;
  s->last_outcome = OUTCOME_CANCELLED;
}

/* What a silenced slot would ask for. An event that is not a state is lost. */
static void owe_what_differs(struct model *m, struct model_slot *s) {
  if (s->span.waits)
    return;
  if (s->at->policy.supersede && !is_satisfied(s))
    owe(m, s);
  else
    owe_nothing(s);
  if (!s->at->policy.supersede)
    excuse(m, s);
}

static bool hush(struct model *m, struct model_slot *s) {
  const struct model_series asked = asked_of(s);
  if (!is_silenced(m, s, now_ms(m)) ||
      (asked.body[0] == '\0' && !asked.unsendable))
    return false;
  owe_what_differs(m, s);
  return true;
}

/* Those that owe and do not wait where they belong now, the longest first. */
static void move_owing(struct model *m) {
  struct model_slot *first;
  do {
    first = NULL;
    for (size_t i = 0; i < MODEL_SLOTS; i++) {
      struct model_slot *s = &m->slots[i];
      if (s->owes > 0 && !s->is_parked &&
          s->is_hushed != is_silenced(m, s, INT64_MIN) &&
          (first == NULL || s->owes < first->owes))
        first = s;
    }
    if (first != NULL) {
      owe_nothing(first);
      owe_what_differs(m, first);
    }
  } while (first != NULL);
}

static void end_silences(struct model *m) {
  for (size_t i = m->silence_count; i-- > 0;) {
    struct model_silence *first = NULL;
    for (size_t j = 0; j < m->silence_count; j++)
      if (m->silences[j].until_ms <= now_ms(m) &&
          (first == NULL || m->silences[j].until_ms < first->until_ms ||
           (m->silences[j].until_ms == first->until_ms &&
            m->silences[j].id < first->id)))
        first = &m->silences[j];
    if (first == NULL)
      return;
    *first = m->silences[--m->silence_count];
    move_owing(m);
  }
}

static void ask(struct model *m, struct model_slot *s) {
  const struct model_series asked = asked_of(s), *speaker = &asked;
  bool supersedes = s->at->policy.supersede;
  struct model_command *older = supersedes ? waiting_of(m, s) : NULL;
  if (speaker->body[0] == '\0') {
    owe_nothing(s);
    if (older != NULL)
      foretell(m, older, outcome_of(older, OUTCOME_SUPERSEDED));
    if (speaker->unsendable)
      foretell(m, create(m, s, speaker), OUTCOME_REFUSED);
    else
      model_forget(s);
    return;
  }
  struct model_command *c = create(m, s, speaker);
  if (older == NULL && is_full(m, c)) {
    foretell(m, c, OUTCOME_DROPPED);
    model_forget(s);
    owe(m, s);
    return;
  }
  owe_nothing(s);
  if (older != NULL)
    supersede(m, c, older);
}

/* ---- After and Until ---- */

static bool is_timed(const struct model_slot *s) {
  return s->at->policy.after_s > 0 || s->at->policy.until_s > 0;
}

static void begin_alert(const struct model *m, struct model_slot *s,
                        bool was_settled) {
  struct model_span *span = &s->span;
  if (!span->known || span->state == SEVERITY_OKAY) {
    span->left_okay_ms = now_ms(m);
    if (was_settled)
      span->fired = false;
  }
  span->waits = s->at->policy.after_s > 0 && !span->spent;
  if (span->waits && s->owes > 0)
    s->is_parked = true;
}

/* A series of the slot has changed. */
static void follow(const struct model *m, struct model_slot *s,
                   bool was_settled) {
  struct model_span *span = &s->span;
  enum severity state = speaker_of(s)->severity;
  if (!is_timed(s) || (span->known && span->state == state))
    return;
  if (state != SEVERITY_OKAY) {
    begin_alert(m, s, was_settled);
  } else {
    span->fired = span->fired || !span->known;
    span->waits = span->spent = false;
  }
  span->known = true;
  span->state = state;
  span->since_ms = now_ms(m);
}

static bool is_settled(const struct model_slot *s) {
  return s->owes == 0 && is_satisfied(s);
}

static int64_t after_end_ms(const struct model_slot *s) {
  return s->span.waits
             ? s->span.since_ms + (int64_t)s->at->policy.after_s * 1000
             : COMMAND_NEVER_MS;
}

static int64_t until_end_ms(const struct model_slot *s) {
  if (s->at->policy.until_s == 0 || !s->span.known ||
      s->span.state == SEVERITY_OKAY || s->span.spent)
    return COMMAND_NEVER_MS;
  return s->span.left_okay_ms + (int64_t)s->at->policy.until_s * 1000;
}

static int64_t due_ms(const struct model_slot *s) {
  return after_end_ms(s) < until_end_ms(s) ? after_end_ms(s) : until_end_ms(s);
}

/* Returns whether there is something to ask for now. */
static bool come_due(const struct model *m, struct model_slot *s) {
  s->span.spent = until_end_ms(s) <= now_ms(m);
  s->span.waits = false;
  if (!s->span.spent)
    s->span.fired = true;
  return s->span.fired;
}

/* Returns why the state asks for nothing after an event. */
static enum ignored judge_state(const struct model *m, struct model_slot *s) {
  if (due_ms(s) <= now_ms(m))
    return come_due(m, s) ? IGNORED_NOT : IGNORED_TAKEN_BACK;
  if (s->span.waits)
    return IGNORED_WAITS;
  if (s->span.spent)
    return IGNORED_TAKEN_BACK;
  if (is_unfired(s))
    return IGNORED_NOT_FIRED;
  s->span.fired = s->span.fired || s->span.state != SEVERITY_OKAY;
  return IGNORED_NOT;
}

/* Those that are due at the same time go by the names of their rules, and then
 * of their series. */
static struct model_slot *next_due(struct model *m) {
  struct model_slot *first = NULL;
  for (size_t i = 0; i < MODEL_SLOTS; i++) {
    struct model_slot *s = &m->slots[i];
    if (due_ms(s) <= now_ms(m) && (first == NULL || due_ms(s) < due_ms(first) ||
                                   (due_ms(s) == due_ms(first) &&
                                    strcmp(s->at->rule, first->at->rule) < 0)))
      first = s;
  }
  return first;
}

static void run_due(struct model *m) {
  struct model_slot *s;
  while ((s = next_due(m)) != NULL)
    if (come_due(m, s) && !hush(m, s))
      ask(m, s);
}

/* ---- events ---- */

/* A time in the future counts as now. */
static int64_t past_ms(const struct model *m, int64_t wall_event_ms) {
  int64_t now = m->world->now.wall_ms;
  return wall_event_ms > now ? now : wall_event_ms;
}

static enum ignored judge(struct model *m, const struct model_slot *s,
                          const struct model_series *series,
                          const struct fired *f) {
  enum first_okay first_okay = s->at->policy.first_okay;
  int64_t wall_event_ms = m->world->now.wall_ms - f->age_ms;
  if (first_okay == FIRST_OKAY_DEFAULT)
    first_okay =
        m->world->options.first_okay_send ? FIRST_OKAY_SEND : FIRST_OKAY_IGNORE;
  if (f->is_other_source && !series->seen)
    return IGNORED_UNMATCHED;
  if (!s->recorded && f->severity == SEVERITY_OKAY &&
      first_okay == FIRST_OKAY_IGNORE)
    return IGNORED_FIRST_OKAY;
  if (!series->seen && !has_room_for_series(m))
    return IGNORED_SERIES_MAX;
  if (series->seen && now_ms(m) <= series->event_arrived_ms + REORDER_MS &&
      wall_event_ms == series->wall_event_ms &&
      f->severity == series->event_severity)
    return IGNORED_DUPLICATE;
  if (f->has_value && series->timed &&
      now_ms(m) <= series->timed_arrived_ms + REORDER_MS &&
      wall_event_ms < series->wall_timed_ms)
    return IGNORED_LATE;
  return IGNORED_NOT;
}

/* Takes a body for the series: another one than before if its text is. */
static void take_body(struct model *m, char to[static MODEL_TEXT],
                      uint64_t *number, const char *from) {
  if (from == NULL || strcmp(to, from) != 0)
    *number = ++m->last_body_number;
  snprintf(to, MODEL_TEXT, "%s", from != NULL ? from : "");
}

static void note(struct model *m, struct model_series *series,
                 const struct fired *f) {
  series->seen = true;
  series->severity = f->severity;
  take_body(m, series->body, &series->body_number, f->body);
  take_body(m, series->okay_body, &series->okay_body_number, f->okay_body);
  series->unsendable = f->unsendable_bytes > 0;
  series->has_value = f->has_value;
  series->value = f->value;
  series->arrived_ms = now_ms(m);
  series->order = ++m->last_order;
  series->event_severity = f->severity;
  series->wall_event_ms = m->world->now.wall_ms - f->age_ms;
  series->event_arrived_ms = now_ms(m);
  if (f->has_value) {
    series->timed = true;
    series->wall_timed_ms = past_ms(m, series->wall_event_ms);
    series->timed_arrived_ms = now_ms(m);
  }
}

enum ignored model_take(struct model *m, struct model_slot *s, int series,
                        const struct fired *f) {
  enum ignored taken = judge(m, s, &s->series[series], f);
  if (taken != IGNORED_NOT) {
    m->ignored[taken]++;
    return taken;
  }
  bool was_settled = is_settled(s);
  s->recorded = true;
  note(m, &s->series[series], f);
  follow(m, s, was_settled);
  taken = judge_state(m, s);
  if (taken == IGNORED_NOT && hush(m, s))
    taken = IGNORED_SILENCED;
  if (taken == IGNORED_NOT)
    ask(m, s);
  else if (taken < IGNORED_REASONS)
    m->ignored[taken]++;
  return taken;
}

void model_drop(struct model *m, const struct device *d, uint64_t count) {
  m->devices[d->index].created += count;
  m->devices[d->index].by_outcome[OUTCOME_DROPPED] += count;
  for (size_t i = 0; i < MODEL_SLOTS; i++)
    if (m->slots[i].at->device == d)
      m->slots[i].memory.is_void = true;
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].in_flight && m->commands[i].slot->at->device == d)
      model_forget(m->commands[i].slot);
}

static struct model_series *next_silent(struct model *m,
                                        struct model_slot **ret_slot) {
  struct model_series *first = NULL;
  for (size_t i = 0; i < MODEL_SLOTS * MODEL_SERIES; i++) {
    struct model_slot *s = &m->slots[i / MODEL_SERIES];
    struct model_series *one = &s->series[i % MODEL_SERIES];
    int64_t after_ms = (int64_t)s->at->policy.forget_after_s * 1000;
    if (after_ms > 0 && one->seen && one->severity != SEVERITY_OKAY &&
        one->arrived_ms + after_ms <= now_ms(m) &&
        (first == NULL || one->arrived_ms < first->arrived_ms)) {
      first = one;
      *ret_slot = s;
    }
  }
  return first;
}

static void run_silence(struct model *m) {
  struct model_slot *s;
  struct model_series *series;
  while ((series = next_silent(m, &s)) != NULL) {
    bool was_settled = is_settled(s);
    series->severity = SEVERITY_OKAY;
    memcpy(series->body, series->okay_body, sizeof series->body);
    series->body_number = series->okay_body_number;
    series->okay_body[0] = '\0';
    series->unsendable = false;
    series->arrived_ms = now_ms(m);
    series->order = ++m->last_order;
    follow(m, s, was_settled);
    if (judge_state(m, s) == IGNORED_NOT && !hush(m, s))
      ask(m, s);
  }
}

/* ---- commands that end of themselves ---- */

static void run_deadlines(struct model *m) {
  for (size_t i = 0; i < m->count; i++) {
    struct model_command *c = &m->commands[i];
    if (is_waiting(c) && deadline_ms(c) <= now_ms(m))
      foretell(m, c,
               outcome_of(c, c->for_credentials ? OUTCOME_REFUSED
                                                : OUTCOME_EXPIRED));
  }
}

static void check_unchanged(struct model *m, struct model_command *c) {
  const struct model_device *d = device_of(m, c->slot);
  model_holds(m, d->certain && equals(c->slot, &d->executed, c));
  foretell(m, c, OUTCOME_UNCHANGED);
}

static void run_turns(struct model *m) {
  for (size_t i = 0; i < m->count; i++) {
    struct model_command *c;
    while ((c = whose_turn(m, &m->commands[i])) != NULL) {
      if (c->not_before_ms > 0)
        c->has_turn = true;
      if (c->not_before_ms > now_ms(m) || !remembers(m, c))
        break;
      check_unchanged(m, c);
    }
  }
}

static struct model_slot *first_that_owes(struct model *m) {
  struct model_slot *first = NULL;
  for (size_t i = 0; i < MODEL_SLOTS; i++)
    if (m->slots[i].owes > 0 && !m->slots[i].is_parked &&
        !m->slots[i].is_hushed &&
        (first == NULL || m->slots[i].owes < first->owes))
      first = &m->slots[i];
  return first;
}

void model_settle(struct model *m) {
  struct model_slot *s;
  end_silences(m);
  run_silence(m);
  run_due(m);
  run_deadlines(m);
  run_turns(m);
  while ((s = first_that_owes(m)) != NULL && !is_full(m, NULL)) {
    ask(m, s);
    run_turns(m);
  }
}

/* ---- limits ---- */

static bool is_within_rate(const int64_t begins_ms[static MODEL_BEGINS],
                           struct rate_limit rate, int64_t at_ms) {
  uint32_t count = 0;
  for (size_t i = 0; i < MODEL_BEGINS; i++)
    if (begins_ms[i] != 0 &&
        at_ms - begins_ms[i] < (int64_t)rate.seconds * 1000)
      count++;
  return rate.count == 0 || count < rate.count;
}

static void note_begin(int64_t begins_ms[static MODEL_BEGINS], int64_t at_ms) {
  memmove(begins_ms + 1, begins_ms, (MODEL_BEGINS - 1) * sizeof begins_ms[0]);
  begins_ms[0] = at_ms;
}

/* Polls included. */
static size_t count_in_flight(const struct model *m, const struct endpoint *e) {
  size_t count = (size_t)m->endpoints[e->index].polls;
  for (size_t i = 0; i < m->count; i++)
    count += m->commands[i].in_flight &&
             m->commands[i].slot->at->device->endpoint == e;
  return count;
}

static bool is_gate_open(const struct model *m,
                         const struct model_endpoint *e) {
  if (e->open && (e->probe != 0 || now_ms(m) < e->next_probe_ms))
    return false;
  return count_in_flight(m, e->endpoint) < (size_t)e->endpoint->max_in_flight &&
         is_within_rate(e->begins_ms, e->endpoint->rate, now_ms(m));
}

static bool may_begin(const struct model *m, const struct model_command *c) {
  const struct device *d = c->slot->at->device;
  return c->not_before_ms <= now_ms(m) && !is_held(m, c) &&
         is_within_rate(m->devices[d->index].begins_ms, d->rate, now_ms(m)) &&
         is_gate_open(m, &m->endpoints[d->endpoint->index]);
}

bool model_begin_poll(struct model *m, const struct endpoint *of) {
  struct model_endpoint *e = &m->endpoints[of->index];
  int most = e->open || of->max_in_flight < 3 ? 1 : 2; /* half of 1, 2 or 3 */
  if (e->polls >= most || !is_gate_open(m, e))
    return false;
  e->polls++;
  note_begin(e->begins_ms, now_ms(m));
  return true;
}

void model_end_poll(struct model *m, const struct endpoint *e) {
  m->endpoints[e->index].polls--;
}

void model_left_nothing(const struct model *m) {
  for (size_t i = 0; i < m->count; i++) {
    const struct model_command *c = whose_turn(m, &m->commands[i]);
    model_holds(m, c == NULL || !may_begin(m, c));
  }
}

/* ---- attempts ---- */

static int remaining_timeout_s(const struct model *m,
                               const struct model_command *c) {
  int timeout_s = policy_timeout_s(policy_of(c), c->slot->at->device);
  int64_t late_s = (now_ms(m) - c->valid_from_ms) / 1000; /* rounded down */
  if (timeout_s == 0)
    return 0;
  return late_s < timeout_s - 1 ? timeout_s - (int)late_s : 1;
}

static void check_begin(const struct model *m, const struct model_command *c,
                        const struct command *real) {
  model_holds(m, whose_turn(m, c) == c);
  model_holds(m, c->not_before_ms <= now_ms(m));
  model_holds(m, deadline_ms(c) > now_ms(m));
  model_holds(m, !is_held(m, c));
  model_holds(m, !remembers(m, c));
  model_holds(m, may_begin(m, c));
  model_holds(m, real->attempts == c->attempts + 1);
  model_holds(m, command_remaining_timeout_s(real, now_ms(m)) ==
                     remaining_timeout_s(m, c));
}

void model_begun(struct model *m, const struct command *real) {
  struct model_command *c = find_command(m, real->id);
  struct model_slot *s = c->slot;
  struct model_endpoint *e = endpoint_of(m, s);
  check_begin(m, c, real);
  c->in_flight = true;
  c->has_turn = false;
  c->for_credentials = false;
  c->not_before_ms = 0;
  c->sent_ms = now_ms(m);
  c->attempts++;
  c->tries++;
  note_begin(e->begins_ms, now_ms(m));
  note_begin(device_of(m, s)->begins_ms, now_ms(m));
  if (e->open)
    e->probe = c->id;
  for (size_t i = 0; i < MODEL_SLOTS; i++)
    if (&m->slots[i] != s && m->slots[i].at->device == s->at->device)
      m->slots[i].memory.is_void = true;
  s->aside = s->memory;
  s->aside.known = s->memory.known && !s->memory.is_void;
  s->memory.known = false;
  s->forget = false;
}

static bool others_wait(const struct model *m, const struct model_command *c) {
  for (size_t i = 0; i < m->count; i++) {
    const struct model_command *other = &m->commands[i];
    if (is_waiting(other) && !share_a_lane(other, c) &&
        other->slot->at->device->endpoint == c->slot->at->device->endpoint)
      return true;
  }
  return false;
}

static void count_failure(const struct model *m, struct model_endpoint *e,
                          const struct model_command *c) {
  const char *device_id = c->slot->at->device->device_id;
  if (e->failures++ == 0)
    e->failed_id = device_id;
  else if (strcmp(e->failed_id, device_id) != 0)
    e->several = true;
  if (e->open || e->failures < e->endpoint->breaker_threshold)
    return;
  if (e->several || !others_wait(m, c)) {
    e->open = true;
    e->pause_ms = 5000;
    e->next_probe_ms = now_ms(m) + e->pause_ms;
  }
}

static void end_at_breaker(struct model *m, const struct model_command *c,
                           enum verdict_class class) {
  struct model_endpoint *e = endpoint_of(m, c->slot);
  bool failed = class == VERDICT_NOT_SENT || class == VERDICT_DOUBTFUL;
  if (!failed && class != VERDICT_NOT_EXECUTED) {
    e->failures = 0;
    e->several = e->open = false;
    e->probe = 0;
    return;
  }
  if (failed)
    count_failure(m, e, c);
  if (e->open && e->probe == c->id) {
    if (failed)
      e->pause_ms = e->pause_ms < 30000 ? 2 * e->pause_ms : 60000;
    e->probe = 0;
    e->next_probe_ms = now_ms(m) + e->pause_ms;
  }
}

/* The class that slot, device and cooldown see: a device that says no itself
 * may have done a part. */
static enum verdict_class deed_of(const struct verdict *v) {
  return v->class == VERDICT_REFUSED && v->is_of_device ? VERDICT_DOUBTFUL
                                                        : v->class;
}

static void end_at_slot(const struct model *m, const struct model_command *c,
                        enum verdict_class class) {
  struct model_slot *s = c->slot;
  if (class == VERDICT_ACCEPTED)
    s->accepted = memory_of(m, c);
  if (!s->forget && class == VERDICT_ACCEPTED)
    s->memory = memory_of(m, c);
  else if (!s->forget && class != VERDICT_DOUBTFUL)
    s->memory = s->aside;
  s->aside.known = false;
}

/* What the device did. */
static void end_at_device(struct model *m, const struct model_command *c,
                          enum verdict_class class) {
  struct model_device *d = device_of(m, c->slot);
  if (class == VERDICT_ACCEPTED) {
    d->executed = memory_of(m, c);
    d->certain = true;
  } else if (class == VERDICT_DOUBTFUL) {
    d->certain = false;
  }
}

static int64_t wait_ms(struct model *m, const struct model_command *c,
                       const struct verdict *v) {
  uint64_t bound_ms = 1000;
  if (v->class == VERDICT_CREDENTIALS)
    return 60000;
  if (v->retry_after_ms > 0)
    return v->retry_after_ms < 3600000 ? v->retry_after_ms : 3600000;
  for (int i = 1; i < c->tries && bound_ms < 60000; i++)
    bound_ms *= 2;
  model_holds(m, m->drawn_max == (bound_ms < 60000 ? bound_ms : 60000));
  return (int64_t)m->drawn;
}

/* A state that waits leaves what was asked for before, if anything was. */
static bool is_obsolete(const struct model_command *c) {
  const struct model_slot *s = c->slot;
  const struct model_series asked = asked_of(s);
  bool asks = s->span.waits ? s->span.fired : asked.body[0] != '\0';
  return policy_of(c)->supersede && speaker_of(s) != NULL &&
         (c->is_outdated || s->owes > 0 || !asks);
}

static void end_silenced(struct model *m, struct model_command *c) {
  owe_what_differs(m, c->slot);
  foretell(m, c, outcome_of(c, OUTCOME_CANCELLED));
}

static void wait_again(struct model *m, struct model_command *c,
                       const struct verdict *v) {
  struct model_command *newer =
      policy_of(c)->supersede ? waiting_of(m, c->slot) : NULL;
  c->in_flight = false;
  c->has_turn = true;
  c->not_before_ms = now_ms(m) + wait_ms(m, c, v);
  if (deadline_ms(c) < c->not_before_ms)
    c->not_before_ms = deadline_ms(c);
  c->for_credentials = v->class == VERDICT_CREDENTIALS;
  if (newer != NULL)
    supersede(m, newer, c);
  else if (is_silenced(m, c->slot, now_ms(m)))
    end_silenced(m, c);
  else if (is_obsolete(c))
    foretell(m, c, outcome_of(c, OUTCOME_SUPERSEDED));
  else if (deadline_ms(c) <= now_ms(m))
    foretell(
        m, c,
        outcome_of(c, c->for_credentials ? OUTCOME_REFUSED : OUTCOME_EXPIRED));
}

/* Returns whether nobody else waits for a device that is offline. */
static bool is_for_us_to_keep(const struct model_command *c) {
  const struct device *d = c->slot->at->device;
  return !d->endpoint->keeps_commands && policy_timeout_s(policy_of(c), d) > 0;
}

static bool is_retried(const struct model_command *c,
                       enum verdict_class class) {
  const struct policy *p = policy_of(c);
  return class == VERDICT_NOT_SENT || class == VERDICT_NOT_EXECUTED ||
         class == VERDICT_CREDENTIALS ||
         (class == VERDICT_OFFLINE &&
          (p->retry_offline || is_for_us_to_keep(c))) ||
         (class == VERDICT_DOUBTFUL && p->retry_unknown);
}

/* A device that is heard of, or from, shows that its endpoint works. */
static enum verdict_class for_breaker(const struct verdict *v) {
  if (strcmp(v->cause, "local") == 0 || v->is_early)
    return VERDICT_NOT_EXECUTED;
  return v->is_of_device ? VERDICT_REFUSED : v->class;
}

static void leave_flight(struct model *m, struct model_command *c,
                         const struct verdict *v) {
  enum verdict_class deed = deed_of(v);
  end_at_breaker(m, c, for_breaker(v));
  end_at_slot(m, c, deed);
  end_at_device(m, c, deed);
  if (deed == VERDICT_ACCEPTED || deed == VERDICT_DOUBTFUL)
    start_cooldown(m, c);
  if (v->class == VERDICT_DOUBTFUL)
    c->doubtful = true;
}

void model_end(struct model *m, int64_t id, const struct verdict *v) {
  struct model_command *c = find_command(m, id);
  leave_flight(m, c, v);
  if (is_retried(c, v->class))
    wait_again(m, c, v);
  else if (v->class == VERDICT_ACCEPTED)
    foretell(m, c, OUTCOME_ACCEPTED);
  else
    foretell(m, c, outcome_of(c, OUTCOME_REFUSED));
  m->drawn_max = 0;
}

void model_end_dry(struct model *m, int64_t id) {
  struct model_command *c = find_command(m, id);
  leave_flight(m, c, &(struct verdict){.class = VERDICT_ACCEPTED});
  foretell(m, c, OUTCOME_CANCELLED);
}

void model_key_changed(struct model *m, const struct endpoint *e) {
  for (size_t i = 0; i < m->count; i++) {
    struct model_command *c = &m->commands[i];
    if (c->for_credentials && c->slot->at->device->endpoint == e)
      c->not_before_ms = now_ms(m);
  }
}

/* ---- orders ---- */

static struct model_command *find_pending(struct model *m, int64_t id) {
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].id == id)
      return &m->commands[i];
  return NULL;
}

static bool order_command(struct model *m, struct model_slot *s,
                          const struct order *o) {
  struct policy policy = s->at->policy;
  struct model_series like = {.has_value = o->has_value,
                              .value = o->value,
                              .body_number = ++m->last_body_number};
  memcpy(like.body, o->body->data, o->body->size);
  if (!has_room_besides(m, o->body->size))
    return false;
  struct model_command *c = create(m, s, &like);
  if (o->expire_s != ORDER_EXPIRE_DEFAULT)
    policy.expire_s = o->expire_s;
  c->expire_s = policy_expire_s(&policy, s->at->device);
  s->recorded = true;
  s->is_overruled = true;
  if (o->is_forced)
    model_forget(s);
  return true;
}

static bool obey_send(struct model *m, const struct order *o) {
  struct model_slot *s = m->slots;
  while (s->at->device != o->device || !order_sends_by(&s->at->policy))
    s++;
  return order_command(m, s, o);
}

static struct model_slot *slot_of(struct model *m, const struct order *o,
                                  int series) {
  struct model_slot *s = m->slots;
  while (&s->at->policy != o->policy)
    s++;
  return model_slot(m, s->at, series);
}

static bool has_pending(const struct model *m, const struct model_slot *s) {
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].slot == s)
      return true;
  return false;
}

static bool repeat(struct model *m, const struct order *o,
                   struct model_slot *s) {
  if (o->body == NULL)
    return false;
  if ((o->was == OUTCOME_ACCEPTED || o->was == OUTCOME_UNKNOWN) &&
      !o->is_forced)
    return false;
  if (is_silenced(m, s, now_ms(m)) ||
      (s->at->policy.supersede && (has_pending(m, s) || s->owes > 0)))
    return false;
  return order_command(m, s, o);
}

static bool obey_retry(struct model *m, const struct order *o, int series) {
  struct model_command *c = find_pending(m, o->command_id);
  if (c == NULL)
    return repeat(m, o, slot_of(m, o, series));
  if (c->in_flight || c->not_before_ms == 0)
    return false;
  c->not_before_ms = now_ms(m);
  return true;
}

/* An older one in flight is not to come back. */
static void cancel(struct model *m, struct model_command *c) {
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].in_flight && m->commands[i].slot == c->slot)
      m->commands[i].is_outdated = true;
  foretell(m, c, outcome_of(c, OUTCOME_CANCELLED));
}

static uint64_t cancel_device(struct model *m, const struct device *d) {
  uint64_t count = 0;
  for (size_t i = 0; i < m->count; i++) {
    struct model_command *c = &m->commands[i];
    if (c->slot->at->device != d || !is_waiting(c))
      continue;
    cancel(m, c);
    count++;
  }
  for (struct model_slot *s = m->slots; s < m->slots + MODEL_SLOTS; s++) {
    if (s->at->device != d || s->owes == 0 || s->is_parked || s->is_hushed)
      continue;
    owe_nothing(s);
    excuse(m, s);
  }
  return count;
}

static bool obey_cancel(struct model *m, const struct order *o,
                        uint64_t *ret_count) {
  struct model_command *c = find_pending(m, o->command_id);
  if (o->command_id == 0) {
    *ret_count = cancel_device(m, o->device);
    return true;
  }
  if (c == NULL || c->in_flight)
    return false;
  *ret_count = 1;
  cancel(m, c);
  return true;
}

/* The first that waits and is silenced. */
static struct model_command *next_to_silence(struct model *m,
                                             const struct model_silence *by) {
  struct model_command *first = NULL;
  for (size_t i = 0; i < m->count; i++) {
    struct model_command *c = &m->commands[i];
    if (is_waiting(c) && is_of(by, c->slot) && !order_sends_by(policy_of(c)) &&
        (first == NULL || c->id < first->id))
      first = c;
  }
  return first;
}

static bool obey_silence(struct model *m, const struct order *o,
                         uint64_t *ret_count) {
  struct model_silence *s = m->silences;
  struct model_command *c;
  int64_t length_ms = o->wall_until_ms - m->world->now.wall_ms;
  while (s < m->silences + m->silence_count &&
         (s->device != o->device || s->policy != o->policy))
    s++;
  bool is_known = s < m->silences + m->silence_count;
  if (length_ms <= 0) {
    if (is_known)
      *s = m->silences[--m->silence_count];
    move_owing(m);
    return is_known;
  }
  m->silence_count += !is_known;
  *s = (struct model_silence){.id = o->id,
                              .device = o->device,
                              .policy = o->policy,
                              .until_ms = now_ms(m) + length_ms};
  move_owing(m);
  for (; (c = next_to_silence(m, s)) != NULL; ++*ret_count)
    end_silenced(m, c);
  return true;
}

bool model_obey(struct model *m, const struct order *o, int series,
                uint64_t *ret_count) {
  *ret_count = 0;
  switch (o->verb) {
  case ORDER_SEND:
    return obey_send(m, o);
  case ORDER_RETRY:
    return obey_retry(m, o, series);
  case ORDER_CANCEL:
    return obey_cancel(m, o, ret_count);
  default:
    return obey_silence(m, o, ret_count);
  }
}

/* ---- crashes, trimming ---- */

static void crash_in_flight(struct model *m, struct model_command *c) {
  end_at_device(m, c, VERDICT_DOUBTFUL);
  c->slot->memory.known = false;
  c->slot->aside.known = false;
  start_cooldown(m, c);
  c->in_flight = false;
  c->is_outdated = false;
  c->doubtful = true;
  struct model_command *newer = NULL;
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].slot == c->slot && &m->commands[i] != c &&
        is_waiting(&m->commands[i]))
      newer = &m->commands[i];
  if (!policy_of(c)->retry_unknown || is_obsolete(c))
    foretell(m, c, OUTCOME_UNKNOWN);
  else if (is_silenced(m, c->slot, now_ms(m)))
    end_silenced(m, c);
  else if (policy_of(c)->supersede && newer != NULL)
    supersede(m, newer, c);
}

/* Who owes is found in the order in which series are restored. */
static uint64_t oldest_order_of(const struct model_slot *s) {
  uint64_t oldest = UINT64_MAX;
  for (size_t i = 0; i < MODEL_SERIES; i++)
    if (s->series[i].seen && s->series[i].order < oldest)
      oldest = s->series[i].order;
  return oldest;
}

/* Each body is read by itself. What a series asks for is one with what was
 * accepted, if that is the same; and a command with what its slot asks for. */
static void read_bodies(struct model *m) {
  for (size_t i = 0; i < MODEL_SLOTS * MODEL_SERIES; i++) {
    struct model_memory *k = &m->slots[i / MODEL_SERIES].memory;
    struct model_series *one =
        &m->slots[i / MODEL_SERIES].series[i % MODEL_SERIES];
    if (i % MODEL_SERIES == 0)
      k->body_number = ++m->last_body_number;
    one->body_number = k->known && strcmp(k->body, one->body) == 0
                           ? k->body_number
                           : ++m->last_body_number;
    one->okay_body_number = ++m->last_body_number;
  }
  for (size_t i = 0; i < m->count; i++) {
    struct model_command *c = &m->commands[i];
    const struct model_series asked = asked_of(c->slot);
    c->body_number = strcmp(asked.body, c->body) == 0 ? asked.body_number
                                                      : ++m->last_body_number;
  }
}

/* The first of those in flight. */
static struct model_command *next_in_flight(struct model *m) {
  struct model_command *first = NULL;
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].in_flight &&
        (first == NULL || m->commands[i].order < first->order))
      first = &m->commands[i];
  return first;
}

/* A silence that is over is not in force in the next process. */
static void read_silences(struct model *m) {
  for (size_t i = m->silence_count; i-- > 0;)
    if (m->silences[i].until_ms <= now_ms(m))
      m->silences[i] = m->silences[--m->silence_count];
}

static void read_owing(struct model *m) {
  for (struct model_slot *s = m->slots; s < m->slots + MODEL_SLOTS; s++) {
    if (s->owes > 0)
      s->owes = oldest_order_of(s);
    s->is_hushed = is_silenced(m, s, INT64_MIN);
  }
}

/* A slot that has commands and no series begins anew. */
static void read_slots(struct model *m) {
  for (struct model_slot *s = m->slots; s < m->slots + MODEL_SLOTS; s++)
    if (speaker_of(s) == NULL)
      *s = (struct model_slot){.at = s->at, .recorded = s->recorded};
}

void model_restart(struct model *m) {
  struct model_command *in_flight;
  read_slots(m);
  read_bodies(m);
  read_silences(m);
  read_owing(m);
  m->forgotten = 0;
  for (size_t i = 0; i < m->count; i++) {
    m->commands[i].place = m->commands[i].order;
    m->commands[i].has_turn = false;
    m->commands[i].tries = m->commands[i].attempts;
  }
  while ((in_flight = next_in_flight(m)) != NULL)
    crash_in_flight(m, in_flight);
  for (size_t i = 0; i < MODEL_DEVICES; i++)
    memset(m->devices[i].begins_ms, 0, sizeof m->devices[i].begins_ms);
  for (size_t i = 0; i < MODEL_ENDPOINTS; i++)
    m->endpoints[i] =
        (struct model_endpoint){.endpoint = m->endpoints[i].endpoint};
}

size_t model_trim(struct model *m, int64_t idle_ms) {
  struct model_slot *s;
  struct model_series *one;
  size_t count = 0;
  uint64_t order = 0;
  while ((one = next_to_go(m, order, &s)) != NULL &&
         now_ms(m) - one->arrived_ms > idle_ms) {
    order = one->order;
    count += forget_series(s, one);
  }
  if (count_series(m) > m->world->options.series_max)
    forget_oldest(m);
  return count;
}

/* ---- comparing ---- */

/* The first of those that were created and not told yet. */
static struct model_command *next_untold(struct model *m) {
  size_t oldest = m->count;
  for (size_t i = 0; i < m->count; i++)
    if (m->commands[i].id == 0 &&
        (oldest == m->count ||
         m->commands[i].order < m->commands[oldest].order))
      oldest = i;
  model_holds(m, oldest < m->count);
  return &m->commands[oldest];
}

static void match_new(struct model *m, const struct command *real) {
  struct model_command *oldest = next_untold(m);
  oldest->id = m->last_id = real->id;
  model_holds(m, real->policy == policy_of(oldest));
  model_holds(m, real->device == oldest->slot->at->device);
  model_holds(m, real->created.ms == oldest->arrived_ms);
  if (oldest->body[0] == '\0') {
    model_holds(m, real->body == NULL);
    return;
  }
  model_holds(m, real->body->size == strlen(oldest->body));
  model_holds(m, memcmp(real->body->data, oldest->body, real->body->size) == 0);
}

static void note_past(struct model *m, const struct model_command *c,
                      const struct command *real) {
  struct model_past *p = &m->past[m->past_count++ % MODEL_PAST];
  *p = (struct model_past){.id = real->id,
                           .slot = c->slot,
                           .has_value = c->has_value,
                           .value = c->value,
                           .outcome = real->outcome};
  memcpy(p->body, c->body, sizeof p->body);
}

static void match_end(struct model *m, const struct command *real) {
  struct model_command *c = find_command(m, real->id);
  struct model_slot *s = c->slot;
  if (c->foretold != (int)real->outcome)
    fail_msg("step %ld: command %lld ended as %s, not as %s", m->step,
             (long long)real->id, outcome_name(real->outcome),
             c->foretold == UNDECIDED
                 ? "pending"
                 : outcome_name((enum outcome)c->foretold));
  device_of(m, s)->by_outcome[real->outcome]++;
  m->by_outcome[real->outcome]++;
  if (c->order == s->last_order)
    s->last_outcome = (int)real->outcome;
  note_past(m, c, real);
  *c = m->commands[--m->count];
}

void model_observe(void *context, const struct world *w) {
  struct model *m = context;
  for (struct change *one = w->journal.first; one != NULL; one = one->next) {
    const struct command *c = journal_command(one);
    if (c != NULL && c->id > m->last_id)
      match_new(m, c);
  }
  for (struct change *one = w->journal.first; one != NULL; one = one->next) {
    const struct command *c = journal_command(one);
    if (c != NULL && c->state == COMMAND_FINISHED)
      match_end(m, c);
  }
}

static void account_agrees(const struct model *m,
                           const struct model_device *d) {
  const struct account *a = lanes_account(m->world->lanes, d->device);
  size_t pending = 0;
  for (size_t i = 0; i < m->count; i++)
    pending += m->commands[i].slot->at->device == d->device;
  model_holds(m, a->created == d->created);
  model_holds(m, a->pending == pending);
  model_holds(m,
              memcmp(a->by_outcome, d->by_outcome, sizeof d->by_outcome) == 0);
}

static void endpoint_agrees(const struct model *m,
                            const struct model_endpoint *e) {
  bool for_credentials = false;
  for (size_t i = 0; i < m->count; i++)
    for_credentials |= m->commands[i].for_credentials &&
                       m->commands[i].slot->at->device->endpoint == e->endpoint;
  model_holds(m, lanes_in_flight(m->world->lanes, e->endpoint) ==
                     count_in_flight(m, e->endpoint));
  model_holds(m,
              lanes_circuit_is_open(m->world->lanes, e->endpoint) == e->open);
  model_holds(m, lanes_has_credentials_wait(m->world->lanes, e->endpoint) ==
                     for_credentials);
}

void model_agrees(const struct model *m) {
  for (size_t i = 0; i < m->count; i++) {
    model_holds(m, m->commands[i].id != 0);
    model_holds(m, m->commands[i].foretold == UNDECIDED);
  }
  model_holds(m, lanes_waiting(m->world->lanes) == count_waiting(m, NULL));
  model_holds(m, lanes_waiting_bytes(m->world->lanes) == waiting_bytes(m));
  model_holds(m, lanes_held_bytes(m->world->lanes) == held_bytes(m));
  model_holds(m, lanes_series_count(m->world->lanes) == count_series(m));
  model_holds(m, lanes_series_forgotten(m->world->lanes) == m->forgotten);
  for (size_t i = 0; i < MODEL_DEVICES; i++)
    account_agrees(m, &m->devices[i]);
  for (size_t i = 0; i < MODEL_ENDPOINTS; i++)
    endpoint_agrees(m, &m->endpoints[i]);
}

static void slot_converged(const struct model *m, const struct model_slot *s) {
  const struct model_series wanted = asked_of(s), *speaker = &wanted;
  bool has_asked = !is_timed(s) || (s->span.fired && !s->span.waits);
  if (speaker->body[0] == '\0' || !has_asked || s->is_overruled)
    return;
  model_holds(m, s->last_outcome != UNDECIDED);
  /* A silence may end with a state that was accepted before a newer one. */
  model_holds(m, s->last_outcome != OUTCOME_SUPERSEDED || is_satisfied(s));
  model_holds(m, s->last_outcome != OUTCOME_DROPPED);
  if (s->last_outcome != OUTCOME_ACCEPTED &&
      s->last_outcome != OUTCOME_UNCHANGED)
    return;
  struct model_command asked = {.has_value = speaker->has_value,
                                .value = speaker->value};
  memcpy(asked.body, speaker->body, sizeof asked.body);
  model_holds(m, equals(s, &s->accepted, &asked));
}

void model_converged(const struct model *m) {
  model_holds(m, m->count == 0);
  model_holds(m, m->silence_count == 0);
  for (size_t i = 0; i < MODEL_SLOTS; i++)
    slot_converged(m, &m->slots[i]);
}
