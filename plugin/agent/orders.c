/* SPDX-License-Identifier: MIT */
#include "agent/orders.h"

#include "base/one_line.h"
#include "cloud/api.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OCTETS "application/octet-stream"
#define LINE_MAX_BYTES 128 /* of a Content-Type or a service */
#define WHY_BYTES 120      /* of what an interface says of a body */

/* The policy of commands that are sent by hand. */
struct hand {
  struct hand *next;
  struct policy policy; /* owns its content_type and service */
};

struct orders {
  const struct options *options;
  pthread_mutex_t mutex; /* guards the list */
  struct hand *hands;
  size_t hand_count;
};

/* ---- life ---- */

struct orders *orders_new(const struct options *options) {
  struct orders *o = calloc(1, sizeof *o);
  if (o == NULL)
    return NULL;
  o->options = options;
  pthread_mutex_init(&o->mutex, NULL);
  return o;
}

static void free_hand(struct hand *h) {
  free((char *)h->policy.content_type);
  free((char *)h->policy.service);
  free(h);
}

void orders_free(struct orders *o) {
  if (o == NULL)
    return;
  for (struct hand *h = o->hands, *next; h != NULL; h = next) {
    next = h->next;
    free_hand(h);
  }
  pthread_mutex_destroy(&o->mutex);
  free(o);
}

/* ---- policies ---- */

/* Returns what is never superseded, never unchanged, and goes at once. All have
 * the one index behind those of the rules: what is counted by the index of a
 * rule is counted by events, of which these have none. */
static struct policy policy_of_hand(const struct orders *o) {
  return (struct policy){.rule = ORDER_RULE,
                         .index = rule_book_count(o->options->rules),
                         .first_okay = FIRST_OKAY_SEND,
                         .timeout_s = POLICY_DEFAULT,
                         .expire_s = POLICY_DEFAULT};
}

/* service "": none. Returns NULL without memory. */
static struct hand *new_hand(const struct orders *o, const char *content_type,
                             const char *service) {
  struct hand *h = calloc(1, sizeof *h);
  if (h == NULL)
    return NULL;
  h->policy = policy_of_hand(o);
  h->policy.content_type = strdup(content_type);
  h->policy.service = service[0] != '\0' ? strdup(service) : NULL;
  if (h->policy.content_type != NULL &&
      (h->policy.service != NULL || service[0] == '\0'))
    return h;
  free_hand(h);
  return NULL;
}

static bool is_same(const struct policy *p, const char *content_type,
                    const char *service) {
  const char *own = p->service != NULL ? p->service : "";
  return strcmp(p->content_type, content_type) == 0 &&
         strcmp(own, service) == 0;
}

/* To be called with the mutex. */
static struct hand *find_or_add(struct orders *o, const char *content_type,
                                const char *service) {
  struct hand *h = o->hands;
  while (h != NULL && !is_same(&h->policy, content_type, service))
    h = h->next;
  if (h != NULL || o->hand_count >= ORDERS_POLICIES_MAX)
    return h;
  h = new_hand(o, content_type, service);
  if (h == NULL)
    return NULL;
  h->next = o->hands;
  o->hands = h;
  o->hand_count++;
  return h;
}

static const struct policy *find_hand_policy(struct orders *o,
                                             const char *content_type,
                                             const char *service) {
  pthread_mutex_lock(&o->mutex);
  const struct hand *h =
      find_or_add(o, content_type[0] != '\0' ? content_type : OCTETS, service);
  pthread_mutex_unlock(&o->mutex);
  return h != NULL ? &h->policy : NULL;
}

const struct policy *orders_find_policy(struct orders *o, const char *rule,
                                        const char *content_type,
                                        const char *service) {
  struct rule *found = rule_book_find(o->options->rules, rule);
  if (found != NULL)
    return rule_policy(found);
  return strcasecmp(rule, ORDER_RULE) == 0
             ? find_hand_policy(o, content_type, service)
             : NULL;
}

/* ---- names ---- */

/* Returns how much of a name is told: as much as a configured one may have. */
static int told_bytes(const char *name) {
  return (int)one_line_cut(name, strlen(name), DEVICE_NAME_BYTES - 1);
}

static const char *text_or_none(const char *text) {
  return text != NULL ? text : "";
}

/* Refuses the order if it names a device that there is not. */
static void look_up_device(const struct orders *x, struct order *o,
                           struct moment now) {
  if (o->device_name == NULL)
    return;
  o->device = directory_find_device(x->options->directory, o->device_name);
  if (o->device == NULL)
    order_refuse(o, now,
                 "no device has the name \"%.*s\": see onenetctl status",
                 told_bytes(o->device_name), o->device_name);
}

/* Refuses the order if it names a rule that there is not. */
static void look_up_rule(struct orders *x, struct order *o, struct moment now) {
  if (o->rule_name == NULL)
    return;
  o->policy = orders_find_policy(x, o->rule_name, text_or_none(o->content_type),
                                 text_or_none(o->service));
  if (o->policy == NULL)
    order_refuse(o, now, "no rule has the name \"%.*s\": see the configuration",
                 told_bytes(o->rule_name), o->rule_name);
}

/* ---- what can not be meant ---- */

/* Returns whether the text can stand in a header: NULL does. */
static bool is_line(const char *text) {
  for (const char *at = text_or_none(text); *at != '\0'; at++)
    if (*at < ' ' || *at > '~')
      return false;
  return strlen(text_or_none(text)) < LINE_MAX_BYTES;
}

/* Checks what the interface of the device's endpoint asks of a body. */
static void check_interface(struct order *o, struct moment now) {
  const struct api *api = o->device->endpoint->api;
  bool has_service = text_or_none(o->service)[0] != '\0';
  char why[WHY_BYTES];
  if (api->takes_service && !has_service)
    order_refuse(o, now, "endpoint \"%s\" calls services: give --service",
                 o->device->endpoint->name);
  else if (!api->takes_service && has_service)
    order_refuse(o, now, "endpoint \"%s\" calls no services: leave --service",
                 o->device->endpoint->name);
  else if (api_check_body(api, o->body->data, o->body->size, why, sizeof why) <
           0)
    order_refuse(o, now, "body: %s", why);
}

static void check_send(struct orders *x, struct order *o, struct moment now) {
  if (o->device == NULL)
    order_refuse(o, now, "it names no device");
  else if (o->body == NULL)
    order_refuse(o, now, "it has no body");
  else if (!is_line(o->content_type) || !is_line(o->service))
    order_refuse(o, now, "Content-Type or service: must be one line of ASCII");
  else if (o->expire_s < ORDER_EXPIRE_DEFAULT)
    order_refuse(o, now, "expire: must be 0 or more seconds");
  else
    check_interface(o, now);
  if (o->state == ORDER_REFUSED)
    return;
  o->policy = find_hand_policy(x, text_or_none(o->content_type),
                               text_or_none(o->service));
  if (o->policy == NULL)
    order_refuse(o, now,
                 "too many services and Content-Types by hand: "
                 "restart collectd");
}

static void check_retry(struct order *o, struct moment now) {
  if (o->command_id == 0)
    order_refuse(o, now, "it names no command");
  else if (o->device == NULL || o->policy == NULL)
    order_refuse(
        o, now, "there is no command %lld in the ledger: see onenetctl history",
        (long long)o->command_id);
  else if (o->body == NULL)
    order_refuse(o, now, "command %lld has no body that could be sent",
                 (long long)o->command_id);
}

static void check_cancel(struct order *o, struct moment now) {
  if ((o->command_id == 0) == (o->device == NULL))
    order_refuse(o, now, "it must name either a command or a device");
}

static void check_silence(struct order *o, struct moment now) {
  if ((o->policy == NULL) == (o->device == NULL))
    order_refuse(o, now, "it must name either a device or a rule");
  else if (o->policy != NULL && strcmp(o->policy->rule, ORDER_RULE) == 0)
    order_refuse(o, now, "what is sent by hand can not be silenced");
}

static void check(struct orders *x, struct order *o, struct moment now) {
  switch (o->verb) {
  case ORDER_SEND:
    check_send(x, o, now);
    break;
  case ORDER_RETRY:
    check_retry(o, now);
    break;
  case ORDER_CANCEL:
    check_cancel(o, now);
    break;
  case ORDER_SILENCE:
    check_silence(o, now);
    break;
  }
}

/* ---- obeying ---- */

/* Stops at the first reason to refuse it. A `send` names no rule, whatever its
 * row says. */
static void look_at(struct orders *x, struct order *o, struct moment now) {
  if (o->state == ORDER_GIVEN)
    look_up_device(x, o, now);
  if (o->state == ORDER_GIVEN && o->verb != ORDER_SEND)
    look_up_rule(x, o, now);
  if (o->state == ORDER_GIVEN)
    check(x, o, now);
}

void orders_obey(struct orders *x, struct order *list, struct lanes *lanes,
                 struct journal *journal, struct moment now) {
  for (struct order *o = list, *next; o != NULL; o = next) {
    next = o->next;
    look_at(x, o, now);
    if (o->state == ORDER_REFUSED)
      journal_note_last(journal, &o->change);
    else
      lanes_obey(lanes, o, now);
  }
}
