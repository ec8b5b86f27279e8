/* SPDX-License-Identifier: MIT */
#include "sim_cloud.h"

#include <string.h>

#define COMMAND_BODY_MAX 65536 /* bytes; must be less */
#define TIMEOUT_MAX_S 2678400  /* 31 days */
#define UUID_PATH "/cmds/"
#define DEVICE_PATH "/devices/"

static void answer(struct sim_cloud *cloud, struct sim_reply *reply,
                   enum sim_errno code, const char *detail) {
  struct sim_buf text = {0};
  sim_buf_add(&text, sim_errno_text(code));
  if (detail != NULL)
    sim_buf_addf(&text, ": %s", detail);
  reply->status = code == SIM_KEY_REQUIRED || code == SIM_AUTH_FAILED
                      ? cloud->config.auth_status
                      : 200;
  sim_buf_addf(&reply->body, "{\"errno\":%d,\"error\":", (int)code);
  sim_buf_add_json_bytes(&reply->body, text.data, text.length);
  sim_buf_add(&reply->body, "}");
  sim_buf_free(&text);
  cloud->answers[code]++;
}

/* data is a JSON object. */
static void answer_data(struct sim_cloud *cloud, struct sim_reply *reply,
                        const char *data) {
  reply->status = 200;
  if (cloud->config.documented_order)
    sim_buf_addf(&reply->body, "{\"errno\":0,\"error\":\"succ\",\"data\":%s}",
                 data);
  else
    sim_buf_addf(&reply->body, "{\"errno\":0,\"data\":%s,\"error\":\"succ\"}",
                 data);
  cloud->answers[SIM_SUCC]++;
}

static void add_default_header(struct sim_reply *reply, const char *name,
                               const char *value) {
  if (sim_pairs_find_header(&reply->headers, name) == NULL)
    sim_pairs_add(&reply->headers, name, value);
}

static void add_default_headers(struct sim_reply *reply) {
  add_default_header(reply, "Content-Type", "application/json");
  add_default_header(reply, "Server", "Apache-Coyote/1.1");
  add_default_header(reply, "Pragma", "no-cache");
}

/* Counts a call. Returns whether it is within the limit. */
static bool rate_allows(struct sim_cloud *cloud, int64_t wall_ms) {
  struct sim_rate *rate = &cloud->rate;
  const int64_t age_ms = wall_ms - rate->from_wall_ms;
  if (age_ms < 0 || age_ms >= 1000)
    *rate = (struct sim_rate){.from_wall_ms = wall_ms};
  rate->calls++;
  return cloud->config.rate_per_s == 0 ||
         rate->calls <= cloud->config.rate_per_s;
}

/* Returns whether the caller may go on; else the answer is given. */
static bool admit(struct sim_cloud *cloud, const struct sim_request *request,
                  int64_t wall_ms, struct sim_reply *reply) {
  const char *detail;
  enum sim_errno code =
      sim_auth_check(&cloud->auth, &request->headers, wall_ms / 1000, &detail);
  if (code == SIM_SUCC && !rate_allows(cloud, wall_ms))
    code = SIM_FREQ_OUT_OF_LIMIT;
  if (code != SIM_SUCC)
    answer(cloud, reply, code, detail);
  return code == SIM_SUCC;
}

/* Reads an optional parameter of decimal digits. Returns whether it is one
 * in 0..max, or absent: *ret_value stays then. */
static bool read_number(const struct sim_request *request, const char *name,
                        int64_t max, int64_t *ret_value) {
  const char *text = sim_pairs_find(&request->query, name);
  int64_t value = 0;
  if (text == NULL)
    return true;
  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9')
      return false;
    value = value * 10 + (*text - '0');
    if (value > max)
      return false;
  }
  *ret_value = value;
  return true;
}

/* Fills the draft from the request. Returns SIM_SUCC or what is wrong with
 * the request, with a constant detail. */
static enum sim_errno read_draft(const struct sim_request *request,
                                 struct sim_draft *draft,
                                 const char **ret_detail) {
  int64_t timeout_s = 0;
  int64_t qos = 0;
  int64_t type = 0;
  draft->device_id = sim_pairs_find(&request->query, "device_id");
  *ret_detail = "device_id";
  if (draft->device_id == NULL || draft->device_id[0] == '\0')
    return SIM_PARAMETER_REQUIRED;
  *ret_detail = "timeout";
  if (!read_number(request, "timeout", TIMEOUT_MAX_S, &timeout_s))
    return SIM_INVALID_PARAMETER;
  *ret_detail = "qos";
  if (!read_number(request, "qos", 1, &qos))
    return SIM_INVALID_PARAMETER;
  *ret_detail = "type";
  if (!read_number(request, "type", 1, &type))
    return SIM_INVALID_PARAMETER;
  *ret_detail = NULL;
  if (request->body_bytes >= COMMAND_BODY_MAX)
    return SIM_TOO_LARGE;
  if (request->body_bytes == 0)
    return SIM_DATA_REQUIRED;
  draft->content_type =
      sim_pairs_find_header(&request->headers, "Content-Type");
  draft->body = request->body.data;
  draft->body_bytes = request->body.length;
  draft->qos = (int)qos;
  draft->timeout_s = timeout_s;
  return SIM_SUCC;
}

static void answer_uuid(struct sim_cloud *cloud, struct sim_reply *reply,
                        const char *uuid) {
  struct sim_buf data = {0};
  sim_buf_addf(&data, "{\"cmd_uuid\":\"%s\"}", uuid);
  answer_data(cloud, reply, data.data);
  sim_buf_free(&data);
}

/* Returns whether the device has received the command. */
static bool send_command(struct sim_cloud *cloud,
                         const struct sim_request *request, int64_t wall_ms,
                         struct sim_reply *reply) {
  struct sim_draft draft = {0};
  const char *detail;
  char uuid[SIM_UUID_SIZE];
  bool received = false;
  enum sim_errno code = read_draft(request, &draft, &detail);
  if (code == SIM_SUCC) {
    code = sim_store_send(cloud->store, &draft, wall_ms, uuid, &received);
    if (code == SIM_NOT_FOUND || code == SIM_DEVICE_NOT_ONLINE)
      detail = draft.device_id;
  }
  if (code == SIM_SUCC)
    answer_uuid(cloud, reply, uuid);
  else
    answer(cloud, reply, code, detail);
  return received;
}

static void refuse_method(struct sim_cloud *cloud, const char *allowed,
                          struct sim_reply *reply) {
  answer(cloud, reply, SIM_INVALID_PARAMETER, "method");
  reply->status = 405;
  sim_pairs_add(&reply->headers, "Allow", allowed);
}

static bool serve_call(struct sim_cloud *cloud,
                       const struct sim_request *request, int64_t wall_ms,
                       struct sim_reply *reply) {
  if (strcmp(request->method, "POST") != 0) {
    refuse_method(cloud, "POST", reply);
    return false;
  }
  if (!admit(cloud, request, wall_ms, reply))
    return false;
  return send_command(cloud, request, wall_ms, reply);
}

static void serve_send(struct sim_cloud *cloud,
                       const struct sim_request *request, int64_t wall_ms,
                       struct sim_reply *reply) {
  const struct sim_fault *fault = NULL;
  bool executed = false;
  if (strcmp(request->method, "POST") == 0)
    fault = sim_faults_take(&cloud->faults,
                            sim_pairs_find(&request->query, "device_id"));
  if (fault == NULL || sim_fault_executes(fault))
    executed = serve_call(cloud, request, wall_ms, reply);
  if (fault != NULL)
    sim_fault_apply(fault, reply);
  sim_journal_add(&cloud->journal, request, reply, executed, wall_ms);
}

static void answer_status(struct sim_cloud *cloud, enum sim_status status,
                          struct sim_reply *reply) {
  struct sim_buf data = {0};
  sim_buf_addf(&data, "{\"status\":%d,\"desc\":\"%s\"}", (int)status,
               sim_status_text(status));
  answer_data(cloud, reply, data.data);
  sim_buf_free(&data);
}

static void answer_response(struct sim_cloud *cloud, const char *uuid,
                            const struct sim_buf *response,
                            struct sim_reply *reply) {
  if (response == NULL) {
    answer(cloud, reply, SIM_NOT_FOUND, uuid);
    return;
  }
  reply->status = 200;
  sim_pairs_add(&reply->headers, "Content-Type", "application/octet-stream");
  sim_buf_add_bytes(&reply->body, sim_buf_text(response), response->length);
  cloud->answers[SIM_SUCC]++;
}

/* Returns whether the path ended in /resp, and cuts that off. */
static bool cut_resp(char *uuid) {
  char *slash = strchr(uuid, '/');
  if (slash == NULL || strcmp(slash, "/resp") != 0)
    return false;
  *slash = '\0';
  return true;
}

static void follow(struct sim_cloud *cloud, char *uuid, int64_t wall_ms,
                   struct sim_reply *reply) {
  const bool wants_response = cut_resp(uuid);
  enum sim_status status;
  const struct sim_buf *response;
  if (sim_store_find_command(cloud->store, uuid, wall_ms, &status, &response) !=
      0)
    answer(cloud, reply, SIM_NOT_FOUND, uuid);
  else if (wants_response)
    answer_response(cloud, uuid, response, reply);
  else
    answer_status(cloud, status, reply);
}

static void serve_follow(struct sim_cloud *cloud,
                         const struct sim_request *request, int64_t wall_ms,
                         struct sim_reply *reply) {
  cloud->follow_ups++;
  if (strcmp(request->method, "GET") != 0) {
    refuse_method(cloud, "GET", reply);
    return;
  }
  if (!admit(cloud, request, wall_ms, reply))
    return;
  struct sim_buf uuid = {0};
  sim_buf_add(&uuid, request->path + strlen(UUID_PATH));
  follow(cloud, uuid.data, wall_ms, reply);
  sim_buf_free(&uuid);
}

/* ---- the detail of a device ---- */

static void answer_device(struct sim_cloud *cloud, const char *id,
                          struct sim_reply *reply) {
  struct sim_manner manner;
  struct sim_buf data = {0};
  if (!sim_store_read_manner(cloud->store, id, &manner)) {
    answer(cloud, reply, SIM_NOT_FOUND, id);
    return;
  }
  sim_buf_add(&data, "{\"id\":");
  sim_buf_add_json(&data, id);
  sim_buf_addf(&data, ",\"protocol\":\"MQTT\",\"online\":%s}",
               manner.online ? "true" : "false");
  answer_data(cloud, reply, data.data);
  sim_buf_free(&data);
}

static void serve_device(struct sim_cloud *cloud,
                         const struct sim_request *request, int64_t wall_ms,
                         struct sim_reply *reply) {
  const char *escaped = request->path + strlen(DEVICE_PATH);
  struct sim_buf id = {0};
  cloud->follow_ups++;
  if (strcmp(request->method, "GET") != 0)
    refuse_method(cloud, "GET", reply);
  else if (!sim_buf_add_unescaped(&id, escaped, strlen(escaped)))
    answer(cloud, reply, SIM_INVALID_PARAMETER, escaped);
  else if (admit(cloud, request, wall_ms, reply))
    answer_device(cloud, sim_buf_text(&id), reply);
  sim_buf_free(&id);
}

void sim_cmds_serve(struct sim_cloud *cloud, const struct sim_request *request,
                    int64_t wall_ms, struct sim_reply *reply) {
  if (sim_platform_serve(cloud, request, wall_ms, reply)) {
    add_default_header(reply, "Content-Type", "application/json");
    return;
  }
  if (strcmp(request->path, "/cmds") == 0) {
    serve_send(cloud, request, wall_ms, reply);
  } else if (strncmp(request->path, UUID_PATH, strlen(UUID_PATH)) == 0) {
    serve_follow(cloud, request, wall_ms, reply);
  } else if (strncmp(request->path, DEVICE_PATH, strlen(DEVICE_PATH)) == 0) {
    serve_device(cloud, request, wall_ms, reply);
  } else {
    answer(cloud, reply, SIM_NOT_FOUND, request->path);
    reply->status = 404;
  }
  add_default_headers(reply);
}

void sim_cloud_free(struct sim_cloud *cloud) {
  sim_store_free(cloud->store);
  sim_execlog_free(cloud->execlog);
  sim_auth_free(&cloud->auth);
  sim_faults_clear(&cloud->faults);
  sim_journal_clear(&cloud->journal);
}
