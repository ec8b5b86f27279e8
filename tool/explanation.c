/* SPDX-License-Identifier: MIT */
#include "explanation.h"

#include "listing.h"
#include "right.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_PLUGIN "onenet"
#define WANTED_MAX_BYTES 4096
#define DETAIL_BYTES 256

/* ---- what the rules say ---- */

static struct answer *answer_of(struct explanation *x,
                                const struct policy *policy) {
  return &x->answers[policy->index];
}

static struct finding *add_finding(struct explanation *x, struct answer *a) {
  struct finding *f = calloc(1, sizeof *f);
  if (f == NULL) {
    x->has_lost = true;
    return NULL;
  }
  *a->end = f;
  a->end = &f->next;
  return f;
}

static void match(void *context, const struct policy *policy) {
  struct explanation *x = context;
  x->present = answer_of(x, policy);
}

static void fire(void *context, struct firing *firing) {
  struct explanation *x = context;
  struct finding *f = add_finding(x, answer_of(x, firing->policy));
  if (f == NULL) {
    firing_free(firing);
    return;
  }
  f->is_firing = true;
  if (rehearsal_take(x->rehearsal, firing, x->now, &f->fate) < 0)
    x->has_lost = true;
}

/* Returns the answer of the rule that ignores the event; NULL if no rule does.
 */
static struct answer *ignoring(struct explanation *x, enum ignored reason,
                               const char *detail) {
  const struct rule *r = rule_book_find(x->options->rules, detail);
  if (reason == IGNORED_NO_DEVICE)
    return x->present;
  return r != NULL ? &x->answers[rule_policy((struct rule *)r)->index] : NULL;
}

static void ignore(void *context, enum ignored reason,
                   const struct device *device, const char *detail) {
  struct explanation *x = context;
  struct answer *a = ignoring(x, reason, detail);
  struct finding *f = a != NULL ? add_finding(x, a) : NULL;
  x->is_truncated = x->is_truncated || reason == IGNORED_TRUNCATED;
  if (f == NULL)
    return;
  f->reason = reason;
  f->device = device;
  if (reason == IGNORED_NO_DEVICE)
    f->detail = strdup(detail);
  else if (reason == IGNORED_NO_VALUE && a->lacking != NULL)
    f->detail = strdup(a->lacking);
}

static void lack(void *context, const struct rule_lack *what) {
  struct explanation *x = context;
  struct answer *a = answer_of(x, what->policy);
  char text[DETAIL_BYTES];
  snprintf(text, sizeof text, "%s needs %%{%s}", what->option, what->field);
  free(a->lacking);
  a->lacking = strdup(text);
}

static void lose(void *context, const struct policy *policy,
                 const struct device *device) {
  struct explanation *x = context;
  (void)policy;
  (void)device;
  x->has_lost = true;
}

/* An OKAY of another DataSource than its rule asks for fires that rule only if
 * its slot has a state of the series. */
static bool is_unheard(const struct finding *f) {
  return f->is_firing && f->fate.is_other_source &&
         (f->fate.ignored == IGNORED_UNMATCHED ||
          f->fate.ignored == IGNORED_UNTOLD);
}

static void free_finding(struct finding *f) {
  fate_free(&f->fate);
  free(f->detail);
  free(f);
}

static void drop_unheard(struct answer *a) {
  for (struct finding **at = &a->findings; *at != NULL;) {
    struct finding *f = *at;
    if (!is_unheard(f)) {
      at = &f->next;
      continue;
    }
    *at = f->next;
    free_finding(f);
  }
}

bool explanation_fires(const struct answer *a) {
  for (const struct finding *f = a->findings; f != NULL; f = f->next)
    if (f->is_firing)
      return true;
  return false;
}

/* Says of each rule what keeps all of them from such an event. */
static int refuse_for_all(struct explanation *x) {
  for (size_t i = 0; i < rule_book_count(x->options->rules); i++) {
    struct answer *a = &x->answers[i];
    a->gap = x->is_own ? (struct rule_gap){"Plugin", x->event.plugin}
                       : (struct rule_gap){"Message", x->event.message};
    free(a->wanted);
    a->wanted = strdup(x->is_own ? "any but \"" OWN_PLUGIN "\""
                                 : "of another length than 255 bytes");
    if (a->wanted == NULL)
      return -ENOMEM;
  }
  return 0;
}

static int fire_rules(struct explanation *x) {
  const struct rule_callbacks callbacks = {.match = match,
                                           .fire = fire,
                                           .ignore = ignore,
                                           .lack = lack,
                                           .lose = lose,
                                           .context = x};
  x->is_own = strcmp(x->event.plugin, OWN_PLUGIN) == 0;
  rule_book_fire(x->options->rules, &x->event, x->now, &callbacks);
  if (x->rehearsal != NULL)
    rehearsal_run(x->rehearsal, x->now);
  for (size_t i = 0; i < rule_book_count(x->options->rules); i++)
    drop_unheard(&x->answers[i]);
  if (x->has_lost)
    return -ENOMEM;
  return x->is_own || x->is_truncated ? refuse_for_all(x) : 0;
}

/* ---- gaps ---- */

static int find_gap(struct explanation *x, struct answer *a) {
  struct buf wanted;
  buf_init(&wanted, WANTED_MAX_BYTES);
  a->gap = rule_find_gap(a->rule, &x->event, &wanted);
  a->wanted = strdup(buf_text(&wanted));
  buf_free(&wanted);
  return a->wanted != NULL ? 0 : -ENOMEM;
}

static int make_answers(struct explanation *x) {
  size_t count = rule_book_count(x->options->rules);
  int status = 0;
  x->answers = calloc(count + 1, sizeof *x->answers);
  if (x->answers == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < count; i++) {
    x->answers[i].rule = rule_book_rule(x->options->rules, i);
    x->answers[i].end = &x->answers[i].findings;
  }
  for (size_t i = 0; status == 0 && i < count; i++)
    status = find_gap(x, &x->answers[i]);
  return status;
}

/* ---- the ground ---- */

static void stay_blind(struct explanation *x, const char *why) {
  x->ground = GROUND_UNKNOWN;
  snprintf(x->why, sizeof x->why, "%s", why);
}

static int take_nothing(struct explanation *x) {
  x->ground = GROUND_NOTHING;
  x->rehearsal = rehearsal_new_empty(x->options);
  return x->rehearsal != NULL ? 0 : -ENOMEM;
}

static int read_ledger(struct explanation *x) {
  char why[RIGHT_WHY_BYTES];
  if (right_check(x->options->ledger_path, "the ledger", false, why) < 0) {
    stay_blind(x, why);
    return 0;
  }
  int status = rehearsal_new(x->options, x->agent != 0, x->now, &x->rehearsal,
                             x->why, sizeof x->why);
  if (status == -ENOENT && x->agent == 0)
    return take_nothing(x);
  if (status < 0 && status != -ENOMEM)
    x->ground = GROUND_UNKNOWN;
  return status == -ENOMEM ? status : 0;
}

static int find_ground(struct explanation *x) {
  if (strcmp(x->options->ledger_path, LEDGER_IN_MEMORY) == 0)
    stay_blind(x, "the ledger is in memory (Ledger \":memory:\"): only the "
                  "agent knows its states");
  else if (x->options->dry_run)
    stay_blind(x, "with DryRun the ledger is in memory: only the agent knows "
                  "its states");
  else
    return read_ledger(x);
  return 0;
}

/* ---- life ---- */

int explanation_make(const struct options *options, const struct event *event,
                     long agent, struct moment now,
                     struct explanation *ret_explanation) {
  struct explanation *x = ret_explanation;
  *x = (struct explanation){
      .options = options, .event = *event, .now = now, .agent = agent};
  int status = make_answers(x);
  if (status == 0)
    status = find_ground(x);
  if (status == 0)
    status = fire_rules(x);
  if (status < 0)
    explanation_free(x);
  return status;
}

static void free_answer(struct answer *a) {
  for (struct finding *f = a->findings, *next; f != NULL; f = next) {
    next = f->next;
    free_finding(f);
  }
  free(a->wanted);
  free(a->lacking);
}

void explanation_free(struct explanation *x) {
  for (size_t i = 0;
       x->answers != NULL && i < rule_book_count(x->options->rules); i++)
    free_answer(&x->answers[i]);
  free(x->answers);
  rehearsal_free(x->rehearsal);
  x->answers = NULL;
  x->rehearsal = NULL;
}

/* ---- words ---- */

void explanation_append_time(const struct explanation *x, int64_t ms,
                             struct buf *out) {
  char text[LISTING_TIME_BYTES];
  listing_format_time((double)(x->now.wall_ms + (ms - x->now.ms)) / 1000, text);
  buf_append_text(out, text);
}

const char *explanation_credential_header(const struct endpoint *e) {
  return e->credential.kind == CREDENTIAL_ACCESS_KEY_FILE ? "Authorization: ***"
                                                          : "api-key: ***";
}

void explanation_append_hex(const void *data, size_t size, struct buf *out) {
  for (size_t i = 0; i < size; i++)
    buf_append_format(out, "%02x", ((const unsigned char *)data)[i]);
}

const struct command *explanation_shown(const struct fate *fate) {
  return fate->command != NULL && fate->command->body != NULL ? fate->command
                                                              : fate->sample;
}

void explanation_append_reason(enum ignored reason, struct buf *out) {
  static const char *const texts[IGNORED_REASONS] = {
      [IGNORED_NAN] = "its value is not a number",
      [IGNORED_TRUNCATED] =
          "its message has exactly 255 bytes, so that threshold may have "
          "overwritten where it comes from",
      [IGNORED_MISSING] = "values are missing, and the rule has no OnMissing",
      [IGNORED_NO_DEVICE] = "no device bears the name that Device renders",
      [IGNORED_NO_VALUE] = "it lacks a field, and that has no default",
      [IGNORED_LATE] = "a newer event of its series came within 5 s before",
      [IGNORED_DUPLICATE] =
          "the same event of its series came within 5 s before",
      [IGNORED_FIRST_OKAY] =
          "it is an OKAY, and nothing is recorded that it could end; with "
          "FirstOkay send it would be sent",
      [IGNORED_NO_MEMORY] = "there is no memory for it",
      [IGNORED_SERIES_MAX] = "its series is new, and there are SeriesMax",
      [IGNORED_NOT_FIRED] = "it ends a state that had not held for After, so "
                            "that nothing was sent for it",
      [IGNORED_TAKEN_BACK] = "Until is over: nothing is sent until the slot "
                             "was OKAY",
      [IGNORED_SILENCED] = "an operator has silenced its rule or device: its "
                           "state counts, and nothing is sent until that ends "
                           "(see onenetctl status)",
  };
  const char *text = reason < IGNORED_REASONS ? texts[reason] : NULL;
  buf_append_format(out, "it is ignored (%s)",
                    reason < IGNORED_REASONS ? ignored_name(reason) : "other");
  if (text != NULL)
    buf_append_format(out, ": %s", text);
}

static void append_waits_for_after(const struct explanation *x,
                                   const struct fate *fate, struct buf *out) {
  buf_append_text(out, "it waits for After: it fires at ");
  explanation_append_time(x, fate->due_ms, out);
  buf_append_text(out, ", if the state holds until then");
}

static void append_accepted(const struct explanation *x,
                            const struct fate *fate, struct buf *out) {
  buf_append_text(out, "it ends as unchanged: the device has accepted exactly "
                       "this at ");
  explanation_append_time(x, fate->before.accepted_ms, out);
}

static void append_ahead(const struct explanation *x,
                         const struct command *ahead, struct buf *out) {
  if (rehearsal_has_made(x->rehearsal, ahead))
    buf_append_format(out, "the command of rule \"%s\" goes first",
                      ahead->policy->rule);
  else
    buf_append_format(out, "command %" PRId64 " %s", ahead->id,
                      ahead->state == COMMAND_IN_FLIGHT
                          ? "of the same device is in flight"
                          : "of the same device is to be retried first");
}

/* Says what the command waits for: the first thing that holds it. */
static void append_wait(const struct explanation *x, const struct fate *fate,
                        struct buf *out) {
  const struct command *c = fate->command;
  const struct command *ahead = rehearsal_ahead_of(x->rehearsal, c, x->now);
  int64_t cooldown_ms = fate->before.cooldown_until_ms;
  buf_append_text(out, "it waits ");
  if (c->not_before_ms > x->now.ms) {
    buf_append_text(out, "for a retry, as the command before it did, until ");
    explanation_append_time(x, c->not_before_ms, out);
  } else if (c->policy->cooldown_s > 0 && cooldown_ms > x->now.ms) {
    buf_append_text(out, "for the end of the cooldown, until ");
    explanation_append_time(x, cooldown_ms, out);
  } else if (ahead != NULL) {
    buf_append_text(out, "for its turn: ");
    append_ahead(x, ahead, out);
  } else if (rehearsal_is_full(x->rehearsal, c->device->endpoint)) {
    buf_append_text(out, "for a place in flight (MaxInFlight)");
  } else {
    buf_append_text(out, "for its turn, or for a limit (RateLimit)");
  }
}

static void append_end(const struct explanation *x, const struct fate *fate,
                       struct buf *out) {
  const struct command *c = fate->command;
  if (c->outcome == OUTCOME_UNCHANGED)
    append_accepted(x, fate, out);
  else
    buf_append_format(out, "it ends as %s: %s", outcome_name(c->outcome),
                      command_why(c));
}

static const char *append_command(const struct explanation *x,
                                  const struct fate *fate, struct buf *out) {
  const struct command *c = fate->command;
  if (c->state == COMMAND_FINISHED) {
    append_end(x, fate, out);
    return outcome_name(c->outcome);
  }
  if (c->state == COMMAND_WAITING) {
    append_wait(x, fate, out);
    return "waits";
  }
  buf_append_text(out, "a command is sent at once");
  return "sent";
}

static const char *append_decision(const struct explanation *x,
                                   const struct fate *fate, struct buf *out) {
  if (fate->ignored == IGNORED_WAITS) {
    append_waits_for_after(x, fate, out);
    return "waits";
  }
  if (fate->ignored != IGNORED_NOT) {
    explanation_append_reason(fate->ignored, out);
    return "ignored";
  }
  if (fate->command != NULL)
    return append_command(x, fate, out);
  buf_append_text(out, "nothing is sent: the state of the slot has no body, "
                       "and the slot forgets what its device accepted");
  return "nothing";
}

const char *explanation_append_fate(const struct explanation *x,
                                    const struct fate *fate, struct buf *out) {
  if (x->rehearsal == NULL) {
    buf_append_text(out, "what becomes of it depends on states that can not be "
                         "read");
    return "unknown";
  }
  const char *word = append_decision(x, fate, out);
  if (fate->superseded_id != 0)
    buf_append_format(out, "; it takes the place of command %" PRId64,
                      fate->superseded_id);
  return word;
}
