/* SPDX-License-Identifier: MIT
 *
 * rule owns which events become which commands, for which device.
 *
 * Rules are added at configuration time by one thread, sealed, and immutable
 * from then on: rule_book_fire may be called from any thread at once, without a
 * lock.
 */
#ifndef ONENET_RULE_H
#define ONENET_RULE_H

#include "command.h"
#include "device.h"
#include "event.h"
#include "template.h"

#include <stddef.h>

enum rule_field {
  RULE_HOST,
  RULE_PLUGIN,
  RULE_PLUGIN_INSTANCE,
  RULE_TYPE,
  RULE_TYPE_INSTANCE,
  RULE_DATA_SOURCE,
  RULE_MESSAGE,
  RULE_FIELD_COUNT
};

/* Why an event made no command. The words of derive-ignored_REASON. */
enum rule_ignored {
  RULE_IGNORED_NAN,
  RULE_IGNORED_TRUNCATED,
  RULE_IGNORED_MISSING,
  RULE_IGNORED_NO_DEVICE
};

struct rule;
struct rule_book;

struct rule_book *rule_book_new(const struct directory *directory);
void rule_book_free(struct rule_book *book);

/* Adds a rule with that name and source; the book owns it. Its policy (see
 * rule_policy) has the documented defaults. Returns NULL without memory. */
struct rule *rule_book_add(struct rule_book *book, const char *name,
                           enum event_source source);

/* The rule's policy, to be filled in by the caller. `rule`, `index` and
 * `content_type` are set by this module. */
struct policy *rule_policy(struct rule *r);
const char *rule_name(const struct rule *r);
enum event_source rule_source(const struct rule *r);

/* Adds an alternative for a field: text for equality, or, as "/.../", a POSIX
 * extended regular expression. Returns 0; -EINVAL and what is wrong; -ENOMEM.
 */
int rule_add_pattern(struct rule *r, enum rule_field field, const char *text,
                     char *ret_why, size_t why_bytes);

/* Adds a device (borrowed; the directory's), or a template (taken on success)
 * that finds one for each event. Returns 0 or -ENOMEM. */
int rule_add_device(struct rule *r, const struct device *device);
int rule_add_device_template(struct rule *r, struct template *device_name);

/* Sets the body for a severity, SEVERITY_VALUE for a value rule. Takes the
 * template; frees the one it replaces. */
void rule_set_body(struct rule *r, enum severity severity,
                   struct template *body);
bool rule_has_body(const struct rule *r, enum severity severity);

/* Sets the Content-Type sent with the rule's commands. Copies. Returns 0,
 * -ENOMEM. */
int rule_set_content_type(struct rule *r, const char *content_type);

/* Missing ignore: threshold's missing-value notifications are ignored. */
void rule_ignore_missing(struct rule *r, bool ignore);

/* Builds the index. To be called once, after the last rule. Returns 0, -ENOMEM.
 */
int rule_book_seal(struct rule_book *book);

size_t rule_book_count(const struct rule_book *book);
struct rule *rule_book_rule(const struct rule_book *book, size_t index);
/* Returns the rule of that name without regard to case, or NULL. */
struct rule *rule_book_find(const struct rule_book *book, const char *name);

/* What comes of an event. Called on the thread of rule_book_fire, in the order
 * of the configuration: once per (rule, device) that the event fires, and once
 * per reason for which it was ignored although a rule matched. */
struct rule_sink {
  /* Takes the firing. */
  void (*fire)(void *context, struct firing *firing);
  /* device is NULL where none is known. detail is one borrowed word: the name
   * that no device bears, the rule's name, or "" for a truncated event, which
   * is told once and matched with no rule. */
  void (*ignore)(void *context, enum rule_ignored reason,
                 const struct device *device, const char *detail);
  void *context;
};

/* Matches the event with every rule, renders the bodies, and tells the sink. An
 * event of plugin `onenet` is passed over. FAILURE and WARNING without a body
 * fire nothing; OKAY without a body fires with none. Returns 0, or -ENOMEM if
 * at least one firing could not be made. */
int rule_book_fire(const struct rule_book *book, const struct event *event,
                   struct moment arrived, const struct rule_sink *sink);

#endif
