/* SPDX-License-Identifier: MIT */
#include "agent/troubles.h"

#include <stdlib.h>

struct endpoint_troubles {
  bool is_failing;
  unsigned said; /* bits of the troubles that were told */
  struct verdict last;
};

struct troubles {
  struct endpoint_troubles *endpoints;
  bool *devices; /* by device.index: its trouble was told */
};

struct troubles *troubles_new(size_t endpoint_count, size_t device_count) {
  struct troubles *t = calloc(1, sizeof *t);
  if (t == NULL)
    return NULL;
  t->endpoints = calloc(endpoint_count + 1, sizeof *t->endpoints);
  t->devices = calloc(device_count + 1, sizeof *t->devices);
  if (t->endpoints != NULL && t->devices != NULL)
    return t;
  troubles_free(t);
  return NULL;
}

void troubles_free(struct troubles *t) {
  if (t == NULL)
    return;
  free(t->endpoints);
  free(t->devices);
  free(t);
}

static unsigned bit_of(enum verdict_trouble trouble) { return 1U << trouble; }

static struct troubles_news take_of_endpoint(struct endpoint_troubles *e,
                                             enum verdict_trouble trouble,
                                             const struct verdict *v) {
  bool is_news = (e->said & bit_of(trouble)) == 0;
  e->is_failing = true;
  e->said |= bit_of(trouble);
  e->last = *v;
  return (struct troubles_news){.began = is_news ? trouble : TROUBLE_NONE};
}

struct troubles_news troubles_take(struct troubles *t, const struct device *d,
                                   const struct verdict *v) {
  struct endpoint_troubles *e = &t->endpoints[d->endpoint->index];
  bool *device = &t->devices[d->index];
  enum verdict_trouble trouble = verdict_trouble(v);
  if (trouble != TROUBLE_NONE && trouble != TROUBLE_DEVICE)
    return take_of_endpoint(e, trouble, v);

  bool is_bad = trouble == TROUBLE_DEVICE;
  struct troubles_news news = {
      .began = is_bad && !*device ? TROUBLE_DEVICE : TROUBLE_NONE,
      .endpoint_recovered = e->is_failing,
      .device_recovered = !is_bad && *device,
  };
  e->is_failing = false;
  e->said = 0;
  *device = is_bad;
  return news;
}

void troubles_forget_credentials(struct troubles *t, const struct endpoint *e) {
  t->endpoints[e->index].said &= ~bit_of(TROUBLE_CREDENTIALS);
}

const struct verdict *troubles_last(const struct troubles *t,
                                    const struct endpoint *e) {
  return &t->endpoints[e->index].last;
}
