/* SPDX-License-Identifier: MIT */
#include "sim_cloud.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char help_text[] =
    "onenet-sim: a local OneNET service. Control interface:\n"
    "\n"
    "PUT    /sim/devices/ID?online=0|1&answer=TEXT  add or alter a device\n"
    "         in calls that wait for it: silent=0|1\n"
    "         reply_code=N, with which it refuses set-device-property\n"
    "         wait_ms=N  failure=TEXT, the reason why the call fails\n"
    "DELETE /sim/devices/ID                         remove it\n"
    "GET    /sim/devices                            all devices\n"
    "GET    /sim/devices/ID                         one device\n"
    "GET    /sim/devices/ID/received                what it received\n"
    "POST   /sim/devices/ID/answer?uuid=UUID        it answers with the body\n"
    "GET    /sim/received                           what all received\n"
    "DELETE /sim/received                           forget that\n"
    "GET    /sim/requests                           all calls\n"
    "DELETE /sim/requests                           forget them\n"
    "POST   /sim/faults?...                         spoil the next calls\n"
    "         count=N (default 1, -1 = until cleared)  device_id=ID\n"
    "         status=NNN  header=Name:Value (repeatable)  body = the answer\n"
    "         delay_ms=N  close=before|after  execute=1  hang=1\n"
    "GET    /sim/faults                             those that are left\n"
    "DELETE /sim/faults                             none any more\n"
    "PUT    /sim/envelope?...                       answers of such calls:\n"
    "         code_last=0|1  request_id=0|1  data=there|null|absent\n"
    "POST   /sim/clock?advance=SECONDS              move the cloud's clock on\n"
    "GET    /sim/stats                              totals\n";

/* One control request while it is served. */
struct control {
  struct sim_cloud *cloud;
  const struct sim_request *request;
  int64_t wall_ms;
  const char *id; /* the device in the path, unescaped, or NULL */
  struct sim_reply *reply;
};

static void reply_text(const struct control *c, unsigned status,
                       const char *text) {
  c->reply->status = status;
  sim_pairs_add(&c->reply->headers, "Content-Type",
                "text/plain; charset=utf-8");
  sim_buf_add(&c->reply->body, text);
}

/* "name 'value': text" */
static void refuse(const struct control *c, unsigned status, const char *name,
                   const char *value, const char *text) {
  struct sim_buf line = {0};
  sim_buf_addf(&line, "%s '%s': %s\n", name, value, text);
  reply_text(c, status, line.data);
  sim_buf_free(&line);
}

/* Returns where the JSON goes. */
static struct sim_buf *reply_json(const struct control *c, unsigned status) {
  c->reply->status = status;
  sim_pairs_add(&c->reply->headers, "Content-Type", "application/json");
  return &c->reply->body;
}

static void reply_nothing(const struct control *c) { c->reply->status = 204; }

/* Returns whether name is one of the words in a list "a, b, c". */
static bool is_listed(const char *list, const char *name) {
  const size_t length = strlen(name);
  while (*list != '\0') {
    const size_t word = strcspn(list, ",");
    if (word == length && strncmp(list, name, length) == 0)
      return true;
    list += word;
    list += strspn(list, ", ");
  }
  return false;
}

static bool check_names(const struct control *c, const char *allowed) {
  const struct sim_pairs *query = &c->request->query;
  struct sim_buf text = {0};
  for (size_t i = 0; i < query->count; i++) {
    if (is_listed(allowed, query->items[i].name))
      continue;
    sim_buf_addf(&text, "unknown here; allowed: %s",
                 allowed[0] == '\0' ? "no parameter" : allowed);
    refuse(c, 400, "parameter", query->items[i].name, text.data);
    sim_buf_free(&text);
    return false;
  }
  return true;
}

/* Reads an optional integer. Returns false, and the refusal is given, if it is
 * not one in min..max; *ret_value stays if it is absent. */
static bool read_integer(const struct control *c, const char *name, int64_t min,
                         int64_t max, int64_t *ret_value) {
  const char *text = sim_pairs_find(&c->request->query, name);
  char *end;
  if (text == NULL)
    return true;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  if (errno == 0 && end != text && *end == '\0' && value >= min &&
      value <= max) {
    *ret_value = value;
    return true;
  }
  struct sim_buf allowed = {0};
  sim_buf_addf(&allowed, "an integer from %" PRId64 " to %" PRId64, min, max);
  refuse(c, 400, name, text, allowed.data);
  sim_buf_free(&allowed);
  return false;
}

static bool read_flag(const struct control *c, const char *name, bool *ret_set,
                      bool *ret_value) {
  int64_t value = -1;
  if (!read_integer(c, name, 0, 1, &value))
    return false;
  *ret_set = value >= 0;
  if (*ret_set)
    *ret_value = value == 1;
  return true;
}

static void serve_help(struct control *c) { reply_text(c, 200, help_text); }

static void list_devices(struct control *c) {
  sim_store_add_devices_json(c->cloud->store, c->wall_ms, reply_json(c, 200));
}

static bool check_device(const struct control *c) {
  if (sim_store_has_device(c->cloud->store, c->id))
    return true;
  refuse(c, 404, "device", c->id, "no such device");
  return false;
}

static void show_device(struct control *c) {
  if (check_device(c))
    sim_store_add_device_json(c->cloud->store, c->id, c->wall_ms,
                              reply_json(c, 200));
}

static void put_device(struct control *c) {
  struct sim_device_change change = {
      .answer = sim_pairs_find(&c->request->query, "answer"),
      .failure = sim_pairs_find(&c->request->query, "failure"),
      .reply_code = -1,
      .wait_ms = -1};
  if (!read_flag(c, "online", &change.set_online, &change.online) ||
      !read_flag(c, "silent", &change.set_silent, &change.silent) ||
      !read_integer(c, "reply_code", 0, INT32_MAX, &change.reply_code) ||
      !read_integer(c, "wait_ms", 0, 3600000, &change.wait_ms))
    return;
  const bool is_new =
      sim_store_put_device(c->cloud->store, c->id, &change, c->wall_ms);
  sim_store_add_device_json(c->cloud->store, c->id, c->wall_ms,
                            reply_json(c, is_new ? 201 : 200));
}

static void remove_device(struct control *c) {
  if (!check_device(c))
    return;
  sim_store_remove_device(c->cloud->store, c->id, c->wall_ms);
  reply_nothing(c);
}

static void show_device_received(struct control *c) {
  if (check_device(c))
    sim_execlog_add_json(c->cloud->execlog, c->id, reply_json(c, 200));
}

static void answer_command(struct control *c) {
  const char *uuid = sim_pairs_find(&c->request->query, "uuid");
  if (!check_device(c))
    return;
  if (uuid == NULL) {
    reply_text(c, 400, "parameter 'uuid' is missing\n");
    return;
  }
  const int error = sim_store_answer(c->cloud->store, c->id, uuid,
                                     sim_buf_text(&c->request->body),
                                     c->request->body.length, c->wall_ms);
  if (error == -ENOENT)
    refuse(c, 404, "uuid", uuid, "the device has no such command");
  else if (error != 0)
    refuse(c, 409, "uuid", uuid, "the command does not wait for an answer");
  else
    reply_nothing(c);
}

static void show_received(struct control *c) {
  sim_execlog_add_json(c->cloud->execlog, NULL, reply_json(c, 200));
}

static void clear_received(struct control *c) {
  sim_execlog_clear(c->cloud->execlog);
  reply_nothing(c);
}

static void show_requests(struct control *c) {
  sim_journal_add_json(&c->cloud->journal, reply_json(c, 200));
}

static void clear_requests(struct control *c) {
  sim_journal_clear(&c->cloud->journal);
  reply_nothing(c);
}

/* Returns whether the name is one or more characters of an HTTP token. */
static bool is_token(const char *text, size_t length) {
  static const char chars[] = "!#$%&'*+-.^_`|~0123456789"
                              "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return length > 0 && strspn(text, chars) >= length;
}

/* The HTTP library writes these itself and would refuse ours. */
static bool is_framing(const char *name) {
  return strcasecmp(name, "Content-Length") == 0 ||
         strcasecmp(name, "Transfer-Encoding") == 0;
}

static bool add_fault_header(const struct control *c, const char *text,
                             struct sim_pairs *headers) {
  const size_t length = strcspn(text, ":");
  if (text[length] != ':' || !is_token(text, length) ||
      strpbrk(text, "\r\n") != NULL) {
    refuse(c, 400, "header", text, "Name:Value on one line");
    return false;
  }
  const char *value = text + length + 1;
  char *name = sim_buf_copy(text);
  name[length] = '\0';
  const bool allowed = !is_framing(name);
  if (allowed)
    sim_pairs_add(headers, name, value + strspn(value, " \t"));
  else
    refuse(c, 400, "header", name, "is written by the HTTP library");
  free(name);
  return allowed;
}

static bool read_fault_headers(const struct control *c,
                               struct sim_pairs *headers) {
  const struct sim_pairs *query = &c->request->query;
  for (size_t i = 0; i < query->count; i++)
    if (strcmp(query->items[i].name, "header") == 0 &&
        !add_fault_header(c, query->items[i].value, headers))
      return false;
  return true;
}

static bool read_close(const struct control *c, enum sim_fault_close *close) {
  const char *text = sim_pairs_find(&c->request->query, "close");
  if (text == NULL)
    return true;
  if (strcmp(text, "before") == 0)
    *close = SIM_CLOSE_BEFORE;
  else if (strcmp(text, "after") == 0)
    *close = SIM_CLOSE_AFTER;
  else
    refuse(c, 400, "close", text, "before or after");
  return *close != SIM_CLOSE_NOT;
}

/* Two wishes that exclude each other would hide a mistake in a test. */
static bool check_fault(const struct control *c,
                        const struct sim_fault *fault) {
  const bool silent = fault->hang || fault->close != SIM_CLOSE_NOT;
  const char *text = NULL;
  if (fault->count == 0)
    text = "count=0 would never be used: a positive number, or -1\n";
  else if (fault->hang && fault->close != SIM_CLOSE_NOT)
    text = "hang and close exclude each other\n";
  else if (fault->hang && fault->delay_ms > 0)
    text = "hang and delay_ms exclude each other\n";
  else if (fault->execute && fault->close == SIM_CLOSE_BEFORE)
    text = "execute=1 and close=before exclude each other\n";
  else if (silent && (fault->status != 0 || fault->body.length > 0 ||
                      fault->headers.count > 0))
    text = "hang and close give no answer: no status, header or body\n";
  if (text != NULL)
    reply_text(c, 400, text);
  return text == NULL;
}

static bool read_fault(const struct control *c, struct sim_fault *fault) {
  int64_t status = 0;
  bool set;
  fault->count = 1;
  fault->device_id =
      sim_buf_copy(sim_pairs_find(&c->request->query, "device_id"));
  if (!read_integer(c, "count", -1, INT32_MAX, &fault->count) ||
      !read_integer(c, "status", 200, 599, &status) ||
      !read_integer(c, "delay_ms", 0, 3600000, &fault->delay_ms) ||
      !read_flag(c, "execute", &set, &fault->execute) ||
      !read_flag(c, "hang", &set, &fault->hang) ||
      !read_close(c, &fault->close) || !read_fault_headers(c, &fault->headers))
    return false;
  fault->status = (unsigned)status;
  sim_buf_add_bytes(&fault->body, sim_buf_text(&c->request->body),
                    c->request->body.length);
  return check_fault(c, fault);
}

static void show_faults(struct control *c) {
  sim_faults_add_json(&c->cloud->faults, reply_json(c, 200));
}

static void add_fault(struct control *c) {
  struct sim_fault *fault = sim_buf_alloc(1, sizeof(*fault));
  if (!read_fault(c, fault)) {
    sim_fault_free(fault);
    return;
  }
  sim_faults_add(&c->cloud->faults, fault);
  show_faults(c);
}

static void clear_faults(struct control *c) {
  sim_faults_clear(&c->cloud->faults);
  reply_nothing(c);
}

/* Ten years either way are enough for every test of a clock. */
static void move_clock(struct control *c) {
  const int64_t most_s = INT64_C(10) * 366 * 86400;
  int64_t advance_s = 0;
  if (!read_integer(c, "advance", -most_s, most_s, &advance_s))
    return;
  c->cloud->clock_offset_ms += advance_s * 1000;
  sim_buf_addf(reply_json(c, 200), "{\"unix\":%" PRId64 "}",
               c->wall_ms / 1000 + advance_s);
}

static bool read_data(const struct control *c, enum sim_data *ret_data) {
  static const char *const words[] = {[SIM_DATA_THERE] = "there",
                                      [SIM_DATA_NULL] = "null",
                                      [SIM_DATA_ABSENT] = "absent"};
  const char *text = sim_pairs_find(&c->request->query, "data");
  if (text == NULL)
    return true;
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if (strcmp(text, words[i]) != 0)
      continue;
    *ret_data = (enum sim_data)i;
    return true;
  }
  refuse(c, 400, "data", text, "there, null or absent");
  return false;
}

static void set_envelope(struct control *c) {
  struct sim_envelope envelope = c->cloud->envelope;
  bool set;
  bool has_id = !envelope.no_request_id;
  if (!read_flag(c, "code_last", &set, &envelope.code_last) ||
      !read_flag(c, "request_id", &set, &has_id) ||
      !read_data(c, &envelope.data))
    return;
  envelope.no_request_id = !has_id;
  c->cloud->envelope = envelope;
  reply_nothing(c);
}

static void show_stats(struct control *c) {
  const struct sim_cloud *cloud = c->cloud;
  struct sim_buf *buf = reply_json(c, 200);
  sim_buf_addf(buf,
               "{\"requests\":%" PRIu64 ",\"executed\":%" PRIu64
               ",\"faults\":%" PRIu64 ",\"follow_ups\":%" PRIu64
               ",\"connections\":%" PRIu64 ",\"devices\":%zu,\"answers\":{",
               cloud->journal.total, sim_execlog_total(cloud->execlog),
               cloud->faults.applied, cloud->follow_ups, cloud->connections,
               sim_store_count_devices(cloud->store));
  const char *before = "";
  for (int i = 0; i < SIM_ERRNO_COUNT; i++) {
    if (cloud->answers[i] == 0)
      continue;
    sim_buf_addf(buf, "%s\"%d\":%" PRIu64, before, i, cloud->answers[i]);
    before = ",";
  }
  sim_buf_add(buf, "}}");
}

struct route {
  const char *method;
  const char *path; /* a '*' stands for a device */
  const char *parameters;
  void (*serve)(struct control *c);
};

static const struct route routes[] = {
    {"GET", "/sim", "", serve_help},
    {"GET", "/sim/", "", serve_help},
    {"GET", "/sim/devices", "", list_devices},
    {"GET", "/sim/devices/*", "", show_device},
    {"PUT", "/sim/devices/*",
     "online, answer, silent, reply_code, wait_ms, failure", put_device},
    {"DELETE", "/sim/devices/*", "", remove_device},
    {"GET", "/sim/devices/*/received", "", show_device_received},
    {"POST", "/sim/devices/*/answer", "uuid", answer_command},
    {"GET", "/sim/received", "", show_received},
    {"DELETE", "/sim/received", "", clear_received},
    {"GET", "/sim/requests", "", show_requests},
    {"DELETE", "/sim/requests", "", clear_requests},
    {"GET", "/sim/faults", "", show_faults},
    {"POST", "/sim/faults",
     "count, device_id, status, header, delay_ms, close, execute, hang",
     add_fault},
    {"DELETE", "/sim/faults", "", clear_faults},
    {"PUT", "/sim/envelope", "code_last, request_id, data", set_envelope},
    {"POST", "/sim/clock", "advance", move_clock},
    {"GET", "/sim/stats", "", show_stats},
};

/* Returns whether the path fits, with what stands for '*' added to id. */
static bool match_path(const char *pattern, const char *path,
                       struct sim_buf *id) {
  const size_t before = strcspn(pattern, "*");
  if (strncmp(pattern, path, before) != 0)
    return false;
  if (pattern[before] == '\0')
    return path[before] == '\0';
  const size_t length = strcspn(path + before, "/");
  if (length == 0 || strcmp(pattern + before + 1, path + before + length) != 0)
    return false;
  sim_buf_clear(id);
  return sim_buf_add_unescaped(id, path + before, length);
}

/* Returns the route, or NULL; *ret_allowed are the path's methods then. */
static const struct route *find_route(const struct sim_request *request,
                                      struct sim_buf *id,
                                      struct sim_buf *ret_allowed) {
  for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
    if (!match_path(routes[i].path, request->path, id))
      continue;
    if (strcmp(routes[i].method, request->method) == 0)
      return &routes[i];
    sim_buf_addf(ret_allowed, "%s%s", ret_allowed->length > 0 ? ", " : "",
                 routes[i].method);
  }
  return NULL;
}

static void refuse_route(const struct control *c,
                         const struct sim_buf *allowed) {
  struct sim_buf text = {0};
  if (allowed->length == 0) {
    refuse(c, 404, "path", c->request->path, "unknown; GET /sim/ lists all");
    return;
  }
  sim_pairs_add(&c->reply->headers, "Allow", allowed->data);
  sim_buf_addf(&text, "not here; allowed: %s", allowed->data);
  refuse(c, 405, "method", c->request->method, text.data);
  sim_buf_free(&text);
}

void sim_control_serve(struct sim_cloud *cloud,
                       const struct sim_request *request, int64_t wall_ms,
                       struct sim_reply *reply) {
  struct sim_buf id = {0};
  struct sim_buf allowed = {0};
  struct control c = {cloud, request, wall_ms, NULL, reply};
  const struct route *route = find_route(request, &id, &allowed);
  c.id = id.data;
  if (route == NULL)
    refuse_route(&c, &allowed);
  else if (request->body_bytes > request->body.length)
    reply_text(&c, 413, "the body has more than 1 MiB\n");
  else if (check_names(&c, route->parameters))
    route->serve(&c);
  sim_buf_free(&id);
  sim_buf_free(&allowed);
}
