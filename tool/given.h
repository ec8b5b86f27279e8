/* SPDX-License-Identifier: MIT
 *
 * given owns the event that a user describes, as options of a command line or
 * as a line of PUTNOTIF, with its meta data. Names and messages are cut to what
 * collectd has room for.
 */
#ifndef ONENET_GIVEN_H
#define ONENET_GIVEN_H

#include "words/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GIVEN_NAME_BYTES 128 /* collectd's DATA_MAX_NAME_LEN */
#define GIVEN_MESSAGE_BYTES 256
#define GIVEN_WHY_BYTES 160

struct given_meta; /* one entry of the meta data */

/* Members are read by `given` alone. */
struct given {
  enum event_source source;
  enum severity severity;
  char host[GIVEN_NAME_BYTES];
  char plugin[GIVEN_NAME_BYTES];
  char plugin_instance[GIVEN_NAME_BYTES];
  char type[GIVEN_NAME_BYTES];
  char type_instance[GIVEN_NAME_BYTES];
  char data_source[GIVEN_NAME_BYTES];
  char message[GIVEN_MESSAGE_BYTES];
  bool has_severity;
  bool has_time;
  bool has_value;
  double value;
  int64_t wall_time_ms;
  struct given_meta *meta;
};

/* Makes a FAILURE at that time, whose texts are all empty; to be freed with
 * given_free. */
void given_init(struct given *g, int64_t wall_now_ms);
void given_free(struct given *g);

/* Sets what has that name: source (notification, value), severity, host,
 * plugin, plugin_instance, type, type_instance, data_source, message, value,
 * time (seconds since 1970) or meta (NAME=TEXT, any number of them). Returns 0;
 * -EINVAL, and writes what is wrong to ret_why; -ENOMEM. */
int given_set(struct given *g, const char *name, const char *text,
              char ret_why[static GIVEN_WHY_BYTES]);

/* Reads a line of collectd's unixsock, PUTNOTIF NAME=TEXT ..., quoted as
 * collectd reads it; the line is changed. What collectd refuses is refused:
 * unknown names, no severity, no time, no message. Returns as given_set. */
int given_read_line(struct given *g, char *line,
                    char ret_why[static GIVEN_WHY_BYTES]);

/* Writes the event, which borrows from g. A value without a data source has
 * that of most types, "value". Returns 0; or -EINVAL, and writes to ret_why
 * what does not go together, or is lacking. */
int given_event(const struct given *g, struct event *ret_event,
                char ret_why[static GIVEN_WHY_BYTES]);

#endif
