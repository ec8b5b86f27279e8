/* SPDX-License-Identifier: MIT */
#include "cloud/api.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PARSER_BYTES 192 /* for the words of the parser */

static const struct api *const apis[] = {&cmds_api, &property_api, &service_api,
                                         &sync_api};

const struct api *api_at(size_t index) {
  return index < sizeof(apis) / sizeof(apis[0]) ? apis[index] : NULL;
}

#define NO_OBJECT "must be a JSON object, {...}"

/* Returns whether the text is a JSON object if it is JSON. With nothing but
 * blanks it may become one. */
static bool may_be_object(const char *json, size_t size) {
  size_t at = 0;
  while (at < size && strchr(" \t\r\n", json[at]) != NULL)
    at++;
  return at == size || json[at] == '{';
}

static int check_object(const void *body, size_t size, char *ret_why,
                        size_t why_bytes) {
  char fault[PARSER_BYTES];
  int status = json_read(body, size, API_BODY_MAX_DEPTH, NULL, NULL, fault,
                         sizeof(fault));
  if (status == -ENOMEM)
    snprintf(ret_why, why_bytes, "%s", fault);
  else if (status < 0)
    snprintf(ret_why, why_bytes, NO_OBJECT ": %s", fault);
  else if (may_be_object(body, size))
    return 0;
  else
    snprintf(ret_why, why_bytes, NO_OBJECT);
  return status < 0 ? status : -EINVAL;
}

bool api_check_beginning(const struct api *api, const void *beginning,
                         size_t size, size_t least_bytes, char *ret_why,
                         size_t why_bytes) {
  if (least_bytes > api->body_max_bytes)
    snprintf(ret_why, why_bytes,
             "must be 1..%zu bytes, and is %zu without its fields",
             api->body_max_bytes, least_bytes);
  else if (api->takes_object && !may_be_object(beginning, size))
    snprintf(ret_why, why_bytes, NO_OBJECT);
  else
    return true;
  return false;
}

int api_check_body(const struct api *api, const void *body, size_t size,
                   char *ret_why, size_t why_bytes) {
  if (size > 0 && size <= api->body_max_bytes)
    return api->takes_object ? check_object(body, size, ret_why, why_bytes) : 0;
  snprintf(ret_why, why_bytes, "must be 1..%zu bytes, and is %zu",
           api->body_max_bytes, size);
  return -EINVAL;
}
