/* SPDX-License-Identifier: MIT */
#include "words/device.h"

#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct directory {
  struct names endpoints;
  struct names devices;
};

static void wipe_and_free(char *text) {
  if (text != NULL)
    explicit_bzero(text, strlen(text));
  free(text);
}

static void free_credential(struct credential_options *c) {
  if (c->kind == CREDENTIAL_KEY)
    secret_free(c->text);
  else
    free(c->text);
}

/* URL, proxy and headers are wiped like the key: they may hold passwords. */
static void endpoint_free(void *item) {
  struct endpoint *e = item;
  wipe_and_free(e->url);
  free_credential(&e->credential);
  free(e->credential.resource);
  free(e->product_id);
  free(e->tls.ca_cert);
  free(e->tls.ca_path);
  free(e->tls.client_cert);
  free(e->tls.client_key);
  wipe_and_free(e->tls.client_key_pass);
  wipe_and_free(e->proxy);
  free(e->user_agent);
  for (char **header = e->headers; header != NULL && *header != NULL; header++)
    wipe_and_free(*header);
  free(e->headers);
  free(e);
}

static void device_free(void *item) {
  struct device *d = item;
  free(d->device_id);
  free(d);
}

struct directory *directory_new(void) {
  return calloc(1, sizeof(struct directory));
}

void directory_free(struct directory *d) {
  if (d == NULL)
    return;
  names_free(&d->devices, device_free);
  names_free(&d->endpoints, endpoint_free);
  free(d);
}

static bool name_is_taken(const struct directory *d, const char *name) {
  return strcasecmp(name, "agent") == 0 ||
         names_find(&d->endpoints, name) != NULL ||
         names_find(&d->devices, name) != NULL;
}

int directory_add_endpoint(struct directory *d, const char *name,
                           struct endpoint **ret_endpoint) {
  if (name_is_taken(d, name))
    return -EEXIST;
  struct endpoint *e = names_add(&d->endpoints, name, sizeof(*e));
  if (e == NULL)
    return -ENOMEM;
  e->index = d->endpoints.count - 1;
  e->credential.method = TOKEN_SHA256;
  e->credential.token_lifetime_s = 3600;
  e->tls.verify_peer = true;
  e->tls.verify_host = true;
  e->api_name = "cmds";
  e->keeps_commands = true;
  e->device_wait_s = 10;
  e->connect_timeout_s = 5;
  e->request_timeout_s = 10;
  e->max_in_flight = 16;
  e->rate = (struct rate_limit){.count = 250, .seconds = 1};
  e->breaker_threshold = 5;
  *ret_endpoint = e;
  return 0;
}

int directory_add_device(struct directory *d, const char *name,
                         struct device **ret_device) {
  if (name_is_taken(d, name))
    return -EEXIST;
  char *no_id = strdup("");
  struct device *device =
      no_id != NULL ? names_add(&d->devices, name, sizeof(*device)) : NULL;
  if (device == NULL) {
    free(no_id);
    return -ENOMEM;
  }
  device->device_id = no_id;
  device->index = d->devices.count - 1;
  device->qos = -1;
  *ret_device = device;
  return 0;
}

int device_set_id(struct device *d, const char *id) {
  char *copy = strdup(id);
  if (copy == NULL)
    return -ENOMEM;
  free(d->device_id);
  d->device_id = copy;
  return 0;
}

struct endpoint *directory_find_endpoint(const struct directory *d,
                                         const char *name) {
  return names_find(&d->endpoints, name);
}

struct device *directory_find_device(const struct directory *d,
                                     const char *name) {
  return names_find(&d->devices, name);
}

size_t directory_endpoint_count(const struct directory *d) {
  return d->endpoints.count;
}

size_t directory_device_count(const struct directory *d) {
  return d->devices.count;
}

struct endpoint *directory_endpoint(const struct directory *d, size_t index) {
  return d->endpoints.items[index];
}

struct device *directory_device(const struct directory *d, size_t index) {
  return d->devices.items[index];
}

bool directory_name_is_valid(const char *name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz"
                                "0123456789_.-";
  size_t length = strspn(name, allowed);
  return length > 0 && length < DEVICE_NAME_BYTES && name[length] == '\0';
}
