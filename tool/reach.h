/* SPDX-License-Identifier: MIT
 *
 * reach owns the question how far one comes on the way to a host: its
 * addresses, and whether one of them takes a connection. It sends nothing.
 */
#ifndef ONENET_REACH_H
#define ONENET_REACH_H

#include "base/buf.h"

#include <stdint.h>

#define REACH_NAME_BYTES 256
#define REACH_PORT_BYTES 8

/* A host and its port, as they stand in a URL or in the option Proxy. */
struct reach {
  char host[REACH_NAME_BYTES]; /* without the brackets of an IPv6 address */
  char port[REACH_PORT_BYTES];
};

/* Reads [SCHEME://][USER@]HOST[:PORT][/...]. Returns 0; or -EINVAL if it is no
 * such thing. */
int reach_parse(const char *text, const char *default_port,
                struct reach *ret_reach);

/* Tries to connect to each address of the host, and appends what came of each:
 * "127.0.0.1: Connection refused, ::1: ...". Waits wait_ms at most for each;
 * the resolver may take its own time. Returns 0 if one takes the connection;
 * -ENOENT if the name has no address; or the negative errno of the last one. */
int reach_try(const struct reach *r, int64_t wait_ms, struct buf *out);

#endif
