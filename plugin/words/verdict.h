/* SPDX-License-Identifier: MIT
 *
 * verdict owns what one attempt came to, as plain data, and the one table of
 * what each class of verdicts means: whether the command is tried again,
 * whether it was surely not executed, and what the circuit, the wait and the
 * log make of it. No state: any thread.
 */
#ifndef ONENET_VERDICT_H
#define ONENET_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#define VERDICT_UUID_BYTES 65 /* with the NUL */
#define VERDICT_ERROR_BYTES 128
#define VERDICT_CAUSE_BYTES 24

enum verdict_class {
  VERDICT_ACCEPTED,
  VERDICT_OFFLINE,      /* errno 10 */
  VERDICT_NOT_EXECUTED, /* too many calls, try later */
  VERDICT_NOT_SENT,     /* libcurl never asked for the body */
  VERDICT_CREDENTIALS,
  VERDICT_REFUSED,
  VERDICT_DOUBTFUL
};
#define VERDICT_CLASSES (VERDICT_DOUBTFUL + 1)

struct verdict {
  enum verdict_class class;
  char cause[VERDICT_CAUSE_BYTES]; /* errno_10, http_503, curl_28, unreadable;
                                      "" when accepted */
  bool has_errno;
  int32_t errno_value;
  int http_code;                     /* 0: no answer */
  char error[VERDICT_ERROR_BYTES];   /* one line of valid UTF-8, may be "" */
  char cmd_uuid[VERDICT_UUID_BYTES]; /* "" where there is none worth keeping */
  int64_t retry_after_ms;            /* 0: the server did not say */
  int local_errno; /* of what could not even be tried; else 0 */
  bool is_early;   /* an answer came before the whole body was asked for */
};

/* Whether a command is tried again after a verdict. */
enum verdict_retry {
  RETRY_NEVER,
  RETRY_ALWAYS,
  RETRY_IF_OFFLINE, /* with OnOffline retry */
  RETRY_IF_UNKNOWN  /* with OnUnknown retry */
};

/* How long it waits before that. */
enum verdict_wait {
  WAIT_BACKOFF, /* as Retry-After says, else ever longer */
  WAIT_FOR_KEY  /* until the key file has changed, a minute at most */
};

/* What the endpoint's circuit makes of it. */
enum verdict_circuit {
  CIRCUIT_CLOSES, /* the endpoint answers */
  CIRCUIT_COUNTS, /* one more failure in a row */
  CIRCUIT_STAYS   /* it tells nothing of the endpoint */
};

/* What is in trouble, for who tells people. */
enum verdict_trouble {
  TROUBLE_NONE,
  TROUBLE_NO_ANSWER, /* the endpoint: nothing came that tells of the command */
  TROUBLE_CREDENTIALS, /* the endpoint: they were refused, or can not be read */
  TROUBLE_BUSY,        /* the endpoint: it asks for fewer attempts */
  TROUBLE_DEVICE       /* the device */
};

struct verdict_meaning {
  const char *name; /* in the ledger */
  bool surely_unexecuted;
  enum verdict_retry retry;
  enum verdict_wait wait;
  enum verdict_circuit circuit;
  enum verdict_trouble trouble;
};

/* Returns what the class means. */
const struct verdict_meaning *verdict_meaning(enum verdict_class class);

/* Writes the class of that name to ret_class. Returns 0 or -EINVAL. */
int verdict_parse_class(const char *name, enum verdict_class *ret_class);

/* Returns what the circuit makes of this verdict: what its class says, but an
 * early answer may be that of a gateway in front of the endpoint, and what
 * could not even be tried tells nothing. */
enum verdict_circuit verdict_circuit(const struct verdict *v);

/* Returns what is in trouble: what its class says, but a doubt that comes with
 * an errno is the device's. */
enum verdict_trouble verdict_trouble(const struct verdict *v);

#endif
