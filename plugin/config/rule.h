/* SPDX-License-Identifier: MIT
 *
 * rule owns the rules, which say which events become which commands for which
 * devices.
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

/* The bodies of a rule: one for each severity, but for FAILURE two, since
 * threshold's notifications of missing values have a body of their own. */
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

/* Returns the rule's policy for the caller to fill in, without `rule`, `index`,
 * `content_type` and `service`, which this module sets. */
struct policy *rule_policy(struct rule *r);
const char *rule_name(const struct rule *r);
enum event_source rule_source(const struct rule *r);

/* Adds an alternative that a field may match: text for equality, or, as
 * "/.../", a POSIX extended regular expression. Returns 0; -EINVAL, and writes
 * what is wrong to ret_why; -ENOMEM. */
int rule_add_pattern(struct rule *r, enum rule_field field, const char *text,
                     char *ret_why, size_t why_bytes);

/* Add a device (borrowed from the directory), or a template (taken on success)
 * that renders the name of a device for each event. Return 0 or -ENOMEM. */
int rule_add_device(struct rule *r, const struct device *device);
int rule_add_device_template(struct rule *r, struct template *device_name);

/* Sets a body; a value rule has RULE_ON_VALUE and no other. Takes the template;
 * frees the one it replaces. */
void rule_set_body(struct rule *r, enum rule_body which, struct template *body);
bool rule_has_body(const struct rule *r, enum rule_body which);

/* Returns the name of the option that sets the body: "OnFailure" ... */
const char *rule_body_option(enum rule_body which);

/* Sets the Content-Type that is sent with the rule's commands; copies the text.
 * Returns 0 or -ENOMEM. */
int rule_set_content_type(struct rule *r, const char *content_type);

/* Sets the service that the rule's commands call where the interface of their
 * endpoint takes one; copies the text. Returns 0 or -ENOMEM. */
int rule_set_service(struct rule *r, const char *identifier);

/* Builds the index. To be called once, after the last rule. Returns 0 or
 * -ENOMEM. */
int rule_book_seal(struct rule_book *book);

size_t rule_book_count(const struct rule_book *book);
struct rule *rule_book_rule(const struct rule_book *book, size_t index);
/* Returns the rule of that name without regard to case, or NULL. */
struct rule *rule_book_find(const struct rule_book *book, const char *name);

/* A template that could not be rendered, since an event lacks a field. All
 * members are borrowed. */
struct rule_lack {
  const struct policy *policy; /* policy of the rule */
  const char *option; /* option of the template: "OnFailure", "Device" ... */
  const char *field;  /* "value", "meta:NAME" */
  const struct event *event;
  bool is_for_silence; /* the template is OnOkay, for the silence of
                          ForgetAfter, or for Until: the event fires all the
                          same, and these will ask for nothing */
};

/* The functions that receive what an event leads to. They are called on the
 * thread of rule_book_fire, rule by rule in the order of the configuration. */
struct rule_callbacks {
  /* Receives the policy of each rule that matches the event, before any other
   * call for that rule. */
  void (*match)(void *context, const struct policy *policy);
  /* Takes a firing: the event fires a rule for one device. */
  void (*fire)(void *context, struct firing *firing);
  /* Receives a reason why the event is ignored, once for each device that a
   * rule would command. device is NULL if it is not known. detail is one
   * borrowed word: the rule's name; for IGNORED_NO_DEVICE the name that no
   * device has; for IGNORED_TRUNCATED and IGNORED_UNMATCHED, which belong to no
   * rule and come once, "". */
  void (*ignore)(void *context, enum ignored reason,
                 const struct device *device, const char *detail);
  /* Receives the field that an event lacks, before `ignore` with
   * IGNORED_NO_VALUE, or before `fire` if is_for_silence. */
  void (*lack)(void *context, const struct rule_lack *lack);
  /* Receives a loss: there was no memory for a firing of the rule for the
   * device, or, if device is NULL, to find out which device it is for, or
   * whether the rule is concerned at all. */
  void (*lose)(void *context, const struct policy *policy,
               const struct device *device);
  void *context;
};

/* Matches the event with every rule, renders the bodies, and calls the
 * callbacks. Passes over an event of plugin `onenet`. A rule without a body for
 * the event does not fire, except for an OKAY: that fires without a body. An
 * event whose value is NaN is ignored, unless it is an OKAY: that then has no
 * value. A template finds the device by the whole rendered name, or else by the
 * part before the first dot, unless the name is an IPv4 address. An OKAY also
 * fires the rules that ask for another DataSource, after all others: whether
 * their slots have a state of the series is not known here
 * (firing.is_other_source). Returns 0, or -ENOMEM if anything was lost. */
int rule_book_fire(const struct rule_book *book, const struct event *event,
                   struct moment arrived,
                   const struct rule_callbacks *callbacks);

/* The first thing that keeps a rule from firing for an event. */
struct rule_gap {
  const char *option; /* that does not match: "Source", "Host" ...; or of the
                         body that the rule lacks; NULL: the rule fires */
  const char *has; /* the event's text in that field, borrowed from the event;
                      NULL: the rule lacks the body */
};

/* Returns what keeps the rule from firing for the event, and appends to
 * ret_wanted what the option must be (nothing for a body). An OKAY needs no
 * body. A rule that asks for another DataSource than an OKAY has may fire all
 * the same: see rule_book_fire. */
struct rule_gap rule_find_gap(const struct rule *r, const struct event *event,
                              struct buf *ret_wanted);

/* Appends to out which rule comes nearest to firing for the event, and what
 * keeps that rule from firing. The nearest is the one with the most matching
 * options, among the rules for the event's source. Slow, since every rule is
 * tried: for a dry run. Returns as buf_append. */
int rule_book_explain(const struct rule_book *book, const struct event *event,
                      struct buf *out);

#endif
