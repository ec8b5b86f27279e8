/* SPDX-License-Identifier: MIT
 *
 * rule_parts owns the inner structure of rules and of the book of rules. For
 * the files of `rule` alone.
 */
#ifndef ONENET_RULE_PARTS_H
#define ONENET_RULE_PARTS_H

#include "base/names.h"
#include "config/rule.h"

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

/* A rule's place in the index. */
struct entry {
  struct entry *next; /* same bucket, in the order of the configuration */
  const struct rule *rule;
  uint64_t hash;
};

/* One alternative of a field. */
struct pattern {
  struct pattern *next; /* alternative that was configured before */
  struct entry entry;   /* used if the field is its rule's key */
  bool is_regex;
  regex_t regex;
  char text[]; /* without the slashes */
};

/* A target of a rule: a device, or a template that renders the name of one. */
struct target {
  struct target *next;
  const struct device *device;
  struct template *name; /* owned; NULL if there is a device */
};

struct rule {
  const char *name;
  struct policy policy;
  enum event_source source;
  struct pattern *patterns[RULE_FIELD_COUNT]; /* NULL: matches all */
  size_t pattern_count;
  struct target *targets;
  size_t target_count;
  struct template *bodies[RULE_BODY_COUNT];
  char *content_type; /* NULL: default */
  char *service;      /* NULL: none */
  struct entry entry; /* used if the rule has no key */
};

/* A hash table of the rules, which finds those that may match an event without
 * trying all. The key of a rule is one field that has literal alternatives
 * only: the rule stands in the bucket of each of them. A rule without such a
 * field stands in `keyless`. */
struct rule_index {
  struct entry **buckets;
  size_t bucket_count;            /* a power of two */
  bool has_key[RULE_FIELD_COUNT]; /* the field is the key of some rule */
  struct entry *keyless;
};

struct rule_book {
  const struct directory *directory;
  struct names rules;
  struct rule_index index;
  bool has_sources; /* a rule for notifications has a DataSource */
};

/* The event's texts, in the order of enum rule_field; borrowed. */
struct rule_texts {
  const char *of[RULE_FIELD_COUNT];
};

struct rule_texts rule_texts_of(const struct event *event);

/* Returns whether one of the alternatives matches the text, or there are none.
 * If memory is too short to tell, writes -ENOMEM to ret_error; writes nothing
 * else to it. */
bool rule_field_matches(const struct pattern *patterns, const char *text,
                        int *ret_error);

/* Returns which body the event asks for. */
enum rule_body rule_body_of(const struct event *event);

#endif
