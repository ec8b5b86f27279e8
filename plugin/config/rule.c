/* SPDX-License-Identifier: MIT */
#include "config/rule.h"

#include "base/hash.h"

#include "config/rule_parts.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_PLUGIN "onenet"
#define DEFAULT_CONTENT_TYPE "text/plain; charset=utf-8"
#define RENDER_MAX_BYTES (1 << 20)   /* to report how large a body would be */
#define DEVICE_LOOKUP_MAX_BYTES 1024 /* to report a name that no device has */

/* One event on its way through the book. */
struct run {
  const struct rule_book *book;
  const struct event *event;
  enum rule_body body;
  struct rule_texts texts;
  struct moment arrived;
  const struct rule_callbacks *callbacks;
  bool hears_others; /* visits the rules that ask for another DataSource */
  bool is_told;      /* the event has fired a rule, or was ignored by one */
  bool has_lost;     /* there was no memory for a firing */
};

/* ---- rules ---- */

static void pattern_free(struct pattern *p) {
  if (p->is_regex)
    regfree(&p->regex);
  free(p);
}

static void target_free(struct target *t) {
  template_free(t->name);
  free(t);
}

static void rule_free(void *item) {
  struct rule *r = item;
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    for (struct pattern *p = r->patterns[f], *next; p != NULL; p = next) {
      next = p->next;
      pattern_free(p);
    }
  }
  for (struct target *t = r->targets, *next; t != NULL; t = next) {
    next = t->next;
    target_free(t);
  }
  for (size_t i = 0; i < RULE_BODY_COUNT; i++)
    template_free(r->bodies[i]);
  free(r->content_type);
  free(r->service);
  free(r);
}

struct rule_book *rule_book_new(const struct directory *directory) {
  struct rule_book *book = calloc(1, sizeof(*book));
  if (book != NULL)
    book->directory = directory;
  return book;
}

void rule_book_free(struct rule_book *book) {
  if (book == NULL)
    return;
  names_free(&book->rules, rule_free);
  free(book->index.buckets);
  free(book);
}

struct rule *rule_book_add(struct rule_book *book, const char *name,
                           enum event_source source) {
  struct rule *r = names_add(&book->rules, name, sizeof(*r));
  if (r == NULL)
    return NULL;
  r->source = source;
  r->entry.rule = r;
  r->policy = (struct policy){.rule = r->name,
                              .index = book->rules.count - 1,
                              .content_type = DEFAULT_CONTENT_TYPE,
                              .per_series = source == EVENT_VALUE,
                              .supersede = true,
                              .timeout_s = POLICY_DEFAULT,
                              .expire_s = POLICY_DEFAULT,
                              .repeat_s = POLICY_DEFAULT};
  return r;
}

struct policy *rule_policy(struct rule *r) {
  return &r->policy;
}

const char *rule_name(const struct rule *r) { return r->name; }

enum event_source rule_source(const struct rule *r) { return r->source; }

static uint64_t hash_field(enum rule_field field, const char *text) {
  return hash_text(hash_number(HASH_BEGIN, field), text);
}

static struct pattern *pattern_new(const char *text, size_t size) {
  struct pattern *p = calloc(1, sizeof(*p) + size + 1);
  if (p != NULL)
    memcpy(p->text, text, size);
  return p;
}

static int pattern_compile(struct pattern *p, char *ret_why, size_t why_bytes) {
  if (p->text[0] == '\0') {
    snprintf(ret_why, why_bytes, "an empty regular expression");
    return -EINVAL;
  }
  int error = regcomp(&p->regex, p->text, REG_EXTENDED | REG_NOSUB);
  if (error == REG_ESPACE)
    return -ENOMEM;
  if (error != 0) {
    regerror(error, &p->regex, ret_why, why_bytes);
    return -EINVAL;
  }
  p->is_regex = true;
  return 0;
}

int rule_add_pattern(struct rule *r, enum rule_field field, const char *text,
                     char *ret_why, size_t why_bytes) {
  size_t size = strlen(text);
  bool is_regex = size >= 2 && text[0] == '/' && text[size - 1] == '/';
  struct pattern *p =
      is_regex ? pattern_new(text + 1, size - 2) : pattern_new(text, size);
  if (p == NULL)
    return -ENOMEM;
  int error = is_regex ? pattern_compile(p, ret_why, why_bytes) : 0;
  if (error != 0) {
    pattern_free(p);
    return error;
  }
  p->entry.rule = r;
  p->entry.hash = hash_field(field, text);
  p->next = r->patterns[field];
  r->patterns[field] = p;
  r->pattern_count++;
  return 0;
}

static int add_target(struct rule *r, const struct device *device,
                      struct template *name) {
  struct target *t = calloc(1, sizeof(*t));
  if (t == NULL)
    return -ENOMEM;
  t->device = device;
  t->name = name;
  struct target **end = &r->targets;
  while (*end != NULL)
    end = &(*end)->next;
  *end = t;
  r->target_count++;
  return 0;
}

int rule_add_device(struct rule *r, const struct device *device) {
  return add_target(r, device, NULL);
}

int rule_add_device_template(struct rule *r, struct template *device_name) {
  return add_target(r, NULL, device_name);
}

void rule_set_body(struct rule *r, enum rule_body which,
                   struct template *body) {
  template_free(r->bodies[which]);
  r->bodies[which] = body;
}

bool rule_has_body(const struct rule *r, enum rule_body which) {
  return r->bodies[which] != NULL;
}

const char *rule_body_option(enum rule_body which) {
  static const char *const options[RULE_BODY_COUNT] = {
      [RULE_ON_OKAY] = "OnOkay",
      [RULE_ON_WARNING] = "OnWarning",
      [RULE_ON_FAILURE] = "OnFailure",
      [RULE_ON_MISSING] = "OnMissing",
      [RULE_ON_VALUE] = "OnValue"};
  return options[which];
}

/* Puts a copy of the text in the place of one that the rule owns, and that its
 * policy borrows. */
static int replace_text(char **own, const char **borrowed, const char *text) {
  char *copy = strdup(text);
  if (copy == NULL)
    return -ENOMEM;
  free(*own);
  *own = copy;
  *borrowed = copy;
  return 0;
}

int rule_set_content_type(struct rule *r, const char *content_type) {
  return replace_text(&r->content_type, &r->policy.content_type, content_type);
}

int rule_set_service(struct rule *r, const char *identifier) {
  return replace_text(&r->service, &r->policy.service, identifier);
}

size_t rule_book_count(const struct rule_book *book) {
  return book->rules.count;
}

struct rule *rule_book_rule(const struct rule_book *book, size_t index) {
  return book->rules.items[index];
}

struct rule *rule_book_find(const struct rule_book *book, const char *name) {
  return names_find(&book->rules, name);
}

/* ---- the index ---- */

static size_t bucket_of(const struct rule_index *index, uint64_t hash) {
  return hash & (index->bucket_count - 1);
}

/* Returns how many alternatives, of all rules together, fall into the fullest
 * of the buckets of these patterns. `counts` holds that number for each bucket.
 * Returns SIZE_MAX if the patterns can not be a key: there are none, or one is
 * a regular expression. */
static size_t fullest_bucket_size(const struct rule_index *index,
                                  const struct pattern *patterns,
                                  const size_t *counts) {
  size_t most = patterns == NULL ? SIZE_MAX : 0;
  for (const struct pattern *p = patterns; p != NULL; p = p->next) {
    size_t count =
        p->is_regex ? SIZE_MAX : counts[bucket_of(index, p->entry.hash)];
    if (count > most)
      most = count;
  }
  return most;
}

/* Returns whether the field can be the key of the rule: an OKAY is heard
 * whatever its data source. */
static bool may_be_key(const struct rule *r, size_t field) {
  return field != RULE_DATA_SOURCE || r->source != EVENT_NOTIFICATION;
}

/* Returns the field whose alternatives are in the least full buckets, so that
 * few events try the rule in vain; RULE_FIELD_COUNT if none can be the key. */
static size_t choose_key(const struct rule_index *index, const struct rule *r,
                         const size_t *counts) {
  size_t key = RULE_FIELD_COUNT;
  size_t fewest = SIZE_MAX;
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    size_t count = fullest_bucket_size(index, r->patterns[f], counts);
    if (count < fewest && may_be_key(r, f)) {
      fewest = count;
      key = f;
    }
  }
  return key;
}

static void push_entry(struct entry **list, struct entry *entry) {
  entry->next = *list;
  *list = entry;
}

static void index_rule(struct rule_index *index, struct rule *r,
                       const size_t *counts) {
  size_t field = choose_key(index, r, counts);
  if (field == RULE_FIELD_COUNT) {
    push_entry(&index->keyless, &r->entry);
    return;
  }
  index->has_key[field] = true;
  for (struct pattern *p = r->patterns[field]; p != NULL; p = p->next)
    push_entry(&index->buckets[bucket_of(index, p->entry.hash)], &p->entry);
}

static void count_patterns(const struct rule_index *index, const struct rule *r,
                           size_t *counts) {
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    for (const struct pattern *p = r->patterns[f]; p != NULL; p = p->next)
      counts[bucket_of(index, p->entry.hash)]++;
  }
}

static bool asks_for_source(const struct rule *r) {
  return r->source == EVENT_NOTIFICATION &&
         r->patterns[RULE_DATA_SOURCE] != NULL;
}

int rule_book_seal(struct rule_book *book) {
  struct rule_index *index = &book->index;
  size_t pattern_count = 0;
  for (size_t i = 0; i < book->rules.count; i++)
    pattern_count += rule_book_rule(book, i)->pattern_count;
  index->bucket_count = 1;
  while (index->bucket_count < 2 * pattern_count)
    index->bucket_count *= 2;

  index->buckets = calloc(index->bucket_count, sizeof(*index->buckets));
  size_t *counts = calloc(index->bucket_count, sizeof(*counts));
  if (index->buckets == NULL || counts == NULL) {
    free(counts);
    return -ENOMEM;
  }
  for (size_t i = 0; i < book->rules.count; i++)
    count_patterns(index, rule_book_rule(book, i), counts);
  /* Entries are pushed to the front: the last rule goes first, so that the
   * first one ends at the front. */
  for (size_t i = book->rules.count; i-- > 0;) {
    index_rule(index, rule_book_rule(book, i), counts);
    book->has_sources |= asks_for_source(rule_book_rule(book, i));
  }
  free(counts);
  return 0;
}

/* The rules that may match an event, as sorted lists: one for each field, and
 * one of rules without a key. next_candidate merges them. */
struct candidates {
  const struct entry *lists[RULE_FIELD_COUNT + 1];
  uint64_t hashes[RULE_FIELD_COUNT + 1]; /* the hash that a list is for */
};

static const struct entry *skip_others(const struct entry *e, uint64_t hash) {
  while (e != NULL && e->hash != hash)
    e = e->next;
  return e;
}

static void find_candidates(const struct run *run,
                            struct candidates *ret_candidates) {
  const struct rule_index *index = &run->book->index;
  *ret_candidates = (struct candidates){.lists = {NULL}};
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    if (!index->has_key[f])
      continue;
    uint64_t hash = hash_field((enum rule_field)f, run->texts.of[f]);
    ret_candidates->hashes[f] = hash;
    ret_candidates->lists[f] =
        skip_others(index->buckets[bucket_of(index, hash)], hash);
  }
  ret_candidates->lists[RULE_FIELD_COUNT] = index->keyless;
}

/* Returns the next candidate in the order of the configuration, or NULL. */
static const struct rule *next_candidate(struct candidates *c) {
  const struct rule *first = NULL;
  for (size_t i = 0; i <= RULE_FIELD_COUNT; i++) {
    if (c->lists[i] != NULL &&
        (first == NULL ||
         c->lists[i]->rule->policy.index < first->policy.index))
      first = c->lists[i]->rule;
  }
  for (size_t i = 0; i <= RULE_FIELD_COUNT; i++) {
    while (c->lists[i] != NULL && c->lists[i]->rule == first)
      c->lists[i] = skip_others(c->lists[i]->next, c->hashes[i]);
  }
  return first;
}

/* ---- matching ---- */

struct rule_texts rule_texts_of(const struct event *event) {
  return (struct rule_texts){{[RULE_HOST] = event->host,
                              [RULE_PLUGIN] = event->plugin,
                              [RULE_PLUGIN_INSTANCE] = event->plugin_instance,
                              [RULE_TYPE] = event->type,
                              [RULE_TYPE_INSTANCE] = event->type_instance,
                              [RULE_DATA_SOURCE] = event->data_source,
                              [RULE_MESSAGE] = event->message}};
}

enum rule_body rule_body_of(const struct event *event) {
  static const enum rule_body bodies[SEVERITY_COUNT] = {
      [SEVERITY_OKAY] = RULE_ON_OKAY,
      [SEVERITY_WARNING] = RULE_ON_WARNING,
      [SEVERITY_FAILURE] = RULE_ON_FAILURE,
      [SEVERITY_VALUE] = RULE_ON_VALUE};
  return event_is_missing_value(event) ? RULE_ON_MISSING
                                       : bodies[event->severity];
}

static bool pattern_matches(const struct pattern *p, const char *text,
                            int *ret_error) {
  if (!p->is_regex)
    return strcmp(p->text, text) == 0;
  errno = 0;
  bool matches = regexec(&p->regex, text, 0, NULL, 0) == 0;
  /* glibc reports a lack of memory as no match. */
  if (!matches && errno == ENOMEM)
    *ret_error = -ENOMEM;
  return matches;
}

bool rule_field_matches(const struct pattern *patterns, const char *text,
                        int *ret_error) {
  if (patterns == NULL)
    return true;
  for (const struct pattern *p = patterns; p != NULL; p = p->next) {
    if (pattern_matches(p, text, ret_error))
      return true;
  }
  return false;
}

static void lose(struct run *run, const struct rule *r,
                 const struct device *device) {
  run->has_lost = true;
  run->callbacks->lose(run->callbacks->context, &r->policy, device);
}

/* Returns whether the event is what the rule asks for; in a run that hears
 * others, whether all matches but its data source. A match that can not be
 * found out for want of memory counts as lost. */
static bool rule_matches(struct run *run, const struct rule *r) {
  if (r->source != run->event->source)
    return false;
  for (size_t f = 0; f < RULE_FIELD_COUNT; f++) {
    int error = 0;
    bool is_wanted = f != RULE_DATA_SOURCE || !run->hears_others;
    bool matches = rule_field_matches(r->patterns[f], run->texts.of[f], &error);
    if (error < 0)
      lose(run, r, NULL);
    if (error < 0 || matches != is_wanted)
      return false;
  }
  return true;
}

/* ---- firing ---- */

static void ignore(struct run *run, enum ignored reason,
                   const struct device *device, const char *detail) {
  run->is_told = true;
  run->callbacks->ignore(run->callbacks->context, reason, device, detail);
}

static void tell_lack(const struct run *run, const struct rule *r,
                      const char *option, const char *field,
                      bool is_for_silence) {
  run->callbacks->lack(run->callbacks->context,
                       &(struct rule_lack){.policy = &r->policy,
                                           .option = option,
                                           .field = field,
                                           .event = run->event,
                                           .is_for_silence = is_for_silence});
}

/* A rendered body. */
struct rendering {
  struct buf out;          /* empty: none, or it can never be sent */
  size_t unsendable_bytes; /* size of a body that can never be sent */
  bool is_unsendable;
  const char *lacking; /* the field that the event lacks */
};

/* Renders one of the rule's bodies. Returns 0, -ENODATA if the event lacks a
 * field, or -ENOMEM. */
static int render_body(const struct rule *r, enum rule_body which,
                       const struct event *event, const struct device *device,
                       struct rendering *rendering) {
  struct template_names names = {
      .rule = r->name, .device = device->name, .device_id = device->device_id};
  struct buf *out = &rendering->out;
  int error = template_render(r->bodies[which], event, &names, out,
                              &rendering->lacking);
  size_t size = error == -E2BIG ? RENDER_MAX_BYTES : out->size;
  rendering->is_unsendable = size == 0 || size > COMMAND_BODY_MAX_BYTES;
  rendering->unsendable_bytes = rendering->is_unsendable ? size : 0;
  if (rendering->is_unsendable || error != 0)
    buf_clear(out);
  return error == -E2BIG ? 0 : error;
}

/* Returns whether the OnOkay body may be sent without an OKAY. */
static bool has_later_okay(const struct rule *r) {
  return (r->policy.forget_after_s > 0 || r->policy.until_s > 0) &&
         rule_has_body(r, RULE_ON_OKAY);
}

/* Renders the OnOkay body for the time after a silence of ForgetAfter, or after
 * Until, as if this event were an OKAY. An event that lacks a field of that
 * body fires all the same; that time then asks for nothing. */
static int render_okay_body(const struct run *run, const struct rule *r,
                            const struct device *device,
                            struct rendering *rendering) {
  struct event okay = *run->event;
  if (!has_later_okay(r) || okay.severity == SEVERITY_OKAY)
    return 0;
  okay.severity = SEVERITY_OKAY;
  int error = render_body(r, RULE_ON_OKAY, &okay, device, rendering);
  if (error != -ENODATA)
    return error;
  tell_lack(run, r, rule_body_option(RULE_ON_OKAY), rendering->lacking, true);
  return 0;
}

static int render_bodies(const struct run *run, const struct rule *r,
                         const struct device *device, struct rendering *body,
                         struct rendering *okay_body) {
  if (!rule_has_body(r, run->body))
    return 0;
  int error = render_body(r, run->body, run->event, device, body);
  if (error == -ENODATA)
    tell_lack(run, r, rule_body_option(run->body), body->lacking, false);
  return error != 0 ? error : render_okay_body(run, r, device, okay_body);
}

static struct firing_body bytes_of(const struct rendering *r) {
  return (struct firing_body){r->out.size > 0 ? r->out.data : NULL,
                              r->out.size};
}

static struct firing *make_firing(const struct run *run, const struct rule *r,
                                  const struct device *device,
                                  const struct rendering *body,
                                  const struct rendering *okay_body) {
  const struct event *event = run->event;
  char series[EVENT_SERIES_BYTES];
  event_format_series(event, series);
  struct firing *f = firing_new(series, bytes_of(body), bytes_of(okay_body));
  if (f == NULL)
    return NULL;
  f->policy = &r->policy;
  f->device = device;
  f->severity = event->severity;
  f->unsendable_bytes = body->unsendable_bytes;
  f->has_unsendable = body->is_unsendable;
  f->has_value = event->has_value;
  f->value = event->value;
  f->wall_event_ms = event->wall_time_ms;
  f->arrived = run->arrived;
  f->is_other_source = run->hears_others;
  f->is_unmatched = run->hears_others && !run->is_told;
  return f;
}

/* Returns 0, -ENODATA if the event lacks a field, or -ENOMEM. */
static int render_firing(const struct run *run, const struct rule *r,
                         const struct device *device,
                         struct firing **ret_firing) {
  struct rendering body = {.is_unsendable = false}, okay_body = body;
  buf_init(&body.out, RENDER_MAX_BYTES);
  buf_init(&okay_body.out, RENDER_MAX_BYTES);
  int error = render_bodies(run, r, device, &body, &okay_body);
  if (error == 0) {
    *ret_firing = make_firing(run, r, device, &body, &okay_body);
    error = *ret_firing != NULL ? 0 : -ENOMEM;
  }
  buf_free(&body.out);
  buf_free(&okay_body.out);
  return error;
}

static void fire_device(struct run *run, const struct rule *r,
                        const struct device *device) {
  struct firing *f = NULL;
  int error = render_firing(run, r, device, &f);
  if (error == 0) {
    run->is_told = true;
    run->callbacks->fire(run->callbacks->context, f);
  } else if (error == -ENODATA) {
    ignore(run, IGNORED_NO_VALUE, device, r->name);
  } else {
    lose(run, r, device);
  }
}

/* Returns whether the event is a missing value and the rule has no
 * OnMissing. OnFailure is not taken instead: it was written for another kind
 * of failure. */
static bool is_unwanted_missing(const struct run *run, const struct rule *r) {
  return run->body == RULE_ON_MISSING && !rule_has_body(r, RULE_ON_MISSING);
}

/* threshold says OKAY once when a sensor returns NaN after a failure, and never
 * again: what that failure began must end with it. */
static bool is_unwanted_nan(const struct event *event) {
  return event->has_value && isnan(event->value) &&
         event->severity != SEVERITY_OKAY;
}

static void run_device(struct run *run, const struct rule *r,
                       const struct device *device) {
  if (is_unwanted_nan(run->event))
    ignore(run, IGNORED_NAN, device, r->name);
  else if (is_unwanted_missing(run, r))
    ignore(run, IGNORED_MISSING, device, r->name);
  else
    fire_device(run, r, device);
}

static bool is_ipv4_address(const char *name) {
  return name[strspn(name, "0123456789.")] == '\0';
}

/* Returns the device of that name, or else of the part before the first dot: an
 * event may carry a host's full name where the device has the short one. An
 * IPv4 address has no short form. */
static const struct device *find_device(const struct directory *directory,
                                        char *name) {
  const struct device *device = directory_find_device(directory, name);
  char *dot = strchr(name, '.');
  if (device != NULL || dot == NULL || is_ipv4_address(name))
    return device;
  *dot = '\0';
  device = directory_find_device(directory, name);
  *dot = '.';
  return device;
}

/* Ignores an event for which there is no device: no device has the name, or the
 * event lacks a field of the name. */
static void ignore_nameless(struct run *run, const struct rule *r,
                            const char *lacking, const struct buf *name) {
  if (lacking == NULL) {
    ignore(run, IGNORED_NO_DEVICE, NULL, buf_text(name));
    return;
  }
  if (is_unwanted_missing(run, r)) {
    ignore(run, IGNORED_MISSING, NULL, r->name);
    return;
  }
  tell_lack(run, r, "Device", lacking, false);
  ignore(run, IGNORED_NO_VALUE, NULL, r->name);
}

static const struct device *look_up_device(struct run *run,
                                           const struct rule *r,
                                           const struct template *name) {
  struct template_names names = {.rule = r->name};
  struct buf rendered;
  buf_init(&rendered, DEVICE_LOOKUP_MAX_BYTES);
  const struct device *device = NULL;
  const char *lacking = NULL;
  int error = template_render(name, run->event, &names, &rendered, &lacking);
  if (error == 0 && rendered.size > 0)
    device = find_device(run->book->directory, rendered.data);
  if (error == -ENOMEM)
    lose(run, r, NULL);
  else if (device == NULL && !run->hears_others)
    ignore_nameless(run, r, error == -ENODATA ? lacking : NULL, &rendered);
  buf_free(&rendered);
  return device;
}

static bool contains(const struct device **devices, size_t count,
                     const struct device *device) {
  while (count-- > 0) {
    if (devices[count] == device)
      return true;
  }
  return false;
}

/* Writes the devices of all targets and returns their number. A device that
 * several targets lead to is written, and so commanded, once. */
static size_t find_devices(struct run *run, const struct rule *r,
                           const struct device **ret_devices) {
  size_t count = 0;
  for (const struct target *t = r->targets; t != NULL; t = t->next) {
    const struct device *device =
        t->name == NULL ? t->device : look_up_device(run, r, t->name);
    if (device != NULL && !contains(ret_devices, count, device))
      ret_devices[count++] = device;
  }
  return count;
}

static void lose_all(struct run *run, const struct rule *r) {
  for (const struct target *t = r->targets; t != NULL; t = t->next)
    lose(run, r, t->device);
}

static void run_rule(struct run *run, const struct rule *r) {
  if (!run->hears_others)
    run->callbacks->match(run->callbacks->context, &r->policy);
  if (!rule_has_body(r, run->body) && run->body != RULE_ON_OKAY &&
      run->body != RULE_ON_MISSING)
    return;
  const struct device **devices = calloc(r->target_count, sizeof(*devices));
  if (devices == NULL) {
    lose_all(run, r);
    return;
  }
  size_t count = find_devices(run, r, devices);
  for (size_t i = 0; i < count; i++)
    run_device(run, r, devices[i]);
  free(devices);
}

static void run_rules(struct run *run) {
  struct candidates candidates;
  find_candidates(run, &candidates);
  for (const struct rule *r = next_candidate(&candidates); r != NULL;
       r = next_candidate(&candidates)) {
    if (rule_matches(run, r))
      run_rule(run, r);
  }
}

/* threshold keeps one state for all data sources of a value list, so that an
 * OKAY may name another one than the failure that it ends. */
static void run_other_sources(struct run *run) {
  if (!run->book->has_sources || run->body != RULE_ON_OKAY)
    return;
  run->hears_others = true;
  run_rules(run);
}

int rule_book_fire(const struct rule_book *book, const struct event *event,
                   struct moment arrived,
                   const struct rule_callbacks *callbacks) {
  struct run run = {.book = book,
                    .event = event,
                    .body = rule_body_of(event),
                    .texts = rule_texts_of(event),
                    .arrived = arrived,
                    .callbacks = callbacks};
  if (strcmp(event->plugin, OWN_PLUGIN) == 0)
    return 0;
  if (event_is_truncated(event)) {
    ignore(&run, IGNORED_TRUNCATED, NULL, "");
    return 0;
  }
  run_rules(&run);
  run_other_sources(&run);
  if (!run.is_told && !run.has_lost)
    ignore(&run, IGNORED_UNMATCHED, NULL, "");
  return run.has_lost ? -ENOMEM : 0;
}
