/* SPDX-License-Identifier: MIT */
#include "sim_exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void sim_pairs_add(struct sim_pairs *pairs, const char *name,
                   const char *value) {
  if (pairs->count == pairs->size) {
    const size_t size = pairs->size == 0 ? 8 : pairs->size * 2;
    struct sim_pair *items = sim_buf_alloc(size, sizeof(*items));
    if (pairs->count > 0)
      memcpy(items, pairs->items, pairs->count * sizeof(*items));
    free(pairs->items);
    pairs->items = items;
    pairs->size = size;
  }
  struct sim_pair *pair = &pairs->items[pairs->count++];
  pair->name = sim_buf_copy(name);
  pair->value = sim_buf_copy(value == NULL ? "" : value);
}

const char *sim_pairs_find(const struct sim_pairs *pairs, const char *name) {
  for (size_t i = 0; i < pairs->count; i++)
    if (strcmp(pairs->items[i].name, name) == 0)
      return pairs->items[i].value;
  return NULL;
}

const char *sim_pairs_find_header(const struct sim_pairs *pairs,
                                  const char *name) {
  for (size_t i = 0; i < pairs->count; i++)
    if (strcasecmp(pairs->items[i].name, name) == 0)
      return pairs->items[i].value;
  return NULL;
}

void sim_pairs_add_json(const struct sim_pairs *pairs, struct sim_buf *buf) {
  sim_buf_add(buf, "[");
  for (size_t i = 0; i < pairs->count; i++) {
    sim_buf_add(buf, i == 0 ? "[" : ",[");
    sim_buf_add_json(buf, pairs->items[i].name);
    sim_buf_add(buf, ",");
    sim_buf_add_json(buf, pairs->items[i].value);
    sim_buf_add(buf, "]");
  }
  sim_buf_add(buf, "]");
}

void sim_pairs_free(struct sim_pairs *pairs) {
  for (size_t i = 0; i < pairs->count; i++) {
    free(pairs->items[i].name);
    free(pairs->items[i].value);
  }
  free(pairs->items);
  *pairs = (struct sim_pairs){0};
}

void sim_request_set_url(struct sim_request *request, const char *url) {
  request->url = sim_buf_copy(url);
  request->path = sim_buf_copy(url);
  request->path[strcspn(url, "?")] = '\0';
}

void sim_request_add_body(struct sim_request *request, const char *bytes,
                          size_t length) {
  const size_t room = SIM_REQUEST_BODY_MAX - request->body.length;
  sim_buf_add_bytes(&request->body, bytes, length < room ? length : room);
  request->body_bytes += length;
}

void sim_request_free(struct sim_request *request) {
  free(request->method);
  free(request->url);
  free(request->path);
  sim_pairs_free(&request->query);
  sim_pairs_free(&request->headers);
  sim_buf_free(&request->body);
  *request = (struct sim_request){0};
}

void sim_reply_free(struct sim_reply *reply) {
  sim_pairs_free(&reply->headers);
  sim_buf_free(&reply->body);
  *reply = (struct sim_reply){0};
}
