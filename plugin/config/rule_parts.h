/* SPDX-License-Identifier: MIT
 *
 * What a rule and a book of rules are made of: shared by the files of `rule`,
 * and nobody else's concern.
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
  struct entry *next; /* of the bucket, in the order of the configuration */
  const struct rule *rule;
  uint64_t hash;
};

/* One alternative of a field. */
struct pattern {
  struct pattern *next; /* the one configured before it */
  struct entry entry;   /* in the index if the field is its rule's key */
  bool is_regex;
  regex_t regex;
  char text[]; /* without the slashes */
};

/* What a rule commands: a device, or the one that bears the rendered name. */
struct target {
  struct target *next;
  const struct device *device;
  struct template *name; /* owned; NULL with a device */
};

struct rule {
  char name[NAMES_NAME_BYTES];
  struct policy policy;
  enum event_source source;
  struct pattern *patterns[RULE_FIELD_COUNT]; /* NULL: matches all */
  size_t pattern_count;
  struct target *targets;
  size_t target_count;
  struct template *bodies[RULE_BODY_COUNT];
  char *content_type; /* NULL: the default */
  struct entry entry; /* in the index if the rule has no key */
};

/* Tells which rules may match an event without asking each of them. A rule's
 * key is a field with literal alternatives only; it is found by their hashes.
 */
struct rule_index {
  struct entry **buckets;
  size_t bucket_count; /* a power of two */
  struct entry *keyless;
};

struct rule_book {
  const struct directory *directory;
  struct names rules;
  struct rule_index index;
};

/* The event's texts, in the order of enum rule_field; borrowed. */
struct rule_texts {
  const char *of[RULE_FIELD_COUNT];
};

struct rule_texts rule_texts_of(const struct event *event);

/* Whether one of the alternatives is the text, or there is none. Writes -ENOMEM
 * to ret_error, and nothing else, if that could not be told. */
bool rule_field_matches(const struct pattern *patterns, const char *text,
                        int *ret_error);

/* Returns which body the event asks for. */
enum rule_body rule_body_of(const struct event *event);

#endif
