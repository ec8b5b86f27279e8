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

#include "base/buf.h"
#include "words/command.h"
#include "words/device.h"
#include "words/event.h"
#include "words/ignored.h"
#include "words/template.h"

#include <stdbool.h>
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

/* What a body is for: the severities, with threshold's notifications of missing
 * values apart from other failures. */
enum rule_body {
  RULE_ON_OKAY,
  RULE_ON_WARNING,
  RULE_ON_FAILURE,
  RULE_ON_MISSING,
  RULE_ON_VALUE,
  RULE_BODY_COUNT
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

/* Sets a body; a value rule has RULE_ON_VALUE and no other. Takes the template;
 * frees the one it replaces. */
void rule_set_body(struct rule *r, enum rule_body which, struct template *body);
bool rule_has_body(const struct rule *r, enum rule_body which);

/* Returns the option that sets it: "OnFailure" ... */
const char *rule_body_option(enum rule_body which);

/* Sets the Content-Type sent with the rule's commands. Copies. Returns 0,
 * -ENOMEM. */
int rule_set_content_type(struct rule *r, const char *content_type);

/* Builds the index. To be called once, after the last rule. Returns 0, -ENOMEM.
 */
int rule_book_seal(struct rule_book *book);

size_t rule_book_count(const struct rule_book *book);
struct rule *rule_book_rule(const struct rule_book *book, size_t index);
/* Returns the rule of that name without regard to case, or NULL. */
struct rule *rule_book_find(const struct rule_book *book, const char *name);

/* A template that could not be rendered, since an event lacks a field. All is
 * borrowed. */
struct rule_lack {
  const struct policy *policy; /* the rule's */
  const char *option;          /* whose template: "OnFailure", "Device" ... */
  const char *field;           /* "value", "meta:NAME" */
  const struct event *event;
  bool is_for_silence; /* it is the body for the silence of ForgetAfter: the
                          event fires all the same, and silence will ask for
                          nothing */
};

/* What comes of an event. Called on the thread of rule_book_fire, in the order
 * of the configuration. */
struct rule_callbacks {
  /* The event is what the rule asks for; called first, whatever comes of it. */
  void (*match)(void *context, const struct policy *policy);
  /* It fires the rule for one device. Takes the firing. */
  void (*fire)(void *context, struct firing *firing);
  /* It is ignored: once per device, or name of one, and reason. device is NULL
   * where none is known. detail is one borrowed word: the name that no device
   * bears, else the rule's name; "" for a truncated and an unmatched event,
   * which are told once and of no rule. */
  void (*ignore)(void *context, enum ignored reason,
                 const struct device *device, const char *detail);
  /* Why: before `ignore` with IGNORED_NO_VALUE, or before `fire`. */
  void (*lack)(void *context, const struct rule_lack *lack);
  void *context;
};

/* Matches the event with every rule, renders the bodies, and tells the
 * callbacks. An event of plugin `onenet` is passed over. An event that has no
 * body in a rule does not fire it, but OKAY does: with no body. A device is
 * found by the name that a template renders, or else by what is before its
 * first dot, unless it is an IPv4 address. Returns 0, or -ENOMEM if at least
 * one firing could not be made. */
int rule_book_fire(const struct rule_book *book, const struct event *event,
                   struct moment arrived,
                   const struct rule_callbacks *callbacks);

/* Appends to out which rule comes nearest to firing for the event, and what
 * keeps it from that: of those for the event's source, the one with the most
 * options that match. It asks each rule: for a dry run. Returns as buf_append.
 */
int rule_book_explain(const struct rule_book *book, const struct event *event,
                      struct buf *out);

#endif
