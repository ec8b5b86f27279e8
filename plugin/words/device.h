/* SPDX-License-Identifier: MIT
 *
 * device owns endpoints and devices as plain data, found by name.
 *
 * The directory is filled at configuration time by one thread, sealed, and from
 * then on read-only: any thread may read it without a lock.
 */
#ifndef ONENET_DEVICE_H
#define ONENET_DEVICE_H

#include "base/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_NAME_BYTES NAMES_NAME_BYTES
#define DEVICE_ID_BYTES 129          /* with the NUL */
#define DEVICE_TIMEOUT_MAX_S 2678400 /* 31 days: OneNET's limit of timeout= */

/* A limit: at most `count` per `seconds`; count 0: no limit. */
struct rate_limit {
  uint32_t count;
  uint32_t seconds;
};

enum credential_kind {
  CREDENTIAL_KEY,            /* text: the API key, in memory of base/secret */
  CREDENTIAL_KEY_FILE,       /* text: the path of the file that holds it */
  CREDENTIAL_ACCESS_KEY_FILE /* text: the path of the file that holds the access
                                key, which signs tokens */
};

enum token_method { TOKEN_MD5, TOKEN_SHA1, TOKEN_SHA256 };

enum token_version { TOKEN_2018_10_31, TOKEN_2020_05_29, TOKEN_2022_05_01 };

struct credential_options {
  enum credential_kind kind;
  char *text;
  char *resource; /* for tokens: products/123123 */
  enum token_method method;
  enum token_version version;
  int token_lifetime_s;
};

struct tls_options {
  bool verify_peer;
  bool verify_host;
  char *ca_cert; /* paths and names; NULL: libcurl's default */
  char *ca_path;
  char *client_cert;
  char *client_key;
  char *client_key_pass;
  int ssl_version; /* 0: libcurl's default; 10, 11, 12, 13: at least TLS 1.0
                      to 1.3 */
};

struct api; /* see cloud/api.h */

struct endpoint {
  const char *name;
  size_t index; /* dense, from 0 */
  char *url;
  const struct api
      *api;             /* the interface that the URL is of; while a
                           configuration is read NULL: a fault left that open */
  const char *api_name; /* its name, constant; default: cmds */
  bool keeps_commands;  /* OneNET keeps commands that have a validity for a
                           device that is offline: else it is for us to try
                           again until that is over */
  char *product_id;     /* NULL: not named in requests */
  int device_wait_s;    /* how long a call is to wait for the device */
  struct credential_options credential;
  struct tls_options tls;
  char *proxy;
  char *user_agent;
  char **headers; /* "Name: value", NULL-terminated; NULL: none */
  int connect_timeout_s;
  int request_timeout_s;
  int max_in_flight;
  struct rate_limit rate;
  int breaker_threshold;
};

struct device {
  const char *name;
  char *device_id; /* see device_set_id */
  size_t index;    /* dense, from 0 */
  const struct endpoint *endpoint;
  int timeout_s;
  int qos; /* 0, 1; -1: not sent */
  struct rate_limit rate;
  bool declared; /* has a <Device> block: reported from the start */
};

struct directory;

/* Returns an empty directory that the caller owns, or NULL without memory. */
struct directory *directory_new(void);

/* Frees the directory with all its endpoints and devices; wipes their secrets.
 * NULL is allowed. */
void directory_free(struct directory *d);

/* Add an endpoint or a device with the documented defaults; the directory owns
 * it and never moves it. The caller has checked the name with
 * directory_name_is_valid, and sets an endpoint's `api`. Return 0; -EEXIST if
 * an endpoint or a device has that name without regard to case, or the name is
 * `agent`; -ENOMEM. */
int directory_add_endpoint(struct directory *d, const char *name,
                           struct endpoint **ret_endpoint);
int directory_add_device(struct directory *d, const char *name,
                         struct device **ret_device);

/* Sets the id, fewer than DEVICE_ID_BYTES bytes, of a device of the directory:
 * "" before that. Returns 0 or -ENOMEM. */
int device_set_id(struct device *d, const char *id);

/* Return the endpoint or device of that name without regard to case, or
 * NULL. */
struct endpoint *directory_find_endpoint(const struct directory *d,
                                         const char *name);
struct device *directory_find_device(const struct directory *d,
                                     const char *name);

/* Return how many there are, or the one at an index below that number. */
size_t directory_endpoint_count(const struct directory *d);
size_t directory_device_count(const struct directory *d);
struct endpoint *directory_endpoint(const struct directory *d, size_t index);
struct device *directory_device(const struct directory *d, size_t index);

/* Returns whether name is 1 to 63 characters of [A-Za-z0-9_.-]. */
bool directory_name_is_valid(const char *name);

#endif
