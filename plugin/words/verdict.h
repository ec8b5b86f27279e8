/* SPDX-License-Identifier: MIT
 *
 * verdict owns the result of one attempt, as plain data, and the one table of
 * what each class of verdicts means: whether the command was surely not
 * executed, whether and after what wait it is tried again, how it affects the
 * endpoint's circuit, and what is in trouble. It keeps no state: any thread.
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
  VERDICT_OFFLINE,      /* the device is not online */
  VERDICT_NOT_EXECUTED, /* too many calls, try later */
  VERDICT_NOT_SENT,     /* nothing of the body has left */
  VERDICT_CREDENTIALS,
  VERDICT_REFUSED,
  VERDICT_DOUBTFUL
};
#define VERDICT_CLASSES (VERDICT_DOUBTFUL + 1)

struct verdict {
  enum verdict_class class;
  char cause[VERDICT_CAUSE_BYTES]; /* errno_10, reply_500, reply_unreadable,
                                      http_503, curl_28, unreadable, local; ""
                                      when accepted */
  bool has_errno;
  int32_t errno_value;
  int http_code;                     /* 0: no answer */
  char error[VERDICT_ERROR_BYTES];   /* one line of valid UTF-8, may be "" */
  char cmd_uuid[VERDICT_UUID_BYTES]; /* "" if there is none worth keeping */
  int64_t retry_after_ms;            /* 0: the server did not say */
  int local_errno;   /* errno if the attempt could not even be tried; else 0 */
  bool is_early;     /* the answer came before the whole body had left */
  bool is_of_device; /* the endpoint works, and handed the command to the
                        device: that did not reply, or not so that it can be
                        understood (a doubt), or says no itself (refused) */
};

/* The condition under which a command is tried again. */
enum verdict_retry {
  RETRY_NEVER,
  RETRY_ALWAYS,
  RETRY_IF_OFFLINE, /* with OnOffline retry, or if it is kept here */
  RETRY_IF_UNKNOWN  /* with OnUnknown retry */
};

/* The wait before a command is tried again. */
enum verdict_wait {
  WAIT_BACKOFF, /* the time of Retry-After, else one that grows with each
                   attempt */
  WAIT_FOR_KEY  /* until the key file has changed, a minute at most */
};

/* The effect of a verdict on the endpoint's circuit. */
enum verdict_circuit {
  CIRCUIT_CLOSES, /* the endpoint answers */
  CIRCUIT_COUNTS, /* one more failure in a row */
  CIRCUIT_STAYS   /* the verdict says nothing about the endpoint */
};

/* The part that is in trouble, as people are told. */
enum verdict_trouble {
  TROUBLE_NONE,
  TROUBLE_NO_ANSWER,   /* the endpoint: no answer tells the command's fate */
  TROUBLE_CREDENTIALS, /* the endpoint: keys were refused, or can not be read */
  TROUBLE_BUSY,        /* the endpoint: it asks for fewer attempts */
  TROUBLE_DEVICE       /* the device */
};

struct verdict_meaning {
  const char *name; /* name in the ledger */
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

/* Returns whether the command was surely not executed: what the class says, but
 * not if the device had the command and said no itself, since it may have done
 * a part. */
bool verdict_surely_unexecuted(const struct verdict *v);

/* Returns the effect on the circuit: CIRCUIT_STAYS for an early answer, which
 * may come from a gateway in front of the endpoint, and for an attempt that
 * could not even be tried; CIRCUIT_CLOSES for a verdict that is of the device;
 * else what the class says. */
enum verdict_circuit verdict_circuit(const struct verdict *v);

/* Returns what is in trouble: the device for a verdict that is of it, else what
 * the class says. */
enum verdict_trouble verdict_trouble(const struct verdict *v);

#endif
