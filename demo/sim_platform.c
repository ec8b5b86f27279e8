/* SPDX-License-Identifier: MIT
 *
 * The calls of OneNET's current platform. Each waits for its device, so that
 * most of what can happen is in how that behaves; but for the device's detail,
 * which only tells.
 */
#include "sim_cloud.h"
#include "sim_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_BODY_MAX 20480
#define SILENCE_MS 8000 /* of the thing model, unless the device has a wait */

enum code {
  CODE_SUCC = 0,
  CODE_PARAMETER = 10001,
  CODE_AUTH = 10403,
  CODE_NO_PRODUCT = 10408,
  CODE_NO_DEVICE = 10410,
  CODE_SET_FAILED = 10411,
  CODE_CALL_FAILED = 10415,
  CODE_OFFLINE = 10421,
  CODE_INTERNAL = 10500,
};

static const char not_online[] = "设备不在线";
static const char timed_out[] = "设备响应超时";

struct call;

struct kind { /* one of the three calls */
  const char *path;
  const char *operation; /* before the colon of a failure's text */
  enum code failure;
  bool is_stream; /* of data-stream products */
  bool has_service;
  /* Adds `data` of a success. */
  void (*add_data)(const struct call *call, struct sim_buf *buf);
};

struct call { /* one call while it is served */
  struct sim_cloud *cloud;
  const struct sim_request *request;
  const struct kind *kind;
  int64_t wall_ms;
  struct sim_reply *reply;
  struct sim_buf product; /* all three without quotes */
  struct sim_buf device;
  struct sim_buf identifier;
  struct sim_json params; /* or the whole body of a synchronous command */
  int64_t timeout_s;
  char uuid[SIM_UUID_SIZE];
  struct sim_manner manner;
  bool executed;
};

/* ---- answers ---- */

static void add_request_id(const struct call *call, struct sim_buf *buf) {
  char id[SIM_UUID_SIZE];
  sim_store_make_uuid(call->cloud->store, id);
  sim_buf_add(buf, ",\"request_id\":\"");
  for (const char *c = id; *c != '\0'; c++)
    if (*c != '-')
      sim_buf_add_bytes(buf, c, 1);
  sim_buf_add(buf, "\"");
}

/* data: JSON, or NULL for a failure, which has none. */
static void answer(const struct call *call, enum code code, const char *msg,
                   const char *data) {
  const struct sim_envelope *e = &call->cloud->envelope;
  struct sim_buf *body = &call->reply->body;
  struct sim_buf rest = {0};
  if (data != NULL && e->data == SIM_DATA_NULL)
    data = "null";
  if (data != NULL && e->data != SIM_DATA_ABSENT)
    sim_buf_addf(&rest, ",\"data\":%s", data);
  call->reply->status = 200;
  sim_buf_add(body, "{");
  if (e->code_last && rest.length > 0)
    sim_buf_addf(body, "%s,", rest.data + 1);
  if (e->code_last) {
    sim_buf_add(body, "\"msg\":");
    sim_buf_add_json(body, msg);
    sim_buf_addf(body, ",\"code\":%d", (int)code);
  } else {
    sim_buf_addf(body, "\"code\":%d,\"msg\":", (int)code);
    sim_buf_add_json(body, msg);
    sim_buf_add(body, sim_buf_text(&rest));
  }
  if (!e->no_request_id)
    add_request_id(call, body);
  sim_buf_add(body, "}");
  sim_buf_free(&rest);
}

static void fail(const struct call *call, enum code code, const char *reason) {
  struct sim_buf msg = {0};
  sim_buf_addf(&msg, "%s:%s", call->kind->operation, reason);
  answer(call, code, msg.data, NULL);
  sim_buf_free(&msg);
}

static int64_t reply_code(const struct call *call) {
  return call->manner.reply_code == 0 ? 200 : call->manner.reply_code;
}

/* What a device with a thing model replies to the platform. */
static void add_echo(const struct call *call, struct sim_buf *buf) {
  const char *standard = reply_code(call) == 200 ? "success" : "failed";
  const char *msg = call->manner.answer;
  sim_buf_addf(buf, "{\"code\":%" PRId64 ",\"id\":\"%" PRIu64 "\",\"msg\":",
               reply_code(call), call->cloud->journal.total + 1);
  sim_buf_add_json(buf, msg != NULL ? msg : standard);
  sim_buf_add(buf, "}");
}

static void add_outputs(const struct call *call, struct sim_buf *buf) {
  const char *text = call->manner.answer;
  struct sim_json object;
  if (text == NULL) {
    sim_buf_add(buf, "{}");
  } else if (sim_json_object(text, strlen(text), &object)) {
    sim_buf_add_bytes(buf, object.at, object.length);
  } else {
    sim_buf_add(buf, "{\"result\":");
    sim_buf_add_json(buf, text);
    sim_buf_add(buf, "}");
  }
}

static void add_response(const struct call *call, struct sim_buf *buf) {
  const char *text = call->manner.answer == NULL ? "" : call->manner.answer;
  sim_buf_addf(buf, "{\"cmd_uuid\":\"%s\",\"cmd_resp\":\"", call->uuid);
  sim_buf_add_base64(buf, text, strlen(text));
  sim_buf_add(buf, "\"}");
}

/* ---- the device ---- */

/* The device receives the command; its answer comes after its wait, or not. */
static void deliver(struct call *call) {
  const bool is_stream = call->kind->is_stream;
  const struct sim_draft draft = {.device_id = call->device.data,
                                  .content_type = sim_pairs_find_header(
                                      &call->request->headers, "Content-Type"),
                                  .body = call->params.at,
                                  .body_bytes = call->params.length};
  struct sim_buf data = {0};
  sim_store_send(call->cloud->store, &draft, call->wall_ms, call->uuid,
                 &call->executed);
  call->reply->delay_ms = call->manner.wait_ms;
  if (call->manner.silent) {
    if (call->manner.wait_ms == 0)
      call->reply->delay_ms =
          is_stream ? call->timeout_s * 1000 : (int64_t)SILENCE_MS;
    fail(call, is_stream ? CODE_INTERNAL : call->kind->failure, timed_out);
    return;
  }
  call->kind->add_data(call, &data);
  answer(call, CODE_SUCC, "succ", data.data);
  sim_buf_free(&data);
}

static void reach_device(struct call *call) {
  const bool is_stream = call->kind->is_stream;
  if (!sim_store_read_manner(call->cloud->store, call->device.data,
                             &call->manner))
    fail(call, CODE_NO_DEVICE, "device not exist");
  else if (call->manner.failure != NULL)
    fail(call, is_stream ? CODE_INTERNAL : call->kind->failure,
         call->manner.failure);
  else if (!call->manner.online)
    fail(call, is_stream ? CODE_OFFLINE : call->kind->failure, not_online);
  else
    deliver(call);
}

/* ---- the request ---- */

/* Adds the text of a member that must be there, and not empty. */
static bool read_member(struct sim_json object, const char *name,
                        struct sim_buf *buf) {
  struct sim_json value;
  return sim_json_member(object, name, &value) &&
         sim_json_add_text(value, buf) && buf->length > 0;
}

static bool is_json_type(const struct sim_request *request) {
  const char *type = sim_pairs_find_header(&request->headers, "Content-Type");
  return type != NULL && strncmp(type, "application/json", 16) == 0;
}

/* Returns what is wrong with a request of the thing model, or NULL. */
static const char *read_thing(struct call *call) {
  struct sim_json object;
  if (!is_json_type(call->request))
    return "Content-Type";
  if (!sim_json_object(sim_buf_text(&call->request->body),
                       call->request->body.length, &object))
    return "body";
  if (!read_member(object, "product_id", &call->product))
    return "product_id";
  if (!read_member(object, "device_name", &call->device))
    return "device_name";
  if (call->kind->has_service &&
      !read_member(object, "identifier", &call->identifier))
    return "identifier";
  if (!sim_json_member(object, "params", &call->params) ||
      call->params.at[0] != '{')
    return "params";
  return NULL;
}

static bool add_parameter(const struct call *call, const char *name,
                          struct sim_buf *buf) {
  const char *text = sim_pairs_find(&call->request->query, name);
  if (text == NULL || text[0] == '\0')
    return false;
  sim_buf_add(buf, text);
  return true;
}

/* Returns what is wrong with a synchronous command, or NULL. */
static const char *read_stream(struct call *call) {
  const char *timeout = sim_pairs_find(&call->request->query, "timeout");
  char *end = NULL;
  if (!add_parameter(call, "product_id", &call->product))
    return "product_id";
  if (!add_parameter(call, "device_name", &call->device))
    return "device_name";
  if (timeout != NULL)
    call->timeout_s = strtol(timeout, &end, 10);
  if (end == NULL || *end != '\0' || call->timeout_s < 5 ||
      call->timeout_s > 30)
    return "timeout";
  if (call->request->body_bytes == 0 ||
      call->request->body_bytes > SYNC_BODY_MAX)
    return "body";
  call->params = (struct sim_json){sim_buf_text(&call->request->body),
                                   call->request->body.length};
  return NULL;
}

/* Values are bare: the platform refuses objects and arrays of the others that
 * are seen in examples. Returns whether there is none. */
static bool check_values(const struct call *call) {
  struct sim_json name, value;
  for (size_t at = 0; sim_json_next(call->params, &at, &name, &value);) {
    if (value.at[0] != '{' && value.at[0] != '[')
      continue;
    struct sim_buf reason = {0};
    sim_buf_add(&reason, "identifier: ");
    sim_buf_add_bytes(&reason, name.at + 1, name.length - 2);
    sim_buf_add(&reason, ", error: bool type error");
    fail(call, call->kind->failure, reason.data);
    sim_buf_free(&reason);
    return false;
  }
  return true;
}

static bool check_auth(const struct call *call) {
  struct sim_buf reason = {0};
  const bool good = sim_auth_check_platform(
      &call->cloud->auth, &call->request->headers, call->wall_ms / 1000,
      call->cloud->config.product, &reason);
  if (!good) {
    struct sim_buf msg = {0};
    sim_buf_addf(&msg, "鉴权失败:%s", reason.data);
    answer(call, CODE_AUTH, msg.data, NULL);
    sim_buf_free(&msg);
  }
  sim_buf_free(&reason);
  return good;
}

static void serve_call(struct call *call) {
  if (strcmp(call->request->method, "POST") != 0) {
    call->reply->status = 405;
    sim_pairs_add(&call->reply->headers, "Allow", "POST");
    return;
  }
  if (!check_auth(call))
    return;
  const char *fault =
      call->kind->is_stream ? read_stream(call) : read_thing(call);
  if (fault != NULL)
    fail(call, CODE_PARAMETER, fault);
  else if (strcmp(call->product.data, call->cloud->config.product) != 0)
    fail(call, CODE_NO_PRODUCT, "product not exist");
  else if (call->kind->is_stream != call->cloud->config.is_stream)
    fail(call, CODE_INTERNAL, "device not subscribed");
  else if (call->kind->is_stream || check_values(call))
    reach_device(call);
}

/* The name is needed before the request is checked: faults are for devices. */
static void find_device_name(const struct call *call, struct sim_buf *name) {
  struct sim_json object;
  if (call->kind->is_stream)
    add_parameter(call, "device_name", name);
  else if (sim_json_object(sim_buf_text(&call->request->body),
                           call->request->body.length, &object))
    read_member(object, "device_name", name);
}

static void serve(struct call *call) {
  const struct sim_fault *fault;
  struct sim_buf name = {0};
  find_device_name(call, &name);
  fault = sim_faults_take(&call->cloud->faults, name.data);
  if (fault == NULL || sim_fault_executes(fault))
    serve_call(call);
  if (fault != NULL)
    sim_fault_apply(fault, call->reply);
  sim_journal_add(&call->cloud->journal, call->request, call->reply,
                  call->executed, call->wall_ms);
  sim_buf_free(&name);
}

static const struct kind kinds[] = {
    {"/thingmodel/set-device-property", "设置设备属性失败", CODE_SET_FAILED,
     .add_data = add_echo},
    {"/thingmodel/call-service", "调用服务失败", CODE_CALL_FAILED,
     .has_service = true, .add_data = add_outputs},
    {"/datapoint/synccmds", "同步命令失败", CODE_INTERNAL, .is_stream = true,
     .add_data = add_response},
};

/* ---- the detail of a device ---- */

#define DETAIL_PATH "/device/detail"

static void answer_detail(const struct call *call, const char *name) {
  struct sim_manner manner;
  struct sim_buf data = {0};
  if (!sim_store_read_manner(call->cloud->store, name, &manner)) {
    answer(call, CODE_NO_DEVICE, "查询设备详情失败:device not exist", NULL);
    return;
  }
  sim_buf_add(&data, "{\"name\":");
  sim_buf_add_json(&data, name);
  sim_buf_addf(&data, ",\"status\":%d}", manner.online ? 1 : 0);
  answer(call, CODE_SUCC, "succ", data.data);
  sim_buf_free(&data);
}

static void serve_detail(struct call *call) {
  const char *product = sim_pairs_find(&call->request->query, "product_id");
  const char *name = sim_pairs_find(&call->request->query, "device_name");
  call->cloud->follow_ups++;
  if (strcmp(call->request->method, "GET") != 0) {
    call->reply->status = 405;
    sim_pairs_add(&call->reply->headers, "Allow", "GET");
  } else if (!check_auth(call)) {
    return;
  } else if (product == NULL || name == NULL) {
    answer(call, CODE_PARAMETER, "查询设备详情失败:parameter", NULL);
  } else if (strcmp(product, call->cloud->config.product) != 0) {
    answer(call, CODE_NO_PRODUCT, "查询设备详情失败:product not exist", NULL);
  } else {
    answer_detail(call, name);
  }
}

bool sim_platform_serve(struct sim_cloud *cloud,
                        const struct sim_request *request, int64_t wall_ms,
                        struct sim_reply *reply) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (strcmp(request->path, kinds[i].path) != 0)
      continue;
    struct call call = {.cloud = cloud,
                        .request = request,
                        .kind = &kinds[i],
                        .wall_ms = wall_ms,
                        .reply = reply};
    serve(&call);
    sim_buf_free(&call.product);
    sim_buf_free(&call.device);
    sim_buf_free(&call.identifier);
    return true;
  }
  if (strcmp(request->path, DETAIL_PATH) != 0)
    return false;
  struct call call = {
      .cloud = cloud, .request = request, .wall_ms = wall_ms, .reply = reply};
  serve_detail(&call);
  return true;
}
