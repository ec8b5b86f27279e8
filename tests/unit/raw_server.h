/* SPDX-License-Identifier: MIT
 *
 * raw_server owns a listener on the loopback whose port the system chose, and
 * one thread per connection that runs the test's script with it: what goes over
 * the wire is written byte by byte, wrong where the test wants it wrong.
 *
 * start and stop are called by the test's thread, the counters by any, the rest
 * by scripts. Every blocking call of a script ends when the server is stopped.
 */
#ifndef ONENET_RAW_SERVER_H
#define ONENET_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct raw_server;
struct raw_connection;

/* Plays one connection; it is closed when the script returns. `number` counts
 * connections from 0, in the order of their arrival. */
typedef void raw_script_fn(struct raw_connection *c, size_t number,
                           void *context);

/* Returns a server that listens and accepts. context is borrowed until stop.
 * Ends the process if that is impossible. */
struct raw_server *raw_server_start(raw_script_fn *script, void *context);

/* The same, but its connections hold so little that a client which has 60 KiB
 * to send waits until they are read. */
struct raw_server *raw_server_start_narrow(raw_script_fn *script,
                                           void *context);

/* Shuts all connections down, joins all threads and frees. */
void raw_server_stop(struct raw_server *s);

/* Waits until the scripts of all connections that were accepted have ended. */
void raw_server_drain(struct raw_server *s);

int raw_server_port(const struct raw_server *s);

/* How many connections were accepted, and how many requests arrived complete:
 * the log of executions. */
size_t raw_server_connections(struct raw_server *s);
size_t raw_server_requests(struct raw_server *s);

/* Reads one request: a head and as much body as its Content-Length says.
 * Returns false at the end of the connection. The request is counted, and its
 * bytes stay valid until the next call, NUL-terminated if nothing came behind
 * them. */
bool raw_read_request(struct raw_connection *c);
const char *raw_request(const struct raw_connection *c);
size_t raw_request_size(const struct raw_connection *c);

/* Send a text, or bytes. Return false if the peer is gone. */
bool raw_send(struct raw_connection *c, const char *text);
bool raw_send_bytes(struct raw_connection *c, const void *data, size_t size);

/* Sends a whole answer with status 200 and that body. */
bool raw_send_ok(struct raw_connection *c, const char *body);

/* Reads until size bytes have come since the last request, or text has. Return
 * false at the end of the connection. */
bool raw_read_some(struct raw_connection *c, size_t size);
bool raw_read_until(struct raw_connection *c, const char *text);

/* Reads and throws away until the peer closes. */
void raw_hang(struct raw_connection *c);

/* Makes the close at the end of the script a reset. */
void raw_reset(struct raw_connection *c);

/* No more connections are accepted: they are refused. */
void raw_stop_listening(struct raw_connection *c);

/* Waits until count requests have arrived at the server or it is stopped. */
void raw_await_requests(struct raw_connection *c, size_t count);

/* Sleeps for ms, less if the server is stopped. Returns false if it is. */
bool raw_pause(struct raw_connection *c, int ms);

#endif
