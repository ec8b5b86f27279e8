/* SPDX-License-Identifier: MIT */
#include "words/order.h"

#include "base/one_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verb_names[] = {[ORDER_SEND] = "send",
                                         [ORDER_RETRY] = "retry",
                                         [ORDER_CANCEL] = "cancel",
                                         [ORDER_SILENCE] = "silence"};
static const char *const state_names[] = {[ORDER_GIVEN] = "given",
                                          [ORDER_OBEYED] = "obeyed",
                                          [ORDER_REFUSED] = "refused"};

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

/* Returns the index of the name, or -EINVAL. */
static int find_name(const char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0)
      return (int)i;
  return -EINVAL;
}

const char *order_verb_name(enum order_verb verb) { return verb_names[verb]; }

int order_verb_parse(const char *name, enum order_verb *ret_verb) {
  int found = find_name(verb_names, COUNT_OF(verb_names), name);
  if (found < 0)
    return found;
  *ret_verb = (enum order_verb)found;
  return 0;
}

const char *order_state_name(enum order_state state) {
  return state_names[state];
}

int order_state_parse(const char *name, enum order_state *ret_state) {
  int found = find_name(state_names, COUNT_OF(state_names), name);
  if (found < 0)
    return found;
  *ret_state = (enum order_state)found;
  return 0;
}

struct order *order_new(void) {
  struct order *o = calloc(1, sizeof *o);
  if (o == NULL)
    return NULL;
  o->change.kind = CHANGE_ORDER;
  o->expire_s = ORDER_EXPIRE_DEFAULT;
  o->was = OUTCOME_COUNT;
  return o;
}

void order_free(struct order *o) {
  if (o == NULL)
    return;
  free(o->device_name);
  free(o->rule_name);
  body_unref(o->body);
  free(o->content_type);
  free(o->service);
  free(o->comment);
  free(o->series);
  free(o);
}

bool order_sends_by(const struct policy *policy) {
  return strcmp(policy->rule, ORDER_RULE) == 0;
}

void order_free_list(struct order *list) {
  for (struct order *o = list, *next; o != NULL; o = next) {
    next = o->next;
    order_free(o);
  }
}

static void end(struct order *o, enum order_state state, struct moment now) {
  o->state = state;
  o->ended = now;
}

void order_obey(struct order *o, struct moment now) {
  end(o, ORDER_OBEYED, now);
}

/* The names in it come from whoever may write the ledger. */
void order_refuse(struct order *o, struct moment now, const char *format, ...) {
  char whole[ORDER_WHY_BYTES + 1]; /* one byte tells whether it goes on */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(whole, sizeof whole, format, arguments);
  va_end(arguments);
  size_t kept = one_line_cut(whole, strlen(whole), sizeof o->why - 1);
  snprintf(o->why, sizeof o->why, "%.*s", (int)kept, whole);
  one_line_blank(o->why, kept);
  end(o, ORDER_REFUSED, now);
}
