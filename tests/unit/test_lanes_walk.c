/* SPDX-License-Identifier: MIT
 *
 * A random walk: lanes and the naive model see the same events, answers,
 * crashes and times, and must agree after every step. ONENET_SEED and
 * ONENET_STEPS set the seed and the number of steps.
 */
#include "lanes_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_STEPS 1000000
#define LIFE_STEPS 2000 /* then a new configuration */
#define QUIET_TURNS 100000

/* One configuration and what happens under it. */
struct walk {
  struct world *world;
  struct model model;
  struct control *controls[MODEL_CONTROLS];
  bool is_value[MODEL_CONTROLS];
  bool says_okay[MODEL_CONTROLS]; /* it has a body for OKAY */
  struct command *in_flight[MODEL_COMMANDS];
  size_t in_flight_count;
  bool dry;
  int weather;     /* percent of attempts that are accepted */
  int64_t wait_ms; /* what lanes_wait_ms said when nothing more began */
  long by_verb[ORDER_SILENCE + 1][2]; /* orders: refused, obeyed */
};

/* ---- random numbers: splitmix64 ---- */

static uint64_t random_state;

static uint64_t random_bits(void) {
  uint64_t z = random_state += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/* 0 .. below - 1 */
static int pick(int below) {
  return (int)(random_bits() % (unsigned int)below);
}

static bool chance(int percent) { return pick(100) < percent; }

#define ONE_OF(...)                                                            \
  ((const int[]){__VA_ARGS__})[pick((int)COUNT(((const int[]){__VA_ARGS__})))]

static uint64_t draw(void *context, uint64_t max_inclusive) {
  struct walk *walk = context;
  walk->model.drawn_max = max_inclusive;
  walk->model.drawn = random_bits() % (max_inclusive + 1);
  return walk->model.drawn;
}

/* ---- a configuration ---- */

static void choose_endpoint(struct endpoint *e) {
  e->max_in_flight = ONE_OF(1, 2, 3);
  e->breaker_threshold = ONE_OF(1, 2, 3, 1000);
  e->keeps_commands = chance(50);
  e->rate = (struct rate_limit){(uint32_t)ONE_OF(1, 3, 10),
                                (uint32_t)ONE_OF(1, 2, 20)};
}

static void choose_devices(struct world *w) {
  static const char *const names[MODEL_DEVICES] = {"a", "b", "c", "d", "e"};
  struct endpoint *east = endpoint_called(w, "cloud");
  struct endpoint *west = endpoint_called(w, "west");
  choose_endpoint(east);
  choose_endpoint(west);
  for (size_t i = 0; i < MODEL_DEVICES; i++) {
    struct device *d = device_called(w, names[i]);
    d->endpoint = i < 3 ? east : west;
    d->timeout_s = ONE_OF(0, 0, 5, 60);
    if (chance(30))
      d->rate =
          (struct rate_limit){(uint32_t)ONE_OF(1, 3), (uint32_t)ONE_OF(1, 20)};
  }
  /* a and b are two names of one device_id, which e bears elsewhere. */
  assert_int_equal(device_set_id(device_called(w, "b"), "a"), 0);
  assert_int_equal(device_set_id(device_called(w, "e"), "a"), 0);
}

static void choose_policy(struct policy *p, bool is_value, int forget_after_s) {
  p->per_series = is_value || chance(25);
  p->supersede = chance(80);
  p->retry_offline = chance(40);
  p->retry_unknown = chance(40);
  p->first_okay = (enum first_okay)ONE_OF(FIRST_OKAY_DEFAULT, FIRST_OKAY_IGNORE,
                                          FIRST_OKAY_SEND);
  p->forget_after_s = chance(50) ? forget_after_s : 0;
  p->cooldown_s = ONE_OF(0, 0, 3, 30);
  p->timeout_s = ONE_OF(POLICY_DEFAULT, POLICY_DEFAULT, 0, 20);
  p->expire_s = ONE_OF(POLICY_DEFAULT, POLICY_DEFAULT, 0, 3, 40);
  p->repeat_s = ONE_OF(POLICY_DEFAULT, POLICY_DEFAULT, 0, 10, 300);
  p->deadband = is_value ? ONE_OF(0, 1, 2) / 2.0 : 0;
  p->after_s = is_value ? 0 : ONE_OF(0, 0, 2, 20);
  if (!is_value && chance(40))
    p->until_s = p->after_s + ONE_OF(3, 60, 300);
}

static void choose_controls(struct walk *walk) {
  int forget_after_s = ONE_OF(2, 60, 600);
  for (int i = 0; i < MODEL_CONTROLS; i++) {
    char rule[16], device[2] = {(char)('a' + pick(MODEL_DEVICES)), '\0'};
    snprintf(rule, sizeof rule, "r%d", i);
    walk->controls[i] = rule_for(walk->world, rule, device);
    walk->is_value[i] = chance(25);
    walk->says_okay[i] = chance(70);
    choose_policy(&walk->controls[i]->policy, walk->is_value[i],
                  forget_after_s);
  }
}

static void choose_hands(struct world *w) {
  for (size_t i = 0; i < MODEL_DEVICES; i++)
    rule_for(w, ORDER_RULE, directory_device(w->directory, i)->name);
}

static struct walk *begin_life(void) {
  struct walk *walk = calloc(1, sizeof *walk);
  assert_non_null(walk);
  walk->world = world_new();
  walk->world->options.random = draw;
  walk->world->options.random_context = walk;
  walk->world->options.first_okay_send = chance(50);
  walk->world->options.queue_limit = (size_t)ONE_OF(3, 6, 1000);
  walk->world->options.queue_bytes = (size_t)ONE_OF(12, 60, 1000);
  walk->world->options.series_max = (size_t)ONE_OF(4, 8, 1000);
  walk->dry = chance(5);
  choose_devices(walk->world);
  choose_controls(walk);
  choose_hands(walk->world);
  model_init(&walk->model, walk->world);
  return walk;
}

static void end_life(struct walk *walk) {
  world_free(walk->world);
  free(walk);
}

/* ---- what happens ---- */

/* All that was done is recorded, and the model agrees. */
static void record(struct walk *walk) {
  commit(walk->world);
  model_agrees(&walk->model);
}

static const char *const series_names[MODEL_SERIES] = {"s0", "s1", "s2"};
static const char *const failure_bodies[] = {"on", "on", "max"};
static const char *const warning_bodies[] = {"slow", "on"};

static struct fired random_state_of(const struct walk *walk, int control) {
  const char *okay_body = walk->says_okay[control] ? "off" : NULL;
  struct fired f = {.severity = (enum severity)pick(3),
                    .has_value = chance(60),
                    .value = pick(5)};
  if (f.severity == SEVERITY_OKAY)
    f.body = okay_body;
  else
    f.okay_body = okay_body;
  f.is_other_source = f.severity == SEVERITY_OKAY && chance(20);
  if (f.severity == SEVERITY_WARNING)
    f.body = warning_bodies[pick(COUNT(warning_bodies))];
  if (f.severity == SEVERITY_FAILURE)
    f.body = failure_bodies[pick(COUNT(failure_bodies))];
  return f;
}

/* Some events are late, some bear the time of the one before, and some come
 * from a clock that is ahead. */
static int64_t random_age_ms(const struct walk *walk,
                             const struct model_series *series) {
  if (chance(10) && series->seen)
    return walk->world->now.wall_ms - series->wall_event_ms;
  return chance(80) ? 0 : pick(8000) - 1000;
}

static void fire_at_random(struct walk *walk) {
  int control = pick(MODEL_CONTROLS), series = pick(MODEL_SERIES);
  struct control *at = walk->controls[control];
  char text[MODEL_TEXT];
  struct fired f = random_state_of(walk, control);
  if (walk->is_value[control]) {
    f = (struct fired){
        .severity = SEVERITY_VALUE, .has_value = true, .value = pick(8) / 2.0};
    snprintf(text, sizeof text, "%g", f.value);
    f.body = text;
  }
  f.series = series_names[series];
  if (chance(3)) {
    f.body = NULL;
    f.unsendable_bytes = 65536;
  }
  passes(walk->world, 1); /* no two events of one moment */
  struct model_slot *s = model_slot(&walk->model, at, series);
  f.age_ms = random_age_ms(walk, &s->series[series]);
  enum ignored expected = model_take(&walk->model, s, series, &f);
  model_holds(&walk->model, fire(at, f) == expected);
  model_agrees(&walk->model);
}

static struct verdict random_verdict(const struct walk *walk) {
  struct verdict v = {.class = VERDICT_ACCEPTED};
  if (!chance(walk->weather))
    v.class = (enum verdict_class)pick(VERDICT_DOUBTFUL + 1);
  if (v.class == VERDICT_NOT_EXECUTED && chance(50))
    v.retry_after_ms = 1 + pick(20000);
  if ((v.class == VERDICT_CREDENTIALS || v.class == VERDICT_NOT_SENT) &&
      chance(25))
    return (struct verdict){.class = v.class, .cause = "local"};
  v.http_code = 200;
  if (v.class == VERDICT_REFUSED || v.class == VERDICT_DOUBTFUL)
    v.is_of_device = chance(30);
  v.is_early = v.class != VERDICT_ACCEPTED && v.class != VERDICT_DOUBTFUL &&
               !v.is_of_device && chance(20);
  return v;
}

static void end_attempt(struct walk *walk, size_t i, const struct verdict *v) {
  struct command *c = walk->in_flight[i];
  int64_t id = c->id;
  walk->in_flight[i] = walk->in_flight[--walk->in_flight_count];
  if (walk->dry) {
    lanes_end_dry(walk->world->lanes, c, walk->world->now);
    model_end_dry(&walk->model, id);
  } else {
    lanes_end(walk->world->lanes, c, v, walk->world->now);
    model_end(&walk->model, id, v);
  }
  record(walk);
}

static void end_some_attempts(struct walk *walk) {
  for (size_t i = walk->in_flight_count; i-- > 0;) {
    const struct verdict v = random_verdict(walk);
    if (chance(40))
      end_attempt(walk, i, &v);
  }
}

static void begin_what_is_due(struct walk *walk) {
  struct world *w = walk->world;
  struct command *c;
  do {
    model_settle(&walk->model);
    c = lanes_begin(world_lanes(w), w->now);
    commit(w);
    if (c != NULL) {
      model_begun(&walk->model, c);
      walk->in_flight[walk->in_flight_count++] = c;
    }
    model_agrees(&walk->model);
  } while (c != NULL);
  model_left_nothing(&walk->model);
  walk->wait_ms = lanes_wait_ms(w->lanes, w->now);
  model_holds(&walk->model, walk->wait_ms > 0);
}

static const struct endpoint *any_endpoint(const struct walk *walk) {
  return directory_endpoint(walk->world->directory,
                            (size_t)pick(MODEL_ENDPOINTS));
}

static void poll_at_random(struct walk *walk) {
  struct world *w = walk->world;
  const struct endpoint *e = any_endpoint(walk);
  bool expected = model_begin_poll(&walk->model, e);
  model_holds(&walk->model, lanes_begin_poll(w->lanes, e, w->now) == expected);
  walk->wait_ms = lanes_wait_ms(w->lanes, w->now);
}

static void end_polls(struct walk *walk, int percent) {
  for (size_t i = 0; i < MODEL_ENDPOINTS; i++) {
    const struct endpoint *e = walk->model.endpoints[i].endpoint;
    while (walk->model.endpoints[i].polls > 0 && chance(percent)) {
      lanes_end_poll(walk->world->lanes, e);
      model_end_poll(&walk->model, e);
    }
  }
}

static void drop_some(struct walk *walk) {
  const struct device *d =
      directory_device(walk->world->directory, (size_t)pick(MODEL_DEVICES));
  uint64_t count = 1 + (uint64_t)pick(3);
  lanes_drop(world_lanes(walk->world), d, count);
  model_drop(&walk->model, d, count);
}

static void forget_one(struct walk *walk) {
  struct control *at = walk->controls[pick(MODEL_CONTROLS)];
  int series = pick(MODEL_SERIES);
  char key[SLOT_KEY_BYTES];
  slot_format_key(&at->policy, at->device, series_names[series], key);
  lanes_forget(world_lanes(walk->world), key);
  model_forget(model_slot(&walk->model, at, series));
}

static void change_a_key(struct walk *walk) {
  const struct endpoint *e = any_endpoint(walk);
  lanes_retry_credentials(world_lanes(walk->world), e, walk->world->now);
  model_key_changed(&walk->model, e);
}

/* ---- orders ---- */

/* It ends what it must, and no more. */
static void give(struct walk *walk, struct order *o, int series) {
  uint64_t count;
  bool is_obeyed = model_obey(&walk->model, o, series, &count);
  lanes_obey(world_lanes(walk->world), o, walk->world->now);
  model_holds(&walk->model,
              o->state == (is_obeyed ? ORDER_OBEYED : ORDER_REFUSED));
  model_holds(&walk->model, o->count == count);
  walk->by_verb[o->verb][is_obeyed]++;
  record(walk);
}

static const struct device *any_device(const struct walk *walk) {
  return directory_device(walk->world->directory, (size_t)pick(MODEL_DEVICES));
}

static void send_by_hand(struct walk *walk) {
  struct order *o =
      send_order(walk->world, any_device(walk)->name, chance(50) ? "on" : "go");
  o->expire_s = ONE_OF(ORDER_EXPIRE_DEFAULT, ORDER_EXPIRE_DEFAULT, 0, 3, 40);
  give(walk, o, 0);
}

/* Of one that is pending, or any that was. */
static int64_t any_id(const struct walk *walk) {
  const struct model *m = &walk->model;
  return m->count > 0 && chance(90) ? m->commands[pick((int)m->count)].id
                                    : 1 + pick((int)m->last_id + 1);
}

static void retry_pending(struct walk *walk) {
  give(walk, retry_order(walk->controls[0], any_id(walk), NULL, OUTCOME_COUNT),
       0);
}

static void retry_past(struct walk *walk) {
  const struct model_past *p = &walk->model.past[pick(MODEL_PAST)];
  if (p->id == 0)
    return;
  int series = model_series_of(&walk->model, p->slot);
  struct control *at = (struct control *)p->slot->at;
  struct order *o =
      retry_order(at, p->id, p->body[0] != '\0' ? p->body : NULL, p->outcome);
  o->series = strdup(series_names[series]);
  o->has_value = p->has_value;
  o->value = p->value;
  o->is_forced = chance(60);
  give(walk, o, series);
}

static void cancel_some(struct walk *walk) {
  struct order *o = cancel_order(walk->world, any_id(walk));
  if (chance(30)) {
    o->command_id = 0;
    o->device = any_device(walk);
  }
  give(walk, o, 0);
}

static void silence_some(struct walk *walk) {
  int64_t ms = ONE_OF(0, 1, 3000, 20000, 200000);
  struct order *o =
      chance(50) ? silence_of(walk->controls[pick(MODEL_CONTROLS)], ms)
                 : silence_of_device(walk->world, any_device(walk)->name, ms);
  give(walk, o, 0);
}

static void give_some_order(struct walk *walk) {
  switch (pick(6)) {
  case 0:
    send_by_hand(walk);
    break;
  case 1:
    retry_pending(walk);
    break;
  case 2:
    retry_past(walk);
    break;
  case 3:
    cancel_some(walk);
    break;
  default:
    silence_some(walk);
    break;
  }
}

static void end_silences(struct walk *walk) {
  struct model *m = &walk->model;
  while (m->silence_count > 0) {
    struct order *o = order_of(walk->world, ORDER_SILENCE);
    o->device = m->silences[0].device;
    o->policy = m->silences[0].policy;
    o->wall_until_ms = walk->world->now.wall_ms;
    give(walk, o, 0);
  }
}

static void crash(struct walk *walk) {
  model_restart(&walk->model);
  walk->in_flight_count = 0;
  restart(walk->world);
  if (chance(30))
    passes(walk->world, pick(100000));
}

static void trim_some(struct walk *walk) {
  int64_t idle_ms = pick(60000);
  size_t expected = model_trim(&walk->model, idle_ms);
  model_holds(&walk->model, trim(walk->world, idle_ms) == expected);
}

static void do_something_rare(struct walk *walk) {
  switch (pick(7)) {
  case 0:
    drop_some(walk);
    break;
  case 1:
    forget_one(walk);
    break;
  case 2:
    change_a_key(walk);
    break;
  case 3:
    crash(walk);
    break;
  case 4:
    trim_some(walk);
    break;
  case 5:
    lanes_note_all(world_lanes(walk->world));
    break;
  default:
    walk->weather = ONE_OF(0, 20, 60, 90, 100);
    break;
  }
  record(walk);
}

static int64_t random_time_ms(const struct walk *walk) {
  switch (pick(10)) {
  case 0:
    return 0;
  case 1:
  case 2:
    return walk->wait_ms < COMMAND_NEVER_MS ? walk->wait_ms : 1;
  case 3:
    return walk->wait_ms < COMMAND_NEVER_MS ? walk->wait_ms - 1 : 1;
  case 4:
    return pick(20000);
  case 5:
    return chance(10) ? pick(200000) : 0;
  default:
    return pick(2000);
  }
}

static void nothing_changes(struct walk *walk) {
  struct lanes *l = walk->world->lanes;
  model_holds(&walk->model, lanes_begin(l, walk->world->now) == NULL);
  model_holds(&walk->model, walk->world->journal.first == NULL);
}

/* Time passes; before lanes_wait_ms is over nothing may be due. */
static void let_time_pass(struct walk *walk, int64_t ms) {
  passes(walk->world, ms);
  if (ms < walk->wait_ms)
    nothing_changes(walk);
}

static void step(struct walk *walk) {
  let_time_pass(walk, random_time_ms(walk));
  for (int i = chance(50) ? pick(4) : 0; i > 0; i--)
    fire_at_random(walk);
  end_some_attempts(walk);
  if (chance(5))
    give_some_order(walk);
  if (chance(3))
    do_something_rare(walk);
  end_polls(walk, 30);
  begin_what_is_due(walk);
  if (chance(10))
    poll_at_random(walk);
}

/* Nothing is silenced, events are quiet, and the cloud answers. */
static void converge(struct walk *walk) {
  const struct verdict accepted = {.class = VERDICT_ACCEPTED};
  int turns = 0;
  end_polls(walk, 100);
  end_silences(walk);
  begin_what_is_due(walk);
  while (walk->model.count > 0) {
    model_holds(&walk->model, ++turns < QUIET_TURNS);
    while (walk->in_flight_count > 0)
      end_attempt(walk, 0, &accepted);
    begin_what_is_due(walk);
    if (walk->in_flight_count == 0 && walk->model.count > 0)
      let_time_pass(walk, walk->wait_ms);
    begin_what_is_due(walk);
  }
  model_converged(&walk->model);
}

/* What came of all lives. */
struct tally {
  long by_outcome[OUTCOME_COUNT];
  long ignored[IGNORED_REASONS];
  long by_verb[ORDER_SILENCE + 1][2]; /* refused, obeyed */
};

static long live(long first_step, long steps, struct tally *tally) {
  struct walk *walk = begin_life();
  walk->weather = 60;
  begin_what_is_due(walk);
  for (long i = 0; i < steps; i++) {
    walk->model.step = first_step + i;
    step(walk);
    if (chance(1) && chance(30))
      converge(walk);
  }
  converge(walk);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    tally->by_outcome[i] += walk->model.by_outcome[i];
  for (int i = 0; i < IGNORED_REASONS; i++)
    tally->ignored[i] += walk->model.ignored[i];
  for (int i = 0; i <= ORDER_SILENCE; i++)
    for (int j = 0; j < 2; j++)
      tally->by_verb[i][j] += walk->by_verb[i][j];
  end_life(walk);
  return steps;
}

static void a_random_walk_agrees_with_the_model(void **state) {
  (void)state;
  const char *seed_text = getenv("ONENET_SEED");
  const char *steps_text = getenv("ONENET_STEPS");
  uint64_t seed =
      seed_text != NULL ? strtoull(seed_text, NULL, 10) : (uint64_t)time(NULL);
  long steps =
      steps_text != NULL ? strtol(steps_text, NULL, 10) : DEFAULT_STEPS;
  struct tally tally = {0};
  print_message("ONENET_SEED=%" PRIu64 " ONENET_STEPS=%ld\n", seed, steps);
  random_state = seed;
  for (long done = 0; done < steps;)
    done += live(done, steps - done < LIFE_STEPS ? steps - done : LIFE_STEPS,
                 &tally);
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    print_message("%ld %s\n", tally.by_outcome[i],
                  outcome_name((enum outcome)i));
    assert_true(tally.by_outcome[i] > 0 || steps < 100000);
  }
  for (int i = IGNORED_UNMATCHED; i < IGNORED_REASONS; i++) {
    print_message("%ld %s\n", tally.ignored[i], ignored_name((enum ignored)i));
    assert_true(tally.ignored[i] > 0 || steps < 100000 ||
                i == IGNORED_NO_MEMORY);
  }
  for (int i = 0; i <= ORDER_SILENCE; i++) {
    print_message("%s: %ld refused, %ld obeyed\n",
                  order_verb_name((enum order_verb)i), tally.by_verb[i][0],
                  tally.by_verb[i][1]);
    assert_true(steps < 100000 ||
                (tally.by_verb[i][0] > 0 && tally.by_verb[i][1] > 0));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_random_walk_agrees_with_the_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
