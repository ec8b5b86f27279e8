/* SPDX-License-Identifier: MIT
 *
 * sim_http: the HTTP server, and the only user of libmicrohttpd and gnutls.
 *
 * Owns the listening socket, the connections and the requests in them;
 * borrows the cloud. Everything happens on the thread that calls sim_http_run.
 */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include "sim_cloud.h"

#include <signal.h>

struct sim_http_config { /* all borrowed, for the life of the server */
  uint16_t port;         /* on 127.0.0.1; 0: the system chooses */
  const char *tls_cert;  /* PEM texts, not file names; NULL: plain HTTP */
  const char *tls_key;
  const char *tls_client_ca; /* NULL: clients need no certificate */
};

struct sim_http;

/* Listens. Returns 0 and the server, which the caller frees; -EINVAL if TLS
 * cannot be set up; or the negative errno of the socket. */
int sim_http_new(const struct sim_http_config *config, struct sim_cloud *cloud,
                 struct sim_http **ret_server);

uint16_t sim_http_port(const struct sim_http *server);

/* Serves until *stop is set by a signal handler. The signals must be blocked;
 * wait_mask is the mask to wait with, in which they are not. */
void sim_http_run(struct sim_http *server, const sigset_t *wait_mask,
                  const volatile sig_atomic_t *stop);

/* Closes all connections, those that hang included. */
void sim_http_free(struct sim_http *server);

#endif
