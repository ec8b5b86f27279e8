/* SPDX-License-Identifier: MIT
 *
 * api owns the table of the interfaces that OneNET has for commands, one for
 * each value of the option API, and what a caller needs to know of one. Each
 * interface is one file: cmds_api, property_api, service_api, sync_api. No
 * state: any thread.
 */
#ifndef ONENET_API_H
#define ONENET_API_H

#include "base/buf.h"
#include "cloud/http.h"
#include "words/command.h"
#include "words/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define API_BODY_MAX_DEPTH 64 /* levels of a body that is JSON */
#define API_REPLY_MAX_BYTES 1024

/* The device, as an answer to a call without effect tells of it. */
enum api_device {
  API_DEVICE_UNTOLD, /* nothing */
  API_DEVICE_UNKNOWN,
  API_DEVICE_KNOWN, /* but not whether it is online */
  API_DEVICE_ONLINE,
  API_DEVICE_OFFLINE
};

/* What came of a call without effect. */
struct api_finding {
  struct verdict verdict; /* as of an attempt */
  bool is_right; /* OneNET has taken URL and credential for good, and answered
                    what was asked */
  enum api_device device;
};

/* A call without effect, a GET, which shows whether attempts can work. */
struct api_probe {
  const char *what; /* what is asked for: "the status of ..." */
  /* Appends its URL. device_id NULL: about no device that there is. Returns as
   * buf_append. */
  int (*append_url)(struct buf *out, const struct endpoint *e,
                    const char *device_id);
  /* Judges the answer; writes the whole of ret_finding. */
  void (*judge)(const struct http_reply *reply,
                struct api_finding *ret_finding);
};

struct api {
  const char *name;                  /* value of the option API */
  const char *path;                  /* end of the path of its URL */
  const char *const *own_parameters; /* names of what append_url adds to the
                                        query, with a NULL at the end; NULL:
                                        none */
  const char *content_type;          /* NULL: that of the rule */
  size_t body_max_bytes;             /* limit of a rendered body */
  bool takes_object;                 /* a body must be a JSON object */
  bool takes_key; /* an API key is enough, and the product is not named */
  bool takes_qos;
  bool takes_service;  /* needs the identifier of a service */
  bool takes_wait;     /* is told how long to wait for the device */
  bool keeps_commands; /* for a device that is offline, if they have a
                          validity */
  bool is_answer;      /* the call waits for the device: nothing is left to be
                          followed once it is accepted */
  enum token_version token_version; /* defaults of the endpoint's options */
  int request_timeout_s;

  /* Appends the URL of an attempt for the command that begins at now_ms.
   * Returns as buf_append. */
  int (*append_url)(struct buf *out, const struct command *c, int64_t now_ms);

  /* Appends what is sent in the place of a body that api_check_body found
   * good. Returns as buf_append. NULL: the body is sent as it is. */
  int (*append_body)(struct buf *out, const struct command *c);

  /* Judges how an attempt ended, by the rules of collectd-onenet(5), OUTCOMES.
   * Writes the whole of ret_verdict, and appends to `out` what the device
   * itself replied, up to API_REPLY_MAX_BYTES; keeps nothing of the reply. */
  void (*judge)(const struct http_reply *reply, struct verdict *ret_verdict,
                struct buf *out);

  /* The calls without effect: the first one shows whether URL and credential
   * are right, and the second one, unless that is NULL, tells of a device. */
  const struct api_probe *probe;
  const struct api_probe *device_probe;

  /* Returns OneNET's own words for an errno, or NULL if it is not
   * documented. */
  const char *(*errno_text)(int32_t errno_value);
};

/* The interfaces. */
extern const struct api cmds_api, property_api, service_api, sync_api;

/* Returns the interface at an index, or NULL beyond the last one. The first one
 * is the default. */
const struct api *api_at(size_t index);

/* Returns 0 if the interface takes a rendered body of that many bytes; -EINVAL
 * if it does not; -ENOMEM if it is not known. Then writes why: one line. */
int api_check_body(const struct api *api, const void *body, size_t size,
                   char *ret_why, size_t why_bytes);

/* Returns whether the interface may take a body of which only the beginning is
 * known, and that it has at least so many bytes. If not, writes why. */
bool api_check_beginning(const struct api *api, const void *beginning,
                         size_t size, size_t least_bytes, char *ret_why,
                         size_t why_bytes);

#endif
