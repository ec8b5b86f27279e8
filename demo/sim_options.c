/* SPDX-License-Identifier: MIT */
#include "sim_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ONENET_VERSION
#define ONENET_VERSION "(no version)"
#endif

#define DEFAULT_API_KEY "Demo0nlyKey=NotASecret00000="
#define DEFAULT_PRODUCT "AbC12345xy"
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

static const char help_text[] =
    "Usage: onenet-sim [OPTION]...\n"
    "A local OneNET service to try collectd-onenet with: /cmds, and the calls\n"
    "of the current platform. It listens on\n"
    "127.0.0.1 only and ends on SIGTERM or SIGINT. Devices, faults and the\n"
    "record of what was executed: GET /sim/ tells how.\n"
    "\n"
    "  --port N               0 to 65535; 0, the default: the system chooses\n"
    "  --port-file FILE       write the port there when ready\n"
    "  --device ID            a device that is online from the start\n"
    "                         (repeatable)\n"
    "  --auto-create          an unknown device appears, online, when a\n"
    "                         command for it comes\n"
    "  --api-key KEY          a key to accept (repeatable); default:\n"
    "                         " DEFAULT_API_KEY "\n"
    "  --access-key BASE64    a key to accept Authorization tokens of\n"
    "                         (repeatable)\n"
    "  --product ID           the product of the current platform; default:\n"
    "                         " DEFAULT_PRODUCT "\n"
    "  --data-stream          it has data streams, and takes synccmds;\n"
    "                         without this, it has a thing model\n"
    "  --auth-status N        HTTP status of refused credentials: 200 (the\n"
    "                         default), 400, 401 or 403\n"
    "  --documented-order     answer errno, error, data as the documentation\n"
    "                         has it, instead of errno, data, error\n"
    "  --rate N               calls a second, 0 = no limit; default 300\n"
    "  --answer-timeout S     seconds that a device has to answer, 0, the\n"
    "                         default = any time\n"
    "  --execution-log FILE   append a JSON line there for each command that "
    "a\n"
    "                         device receives, before the call is answered\n"
    "  --keep N               calls, executions and finished commands to\n"
    "                         remember, 1 to 10000000; default 100000\n"
    "  --clock UNIX           begin as if it were this time, in seconds\n"
    "  --tls-cert FILE        serve HTTPS with this certificate (PEM)\n"
    "  --tls-key FILE         and its key (PEM)\n"
    "  --tls-client-ca FILE   demand client certificates signed by these "
    "(PEM)\n"
    "  --help, --version      show this, or the version, and end\n";

enum option_id {
  OPTION_PORT = 256,
  OPTION_PORT_FILE,
  OPTION_DEVICE,
  OPTION_AUTO_CREATE,
  OPTION_API_KEY,
  OPTION_ACCESS_KEY,
  OPTION_PRODUCT,
  OPTION_DATA_STREAM,
  OPTION_AUTH_STATUS,
  OPTION_DOCUMENTED_ORDER,
  OPTION_RATE,
  OPTION_ANSWER_TIMEOUT,
  OPTION_EXECUTION_LOG,
  OPTION_KEEP,
  OPTION_CLOCK,
  OPTION_TLS_CERT,
  OPTION_TLS_KEY,
  OPTION_TLS_CLIENT_CA,
  OPTION_HELP,
  OPTION_VERSION,
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPTION_PORT},
    {"port-file", required_argument, NULL, OPTION_PORT_FILE},
    {"device", required_argument, NULL, OPTION_DEVICE},
    {"auto-create", no_argument, NULL, OPTION_AUTO_CREATE},
    {"api-key", required_argument, NULL, OPTION_API_KEY},
    {"access-key", required_argument, NULL, OPTION_ACCESS_KEY},
    {"product", required_argument, NULL, OPTION_PRODUCT},
    {"data-stream", no_argument, NULL, OPTION_DATA_STREAM},
    {"auth-status", required_argument, NULL, OPTION_AUTH_STATUS},
    {"documented-order", no_argument, NULL, OPTION_DOCUMENTED_ORDER},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"answer-timeout", required_argument, NULL, OPTION_ANSWER_TIMEOUT},
    {"execution-log", required_argument, NULL, OPTION_EXECUTION_LOG},
    {"keep", required_argument, NULL, OPTION_KEEP},
    {"clock", required_argument, NULL, OPTION_CLOCK},
    {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
    {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
    {"tls-client-ca", required_argument, NULL, OPTION_TLS_CLIENT_CA},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char *option_name(int id) {
  for (const struct option *o = long_options; o->name != NULL; o++)
    if (o->val == id)
      return o->name;
  return "?";
}

static bool refuse(int id, const char *allowed) {
  fprintf(stderr, "onenet-sim: --%s '%s': allowed is %s\n", option_name(id),
          optarg, allowed);
  return false;
}

static bool read_integer(int id, int64_t min, int64_t max, int64_t *ret_value) {
  char allowed[80];
  char *end;
  errno = 0;
  const long long value = strtoll(optarg, &end, 10);
  if (errno == 0 && end != optarg && *end == '\0' && value >= min &&
      value <= max) {
    *ret_value = value;
    return true;
  }
  snprintf(allowed, sizeof(allowed), "an integer from %" PRId64 " to %" PRId64,
           min, max);
  return refuse(id, allowed);
}

static bool read_device(struct sim_options *options) {
  if (optarg[0] == '\0')
    return refuse(OPTION_DEVICE, "a device id that is not empty");
  if (options->device_count == SIM_DEVICES_MAX)
    return refuse(OPTION_DEVICE, "at most 64 times; PUT /sim/devices/ID "
                                 "adds more");
  options->devices[options->device_count++] = optarg;
  return true;
}

/* Never prints the key, though it is of no value. */
static bool read_key(int id, int error) {
  if (error == 0)
    return true;
  fprintf(stderr, "onenet-sim: --%s: allowed is %s\n", option_name(id),
          error == -ENOSPC ? "at most 16 times"
          : id == OPTION_API_KEY
              ? "1 to 256 visible ASCII characters without spaces"
              : "base64 of 1 to 768 bytes");
  return false;
}

static bool read_auth_status(struct sim_options *options) {
  static const char *const allowed[] = {"200", "400", "401", "403"};
  for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
    if (strcmp(optarg, allowed[i]) != 0)
      continue;
    options->cloud.auth_status = (unsigned)strtoul(optarg, NULL, 10);
    return true;
  }
  return refuse(OPTION_AUTH_STATUS, "200, 400, 401 or 403");
}

static bool read_port(struct sim_options *options) {
  int64_t value = 0;
  if (!read_integer(OPTION_PORT, 0, 65535, &value))
    return false;
  options->port = (uint16_t)value;
  return true;
}

static bool read_keep(struct sim_options *options) {
  int64_t value = 0;
  if (!read_integer(OPTION_KEEP, 1, 10000000, &value))
    return false;
  options->keep = options->store.keep = (size_t)value;
  return true;
}

/* Returns false if the option is not one of those with a plain text. */
static bool read_text(int id, struct sim_options *options) {
  const char **place = id == OPTION_PORT_FILE       ? &options->port_file
                       : id == OPTION_EXECUTION_LOG ? &options->execution_log
                       : id == OPTION_PRODUCT       ? &options->cloud.product
                       : id == OPTION_TLS_CERT      ? &options->tls_cert
                       : id == OPTION_TLS_KEY       ? &options->tls_key
                       : id == OPTION_TLS_CLIENT_CA ? &options->tls_client_ca
                                                    : NULL;
  if (place == NULL)
    return false;
  *place = optarg;
  return true;
}

static bool read_option(int id, struct sim_options *options) {
  switch (id) {
  case OPTION_PORT:
    return read_port(options);
  case OPTION_DEVICE:
    return read_device(options);
  case OPTION_AUTO_CREATE:
    options->store.auto_create = true;
    return true;
  case OPTION_API_KEY:
    return read_key(id, sim_auth_add_api_key(&options->auth, optarg));
  case OPTION_ACCESS_KEY:
    return read_key(id, sim_auth_add_access_key(&options->auth, optarg));
  case OPTION_AUTH_STATUS:
    return read_auth_status(options);
  case OPTION_DATA_STREAM:
    options->cloud.is_stream = true;
    return true;
  case OPTION_DOCUMENTED_ORDER:
    options->cloud.documented_order = true;
    return true;
  case OPTION_RATE:
    return read_integer(id, 0, INT32_MAX, &options->cloud.rate_per_s);
  case OPTION_ANSWER_TIMEOUT:
    return read_integer(id, 0, 86400, &options->store.answer_timeout_s);
  case OPTION_KEEP:
    return read_keep(options);
  case OPTION_CLOCK:
    return read_integer(id, 0, LAST_SECOND, &options->clock_s);
  default:
    return read_text(id, options);
  }
}

static bool complain(char **argv, int result) {
  const char *word = argv[optind - 1];
  if (result == ':')
    fprintf(stderr, "onenet-sim: %s needs a value; see --help\n", word);
  else
    fprintf(stderr, "onenet-sim: unknown option %s; see --help\n", word);
  return false;
}

static bool check_tls(const struct sim_options *options) {
  if ((options->tls_cert == NULL) == (options->tls_key == NULL) &&
      (options->tls_client_ca == NULL || options->tls_cert != NULL))
    return true;
  fputs("onenet-sim: --tls-cert and --tls-key go together, and "
        "--tls-client-ca needs both\n",
        stderr);
  return false;
}

static bool check_rest(int argc, char **argv,
                       const struct sim_options *options) {
  if (optind < argc) {
    fprintf(stderr,
            "onenet-sim: '%s': there are no arguments but options; see "
            "--help\n",
            argv[optind]);
    return false;
  }
  return check_tls(options);
}

static void set_defaults(struct sim_options *options) {
  *options = (struct sim_options){
      .clock_s = -1,
      .keep = 100000,
      .store = {.keep = 100000},
      .cloud = {.auth_status = 200,
                .rate_per_s = 300,
                .product = DEFAULT_PRODUCT},
  };
}

enum sim_options_result sim_options_read(int argc, char **argv,
                                         struct sim_options *ret_options) {
  int id;
  set_defaults(ret_options);
  opterr = 0;
  while ((id = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
    if (id == OPTION_HELP || id == OPTION_VERSION) {
      fputs(id == OPTION_HELP ? help_text : "onenet-sim " ONENET_VERSION "\n",
            stdout);
      return SIM_OPTIONS_SHOWN;
    }
    if (id == '?' || id == ':' ? !complain(argv, id)
                               : !read_option(id, ret_options))
      return SIM_OPTIONS_WRONG;
  }
  if (!check_rest(argc, argv, ret_options))
    return SIM_OPTIONS_WRONG;
  if (ret_options->auth.api_key_count == 0)
    sim_auth_add_api_key(&ret_options->auth, DEFAULT_API_KEY);
  return SIM_OPTIONS_RUN;
}
