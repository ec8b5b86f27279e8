/* SPDX-License-Identifier: MIT */
#include "cloud/api.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const struct api *const apis[] = {&cmds_api, &property_api, &service_api,
                                         &sync_api};

const struct api *api_at(size_t index) {
  return index < sizeof(apis) / sizeof(apis[0]) ? apis[index] : NULL;
}

/* Returns whether JSON that was read without a fault is an object. */
static bool is_object(const char *json, size_t size) {
  size_t at = 0;
  while (at < size && strchr(" \t\r\n", json[at]) != NULL)
    at++;
  return at < size && json[at] == '{';
}

static bool check_object(const void *body, size_t size, char *ret_why,
                         size_t why_bytes) {
  if (json_read(body, size, API_BODY_MAX_DEPTH, NULL, NULL, ret_why,
                why_bytes) != 0)
    return false;
  if (is_object(body, size))
    return true;
  snprintf(ret_why, why_bytes, "must be a JSON object, {...}");
  return false;
}

bool api_check_body(const struct api *api, const void *body, size_t size,
                    char *ret_why, size_t why_bytes) {
  if (size > 0 && size <= api->body_max_bytes)
    return !api->takes_object || check_object(body, size, ret_why, why_bytes);
  snprintf(ret_why, why_bytes, "must be 1..%zu bytes, and is %zu",
           api->body_max_bytes, size);
  return false;
}
