/* SPDX-License-Identifier: MIT */
#include "agent/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct earlier_node {
  struct earlier_node *next;
  struct earlier earlier;
};

struct outbox {
  pthread_mutex_t mutex; /* guards all below */
  size_t oldest;
  size_t count;
  struct news ring[OUTBOX_MAX];
  struct earlier_node *earlier;
  struct ledger_loss loss;
};

struct outbox *outbox_new(void) {
  struct outbox *o = calloc(1, sizeof *o);
  if (o != NULL)
    pthread_mutex_init(&o->mutex, NULL);
  return o;
}

void outbox_free(struct outbox *o) {
  struct earlier earlier;
  struct news news;
  if (o == NULL)
    return;
  while (outbox_take(o, &news))
    free(news.reply);
  while (outbox_take_earlier(o, &earlier)) {
  }
  pthread_mutex_destroy(&o->mutex);
  free(o);
}

bool outbox_put(struct outbox *o, const struct news *news) {
  pthread_mutex_lock(&o->mutex);
  bool is_full = o->count == OUTBOX_MAX;
  struct news *place = &o->ring[(o->oldest + o->count) % OUTBOX_MAX];
  char *lost = is_full ? place->reply : NULL;
  *place = *news;
  if (is_full)
    o->oldest = (o->oldest + 1) % OUTBOX_MAX;
  else
    o->count++;
  pthread_mutex_unlock(&o->mutex);
  free(lost);
  return is_full;
}

bool outbox_take(struct outbox *o, struct news *ret_news) {
  pthread_mutex_lock(&o->mutex);
  bool is_there = o->count > 0;
  if (is_there) {
    *ret_news = o->ring[o->oldest];
    o->oldest = (o->oldest + 1) % OUTBOX_MAX;
    o->count--;
  }
  pthread_mutex_unlock(&o->mutex);
  return is_there;
}

int outbox_put_earlier(struct outbox *o, const struct earlier *earlier) {
  struct earlier_node *node = malloc(sizeof *node);
  if (node == NULL)
    return -ENOMEM;
  node->earlier = *earlier;
  pthread_mutex_lock(&o->mutex);
  node->next = o->earlier;
  o->earlier = node;
  pthread_mutex_unlock(&o->mutex);
  return 0;
}

bool outbox_take_earlier(struct outbox *o, struct earlier *ret_earlier) {
  pthread_mutex_lock(&o->mutex);
  struct earlier_node *node = o->earlier;
  if (node != NULL)
    o->earlier = node->next;
  pthread_mutex_unlock(&o->mutex);
  if (node == NULL)
    return false;
  *ret_earlier = node->earlier;
  free(node);
  return true;
}

void outbox_put_loss(struct outbox *o, const struct ledger_loss *loss) {
  pthread_mutex_lock(&o->mutex);
  o->loss.commands += loss->commands;
  o->loss.uncounted += loss->uncounted;
  pthread_mutex_unlock(&o->mutex);
}

bool outbox_take_loss(struct outbox *o, struct ledger_loss *ret_loss) {
  pthread_mutex_lock(&o->mutex);
  *ret_loss = o->loss;
  o->loss = (struct ledger_loss){0};
  pthread_mutex_unlock(&o->mutex);
  return ret_loss->commands > 0 || ret_loss->uncounted > 0;
}
