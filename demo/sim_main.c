/* SPDX-License-Identifier: MIT
 *
 * onenet-sim: a local OneNET service. This file puts the parts together
 * and keeps them for the life of the process.
 */
#include "sim_http.h"
#include "sim_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXIT_USAGE 2

static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

/* Blocks the signals that end the process; sim_http_run waits with the old
 * mask, so that they come nowhere else. */
static void prepare_signals(sigset_t *ret_wait_mask) {
  struct sigaction action = {.sa_handler = on_signal};
  sigset_t blocked;
  sigemptyset(&action.sa_mask);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  sigprocmask(SIG_BLOCK, &blocked, ret_wait_mask);
  sigdelset(ret_wait_mask, SIGTERM);
  sigdelset(ret_wait_mask, SIGINT);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
}

/* Returns the file's text, which the caller frees; NULL for no path. */
static char *read_file(const char *path) {
  char piece[4096];
  size_t got;
  struct sim_buf text = {0};
  if (path == NULL)
    return NULL;
  FILE *file = fopen(path, "r");
  if (file == NULL)
    sim_buf_die("cannot read %s: %s", path, strerror(errno));
  while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
    sim_buf_add_bytes(&text, piece, got);
  if (ferror(file))
    sim_buf_die("cannot read %s", path);
  fclose(file);
  sim_buf_add(&text, "");
  return text.data;
}

/* A reader sees the whole port or no file. */
static void write_port(const char *path, uint16_t port) {
  struct sim_buf temporary = {0};
  sim_buf_addf(&temporary, "%s.tmp", path);
  FILE *file = fopen(temporary.data, "w");
  if (file == NULL || fprintf(file, "%" PRIu16 "\n", port) < 0 ||
      fclose(file) != 0 || rename(temporary.data, path) != 0)
    sim_buf_die("cannot write %s: %s", path, strerror(errno));
  sim_buf_free(&temporary);
}

static void make_cloud(struct sim_options *options, struct sim_cloud *cloud) {
  *cloud = (struct sim_cloud){.config = options->cloud, .auth = options->auth};
  const int error =
      sim_execlog_new(options->keep, options->execution_log, &cloud->execlog);
  if (error != 0)
    sim_buf_die("cannot open the execution log %s: %s", options->execution_log,
                strerror(-error));
  cloud->store = sim_store_new(&options->store, cloud->execlog);
  sim_faults_init(&cloud->faults);
  sim_journal_init(&cloud->journal, options->keep);
  if (options->clock_s >= 0)
    cloud->clock_offset_ms = (options->clock_s - (int64_t)time(NULL)) * 1000;
  const struct sim_device_change online = {
      .set_online = true, .online = true, .reply_code = -1, .wait_ms = -1};
  for (size_t i = 0; i < options->device_count; i++)
    sim_store_put_device(cloud->store, options->devices[i], &online, 0);
}

static struct sim_http *listen_for(const struct sim_options *options,
                                   struct sim_cloud *cloud) {
  char *cert = read_file(options->tls_cert);
  char *key = read_file(options->tls_key);
  char *client_ca = read_file(options->tls_client_ca);
  const struct sim_http_config config = {options->port, cert, key, client_ca};
  struct sim_http *server = NULL;
  const int error = sim_http_new(&config, cloud, &server);
  if (error == -EINVAL && cert != NULL)
    sim_buf_die("cannot serve HTTPS on port %u with %s and %s",
                (unsigned)options->port, options->tls_cert, options->tls_key);
  if (error != 0)
    sim_buf_die("cannot listen on 127.0.0.1 port %u: %s",
                (unsigned)options->port, strerror(-error));
  free(cert);
  free(key);
  free(client_ca);
  return server;
}

static void announce(const struct sim_options *options,
                     const struct sim_http *server) {
  const uint16_t port = sim_http_port(server);
  if (options->port_file != NULL)
    write_port(options->port_file, port);
  printf("onenet-sim: listening on %s://127.0.0.1:%" PRIu16 "\n",
         options->tls_cert != NULL ? "https" : "http", port);
  fflush(stdout);
}

int main(int argc, char **argv) {
  struct sim_options options;
  struct sim_cloud cloud;
  sigset_t wait_mask;
  switch (sim_options_read(argc, argv, &options)) {
  case SIM_OPTIONS_SHOWN:
    sim_auth_free(&options.auth);
    return EXIT_SUCCESS;
  case SIM_OPTIONS_WRONG:
    sim_auth_free(&options.auth);
    return EXIT_USAGE;
  case SIM_OPTIONS_RUN:
    break;
  }
  prepare_signals(&wait_mask);
  make_cloud(&options, &cloud);
  struct sim_http *server = listen_for(&options, &cloud);
  announce(&options, server);
  sim_http_run(server, &wait_mask, &stop);
  sim_http_free(server);
  sim_cloud_free(&cloud);
  return EXIT_SUCCESS;
}
