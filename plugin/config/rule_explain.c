/* SPDX-License-Identifier: MIT
 *
 * rule_explain says in words why an event fires a rule or none. A part of
 * `rule`.
 */
#include "config/rule.h"

#include "config/rule_parts.h"

#define SHOWN_ALTERNATIVES 3

static const char *const field_options[RULE_FIELD_COUNT] = {
    [RULE_HOST] = "Host",
    [RULE_PLUGIN] = "Plugin",
    [RULE_PLUGIN_INSTANCE] = "PluginInstance",
    [RULE_TYPE] = "Type",
    [RULE_TYPE_INSTANCE] = "TypeInstance",
    [RULE_DATA_SOURCE] = "DataSource",
    [RULE_MESSAGE] = "Message"};

/* The nearness of a rule to an event: how many of the rule's options match it,
 * and how many do not. A missing body counts as one that does not. */
struct nearness {
  const struct rule *rule; /* NULL: no rule was measured yet */
  size_t matches;
  size_t misses;
};

/* Returns whether the field matches; false if memory is too short to tell. */
static bool matches(const struct rule *r, const struct rule_texts *texts,
                    size_t field) {
  int error = 0;
  return rule_field_matches(r->patterns[field], texts->of[field], &error);
}

/* Returns whether the rule can fire for such an event: it has the body, or the
 * event is an OKAY, which needs none. */
static bool answers(const struct rule *r, enum rule_body which) {
  return which == RULE_ON_OKAY || rule_has_body(r, which);
}

static struct nearness measure(const struct rule *r, const struct event *event,
                               const struct rule_texts *texts) {
  struct nearness n = {.rule = r, .misses = !answers(r, rule_body_of(event))};
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    if (r->patterns[f] == NULL)
      continue;
    if (matches(r, texts, f))
      n.matches++;
    else
      n.misses++;
  }
  return n;
}

static bool is_nearer(const struct nearness *a, const struct nearness *b) {
  return b->rule == NULL || a->matches > b->matches ||
         (a->matches == b->matches && a->misses < b->misses);
}

static struct nearness find_nearest(const struct rule_book *book,
                                    const struct event *event,
                                    const struct rule_texts *texts) {
  struct nearness nearest = {.rule = NULL};
  for (size_t i = 0; i < book->rules.count; i++) {
    const struct rule *r = book->rules.items[i];
    if (r->source != event->source)
      continue;
    struct nearness n = measure(r, event, texts);
    if (is_nearer(&n, &nearest))
      nearest = n;
  }
  return nearest;
}

/* Appends the alternatives that were configured first. The list begins with the
 * last one. */
static void show_alternatives(const struct pattern *patterns, struct buf *out) {
  const struct pattern *shown[SHOWN_ALTERNATIVES] = {NULL};
  size_t count = 0;
  for (const struct pattern *p = patterns; p != NULL; p = p->next) {
    for (size_t i = SHOWN_ALTERNATIVES - 1; i > 0; i--)
      shown[i] = shown[i - 1];
    shown[0] = p;
    count++;
  }
  for (size_t i = 0; i < SHOWN_ALTERNATIVES && shown[i] != NULL; i++) {
    const char *slash = shown[i]->is_regex ? "/" : "";
    buf_append_format(out, "%s\"%s%s%s\"", i > 0 ? " or " : "", slash,
                      shown[i]->text, slash);
  }
  if (count > SHOWN_ALTERNATIVES)
    buf_append_format(out, " or one of %zu more", count - SHOWN_ALTERNATIVES);
}

static const char *source_name(enum event_source source) {
  return source == EVENT_VALUE ? "value" : "notification";
}

struct rule_gap rule_find_gap(const struct rule *r, const struct event *event,
                              struct buf *ret_wanted) {
  const struct rule_texts texts = rule_texts_of(event);
  if (r->source != event->source) {
    buf_append_text(ret_wanted, source_name(r->source));
    return (struct rule_gap){"Source", source_name(event->source)};
  }
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    if (matches(r, &texts, f))
      continue;
    show_alternatives(r->patterns[f], ret_wanted);
    return (struct rule_gap){field_options[f], texts.of[f]};
  }
  enum rule_body which = rule_body_of(event);
  return (struct rule_gap){answers(r, which) ? NULL : rule_body_option(which),
                           NULL};
}

int rule_book_explain(const struct rule_book *book, const struct event *event,
                      struct buf *out) {
  const struct rule_texts texts = rule_texts_of(event);
  const struct nearness nearest = find_nearest(book, event, &texts);
  const char *between = ": ";
  if (nearest.rule == NULL)
    return buf_append_format(out, "there is no rule with Source %s",
                             source_name(event->source));
  buf_append_format(out, "the nearest is rule \"%s\"", nearest.rule->name);
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    if (matches(nearest.rule, &texts, f))
      continue;
    buf_append_format(out, "%s%s must be ", between, field_options[f]);
    show_alternatives(nearest.rule->patterns[f], out);
    buf_append_format(out, ", and is \"%s\"", texts.of[f]);
    between = "; ";
  }
  if (!answers(nearest.rule, rule_body_of(event)))
    buf_append_format(out, "%sit has no %s", between,
                      rule_body_option(rule_body_of(event)));
  return out->error;
}
