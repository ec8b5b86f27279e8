/* SPDX-License-Identifier: MIT
 *
 * sim_exchange: one HTTP request and one reply as plain data, free of any HTTP
 * library, so that what the service does can be read without knowing one.
 *
 * A request or reply belongs to whoever declared it and is ended with its
 * _free function; texts added to it are copied. A zeroed struct is an empty
 * one. No global state.
 */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

#include "sim_buf.h"

#include <stdint.h>

/* More of a body than this is counted, but not kept. */
#define SIM_REQUEST_BODY_MAX ((size_t)1 << 20)

struct sim_pair {
  char *name;
  char *value;
};

struct sim_pairs { /* in the order of arrival; a name may come twice */
  struct sim_pair *items;
  size_t count;
  size_t size;
};

struct sim_request {
  char *method;
  char *url;              /* path and query as they came, still escaped */
  char *path;             /* what comes before the '?', still escaped */
  struct sim_pairs query; /* unescaped */
  struct sim_pairs headers;
  struct sim_buf body; /* the first SIM_REQUEST_BODY_MAX bytes */
  size_t body_bytes;   /* how many came */
};

enum sim_ending {
  SIM_ENDING_ANSWER, /* send the reply */
  SIM_ENDING_CLOSE,  /* close the connection without a word */
  SIM_ENDING_HANG,   /* keep the connection and never say a word */
};

struct sim_reply {
  unsigned status;
  struct sim_pairs headers;
  struct sim_buf body;
  int64_t delay_ms; /* from now, before the ending */
  enum sim_ending ending;
};

/* Adds a copy of both texts; a NULL value counts as "". */
void sim_pairs_add(struct sim_pairs *pairs, const char *name,
                   const char *value);

/* Returns the first value of this name, borrowed, or NULL. Names of headers
 * are compared without regard to case. */
const char *sim_pairs_find(const struct sim_pairs *pairs, const char *name);
const char *sim_pairs_find_header(const struct sim_pairs *pairs,
                                  const char *name);

/* Adds the pairs as a JSON array of [name, value]. */
void sim_pairs_add_json(const struct sim_pairs *pairs, struct sim_buf *buf);

void sim_pairs_free(struct sim_pairs *pairs);

/* Sets method-independent parts of a fresh request from the raw target. */
void sim_request_set_url(struct sim_request *request, const char *url);

/* Adds to the body what fits, and counts all of it. */
void sim_request_add_body(struct sim_request *request, const char *bytes,
                          size_t length);

void sim_request_free(struct sim_request *request);
void sim_reply_free(struct sim_reply *reply);

#endif
