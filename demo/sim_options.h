/* SPDX-License-Identifier: MIT
 *
 * sim_options: the command line as one checked struct.
 *
 * Texts are borrowed from argv. Keys go straight into the cloud's auth.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "sim_cloud.h"

#define SIM_DEVICES_MAX 64

struct sim_options {
  uint16_t port;
  const char *port_file;
  const char *execution_log;
  const char *tls_cert; /* file names */
  const char *tls_key;
  const char *tls_client_ca;
  int64_t clock_s; /* -1: the real time */
  size_t keep;
  const char *devices[SIM_DEVICES_MAX]; /* there and online from the start */
  size_t device_count;
  struct sim_store_config store;
  struct sim_cloud_config cloud;
  struct sim_auth auth; /* the caller frees it */
};

enum sim_options_result {
  SIM_OPTIONS_RUN,
  SIM_OPTIONS_SHOWN, /* --help or --version was printed on stdout */
  SIM_OPTIONS_WRONG, /* one line on stderr named option, value and what is
                        allowed */
};

enum sim_options_result sim_options_read(int argc, char **argv,
                                         struct sim_options *ret_options);

#endif
